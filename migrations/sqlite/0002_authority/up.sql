-- What someone may do: teams, own roles, grants.

-- What an organization calls a role of its own, and what that adds to what a viewer may.
CREATE TABLE roles (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            TEXT    NOT NULL,
    description     TEXT,
    actions         TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    CONSTRAINT roles_organization_id_name_key UNIQUE (organization_id, name)
) STRICT;
CREATE INDEX roles_organization_id_id ON roles (organization_id, id);

-- A role that somebody has is not deleted.
ALTER TABLE memberships ADD COLUMN role_id BLOB REFERENCES roles (id);
CREATE INDEX memberships_role_id ON memberships (role_id);
CREATE INDEX memberships_organization_id_id ON memberships (organization_id, id);

CREATE TABLE teams (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    slug            TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    archived_at     INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    CONSTRAINT teams_organization_id_slug_key UNIQUE (organization_id, slug),
    CONSTRAINT teams_id_organization_id_key UNIQUE (id, organization_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX teams_organization_id_id ON teams (organization_id, id);

-- Only members of the organization are in its teams: who leaves it leaves them.
CREATE TABLE team_members (
    team_id         BLOB    NOT NULL,
    organization_id BLOB    NOT NULL,
    principal_id    BLOB    NOT NULL,
    role            TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (team_id, principal_id),
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, principal_id)
        REFERENCES memberships (organization_id, principal_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX team_members_organization_id_principal_id ON team_members (organization_id, principal_id);
CREATE INDEX team_members_principal_id ON team_members (principal_id);

CREATE TABLE grants (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    team_id         BLOB,
    principal_id    BLOB    NOT NULL,
    effect          TEXT    NOT NULL,
    action          TEXT    NOT NULL,
    resource_type   TEXT,
    resource_id     TEXT,
    created_at      INTEGER NOT NULL,
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_organization_id_id ON grants (organization_id, id);
CREATE INDEX grants_organization_id_principal_id_id ON grants (organization_id, principal_id, id);
CREATE INDEX grants_principal_id ON grants (principal_id);
CREATE INDEX grants_team_id_organization_id ON grants (team_id, organization_id);
