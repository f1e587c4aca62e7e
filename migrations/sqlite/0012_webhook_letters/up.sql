-- About which endpoints somebody was written to within a day. It outlives its endpoint: who deletes it and makes it anew
-- causes no more letters than who does not.
CREATE TABLE webhook_letters (
    endpoint_id     BLOB    NOT NULL PRIMARY KEY,
    organization_id BLOB    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_letters_organization_id_expires_at ON webhook_letters (organization_id, expires_at);
CREATE INDEX webhook_letters_expires_at ON webhook_letters (expires_at);
