-- How people come to belong: invitations, and the settings of organizations that limit them.

ALTER TABLE organizations ADD COLUMN settings text NOT NULL DEFAULT '{}';

CREATE TABLE invitations (
    id              uuid        PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    team_id         uuid,
    email           text        COLLATE "C" NOT NULL,
    -- A built-in role, or the name of one of the organization's own: it need not live as long as the invitation.
    role            text        NOT NULL,
    inviter_id      uuid        NOT NULL,
    status          text        NOT NULL,
    expires_at      timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT invitations_id_organization_id_key UNIQUE (id, organization_id),
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX invitations_organization_id_email_key ON invitations (organization_id, email)
    WHERE status = 'pending';
CREATE INDEX invitations_organization_id_id ON invitations (organization_id, id);
CREATE INDEX invitations_team_id_organization_id ON invitations (team_id, organization_id);
CREATE INDEX invitations_email ON invitations (email, id) WHERE status = 'pending';
CREATE INDEX invitations_expires_at ON invitations (expires_at) WHERE status = 'pending';
CREATE INDEX invitations_updated_at ON invitations (updated_at) WHERE status <> 'pending';

-- The mails that were ordered for an invitation, each with the hash of its token once it is written.
CREATE TABLE invitation_letters (
    mail_id         uuid        PRIMARY KEY,
    invitation_id   uuid        NOT NULL,
    organization_id uuid        NOT NULL,
    hash            bytea,
    created_at      timestamptz NOT NULL,
    FOREIGN KEY (invitation_id, organization_id) REFERENCES invitations (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX invitation_letters_invitation_id_organization_id ON invitation_letters (invitation_id, organization_id);
CREATE INDEX invitation_letters_organization_id_created_at ON invitation_letters (organization_id, created_at);
