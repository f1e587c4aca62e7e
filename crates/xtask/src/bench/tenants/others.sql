-- Adds as many other organizations as :others says, of the same app: ten members in each, everybody in two; with teams,
-- roles, grants and keys of their own.

\set QUIET on
BEGIN;
SELECT id AS app FROM apps \gset

CREATE TEMP TABLE places AS SELECT n, gen_random_uuid() AS id FROM generate_series(0, :others - 1) AS n;
CREATE TEMP TABLE people AS
    SELECT n, gen_random_uuid() AS principal, gen_random_uuid() AS account FROM generate_series(0, 5 * :others - 1) AS n;
-- Who is the how manieth member where.
CREATE TEMP TABLE seats AS
    SELECT places.n AS place, places.id AS organization, seat, people.principal, people.account
    FROM places, generate_series(0, 9) AS seat, people
    WHERE people.n = (5 * places.n + seat) % (5 * :others);
ANALYZE places, people, seats;

INSERT INTO organizations (id, app_id, slug, name, metadata, created_at, updated_at)
    SELECT id, :'app', 'other-' || n, 'Other ' || n, '{}', now(), now() FROM places;
INSERT INTO principals (id, email, created_at) SELECT principal, 'other' || n || '@bench.example', now() FROM people;
INSERT INTO accounts (id, principal_id, app_id, email, metadata, epoch, valid_from, platform_admin, created_at, updated_at)
    SELECT account, principal, :'app', 'other' || n || '@bench.example', '{}', 0, now(), false, now(), now() FROM people;
CREATE TEMP TABLE own_roles AS SELECT n, id AS organization, gen_random_uuid() AS id FROM places;
INSERT INTO roles (id, organization_id, name, actions, created_at, updated_at)
    SELECT id, organization, 'role-0', '["report.read","report.write"]', now(), now() FROM own_roles;
INSERT INTO memberships (id, organization_id, principal_id, role, role_id, created_at)
    SELECT gen_random_uuid(), seats.organization, principal,
        CASE seat WHEN 0 THEN 'owner' WHEN 1 THEN 'viewer' ELSE 'member' END, CASE seat WHEN 1 THEN own_roles.id END, now()
    FROM seats JOIN own_roles ON own_roles.n = place;

CREATE TEMP TABLE own_teams AS
    SELECT places.n AS place, team, places.id AS organization, gen_random_uuid() AS id FROM places, generate_series(0, 1) AS team;
INSERT INTO teams (id, organization_id, slug, name, created_at, updated_at)
    SELECT id, organization, 'team-' || team, 'Team ' || team, now(), now() FROM own_teams;
INSERT INTO team_members (team_id, organization_id, principal_id, role, created_at)
    SELECT own_teams.id, seats.organization, principal, 'member', now()
    FROM seats JOIN own_teams ON own_teams.place = seats.place AND team = seat % 2
    WHERE seat < 4;
INSERT INTO grants (id, organization_id, principal_id, effect, action, created_at)
    SELECT gen_random_uuid(), organization, principal, 'allow', 'organization.update', now() FROM seats WHERE seat < 2;
INSERT INTO api_keys
    (id, prefix, hash, organization_id, account_id, principal_id, name, scopes, allowed_ips, created_by, created_at, updated_at)
    SELECT gen_random_uuid(), 'fab_' || lpad(place::text, 8, '-'), sha256(place::text::bytea), organization, account,
        principal, 'Key', '[]', '[]', principal, now(), now()
    FROM seats WHERE seat = 0;
COMMIT;
