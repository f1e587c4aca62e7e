ALTER TABLE events DROP COLUMN refused_action;
