-- Providers that people sign in at through Fabric, by the name that the app gives them. The secret is sealed for its place.
CREATE TABLE social_providers (
    app_id        uuid        NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name          text        COLLATE "C" NOT NULL,
    kind          text        NOT NULL,
    url           text        NOT NULL,
    client_id     text        NOT NULL,
    client_secret bytea       NOT NULL,
    scopes        text        NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    -- Its name stands for nothing else for ever: people may be linked by it still.
    deleted_at    timestamptz,
    PRIMARY KEY (app_id, name)
);

-- What is remembered of who is at a provider, or has come back and not taken their session yet. What it is bound to is in
-- the hash; the note is sealed for it. Whoever reads a row takes it out.
CREATE TABLE social_flows (
    hash       bytea       PRIMARY KEY,
    app_id     uuid        REFERENCES apps (id) ON DELETE CASCADE,
    note       bytea       NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX social_flows_app_id ON social_flows (app_id);
CREATE INDEX social_flows_expires_at ON social_flows (expires_at);
