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

/// What is known of somebody at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// This account is theirs.
    To(AccountId),
    /// The account that was theirs was deleted then: what the provider issued before does not bring it back.
    Severed(Timestamp),
}

/// Links of one database transaction.
pub trait LinkRepository {
    /// What is known of somebody at a provider.
    fn linked(&mut self, app: Option<AppId>, provider: &str, subject: &str) -> Result<Option<Linked>>;

    /// Links; a link that was severed is tied anew.
    ///
    /// # Errors
    /// `conflict` when it is linked already.
    fn insert_link(&mut self, link: &Link) -> Result<()>;
}
