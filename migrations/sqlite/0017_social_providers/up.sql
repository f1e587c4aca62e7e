-- Providers that people sign in at through Fabric, by the name that the app gives them. The secret is sealed for its place.
CREATE TABLE social_providers (
    app_id        BLOB    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name          TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    url           TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    client_secret BLOB    NOT NULL,
    scopes        TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    -- Its name stands for nothing else for ever: people may be linked by it still.
    deleted_at    INTEGER,
    PRIMARY KEY (app_id, name)
) STRICT, WITHOUT ROWID;

-- What is remembered of who is at a provider, or has come back and not taken their session yet. What it is bound to is in
-- the hash; the note is sealed for it. Whoever reads a row takes it out.
CREATE TABLE social_flows (
    hash       BLOB    NOT NULL PRIMARY KEY,
    app_id     BLOB    REFERENCES apps (id) ON DELETE CASCADE,
    note       BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX social_flows_app_id ON social_flows (app_id);
CREATE INDEX social_flows_expires_at ON social_flows (expires_at);
