-- An authenticator app that an account has enrolled, sealed for that account. It counts once it was verified.
CREATE TABLE totp_enrollments (
    id          uuid        PRIMARY KEY,
    account_id  uuid        NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    seed        bytea       NOT NULL,
    -- Codes of this step, and of those before, are used up (RFC 6238, 5.2).
    last_step   bigint      NOT NULL,
    verified_at timestamptz,
    created_at  timestamptz NOT NULL,
    CONSTRAINT totp_enrollments_account_id_key UNIQUE (account_id)
);

-- For who has lost it: good for one use each.
CREATE TABLE recovery_codes (
    enrollment_id uuid        NOT NULL REFERENCES totp_enrollments (id) ON DELETE CASCADE,
    hash          bytea       NOT NULL,
    used_at       timestamptz,
    PRIMARY KEY (enrollment_id, hash)
);

-- Somebody has shown what they know, and has yet to show what they have, or to enrol it. What it is bound to is in the
-- hash.
CREATE TABLE mfa_challenges (
    hash       bytea       PRIMARY KEY,
    purpose    text        NOT NULL,
    account_id uuid        NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    method     text        NOT NULL,
    epoch      integer     NOT NULL,
    failures   integer     NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX mfa_challenges_account_id ON mfa_challenges (account_id);
CREATE INDEX mfa_challenges_expires_at ON mfa_challenges (expires_at);

-- With which second factor the session began, where one was shown.
ALTER TABLE sessions ADD COLUMN second_factor text;
