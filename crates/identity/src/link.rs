//! Links to identities that other providers vouch for.

use std::{fmt, str::FromStr};

use kernel::{
    Error, Result, Timestamp,
    id::{AccountId, AppId, Id},
};

/// The provider whose tokens `JWT_SECRET` verifies.
pub const SUPABASE: &str = "supabase";

/// A provider, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider(String);

impl Provider {
    /// The same as apps that vouch may have written it.
    #[must_use]
    pub fn in_lower_case(&self) -> Self {
        Self(self.0.to_ascii_lowercase())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Provider {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fits = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-' | b'.');
        // Those two are no segments of a path: a browser leaves them out of the address that a provider sends it to.
        let is_segment = !matches!(text, "." | "..");
        if (1..=100).contains(&text.len()) && text.bytes().all(fits) && is_segment {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::not_found())
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Id for Provider {
    const PARAMETER: &'static str = "provider";
    const IS_UUID: bool = false;
}

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

    /// Whom an account is linked to, by provider.
    fn links_of(&mut self, account: AccountId) -> Result<Vec<Link>>;

    /// Severs what links an account to a provider; tells whether there was anything.
    fn sever(&mut self, account: AccountId, provider: &str, now: Timestamp) -> Result<bool>;

    /// Links; a link that was severed is tied anew.
    ///
    /// # Errors
    /// `conflict` when it is linked already.
    fn insert_link(&mut self, link: &Link) -> Result<()>;
}
