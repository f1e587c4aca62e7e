-- How often somebody tried another code while this one was out.
ALTER TABLE one_time_tokens ADD COLUMN failures integer NOT NULL DEFAULT 0;

-- Mails that somebody asked for within the hour, by keyed hashes of whom they went to and of who asked: it names nobody,
-- and is there whether there is an account or not.
CREATE TABLE mail_requests (
    id         uuid        PRIMARY KEY,
    counter    bytea       NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX mail_requests_counter_expires_at ON mail_requests (counter, expires_at);
CREATE INDEX mail_requests_expires_at ON mail_requests (expires_at);

-- How somebody signed in, on what (a hash of user agent and network; none before this version), and when the session was
-- used last.
ALTER TABLE sessions ADD COLUMN method text NOT NULL DEFAULT 'password';
ALTER TABLE sessions ADD COLUMN device bytea;
ALTER TABLE sessions ADD COLUMN last_seen_at timestamptz;
CREATE INDEX sessions_account_id_device ON sessions (account_id, device);
DROP INDEX sessions_account_id;
