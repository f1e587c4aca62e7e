-- What was refused, where that is what happened: so that it is found by that name.
ALTER TABLE events ADD COLUMN refused_action TEXT;
UPDATE events SET refused_action = json_extract(payload, '$.action') WHERE kind = 'access.denied';
