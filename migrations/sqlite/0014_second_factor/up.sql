-- An authenticator app that an account has enrolled, sealed for that account. It counts once it was verified.
CREATE TABLE totp_enrollments (
    id          BLOB    NOT NULL PRIMARY KEY,
    account_id  BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    seed        BLOB    NOT NULL,
    -- Codes of this step, and of those before, are used up (RFC 6238, 5.2).
    last_step   INTEGER NOT NULL,
    verified_at INTEGER,
    created_at  INTEGER NOT NULL,
    UNIQUE (account_id)
) STRICT;

-- For who has lost it: good for one use each.
CREATE TABLE recovery_codes (
    enrollment_id BLOB    NOT NULL REFERENCES totp_enrollments (id) ON DELETE CASCADE,
    hash          BLOB    NOT NULL,
    used_at       INTEGER,
    PRIMARY KEY (enrollment_id, hash)
) STRICT, WITHOUT ROWID;

-- Somebody has shown what they know, and has yet to show what they have, or to enrol it. What it is bound to is in the
-- hash.
CREATE TABLE mfa_challenges (
    hash       BLOB    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    account_id BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    method     TEXT    NOT NULL,
    epoch      INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX mfa_challenges_account_id ON mfa_challenges (account_id);
CREATE INDEX mfa_challenges_expires_at ON mfa_challenges (expires_at);

-- With which second factor the session began, where one was shown.
ALTER TABLE sessions ADD COLUMN second_factor TEXT;
