DROP TABLE oauth_clients;
CREATE TABLE old_api_keys (
    id              BLOB    NOT NULL PRIMARY KEY,
    prefix          TEXT    NOT NULL,
    hash            BLOB    NOT NULL,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    account_id      BLOB    REFERENCES accounts (id) ON DELETE CASCADE,
    principal_id    BLOB    NOT NULL,
    name            TEXT    NOT NULL,
    role            TEXT    NOT NULL,
    scopes          TEXT    NOT NULL,
    disabled_at     INTEGER,
    expires_at      INTEGER,
    created_at      INTEGER NOT NULL,
    CONSTRAINT api_keys_prefix_key UNIQUE (prefix)
) STRICT;
-- What has no place before is left: keys of service accounts.
INSERT INTO old_api_keys SELECT
    id, prefix, hash, organization_id, account_id, principal_id, name, role, scopes, disabled_at, expires_at, created_at
FROM api_keys WHERE service_account_id IS NULL AND role IS NOT NULL;
DROP TABLE api_keys;
ALTER TABLE old_api_keys RENAME TO api_keys;
CREATE INDEX api_keys_organization_id ON api_keys (organization_id);
CREATE INDEX api_keys_account_id ON api_keys (account_id);
DROP TABLE service_accounts;
