ALTER TABLE one_time_tokens ADD COLUMN failures integer NOT NULL DEFAULT 0;
