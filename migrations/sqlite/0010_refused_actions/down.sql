DROP INDEX events_exchanged_via_id_id;
ALTER TABLE events DROP COLUMN refused_action;
