//! Mail, as `platform` sees it: what a letter says, and who carries it.

use std::{future::Future, pin::Pin};

use apps::{App, Color, LetterKind, TemplateWords};
use kernel::{Email, Locale, WebUrl};

/// A letter to somebody. The link or code in it opens an account, so that `Debug` shows none of it.
#[derive(Clone)]
pub struct Letter {
    /// What it is about.
    pub about: About,
    /// In which language it is written.
    pub locale: Locale,
    /// In whose name, and how it looks.
    pub brand: Brand,
    /// The app's own words for it, where it has some.
    pub template: Option<TemplateWords>,
}

/// What a letter is about.
#[derive(Clone)]
pub enum About {
    /// Prove that this address is yours.
    VerifyEmail {
        /// What to follow.
        link: String,
    },
    /// Choose another password.
    ResetPassword {
        /// What to follow.
        link: String,
    },
    /// Somebody tried to sign up with an address that has an account.
    AlreadySignedUp,
    /// Somebody is invited to an organization.
    Invitation {
        /// To what.
        organization: String,
        /// What to follow.
        link: String,
    },
    /// Sign in.
    MagicLink {
        /// What to follow.
        link: String,
    },
    /// Sign in.
    EmailCode {
        /// What to type.
        code: String,
    },
    /// Confirm that an account shall have this address.
    ChangeEmail {
        /// What to follow.
        link: String,
    },
    /// The account that had this address has another one.
    EmailChanged {
        /// What takes that back.
        link: String,
    },
    /// The same, where nobody had proven the address: it may be a stranger's, who takes nothing back.
    AddressLeft,
    /// An endpoint of an organization was switched off, because it failed for too long.
    WebhookDisabled {
        /// Whose endpoint.
        organization: String,
        /// Where it is: scheme, host and port, as more of the URL may be a secret.
        target: String,
    },
}

/// In whose name a letter is, and how it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    /// What the letter calls whom it comes from.
    pub name: String,
    /// The name beside the address that it comes from.
    pub from_name: String,
    /// A picture over the letter.
    pub logo: Option<WebUrl>,
    /// The colour of what is to be pressed.
    pub color: Option<Color>,
}

impl About {
    /// The letter as an app may word it; `None` for what is not an app's to word.
    #[must_use]
    pub fn letter(&self) -> Option<LetterKind> {
        match self {
            Self::VerifyEmail { .. } => Some(LetterKind::VerifyEmail),
            Self::ResetPassword { .. } => Some(LetterKind::ResetPassword),
            Self::AlreadySignedUp => Some(LetterKind::AlreadySignedUp),
            Self::Invitation { .. } => Some(LetterKind::Invitation),
            Self::MagicLink { .. } => Some(LetterKind::MagicLink),
            Self::EmailCode { .. } => Some(LetterKind::EmailCode),
            Self::ChangeEmail { .. } => Some(LetterKind::ChangeEmail),
            Self::EmailChanged { .. } => Some(LetterKind::EmailChanged),
            Self::AddressLeft => Some(LetterKind::AddressLeft),
            Self::WebhookDisabled { .. } => None,
        }
    }
}

impl Brand {
    /// A plain one of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), from_name: name.to_owned(), logo: None, color: None }
    }

    /// That of an app, or Fabric's own.
    #[must_use]
    pub fn of(app: Option<&App>) -> Self {
        let Some(app) = app else { return Self::named("Fabric") };
        let branding = &app.settings.branding;
        Self {
            from_name: branding.from_name.as_ref().unwrap_or(&app.name).as_str().to_owned(),
            logo: branding.logo_url.clone(),
            color: branding.color.clone(),
            ..Self::named(app.name.as_str())
        }
    }
}

impl Letter {
    /// What it is about, without what it says: for logs and counters.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about.letter().map_or("webhook_disabled", LetterKind::name)
    }

    /// What it wants followed.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        match &self.about {
            About::VerifyEmail { link }
            | About::ResetPassword { link }
            | About::Invitation { link, .. }
            | About::MagicLink { link }
            | About::ChangeEmail { link }
            | About::EmailChanged { link } => Some(link),
            About::AlreadySignedUp | About::AddressLeft | About::EmailCode { .. } | About::WebhookDisabled { .. } => {
                None
            }
        }
    }

    /// What it wants typed.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match &self.about {
            About::EmailCode { code } => Some(code),
            _ => None,
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
