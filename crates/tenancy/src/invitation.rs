//! Invitations: how somebody comes to belong to an organization.

use std::time::Duration;

use kernel::{
    Email, Listed, Page, Result, Scope, SecretHash, Timestamp,
    id::{AppId, InvitationId, MailId, OrganizationId, PrincipalId, TeamId},
};

use crate::Organization;

/// How long an invitation waits for an answer.
pub const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// What became of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationStatus {
    /// It waits for an answer.
    Pending,
    /// Whoever was invited has joined.
    Accepted,
    /// They did not want to.
    Declined,
    /// The organization took it back.
    Revoked,
    /// Nobody answered in time.
    Expired,
}

impl InvitationStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Accepted, Self::Declined, Self::Revoked, Self::Expired];

    /// Its name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// An invitation to an organization. Whoever has the address, in the organization's app, may accept it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Where to.
    pub organization: OrganizationId,
    /// Into which team besides, if into one.
    pub team: Option<TeamId>,
    /// Whom.
    pub email: Email,
    /// As what: a built-in role, or the name of one of the organization's own.
    pub role: String,
    /// Who vouches for it: the invitation is worth no more than they may give when it is accepted.
    pub inviter: PrincipalId,
    /// What became of it.
    pub status: InvitationStatus,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Invitation {
    /// What it is by now: one that waited too long has expired, though nobody may have noted it yet.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> InvitationStatus {
        match self.status {
            InvitationStatus::Pending if self.expires_at <= now => InvitationStatus::Expired,
            status => status,
        }
    }
}

/// Invitations of one database transaction.
pub trait InvitationRepository {
    /// Adds an invitation.
    ///
    /// # Errors
    /// `duplicate_invitation` while another one for that address waits in the organization.
    fn insert_invitation(&mut self, scope: &dyn Scope, invitation: &Invitation) -> Result<()>;

    /// Whoever it belongs to: for who permits before they show, or has proof of being invited.
    fn invitation(&mut self, id: InvitationId) -> Result<Option<Invitation>>;

    /// The organization's invitations, oldest first; those of a status alone, if one is named. What has expired and was
    /// not noted as such counts as expired.
    fn invitations_in(
        &mut self,
        scope: &dyn Scope,
        status: Option<InvitationStatus>,
        now: Timestamp,
        page: &Page<InvitationId>,
    ) -> Result<Listed<Invitation, InvitationId>>;

    /// What waits for an answer from this address in an app, oldest first, with where to. Organizations that are archived,
    /// or about to be deleted, invite nobody.
    fn invitations_for(
        &mut self,
        app: Option<AppId>,
        email: &Email,
        now: Timestamp,
        page: &Page<InvitationId>,
    ) -> Result<Listed<(Invitation, Organization), InvitationId>>;

    /// How many of the organization's wait for an answer.
    fn count_pending_invitations(&mut self, scope: &dyn Scope, now: Timestamp) -> Result<i64>;

    /// Gives an invitation that waits, or has expired, another term, and another one who vouches for it.
    ///
    /// # Errors
    /// `duplicate_invitation` while another one for that address waits; `not_found` for one that was answered or taken
    /// back.
    fn renew_invitation(&mut self, scope: &dyn Scope, invitation: &Invitation) -> Result<()>;

    /// Ends an invitation that waits, at most once: the one way to end it. One that has expired only expires. `None` when
    /// there is none that waits.
    fn close_invitation(
        &mut self,
        id: InvitationId,
        status: InvitationStatus,
        now: Timestamp,
    ) -> Result<Option<Invitation>>;

    /// The same of one that waited too long for an answer from this address, if there is one.
    fn expire_invitation_for(&mut self, scope: &dyn Scope, email: &Email, now: Timestamp)
    -> Result<Option<Invitation>>;

    /// Notes of some that waited too long that they have expired; hands them back.
    fn expire_invitations(&mut self, now: Timestamp) -> Result<Vec<Invitation>>;

    /// Forgets invitations that were closed before `before`, some at a time. Tells how many.
    fn sweep_invitations(&mut self, before: Timestamp) -> Result<usize>;

    /// Notes that a mail is to carry a link.
    fn insert_invitation_letter(
        &mut self,
        scope: &dyn Scope,
        id: InvitationId,
        mail: MailId,
        now: Timestamp,
    ) -> Result<()>;

    /// How many mails the organization has ordered since then.
    fn count_invitation_letters(&mut self, scope: &dyn Scope, since: Timestamp) -> Result<i64>;

    /// Keeps the hash of the token that a mail carries; an earlier try of the same mail is worth nothing from then on.
    /// `None` when the invitation does not wait any more.
    fn write_invitation_letter(&mut self, mail: MailId, hash: SecretHash, now: Timestamp)
    -> Result<Option<Invitation>>;

    /// The hashes of all tokens that were mailed for an invitation.
    fn invitation_tokens(&mut self, id: InvitationId) -> Result<Vec<SecretHash>>;
}
