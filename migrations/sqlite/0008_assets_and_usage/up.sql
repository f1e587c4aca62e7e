-- What organizations have at providers, what they use, and how much may run at once.

-- What is deleted stays, with when that was.
CREATE TABLE assets (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    team_id         BLOB,
    kind            TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    provider        TEXT,
    provider_id     TEXT,
    metadata        TEXT    NOT NULL,
    created_by      BLOB    NOT NULL,
    deleted_at      INTEGER,
    created_at      INTEGER NOT NULL,
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE
) STRICT;
CREATE INDEX assets_organization_id_id ON assets (organization_id, id);
CREATE INDEX assets_kept ON assets (organization_id, id) WHERE deleted_at IS NULL;
CREATE INDEX assets_team_id_organization_id ON assets (team_id, organization_id);

-- What was run, as it was reported: never changed. A key counts once.
CREATE TABLE usage_records (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    kind            TEXT,
    runs            INTEGER NOT NULL,
    cost_micro_usd  INTEGER NOT NULL,
    occurred_at     INTEGER NOT NULL,
    idempotency_key TEXT    NOT NULL,
    metadata        TEXT    NOT NULL,
    recorded_by     BLOB    NOT NULL,
    created_at      INTEGER NOT NULL,
    CONSTRAINT usage_records_organization_id_idempotency_key_key UNIQUE (organization_id, idempotency_key)
) STRICT;
CREATE INDEX usage_records_organization_id_id ON usage_records (organization_id, id);

-- The same, added up as it comes: a month is at most 31 of these, however many records it has.
CREATE TABLE usage_days (
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    day             INTEGER NOT NULL,
    runs            INTEGER NOT NULL,
    cost_micro_usd  INTEGER NOT NULL,
    PRIMARY KEY (organization_id, day)
) STRICT, WITHOUT ROWID;

-- How much may run at once. The id is the organization's or the team's; nil is everybody.
CREATE TABLE concurrency_limits (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    REFERENCES organizations (id) ON DELETE CASCADE,
    team_id         BLOB,
    max_runs        INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX concurrency_limits_organization_id ON concurrency_limits (organization_id);
CREATE INDEX concurrency_limits_team_id_organization_id ON concurrency_limits (team_id, organization_id);
