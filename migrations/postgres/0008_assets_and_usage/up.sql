-- What organizations have at providers, what they use, and how much may run at once.

-- What is deleted stays, with when that was.
CREATE TABLE assets (
    id              uuid        PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    team_id         uuid,
    kind            text        NOT NULL,
    name            text        NOT NULL,
    provider        text,
    provider_id     text,
    metadata        text        NOT NULL,
    created_by      uuid        NOT NULL,
    deleted_at      timestamptz,
    created_at      timestamptz NOT NULL,
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX assets_organization_id_id ON assets (organization_id, id);
CREATE INDEX assets_kept ON assets (organization_id, id) WHERE deleted_at IS NULL;
CREATE INDEX assets_team_id_organization_id ON assets (team_id, organization_id);

-- What was run, as it was reported: never changed. A key counts once.
CREATE TABLE usage_records (
    id              uuid        PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    kind            text,
    runs            bigint      NOT NULL,
    cost_micro_usd  bigint      NOT NULL,
    occurred_at     timestamptz NOT NULL,
    idempotency_key text        NOT NULL,
    metadata        text        NOT NULL,
    recorded_by     uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    CONSTRAINT usage_records_organization_id_idempotency_key_key UNIQUE (organization_id, idempotency_key)
);
CREATE INDEX usage_records_organization_id_id ON usage_records (organization_id, id);

-- The same, added up as it comes: a month is at most 31 of these, however many records it has.
CREATE TABLE usage_days (
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    day             timestamptz NOT NULL,
    runs            bigint      NOT NULL,
    cost_micro_usd  bigint      NOT NULL,
    PRIMARY KEY (organization_id, day)
);

-- How much may run at once. The id is the organization's or the team's; nil is everybody.
CREATE TABLE concurrency_limits (
    id              uuid        PRIMARY KEY,
    organization_id uuid        REFERENCES organizations (id) ON DELETE CASCADE,
    team_id         uuid,
    max_runs        integer     NOT NULL,
    updated_at      timestamptz NOT NULL,
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX concurrency_limits_organization_id ON concurrency_limits (organization_id);
CREATE INDEX concurrency_limits_team_id_organization_id ON concurrency_limits (team_id, organization_id);
