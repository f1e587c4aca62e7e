-- What an account signs in with that never leaves its owner's devices: here is the public half.
CREATE TABLE passkeys (
    id              uuid        PRIMARY KEY,
    account_id      uuid        NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    app_id          uuid        REFERENCES apps (id) ON DELETE CASCADE,
    -- For which domain it was made. It signs in nowhere else.
    rp_id           text        COLLATE "C" NOT NULL,
    credential_id   bytea       NOT NULL,
    -- As it was registered. What changes with each use is in columns of its own.
    credential      text        NOT NULL,
    counter         bigint      NOT NULL,
    backup_eligible boolean     NOT NULL,
    backed_up       boolean     NOT NULL,
    aaguid          uuid,
    transports      text        NOT NULL,
    name            text        NOT NULL,
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    CONSTRAINT passkeys_app_id_credential_id_key UNIQUE (app_id, credential_id)
);
CREATE UNIQUE INDEX passkeys_credential_id_key ON passkeys (credential_id) WHERE app_id IS NULL;
CREATE INDEX passkeys_account_id ON passkeys (account_id);

-- The first half of a ceremony. The app that it is bound to is in the hash.
CREATE TABLE passkey_challenges (
    hash       bytea       PRIMARY KEY,
    ceremony   text        NOT NULL,
    -- Whose, where that is known: of a registration always, of a sign-in when somebody with passkeys was named.
    account_id uuid        REFERENCES accounts (id) ON DELETE CASCADE,
    -- Whether somebody was named, known or not.
    named      boolean     NOT NULL,
    state      text        NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX passkey_challenges_account_id ON passkey_challenges (account_id);
CREATE INDEX passkey_challenges_expires_at ON passkey_challenges (expires_at);
