//! What a commit changed that somebody may hold a copy of.

use crate::id::{
    AccountId, ApiKeyId, AppId, OrganizationId, PrincipalId, ServiceAccountId, SessionId, TeamId, TokenId,
};

/// A fact that caches keep and that a transaction has changed. Repositories report it where they write it, so that no
/// use case can forget; the store hands it on after the commit and before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// A session ended.
    Session(SessionId),
    /// A token that is revoked by itself.
    Token(TokenId),
    /// An account's epoch, state or profile changed, or it is gone.
    Account(AccountId),
    /// An API key was disabled, deleted or changed.
    ApiKey(ApiKeyId),
    /// A service account was made, changed, disabled or deleted.
    ServiceAccount(ServiceAccountId),
    /// What a principal is in an organization: membership, roles in teams, grants.
    Authority(OrganizationId, PrincipalId),
    /// A team was made.
    Team(TeamId),
    /// What many are in an organization: an own role, a team, or the organization itself.
    Organization(OrganizationId),
    /// An app's settings, secrets or state changed, or it is gone.
    App(AppId),
    /// A signing key was made, began to sign, retired, or is gone.
    SigningKeys,
    /// Nobody knows what: another process may have changed anything. No repository reports it.
    Everything,
}
