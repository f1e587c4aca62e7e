DROP TABLE organization_secrets;
DROP INDEX organizations_platform;
DROP INDEX organizations_app_id_id;
DROP INDEX organizations_delete_at;
ALTER TABLE organizations DROP COLUMN monthly_limit_micro_usd;
ALTER TABLE organizations DROP COLUMN delete_at;
