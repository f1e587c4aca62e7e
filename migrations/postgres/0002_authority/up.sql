-- What someone may do: teams, own roles, grants.

-- What an organization calls a role of its own, and what that adds to what a viewer may.
CREATE TABLE roles (
    id              uuid        PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            text        COLLATE "C" NOT NULL,
    description     text,
    actions         text        NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT roles_organization_id_name_key UNIQUE (organization_id, name)
);
CREATE INDEX roles_organization_id_id ON roles (organization_id, id);

-- A role that somebody has is not deleted.
ALTER TABLE memberships ADD COLUMN role_id uuid REFERENCES roles (id);
CREATE INDEX memberships_role_id ON memberships (role_id);
CREATE INDEX memberships_organization_id_id ON memberships (organization_id, id);

CREATE TABLE teams (
    id              uuid        PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    slug            text        COLLATE "C" NOT NULL,
    name            text        NOT NULL,
    archived_at     timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT teams_organization_id_slug_key UNIQUE (organization_id, slug),
    CONSTRAINT teams_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE INDEX teams_organization_id_id ON teams (organization_id, id);

-- Only members of the organization are in its teams: who leaves it leaves them.
CREATE TABLE team_members (
    team_id         uuid        NOT NULL,
    organization_id uuid        NOT NULL,
    principal_id    uuid        NOT NULL,
    role            text        NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (team_id, principal_id),
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, principal_id)
        REFERENCES memberships (organization_id, principal_id) ON DELETE CASCADE
);
CREATE INDEX team_members_organization_id_principal_id ON team_members (organization_id, principal_id);
CREATE INDEX team_members_principal_id ON team_members (principal_id);

CREATE TABLE grants (
    id              uuid        PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    team_id         uuid,
    principal_id    uuid        NOT NULL,
    effect          text        NOT NULL,
    action          text        NOT NULL,
    resource_type   text,
    resource_id     text,
    created_at      timestamptz NOT NULL,
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX grants_organization_id_id ON grants (organization_id, id);
CREATE INDEX grants_organization_id_principal_id_id ON grants (organization_id, principal_id, id);
CREATE INDEX grants_principal_id ON grants (principal_id);
CREATE INDEX grants_team_id_organization_id ON grants (team_id, organization_id);
