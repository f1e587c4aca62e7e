-- Who is told what happens, and what is on its way to them.

-- A secret of its own is sealed; without one, deliveries are signed with the organization's.
CREATE TABLE webhook_endpoints (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    app_id          BLOB    REFERENCES apps (id) ON DELETE CASCADE,
    url             TEXT    NOT NULL,
    description     TEXT,
    event_filter    TEXT    NOT NULL,
    resource_filter TEXT    NOT NULL,
    headers         BLOB,
    secret          BLOB,
    previous_secret BLOB,
    previous_until  INTEGER,
    max_retries     INTEGER NOT NULL,
    rate_per_minute INTEGER,
    ordered         INTEGER NOT NULL,
    active          INTEGER NOT NULL,
    failing_since   INTEGER,
    disabled_at     INTEGER,
    created_by      BLOB,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    CONSTRAINT webhook_endpoints_previous CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
) STRICT;
CREATE INDEX webhook_endpoints_organization_id_id ON webhook_endpoints (organization_id, id);
CREATE INDEX webhook_endpoints_app_id ON webhook_endpoints (app_id);
CREATE INDEX webhook_endpoints_inactive ON webhook_endpoints (id) WHERE NOT active;

-- One row for each endpoint that something waits for: who delivers to it takes the row, and with it everything that
-- waits there, until the lease ends. Whoever wants so many in a minute at the most is left alone until `paced_until`.
CREATE TABLE webhook_queues (
    endpoint_id  BLOB    NOT NULL PRIMARY KEY REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    due_at       INTEGER NOT NULL,
    paced_until  INTEGER,
    leased_by    BLOB,
    leased_until INTEGER
) STRICT;
CREATE INDEX webhook_queues_due_at ON webhook_queues (due_at);
CREATE INDEX webhook_queues_leased_by ON webhook_queues (leased_by) WHERE leased_by IS NOT NULL;

-- One event on its way to one endpoint, with how the last attempt went. What the event says stays in the ledger.
-- Attempts that are forgiven count no more: it was sent anew after them.
CREATE TABLE webhook_deliveries (
    id          BLOB    NOT NULL PRIMARY KEY,
    endpoint_id BLOB    NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    event_id    BLOB    NOT NULL,
    event_kind  TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    status      TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    forgiven    INTEGER NOT NULL,
    due_at      INTEGER,
    last_at     INTEGER,
    latency_ms  INTEGER,
    status_code INTEGER,
    answer      TEXT,
    error       TEXT,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX webhook_deliveries_endpoint_id_id ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (endpoint_id, due_at, position) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (endpoint_id, position) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (endpoint_id, id) WHERE status = 'failed';
CREATE INDEX webhook_deliveries_finished_at ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- How the attempts before the last went, where there was more than one.
CREATE TABLE webhook_attempts (
    delivery_id BLOB    NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    latency_ms  INTEGER NOT NULL,
    status_code INTEGER,
    answer      TEXT,
    error       TEXT,
    PRIMARY KEY (delivery_id, number)
) STRICT;

-- An organization's secret that was replaced, and counts for a while yet.
ALTER TABLE signing_secrets ADD COLUMN previous_secret BLOB;
ALTER TABLE signing_secrets ADD COLUMN previous_until INTEGER;

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
    SELECT randomblob(16), organization_id, url, '[]', '{}', 3, 0, 1, created_at, created_at
    FROM signing_secrets WHERE url IS NOT NULL;
ALTER TABLE signing_secrets DROP COLUMN url;

-- What happened before nobody is told.
INSERT INTO ledger_positions (name, position) SELECT 'webhooks', coalesce(max(position), 0) FROM events;

-- The language that was asked for, and the event that tells of the mail's link, once there is one.
ALTER TABLE mail_queue ADD COLUMN locale TEXT;
ALTER TABLE mail_queue ADD COLUMN event_id BLOB;

-- An app's own words for a letter in a language.
CREATE TABLE mail_templates (
    app_id     BLOB    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    letter     TEXT    NOT NULL,
    locale     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    html       TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, letter, locale)
) STRICT;
