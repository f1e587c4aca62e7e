-- When whoever is signed in there showed last who they are: as they signed in, where nothing is said.
ALTER TABLE sessions ADD COLUMN authenticated_at INTEGER;

-- Addresses that an account has left. As long as its owner may come back to one, nobody else gets it.
CREATE TABLE former_addresses (
    id         BLOB    NOT NULL PRIMARY KEY,
    app_id     BLOB    REFERENCES apps (id) ON DELETE CASCADE,
    account_id BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    email      TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX former_addresses_email ON former_addresses (email);
CREATE INDEX former_addresses_app_id ON former_addresses (app_id);
CREATE INDEX former_addresses_account_id ON former_addresses (account_id);
CREATE INDEX former_addresses_expires_at ON former_addresses (expires_at);
