-- How people come to belong: invitations, and the settings of organizations that limit them.

ALTER TABLE organizations ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';

CREATE TABLE invitations (
    id              BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    team_id         BLOB,
    email           TEXT    NOT NULL,
    -- A built-in role, or the name of one of the organization's own: it need not live as long as the invitation.
    role            TEXT    NOT NULL,
    inviter_id      BLOB    NOT NULL,
    status          TEXT    NOT NULL,
    expires_at      INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    CONSTRAINT invitations_id_organization_id_key UNIQUE (id, organization_id),
    FOREIGN KEY (team_id, organization_id) REFERENCES teams (id, organization_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX invitations_organization_id_email_key ON invitations (organization_id, email)
    WHERE status = 'pending';
CREATE INDEX invitations_organization_id_id ON invitations (organization_id, id);
CREATE INDEX invitations_team_id_organization_id ON invitations (team_id, organization_id);
CREATE INDEX invitations_email ON invitations (email, id) WHERE status = 'pending';
CREATE INDEX invitations_expires_at ON invitations (expires_at) WHERE status = 'pending';
CREATE INDEX invitations_updated_at ON invitations (updated_at) WHERE status <> 'pending';

-- The mails that were ordered for an invitation, each with the hash of its token once it is written.
CREATE TABLE invitation_letters (
    mail_id         BLOB    NOT NULL PRIMARY KEY,
    invitation_id   BLOB    NOT NULL,
    organization_id BLOB    NOT NULL,
    hash            BLOB,
    created_at      INTEGER NOT NULL,
    FOREIGN KEY (invitation_id, organization_id) REFERENCES invitations (id, organization_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX invitation_letters_invitation_id_organization_id ON invitation_letters (invitation_id, organization_id);
CREATE INDEX invitation_letters_organization_id_created_at ON invitation_letters (organization_id, created_at);
