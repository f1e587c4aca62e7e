-- When whoever is signed in there showed last who they are: as they signed in, where nothing is said.
ALTER TABLE sessions ADD COLUMN authenticated_at timestamptz;

-- Addresses that an account has left. As long as its owner may come back to one, nobody else gets it.
CREATE TABLE former_addresses (
    id         uuid        PRIMARY KEY,
    app_id     uuid        REFERENCES apps (id) ON DELETE CASCADE,
    account_id uuid        NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    email      text        COLLATE "C" NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX former_addresses_email ON former_addresses (email);
CREATE INDEX former_addresses_app_id ON former_addresses (app_id);
CREATE INDEX former_addresses_account_id ON former_addresses (account_id);
CREATE INDEX former_addresses_expires_at ON former_addresses (expires_at);
