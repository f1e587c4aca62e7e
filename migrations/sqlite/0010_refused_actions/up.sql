-- What was refused, where that is what happened: so that it is found by that name.
ALTER TABLE events ADD COLUMN refused_action TEXT;
UPDATE events SET refused_action = json_extract(payload, '$.action') WHERE kind = 'access.denied';

-- What apps did with tokens of their users, to be found under the app.
CREATE INDEX events_exchanged_via_id_id ON events (via_id, id) WHERE via = 'exchange';
