-- The ledger as an audit log: where a change came from, what it was done to, and a chain that shows whether somebody has
-- changed the record.

-- With what somebody acted, and which one of those.
ALTER TABLE events ADD COLUMN via text;
ALTER TABLE events ADD COLUMN via_id uuid;
ALTER TABLE events ADD COLUMN resource_type text;
ALTER TABLE events ADD COLUMN resource_id text;
-- Whom it is about, where that is somebody else than who did it.
ALTER TABLE events ADD COLUMN subject_id uuid;
ALTER TABLE events ADD COLUMN request_id text;
-- What tells who somebody is, to be erased with its salt; the digest stays.
ALTER TABLE events ADD COLUMN personal text;
ALTER TABLE events ADD COLUMN salt bytea;
ALTER TABLE events ADD COLUMN digest bytea;
-- Its link in its organization's chain, once it has one.
ALTER TABLE events ADD COLUMN link bytea;

CREATE INDEX events_unsequenced ON events (id) WHERE position IS NULL;
CREATE UNIQUE INDEX events_position_key ON events (position);
CREATE INDEX events_organization_id_id ON events (organization_id, id) WHERE organization_id IS NOT NULL;
CREATE INDEX events_app_id_id ON events (app_id, id) WHERE app_id IS NOT NULL;
CREATE INDEX events_actor_id_id ON events (actor_id, id) WHERE actor_id IS NOT NULL;
CREATE INDEX events_subject_id_id ON events (subject_id, id) WHERE subject_id IS NOT NULL;

-- Where each chain ends, and where it begins once it was pruned. The chain of what concerns no organization is nil.
CREATE TABLE audit_chains (
    id              uuid PRIMARY KEY,
    position        bigint NOT NULL,
    count           bigint NOT NULL,
    link            bytea NOT NULL,
    seal            bytea NOT NULL,
    pruned_position bigint,
    pruned_count    bigint,
    pruned_link     bytea,
    pruned_seal     bytea
);

-- The last position that a reader of the ledger has come to.
CREATE TABLE ledger_positions (
    name     text PRIMARY KEY,
    position bigint NOT NULL
);
INSERT INTO ledger_positions (name, position) VALUES ('sequencer', 0);

-- Whose personal fields have to go.
CREATE TABLE erasures (
    id           uuid PRIMARY KEY,
    app_id       uuid,
    principal_id uuid NOT NULL,
    created_at   timestamptz NOT NULL
);
