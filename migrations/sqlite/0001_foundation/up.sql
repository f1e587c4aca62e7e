-- Who someone is, what they belong to, who is asking, and what happened.
--
-- Ids are 16 bytes, times are microseconds since 1970, booleans are 0 and 1, JSON is text. Small rows live in their
-- primary key (WITHOUT ROWID). Unique constraints that count "no app" as a value are two indexes, one of them partial,
-- so that look-ups can use them.

CREATE TABLE principals (
    id         BLOB    NOT NULL PRIMARY KEY,
    -- The address that finds the principal when an account is made for it in another app.
    email      TEXT,
    created_at INTEGER NOT NULL,
    CONSTRAINT principals_email_key UNIQUE (email)
) STRICT, WITHOUT ROWID;

CREATE TABLE apps (
    id                    BLOB    NOT NULL PRIMARY KEY,
    owner_organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name                  TEXT    NOT NULL,
    slug                  TEXT    NOT NULL,
    client_id             TEXT    NOT NULL,
    settings              TEXT    NOT NULL,
    metadata              TEXT    NOT NULL,
    disabled_at           INTEGER,
    created_at            INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL,
    CONSTRAINT apps_owner_organization_id_slug_key UNIQUE (owner_organization_id, slug),
    CONSTRAINT apps_client_id_key UNIQUE (client_id)
) STRICT;

CREATE TABLE organizations (
    id          BLOB    NOT NULL PRIMARY KEY,
    app_id      BLOB    REFERENCES apps (id) ON DELETE CASCADE,
    slug        TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    metadata    TEXT    NOT NULL,
    archived_at INTEGER,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    CONSTRAINT organizations_app_id_slug_key UNIQUE (app_id, slug)
) STRICT;
CREATE UNIQUE INDEX organizations_slug_key ON organizations (slug) WHERE app_id IS NULL;

-- The allowed origins of each app's settings, to be found by.
CREATE TABLE app_origins (
    origin TEXT NOT NULL,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    PRIMARY KEY (origin, app_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX app_origins_app_id ON app_origins (app_id);

CREATE TABLE client_secrets (
    id         BLOB    NOT NULL PRIMARY KEY,
    app_id     BLOB    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX client_secrets_app_id ON client_secrets (app_id);

CREATE TABLE accounts (
    id             BLOB    NOT NULL PRIMARY KEY,
    principal_id   BLOB    NOT NULL REFERENCES principals (id),
    app_id         BLOB    REFERENCES apps (id) ON DELETE CASCADE,
    email          TEXT    NOT NULL,
    email_proof    TEXT,
    password_hash  TEXT,
    display_name   TEXT,
    metadata       TEXT    NOT NULL,
    epoch          INTEGER NOT NULL,
    valid_from     INTEGER NOT NULL,
    platform_admin INTEGER NOT NULL,
    disabled_at    INTEGER,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    CONSTRAINT accounts_app_id_email_key UNIQUE (app_id, email),
    CONSTRAINT accounts_principal_id_app_id_key UNIQUE (principal_id, app_id),
    CONSTRAINT accounts_platform_admin_check CHECK (app_id IS NULL OR NOT platform_admin)
) STRICT;
CREATE UNIQUE INDEX accounts_email_key ON accounts (email) WHERE app_id IS NULL;
CREATE UNIQUE INDEX accounts_principal_id_key ON accounts (principal_id) WHERE app_id IS NULL;
CREATE INDEX accounts_app_id_id ON accounts (app_id, id);
CREATE INDEX accounts_platform_admin ON accounts (id) WHERE platform_admin;

CREATE TABLE sessions (
    id         BLOB    NOT NULL PRIMARY KEY,
    account_id BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    epoch      INTEGER NOT NULL,
    ip         TEXT,
    user_agent TEXT,
    created_at INTEGER NOT NULL,
    -- When the last of its refresh tokens expires.
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;
CREATE INDEX sessions_account_id ON sessions (account_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    id           BLOB    NOT NULL PRIMARY KEY,
    session_id   BLOB    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at   INTEGER NOT NULL,
    spent_at     INTEGER,
    successor_id BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);

CREATE TABLE one_time_tokens (
    id         BLOB    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    account_id BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    email      TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    CONSTRAINT one_time_tokens_hash_key UNIQUE (hash)
) STRICT;
CREATE INDEX one_time_tokens_account_id ON one_time_tokens (account_id);
CREATE INDEX one_time_tokens_expires_at ON one_time_tokens (expires_at);

CREATE TABLE lockouts (
    key          BLOB    NOT NULL PRIMARY KEY,
    failures     INTEGER NOT NULL,
    locked_until INTEGER,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lockouts_expires_at ON lockouts (expires_at);

CREATE TABLE links (
    provider   TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    app_id     BLOB    REFERENCES apps (id) ON DELETE CASCADE,
    -- None: the account was deleted. What the provider issued before then does not bring it back.
    account_id BLOB    REFERENCES accounts (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT links_app_id_provider_subject_key UNIQUE (app_id, provider, subject)
) STRICT;
CREATE UNIQUE INDEX links_provider_subject_key ON links (provider, subject) WHERE app_id IS NULL;
CREATE INDEX links_account_id ON links (account_id);

-- A principal that is an app has no row in `principals`: its id is the app's. So neither keys nor memberships refer
-- there.
CREATE TABLE api_keys (
    id              BLOB    NOT NULL PRIMARY KEY,
    prefix          TEXT    NOT NULL,
    hash            BLOB    NOT NULL,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    account_id      BLOB    REFERENCES accounts (id) ON DELETE CASCADE,
    principal_id    BLOB    NOT NULL,
    name            TEXT    NOT NULL,
    role            TEXT    NOT NULL,
    scopes          TEXT    NOT NULL,
    disabled_at     INTEGER,
    expires_at      INTEGER,
    created_at      INTEGER NOT NULL,
    CONSTRAINT api_keys_prefix_key UNIQUE (prefix)
) STRICT;
CREATE INDEX api_keys_organization_id ON api_keys (organization_id);
CREATE INDEX api_keys_account_id ON api_keys (account_id);

CREATE TABLE memberships (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    principal_id    BLOB    NOT NULL,
    role            TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    CONSTRAINT memberships_organization_id_principal_id_key UNIQUE (organization_id, principal_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_principal_id ON memberships (principal_id, organization_id);

CREATE TABLE signing_secrets (
    organization_id BLOB    NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    secret          BLOB    NOT NULL,
    url             TEXT,
    created_at      INTEGER NOT NULL
) STRICT;

-- The ledger outlives what it tells of: it refers to nothing.
CREATE TABLE events (
    id              BLOB    NOT NULL PRIMARY KEY,
    kind            TEXT    NOT NULL,
    app_id          BLOB,
    organization_id BLOB,
    actor_id        BLOB,
    payload         TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    -- Its place among all committed events, once it has one.
    position        INTEGER
) STRICT;

CREATE TABLE mail_queue (
    id         BLOB    NOT NULL PRIMARY KEY,
    app_id     BLOB,
    recipient  TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    payload    TEXT,
    attempts   INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX mail_queue_due_at ON mail_queue (due_at, id);
CREATE INDEX mail_queue_recipient ON mail_queue (recipient);

CREATE TABLE revoked_tokens (
    id         BLOB    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_tokens_expires_at ON revoked_tokens (expires_at);

CREATE TABLE sealing_keys (
    id         BLOB    NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
