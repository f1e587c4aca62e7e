-- Own roles of an organization, wherever a built-in one is given. As with members: a role that somebody has is not
-- deleted.
ALTER TABLE team_members ADD COLUMN role_id uuid REFERENCES roles (id);
CREATE INDEX team_members_role_id ON team_members (role_id);

ALTER TABLE service_accounts ADD COLUMN role_id uuid REFERENCES roles (id);
CREATE INDEX service_accounts_role_id ON service_accounts (role_id);
