-- Keys that sign access tokens. Both halves are sealed; the private one is gone once the key is retired.
CREATE TABLE signing_keys (
    id             bytea       NOT NULL PRIMARY KEY,
    algorithm      text        NOT NULL,
    state          text        NOT NULL,
    public_key     bytea       NOT NULL,
    private_key    bytea,
    created_at     timestamptz NOT NULL,
    current_since  timestamptz,
    believed_until timestamptz,
    secret_until   timestamptz
);
-- One signs, and one is to be the next.
CREATE UNIQUE INDEX signing_keys_state_key ON signing_keys (state) WHERE state <> 'retired';
