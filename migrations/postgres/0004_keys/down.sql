DROP TABLE oauth_clients;
-- What has no place before: keys of service accounts.
DELETE FROM api_keys WHERE service_account_id IS NOT NULL OR role IS NULL;
DROP INDEX api_keys_organization_id_id, api_keys_principal_id_id, api_keys_service_account_id;
ALTER TABLE api_keys
    ALTER COLUMN role SET NOT NULL,
    DROP COLUMN service_account_id,
    DROP COLUMN description,
    DROP COLUMN allowed_ips,
    DROP COLUMN last_used_at,
    DROP COLUMN previous_hash,
    DROP COLUMN previous_expires_at,
    DROP COLUMN created_by,
    DROP COLUMN updated_at;
CREATE INDEX api_keys_organization_id ON api_keys (organization_id);
DROP TABLE service_accounts;
