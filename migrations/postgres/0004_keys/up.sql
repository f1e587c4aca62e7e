-- What programs act with: service accounts, API keys of them and of people, OAuth clients.

-- A service account is a principal with this id, and nothing else is.
CREATE TABLE service_accounts (
    id              uuid        PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    team_id         uuid,
    name            text        NOT NULL,
    description     text,
    role            text        NOT NULL,
    created_by      uuid,
    disabled_at     timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX service_accounts_organization_id_id ON service_accounts (organization_id, id);
CREATE INDEX service_accounts_team_id_organization_id ON service_accounts (team_id, organization_id);

ALTER TABLE api_keys
    ALTER COLUMN role DROP NOT NULL,
    ADD COLUMN service_account_id uuid REFERENCES service_accounts (id) ON DELETE CASCADE,
    ADD COLUMN description text,
    -- Networks as a JSON list; none means from everywhere.
    ADD COLUMN allowed_ips text NOT NULL DEFAULT '[]',
    ADD COLUMN last_used_at timestamptz,
    -- What the key was before the last rotation, while that still counts.
    ADD COLUMN previous_hash bytea,
    ADD COLUMN previous_expires_at timestamptz,
    ADD COLUMN created_by uuid,
    ADD COLUMN updated_at timestamptz;
UPDATE api_keys SET updated_at = created_at, created_by = principal_id;
ALTER TABLE api_keys ALTER COLUMN allowed_ips DROP DEFAULT, ALTER COLUMN updated_at SET NOT NULL;
DROP INDEX api_keys_organization_id;
CREATE INDEX api_keys_organization_id_id ON api_keys (organization_id, id);
CREATE INDEX api_keys_principal_id_id ON api_keys (principal_id, id);
CREATE INDEX api_keys_service_account_id ON api_keys (service_account_id);

-- Client credentials of a service account, which goes with them.
CREATE TABLE oauth_clients (
    id                 uuid        PRIMARY KEY,
    service_account_id uuid        NOT NULL REFERENCES service_accounts (id) ON DELETE CASCADE,
    client_id          text        COLLATE "C" NOT NULL,
    hash               bytea       NOT NULL,
    redirect_uris      text        NOT NULL,
    scopes             text        NOT NULL,
    created_at         timestamptz NOT NULL,
    CONSTRAINT oauth_clients_service_account_id_key UNIQUE (service_account_id),
    CONSTRAINT oauth_clients_client_id_key UNIQUE (client_id)
);
