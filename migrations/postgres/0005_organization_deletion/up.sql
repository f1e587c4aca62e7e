-- What an organization keeps, how much it may spend, and how it ends.

-- When it is deleted, if somebody asked for that: until then it is read and not changed.
ALTER TABLE organizations ADD COLUMN delete_at timestamptz;
-- In millionths of a dollar: what is counted is never rounded.
ALTER TABLE organizations ADD COLUMN monthly_limit_micro_usd bigint;
CREATE INDEX organizations_delete_at ON organizations (delete_at) WHERE delete_at IS NOT NULL;
CREATE INDEX organizations_app_id_id ON organizations (app_id, id);
-- PostgreSQL does not see that those with no app lie in order there.
CREATE INDEX organizations_platform ON organizations (id) WHERE app_id IS NULL;

CREATE TABLE organization_secrets (
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            text        COLLATE "C" NOT NULL,
    value           bytea       NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, name)
);
