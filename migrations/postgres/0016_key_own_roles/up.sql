-- Whether own roles of whoever a key acts as count beside the role that limits it: so for a key that was made by somebody
-- with an own role and is to reach as far as that.
ALTER TABLE api_keys ADD COLUMN own_roles boolean NOT NULL DEFAULT false;
