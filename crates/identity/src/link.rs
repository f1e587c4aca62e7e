//! Links to identities that other providers vouch for.

use kernel::{
    Result, Timestamp,
    id::{AccountId, AppId},
};

/// The provider whose tokens `JWT_SECRET` verifies.
pub const SUPABASE: &str = "supabase";

/// Somebody at a provider, and the account that is theirs here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which provider.
    pub provider: String,
    /// Who they are there.
    pub subject: String,
    /// In which app.
    pub app: Option<AppId>,
    /// Their account.
    pub account: AccountId,
    /// Since when.
    pub created_at: Timestamp,
}

/// Links of one database transaction.
pub trait LinkRepository {
    /// The account that is linked.
    fn linked_account(&mut self, app: Option<AppId>, provider: &str, subject: &str) -> Result<Option<AccountId>>;

    /// # Errors
    /// `conflict` when it is linked already.
    fn insert_link(&mut self, link: &Link) -> Result<()>;
}
