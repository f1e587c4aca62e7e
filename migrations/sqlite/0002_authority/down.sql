DROP TABLE grants;
DROP TABLE team_members;
DROP TABLE teams;
DROP INDEX memberships_organization_id_id;
DROP INDEX memberships_role_id;
ALTER TABLE memberships DROP COLUMN role_id;
DROP TABLE roles;
