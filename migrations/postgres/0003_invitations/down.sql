DROP TABLE invitation_letters;
DROP TABLE invitations;
ALTER TABLE organizations DROP COLUMN settings;
