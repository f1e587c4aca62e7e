-- What was refused, where that is what happened: so that it is found by that name.
ALTER TABLE events ADD COLUMN refused_action text;
UPDATE events SET refused_action = payload::jsonb ->> 'action' WHERE kind = 'access.denied';
