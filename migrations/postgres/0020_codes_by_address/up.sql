-- Wrong e-mail codes are counted for an address alone.
ALTER TABLE one_time_tokens DROP COLUMN failures;
