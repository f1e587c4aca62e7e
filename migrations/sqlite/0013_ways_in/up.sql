-- How often somebody tried another code while this one was out.
ALTER TABLE one_time_tokens ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;

-- Mails that somebody asked for within the hour, by keyed hashes of whom they went to and of who asked: it names nobody,
-- and is there whether there is an account or not.
CREATE TABLE mail_requests (
    id         BLOB    NOT NULL PRIMARY KEY,
    counter    BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_requests_counter_expires_at ON mail_requests (counter, expires_at);
CREATE INDEX mail_requests_expires_at ON mail_requests (expires_at);

-- How somebody signed in, on what (a hash of user agent and network; none before this version), and when the session was
-- used last.
ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'password';
ALTER TABLE sessions ADD COLUMN device BLOB;
ALTER TABLE sessions ADD COLUMN last_seen_at INTEGER;
CREATE INDEX sessions_account_id_device ON sessions (account_id, device);
DROP INDEX sessions_account_id;
