//! Providers that people sign in at, as `platform` sees them: where somebody is sent, and who has come back.

use std::{future::Future, pin::Pin};

use apps::SocialProvider;
use kernel::Secret;

/// A provider, and how Fabric shows there that it is Fabric.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The provider.
    pub provider: SocialProvider,
    /// The client secret.
    pub secret: Secret,
    /// Where people are sent back to.
    pub redirect_uri: String,
}

/// What goes along with somebody to a provider, each for one use.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Comes back in the ID token (OpenID Connect Core 1.0, 3.1.2.1).
    pub nonce: Secret,
    /// Goes there with the code; its hash before it (RFC 7636).
    pub code_verifier: Secret,
}

/// What somebody has brought back.
#[derive(Clone, Debug)]
pub struct Brought {
    /// The provider's code.
    pub code: Secret,
    /// Who says that it has sent them (RFC 9207).
    pub issuer: Option<String>,
}

/// Who somebody is, as a provider says.
#[derive(Clone, Debug)]
pub struct Identified {
    /// Who they are there: it never changes.
    pub subject: String,
    /// Their address there.
    pub email: Option<String>,
    /// Whether the provider has proven it.
    pub email_verified: bool,
    /// What they are called.
    pub name: Option<String>,
    /// A picture of them.
    pub picture: Option<String>,
}

/// Why a provider's word is not taken. What it says is for the log: nothing of it comes from a token, an address or a
/// secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unidentified {
    /// The provider does not answer, or answers something else.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// It says no, or what it says does not hold.
    #[error("refused: {0}")]
    Refused(String),
}

/// What asking comes to, some seconds later.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unidentified>> + Send + 'a>>;

/// Speaks with providers. Nothing of it takes longer than some seconds.
pub trait IdentityProviders: Send + Sync + 'static {
    /// Where to send somebody, so that they come back with this state.
    fn authorization_url<'a>(
        &'a self,
        at: &'a Registration,
        ticket: &'a Ticket,
        state: &'a Secret,
    ) -> Asking<'a, String>;

    /// Who it is that has come back.
    fn identify<'a>(&'a self, at: &'a Registration, ticket: &'a Ticket, brought: Brought) -> Asking<'a, Identified>;
}
