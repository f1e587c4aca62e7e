-- How often somebody tried another code while this one was out.
ALTER TABLE one_time_tokens ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
