-- Keys that sign access tokens. Both halves are sealed; the private one is gone once the key is retired.
CREATE TABLE signing_keys (
    id             BLOB    NOT NULL PRIMARY KEY,
    algorithm      TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    public_key     BLOB    NOT NULL,
    private_key    BLOB,
    created_at     INTEGER NOT NULL,
    current_since  INTEGER,
    believed_until INTEGER,
    secret_until   INTEGER
) STRICT, WITHOUT ROWID;
-- One signs, and one is to be the next.
CREATE UNIQUE INDEX signing_keys_state_key ON signing_keys (state) WHERE state <> 'retired';
