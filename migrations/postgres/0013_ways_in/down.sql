DROP TABLE mail_requests;
ALTER TABLE one_time_tokens DROP COLUMN failures;
