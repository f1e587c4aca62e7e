//! Sign-in at other providers, where Fabric is the relying party: OpenID Connect by discovery, and GitHub's own way. What
//! is sent goes through [`outbound`] alone: addresses that apps have chosen lead nowhere that is not theirs to choose.

mod discovery;
mod github;
mod relying_party;
mod transport;

use std::time::Duration;

use apps::ProviderKind;
use kernel::{Result, Secret};
use outbound::{Client, Limits, Networks};
use platform::identity_providers::{
    Asking, Brought, Identified, IdentityProviders, Registration, Ticket, Unidentified,
};
use tokio::time::timeout;

use crate::{discovery::Discovery, transport::Transport};

/// How long one of a provider's answers is waited for.
const LIMITS: Limits = Limits { whole: Duration::from_secs(4), connect: Duration::from_secs(2) };

/// How long somebody waits for a provider in all: for its documents, its tokens and who they are.
const PATIENCE: Duration = Duration::from_secs(8);

/// Speaks with providers.
pub struct Providers {
    transport: Transport,
    discovery: Discovery,
}

impl Providers {
    /// Reaches what is public, and the networks that are allowed besides. Without TLS only the latter, unless the open is
    /// no worse a place (`plain`): then everything.
    ///
    /// # Errors
    /// `invalid_setting` when TLS does not start, or the name servers of this machine are not known.
    pub fn new(allowed: Networks, plain: bool) -> Result<Self> {
        let transport = Transport::new(Client::new(allowed, plain, LIMITS)?);
        Ok(Self { transport, discovery: Discovery::default() })
    }
}

impl IdentityProviders for Providers {
    fn authorization_url<'a>(
        &'a self,
        at: &'a Registration,
        ticket: &'a Ticket,
        state: &'a Secret,
    ) -> Asking<'a, String> {
        Box::pin(in_time(async move {
            match at.provider.kind {
                ProviderKind::Github => github::authorization_url(at, ticket, state),
                ProviderKind::Google | ProviderKind::Microsoft | ProviderKind::Oidc => {
                    let issuer = self.discovery.issuer(&self.transport, &at.provider).await?;
                    relying_party::authorization_url(&issuer, at, ticket, state)
                }
            }
        }))
    }

    fn identify<'a>(&'a self, at: &'a Registration, ticket: &'a Ticket, brought: Brought) -> Asking<'a, Identified> {
        Box::pin(in_time(async move {
            match at.provider.kind {
                ProviderKind::Github => github::identify(&self.transport, at, ticket, brought).await,
                ProviderKind::Google | ProviderKind::Microsoft | ProviderKind::Oidc => {
                    relying_party::identify(&self.transport, &self.discovery, at, ticket, brought).await
                }
            }
        }))
    }
}

async fn in_time<T>(asking: impl Future<Output = Asked<T>>) -> Asked<T> {
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err(unavailable("it takes too long")))
}

type Asked<T> = std::result::Result<T, Unidentified>;

fn unavailable(why: impl Into<String>) -> Unidentified {
    Unidentified::Unavailable(why.into())
}

fn refused(why: impl Into<String>) -> Unidentified {
    Unidentified::Refused(why.into())
}
