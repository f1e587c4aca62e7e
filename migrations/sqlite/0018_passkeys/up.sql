-- What an account signs in with that never leaves its owner's devices: here is the public half.
CREATE TABLE passkeys (
    id              BLOB    NOT NULL PRIMARY KEY,
    account_id      BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    app_id          BLOB    REFERENCES apps (id) ON DELETE CASCADE,
    -- For which domain it was made. It signs in nowhere else.
    rp_id           TEXT    NOT NULL,
    credential_id   BLOB    NOT NULL,
    -- As it was registered. What changes with each use is in columns of its own.
    credential      TEXT    NOT NULL,
    counter         INTEGER NOT NULL,
    backup_eligible INTEGER NOT NULL CHECK (backup_eligible IN (0, 1)),
    backed_up       INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
    aaguid          BLOB,
    transports      TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    last_used_at    INTEGER,
    CONSTRAINT passkeys_app_id_credential_id_key UNIQUE (app_id, credential_id)
) STRICT;
CREATE UNIQUE INDEX passkeys_credential_id_key ON passkeys (credential_id) WHERE app_id IS NULL;
CREATE INDEX passkeys_account_id ON passkeys (account_id);

-- The first half of a ceremony. The app that it is bound to is in the hash.
CREATE TABLE passkey_challenges (
    hash       BLOB    NOT NULL PRIMARY KEY,
    ceremony   TEXT    NOT NULL,
    -- Whose, where that is known: of a registration always, of a sign-in when somebody with passkeys was named.
    account_id BLOB    REFERENCES accounts (id) ON DELETE CASCADE,
    -- Whether somebody was named, known or not.
    named      INTEGER NOT NULL CHECK (named IN (0, 1)),
    state      TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_challenges_account_id ON passkey_challenges (account_id);
CREATE INDEX passkey_challenges_expires_at ON passkey_challenges (expires_at);
