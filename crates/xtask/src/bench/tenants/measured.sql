-- Fills the organizations that are measured: those of the people who have signed up. The holders of keys come from
-- holders.csv, because PostgreSQL knows no BLAKE3.

\set QUIET on
BEGIN;
SELECT id AS app FROM apps \gset

CREATE TEMP TABLE holders (
    number       int  GENERATED ALWAYS AS IDENTITY,
    organization uuid,
    prefix       text,
    hash         bytea,
    principal    uuid DEFAULT gen_random_uuid(),
    account      uuid DEFAULT gen_random_uuid()
);
\copy holders (organization, prefix, hash) FROM 'holders.csv' CSV
CREATE TEMP TABLE places AS SELECT id FROM organizations WHERE app_id = :'app';
ANALYZE holders, places;

-- Whoever signed up belongs to all of them.
INSERT INTO memberships (id, organization_id, principal_id, role, created_at)
    SELECT gen_random_uuid(), places.id, own.principal_id, 'admin', now()
    FROM places, memberships AS own JOIN places AS home ON home.id = own.organization_id
    WHERE own.role = 'owner'
    ON CONFLICT (organization_id, principal_id) DO NOTHING;

INSERT INTO principals (id, email, created_at)
    SELECT principal, 'holder' || number || '@bench.example', now() FROM holders;
INSERT INTO accounts (id, principal_id, app_id, email, metadata, epoch, valid_from, platform_admin, created_at, updated_at)
    SELECT account, principal, :'app', 'holder' || number || '@bench.example', '{}', 0, now(), false, now(), now()
    FROM holders;
INSERT INTO roles (id, organization_id, name, actions, created_at, updated_at)
    SELECT gen_random_uuid(), id, 'role-' || n, '["report.read","report.write"]', now(), now()
    FROM places, generate_series(0, 9) AS n;
INSERT INTO memberships (id, organization_id, principal_id, role, role_id, created_at)
    SELECT gen_random_uuid(), organization, principal, 'viewer', roles.id, now()
    FROM holders JOIN roles ON roles.organization_id = organization AND roles.name = 'role-' || number / 10 % 10;

INSERT INTO teams (id, organization_id, slug, name, created_at, updated_at)
    SELECT gen_random_uuid(), id, 'team-' || n, 'Team ' || n, now(), now() FROM places, generate_series(0, 19) AS n;
INSERT INTO team_members (team_id, organization_id, principal_id, role, created_at)
    SELECT teams.id, organization, principal, 'member', now()
    FROM holders, generate_series(0, 1) AS n, teams
    WHERE teams.organization_id = organization AND teams.slug = 'team-' || (number / 10 + n) % 20;
INSERT INTO grants (id, organization_id, principal_id, effect, action, created_at)
    SELECT gen_random_uuid(), organization, principal, effect, action, now()
    FROM holders, (VALUES ('allow', 'organization.update'), ('deny', 'team.delete')) AS given (effect, action);
INSERT INTO api_keys
    (id, prefix, hash, organization_id, account_id, principal_id, name, scopes, allowed_ips, created_by, created_at, updated_at)
    SELECT gen_random_uuid(), prefix, hash, organization, account, principal, 'Key', '[]', '[]', principal, now(), now()
    FROM holders;
COMMIT;
