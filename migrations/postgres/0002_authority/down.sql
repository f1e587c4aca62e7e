DROP TABLE grants, team_members, teams;
DROP INDEX memberships_organization_id_id;
ALTER TABLE memberships DROP COLUMN role_id;
DROP TABLE roles;
