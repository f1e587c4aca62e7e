//! Mail, as `platform` sees it: what a letter says, and who carries it.

use std::{future::Future, pin::Pin};

use kernel::Email;
use serde::{Deserialize, Serialize};

/// What a letter is about. The links in it open accounts, so that a letter is sealed wherever it is kept, and `Debug`
/// shows none of it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Letter {
    /// Prove that this address is yours.
    VerifyEmail {
        /// In whose name.
        sender: String,
        /// What to follow.
        link: String,
    },
    /// Choose another password.
    ResetPassword {
        /// In whose name.
        sender: String,
        /// What to follow.
        link: String,
    },
    /// Somebody tried to sign up with an address that has an account.
    AlreadySignedUp {
        /// In whose name.
        sender: String,
    },
    /// Somebody is invited to an organization.
    Invitation {
        /// In whose name.
        sender: String,
        /// To what.
        organization: String,
        /// What to follow.
        link: String,
    },
}

impl Letter {
    /// In whose name it is sent: the app's, its organization's, or Fabric's own.
    #[must_use]
    pub fn sender(&self) -> &str {
        match self {
            Self::VerifyEmail { sender, .. }
            | Self::ResetPassword { sender, .. }
            | Self::AlreadySignedUp { sender }
            | Self::Invitation { sender, .. } => sender,
        }
    }

    /// What it is about, without what it says: for logs and counters.
    #[must_use]
    pub fn about(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "verify_email",
            Self::ResetPassword { .. } => "reset_password",
            Self::AlreadySignedUp { .. } => "already_signed_up",
            Self::Invitation { .. } => "invitation",
        }
    }
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter").field("about", &self.about()).finish_non_exhaustive()
    }
}

/// Why a letter did not go out.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Worth another try.
    #[error("not now: {0}")]
    NotNow(String),
    /// It will never go out.
    #[error("refused: {0}")]
    Refused(String),
}

/// What sending answers, some time later.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + 'a>>;

/// Carries letters.
pub trait Mailer: Send + Sync + 'static {
    /// Sends one letter, or says why not.
    fn send<'a>(&'a self, to: &'a Email, letter: &'a Letter) -> Sending<'a>;
}
