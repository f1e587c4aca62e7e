-- Who someone is, what they belong to, who is asking, and what happened.
--
-- Indexed text is compared byte by byte (COLLATE "C"): prefixes can then be searched for, and an upgrade of the
-- system's collations corrupts no index. Unique constraints that count "no app" as a value are two indexes, one of
-- them partial: every PostgreSQL has those, and those that only speak its protocol too. Their names are
-- <table>_<columns>_key, from which `storage` reads what clashed. JSON is text: jsonb refuses \u0000.

CREATE TABLE principals (
    id         uuid        PRIMARY KEY,
    -- The address that finds the principal when an account is made for it in another app.
    email      text        COLLATE "C",
    created_at timestamptz NOT NULL,
    CONSTRAINT principals_email_key UNIQUE (email)
);

CREATE TABLE apps (
    id                    uuid        PRIMARY KEY,
    owner_organization_id uuid        NOT NULL,
    name                  text        NOT NULL,
    slug                  text        COLLATE "C" NOT NULL,
    client_id             text        COLLATE "C" NOT NULL,
    settings              text        NOT NULL,
    metadata              text        NOT NULL,
    disabled_at           timestamptz,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    CONSTRAINT apps_owner_organization_id_slug_key UNIQUE (owner_organization_id, slug),
    CONSTRAINT apps_client_id_key UNIQUE (client_id)
);

CREATE TABLE organizations (
    id          uuid        PRIMARY KEY,
    app_id      uuid        REFERENCES apps (id) ON DELETE CASCADE,
    slug        text        COLLATE "C" NOT NULL,
    name        text        NOT NULL,
    metadata    text        NOT NULL,
    archived_at timestamptz,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT organizations_app_id_slug_key UNIQUE (app_id, slug)
);
CREATE UNIQUE INDEX organizations_slug_key ON organizations (slug) WHERE app_id IS NULL;

-- An app's owner is an organization of the platform, and an organization may be an app's: the two need each other.
ALTER TABLE apps ADD CONSTRAINT apps_owner_organization_id_fkey
    FOREIGN KEY (owner_organization_id) REFERENCES organizations (id) ON DELETE CASCADE;

-- The allowed origins of each app's settings, to be found by.
CREATE TABLE app_origins (
    origin text COLLATE "C" NOT NULL,
    app_id uuid NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    PRIMARY KEY (origin, app_id)
);
CREATE INDEX app_origins_app_id ON app_origins (app_id);

CREATE TABLE client_secrets (
    id         uuid        PRIMARY KEY,
    app_id     uuid        NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    hash       bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz
);
CREATE INDEX client_secrets_app_id ON client_secrets (app_id);

CREATE TABLE accounts (
    id             uuid        PRIMARY KEY,
    principal_id   uuid        NOT NULL REFERENCES principals (id),
    app_id         uuid        REFERENCES apps (id) ON DELETE CASCADE,
    email          text        COLLATE "C" NOT NULL,
    email_proof    text,
    password_hash  text,
    display_name   text,
    metadata       text        NOT NULL,
    epoch          integer     NOT NULL,
    valid_from     timestamptz NOT NULL,
    platform_admin boolean     NOT NULL,
    disabled_at    timestamptz,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT accounts_app_id_email_key UNIQUE (app_id, email),
    CONSTRAINT accounts_principal_id_app_id_key UNIQUE (principal_id, app_id),
    CONSTRAINT accounts_platform_admin_check CHECK (app_id IS NULL OR NOT platform_admin)
);
CREATE UNIQUE INDEX accounts_email_key ON accounts (email) WHERE app_id IS NULL;
CREATE UNIQUE INDEX accounts_principal_id_key ON accounts (principal_id) WHERE app_id IS NULL;
CREATE INDEX accounts_app_id_id ON accounts (app_id, id);
-- PostgreSQL does not see that those with no app lie in order there.
CREATE INDEX accounts_platform ON accounts (id) WHERE app_id IS NULL;
CREATE INDEX accounts_platform_admin ON accounts (id) WHERE platform_admin;

CREATE TABLE sessions (
    id         uuid        PRIMARY KEY,
    account_id uuid        NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    epoch      integer     NOT NULL,
    ip         text,
    user_agent text,
    created_at timestamptz NOT NULL,
    -- When the last of its refresh tokens expires.
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE INDEX sessions_account_id ON sessions (account_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    id           uuid        PRIMARY KEY,
    session_id   uuid        NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at   timestamptz NOT NULL,
    spent_at     timestamptz,
    successor_id uuid
);
CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);

CREATE TABLE one_time_tokens (
    id         uuid        PRIMARY KEY,
    purpose    text        NOT NULL,
    account_id uuid        NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    email      text        NOT NULL,
    hash       bytea       NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT one_time_tokens_hash_key UNIQUE (hash)
);
CREATE INDEX one_time_tokens_account_id ON one_time_tokens (account_id);
CREATE INDEX one_time_tokens_expires_at ON one_time_tokens (expires_at);

CREATE TABLE lockouts (
    key          bytea       PRIMARY KEY,
    failures     integer     NOT NULL,
    locked_until timestamptz,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX lockouts_expires_at ON lockouts (expires_at);

CREATE TABLE links (
    provider   text        COLLATE "C" NOT NULL,
    subject    text        COLLATE "C" NOT NULL,
    app_id     uuid        REFERENCES apps (id) ON DELETE CASCADE,
    -- None: the account was deleted. What the provider issued before then does not bring it back.
    account_id uuid        REFERENCES accounts (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT links_app_id_provider_subject_key UNIQUE (app_id, provider, subject)
);
CREATE UNIQUE INDEX links_provider_subject_key ON links (provider, subject) WHERE app_id IS NULL;
CREATE INDEX links_account_id ON links (account_id);

-- A principal that is an app has no row in `principals`: its id is the app's. So neither keys nor memberships refer
-- there.
CREATE TABLE api_keys (
    id              uuid        PRIMARY KEY,
    prefix          text        COLLATE "C" NOT NULL,
    hash            bytea       NOT NULL,
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    account_id      uuid        REFERENCES accounts (id) ON DELETE CASCADE,
    principal_id    uuid        NOT NULL,
    name            text        NOT NULL,
    role            text        NOT NULL,
    scopes          text        NOT NULL,
    disabled_at     timestamptz,
    expires_at      timestamptz,
    created_at      timestamptz NOT NULL,
    CONSTRAINT api_keys_prefix_key UNIQUE (prefix)
);
CREATE INDEX api_keys_organization_id ON api_keys (organization_id);
CREATE INDEX api_keys_account_id ON api_keys (account_id);

CREATE TABLE memberships (
    id              uuid        PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    principal_id    uuid        NOT NULL,
    role            text        NOT NULL,
    created_at      timestamptz NOT NULL,
    CONSTRAINT memberships_organization_id_principal_id_key UNIQUE (organization_id, principal_id)
);
CREATE INDEX memberships_principal_id ON memberships (principal_id, organization_id);

CREATE TABLE signing_secrets (
    organization_id uuid        REFERENCES organizations (id) ON DELETE CASCADE,
    secret          bytea       NOT NULL,
    url             text,
    created_at      timestamptz NOT NULL,
    CONSTRAINT signing_secrets_organization_id_key PRIMARY KEY (organization_id)
);

-- The ledger outlives what it tells of: it refers to nothing.
CREATE TABLE events (
    id              uuid        PRIMARY KEY,
    kind            text        NOT NULL,
    app_id          uuid,
    organization_id uuid,
    actor_id        uuid,
    payload         text        NOT NULL,
    created_at      timestamptz NOT NULL,
    -- Its place among all committed events, once it has one.
    position        bigint
);

CREATE TABLE mail_queue (
    id         uuid        PRIMARY KEY,
    app_id     uuid,
    recipient  text        NOT NULL,
    kind       text        NOT NULL,
    payload    text,
    attempts   integer     NOT NULL,
    due_at     timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX mail_queue_due_at ON mail_queue (due_at, id);
CREATE INDEX mail_queue_recipient ON mail_queue (recipient);

CREATE TABLE revoked_tokens (
    id         uuid        PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX revoked_tokens_expires_at ON revoked_tokens (expires_at);

CREATE TABLE sealing_keys (
    id         bytea       PRIMARY KEY,
    created_at timestamptz NOT NULL
);
