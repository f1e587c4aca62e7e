-- What an organization keeps, how much it may spend, and how it ends.

-- When it is deleted, if somebody asked for that: until then it is read and not changed.
ALTER TABLE organizations ADD COLUMN delete_at INTEGER;
-- In millionths of a dollar: what is counted is never rounded.
ALTER TABLE organizations ADD COLUMN monthly_limit_micro_usd INTEGER;
CREATE INDEX organizations_delete_at ON organizations (delete_at) WHERE delete_at IS NOT NULL;
CREATE INDEX organizations_app_id_id ON organizations (app_id, id);

CREATE TABLE organization_secrets (
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            TEXT    NOT NULL,
    value           BLOB    NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, name)
) STRICT;
