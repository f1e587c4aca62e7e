-- What programs act with: service accounts, API keys of them and of people, OAuth clients.

-- A service account is a principal with this id, and nothing else is.
CREATE TABLE service_accounts (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    team_id         BLOB,
    name            TEXT    NOT NULL,
    description     TEXT,
    role            TEXT    NOT NULL,
    created_by      BLOB,
    disabled_at     INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX service_accounts_organization_id_id ON service_accounts (organization_id, id);
CREATE INDEX service_accounts_team_id_organization_id ON service_accounts (team_id, organization_id);

-- Made anew, because SQLite can't take a NOT NULL back: nothing refers to this table.
CREATE TABLE new_api_keys (
    id                  BLOB    NOT NULL PRIMARY KEY,
    prefix              TEXT    NOT NULL,
    hash                BLOB    NOT NULL,
    organization_id     BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    account_id          BLOB    REFERENCES accounts (id) ON DELETE CASCADE,
    principal_id        BLOB    NOT NULL,
    name                TEXT    NOT NULL,
    role                TEXT,
    scopes              TEXT    NOT NULL,
    disabled_at         INTEGER,
    expires_at          INTEGER,
    created_at          INTEGER NOT NULL,
    service_account_id  BLOB    REFERENCES service_accounts (id) ON DELETE CASCADE,
    description         TEXT,
    -- Networks as a JSON list; none means from everywhere.
    allowed_ips         TEXT    NOT NULL,
    last_used_at        INTEGER,
    -- What the key was before the last rotation, while that still counts.
    previous_hash       BLOB,
    previous_expires_at INTEGER,
    created_by          BLOB,
    updated_at          INTEGER NOT NULL,
    CONSTRAINT api_keys_prefix_key UNIQUE (prefix)
) STRICT;
INSERT INTO new_api_keys (
    id, prefix, hash, organization_id, account_id, principal_id, name, role, scopes, disabled_at, expires_at, created_at,
    allowed_ips, created_by, updated_at
) SELECT
    id, prefix, hash, organization_id, account_id, principal_id, name, role, scopes, disabled_at, expires_at, created_at,
    '[]', principal_id, created_at
FROM api_keys;
DROP TABLE api_keys;
ALTER TABLE new_api_keys RENAME TO api_keys;
CREATE INDEX api_keys_organization_id_id ON api_keys (organization_id, id);
CREATE INDEX api_keys_principal_id_id ON api_keys (principal_id, id);
CREATE INDEX api_keys_account_id ON api_keys (account_id);
CREATE INDEX api_keys_service_account_id ON api_keys (service_account_id);

-- Client credentials of a service account, which goes with them.
CREATE TABLE oauth_clients (
    id                 BLOB    NOT NULL PRIMARY KEY,
    service_account_id BLOB    NOT NULL REFERENCES service_accounts (id) ON DELETE CASCADE,
    client_id          TEXT    NOT NULL,
    hash               BLOB    NOT NULL,
    redirect_uris      TEXT    NOT NULL,
    scopes             TEXT    NOT NULL,
    created_at         INTEGER NOT NULL,
    CONSTRAINT oauth_clients_service_account_id_key UNIQUE (service_account_id),
    CONSTRAINT oauth_clients_client_id_key UNIQUE (client_id)
) STRICT;
