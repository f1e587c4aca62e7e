-- Who is told what happens, and what is on its way to them.

-- A secret of its own is sealed; without one, deliveries are signed with the organization's.
CREATE TABLE webhook_endpoints (
    id              uuid        PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    app_id          uuid        REFERENCES apps (id) ON DELETE CASCADE,
    url             text        NOT NULL,
    description     text,
    event_filter    text        NOT NULL,
    resource_filter text        NOT NULL,
    headers         bytea,
    secret          bytea,
    previous_secret bytea,
    previous_until  timestamptz,
    max_retries     integer     NOT NULL,
    rate_per_minute integer,
    ordered         boolean     NOT NULL,
    active          boolean     NOT NULL,
    failing_since   timestamptz,
    disabled_at     timestamptz,
    created_by      uuid,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT webhook_endpoints_previous CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
);
CREATE INDEX webhook_endpoints_organization_id_id ON webhook_endpoints (organization_id, id);
CREATE INDEX webhook_endpoints_app_id ON webhook_endpoints (app_id);
CREATE INDEX webhook_endpoints_inactive ON webhook_endpoints (id) WHERE NOT active;

-- One row for each endpoint that something waits for: who delivers to it takes the row, and with it everything that
-- waits there, until the lease ends. Whoever wants so many in a minute at the most is left alone until `paced_until`.
CREATE TABLE webhook_queues (
    endpoint_id  uuid        PRIMARY KEY REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    due_at       timestamptz NOT NULL,
    paced_until  timestamptz,
    leased_by    uuid,
    leased_until timestamptz
);
CREATE INDEX webhook_queues_due_at ON webhook_queues (due_at);
CREATE INDEX webhook_queues_leased_by ON webhook_queues (leased_by) WHERE leased_by IS NOT NULL;

-- One event on its way to one endpoint, with how the last attempt went. What the event says stays in the ledger.
-- Attempts that are forgiven count no more: it was sent anew after them.
CREATE TABLE webhook_deliveries (
    id          uuid        PRIMARY KEY,
    endpoint_id uuid        NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    event_id    uuid        NOT NULL,
    event_kind  text        NOT NULL,
    position    bigint      NOT NULL,
    status      text        NOT NULL,
    attempts    integer     NOT NULL,
    forgiven    integer     NOT NULL,
    due_at      timestamptz,
    last_at     timestamptz,
    latency_ms  integer,
    status_code integer,
    answer      text,
    error       text,
    created_at  timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX webhook_deliveries_endpoint_id_id ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (endpoint_id, due_at, position) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (endpoint_id, position) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (endpoint_id, id) WHERE status = 'failed';
CREATE INDEX webhook_deliveries_finished_at ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- How the attempts before the last went, where there was more than one.
CREATE TABLE webhook_attempts (
    delivery_id uuid        NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number      integer     NOT NULL,
    at          timestamptz NOT NULL,
    latency_ms  integer     NOT NULL,
    status_code integer,
    answer      text,
    error       text,
    PRIMARY KEY (delivery_id, number)
);

-- An organization's secret that was replaced, and counts for a while yet.
ALTER TABLE signing_secrets ADD COLUMN previous_secret bytea;
ALTER TABLE signing_secrets ADD COLUMN previous_until timestamptz;

-- Who listens reads on from where they were.
CREATE INDEX events_organization_id_position ON events (organization_id, position)
    WHERE organization_id IS NOT NULL AND position IS NOT NULL;
CREATE INDEX events_app_id_position ON events (app_id, position) WHERE app_id IS NOT NULL AND position IS NOT NULL;

-- What has no place yet is found by its own index, and not among all that has none here.
DROP INDEX events_position_key;
CREATE UNIQUE INDEX events_position_key ON events (position) WHERE position IS NOT NULL;

-- Where `fabric setup` was told to send events to becomes an endpoint like every other. It is bound to no app: what it
-- hears is no more than what was promised then.
INSERT INTO webhook_endpoints
    (id, organization_id, url, event_filter, resource_filter, max_retries, ordered, active, created_at, updated_at)
    SELECT gen_random_uuid(), organization_id, url, '[]', '{}', 3, false, true, created_at, created_at
    FROM signing_secrets WHERE url IS NOT NULL;
ALTER TABLE signing_secrets DROP COLUMN url;

-- What happened before nobody is told.
INSERT INTO ledger_positions (name, position) SELECT 'webhooks', coalesce(max(position), 0) FROM events;

-- The language that was asked for, and the event that tells of the mail's link, once there is one.
ALTER TABLE mail_queue ADD COLUMN locale text;
ALTER TABLE mail_queue ADD COLUMN event_id uuid;

-- An app's own words for a letter in a language.
CREATE TABLE mail_templates (
    app_id     uuid        NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    letter     text        NOT NULL,
    locale     text        NOT NULL,
    subject    text        NOT NULL,
    text       text        NOT NULL,
    html       text        NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, letter, locale)
);
