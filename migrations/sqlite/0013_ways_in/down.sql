CREATE INDEX sessions_account_id ON sessions (account_id);
DROP INDEX sessions_account_id_device;
ALTER TABLE sessions DROP COLUMN last_seen_at;
ALTER TABLE sessions DROP COLUMN device;
ALTER TABLE sessions DROP COLUMN method;
DROP TABLE mail_requests;
ALTER TABLE one_time_tokens DROP COLUMN failures;
