DROP TABLE former_addresses;
ALTER TABLE sessions DROP COLUMN authenticated_at;
