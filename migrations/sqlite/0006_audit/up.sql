-- The ledger as an audit log: where a change came from, what it was done to, and a chain that shows whether somebody has
-- changed the record.

-- With what somebody acted, and which one of those.
ALTER TABLE events ADD COLUMN via TEXT;
ALTER TABLE events ADD COLUMN via_id BLOB;
ALTER TABLE events ADD COLUMN resource_type TEXT;
ALTER TABLE events ADD COLUMN resource_id TEXT;
-- Whom it is about, where that is somebody else than who did it.
ALTER TABLE events ADD COLUMN subject_id BLOB;
ALTER TABLE events ADD COLUMN request_id TEXT;
-- What tells who somebody is, to be erased with its salt; the digest stays.
ALTER TABLE events ADD COLUMN personal TEXT;
ALTER TABLE events ADD COLUMN salt BLOB;
ALTER TABLE events ADD COLUMN digest BLOB;
-- Its link in its organization's chain, once it has one.
ALTER TABLE events ADD COLUMN link BLOB;

CREATE INDEX events_unsequenced ON events (id) WHERE position IS NULL;
CREATE UNIQUE INDEX events_position_key ON events (position);
CREATE INDEX events_organization_id_id ON events (organization_id, id) WHERE organization_id IS NOT NULL;
CREATE INDEX events_app_id_id ON events (app_id, id) WHERE app_id IS NOT NULL;
CREATE INDEX events_actor_id_id ON events (actor_id, id) WHERE actor_id IS NOT NULL;
CREATE INDEX events_subject_id_id ON events (subject_id, id) WHERE subject_id IS NOT NULL;

-- Where each chain ends, and where it begins once it was pruned. The chain of what concerns no organization is nil.
CREATE TABLE audit_chains (
    id              BLOB NOT NULL PRIMARY KEY,
    position        INTEGER NOT NULL,
    count           INTEGER NOT NULL,
    link            BLOB NOT NULL,
    seal            BLOB NOT NULL,
    pruned_position INTEGER,
    pruned_count    INTEGER,
    pruned_link     BLOB,
    pruned_seal     BLOB
) STRICT, WITHOUT ROWID;

-- The last position that a reader of the ledger has come to.
CREATE TABLE ledger_positions (
    name     TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO ledger_positions (name, position) VALUES ('sequencer', 0);

-- Whose personal fields have to go.
CREATE TABLE erasures (
    id           BLOB NOT NULL PRIMARY KEY,
    app_id       BLOB,
    principal_id BLOB NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
