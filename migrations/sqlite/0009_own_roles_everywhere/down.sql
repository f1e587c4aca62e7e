DROP INDEX service_accounts_role_id;
ALTER TABLE service_accounts DROP COLUMN role_id;
DROP INDEX team_members_role_id;
ALTER TABLE team_members DROP COLUMN role_id;
