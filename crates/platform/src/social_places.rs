//! Where providers are, and where they send people back to.

use apps::{AppProvider, SocialProvider};
use identity::link::Provider;
use kernel::{Error, Result, id::AppId};
use serde::{Deserialize, Serialize};

use crate::{Door, OwnProvider, Platform, Settings, identity_providers::Registration};

/// Where a provider sends people back to. Each has an address of its own, so that none of them can have brought to it what
/// another one has issued (RFC 9700, 4.4.2.2). Only those of the platform's that everybody knows share one: none of them
/// is an attacker's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callback {
    /// To where Google, GitHub and Microsoft themselves send those who sign in to the platform.
    Shared,
    /// To where another provider sends those.
    Platform(Provider),
    /// To where an app's provider sends its users.
    App(AppId, Provider),
}

impl Callback {
    /// What its state is bound to.
    pub(crate) fn bound(&self) -> (Option<AppId>, Option<&str>) {
        match self {
            Self::Shared => (None, None),
            Self::Platform(provider) => (None, Some(provider.as_str())),
            Self::App(app, provider) => (Some(*app), Some(provider.as_str())),
        }
    }
}

/// Which provider it is, and who Fabric is there: what somebody was sent to is what they come back from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whereabouts {
    kind: String,
    url: String,
    client_id: String,
}

impl Whereabouts {
    pub fn of(provider: &SocialProvider) -> Self {
        Self {
            kind: provider.kind.as_str().to_owned(),
            url: provider.url.as_str().to_owned(),
            client_id: provider.client_id.clone(),
        }
    }
}

impl Settings {
    /// The platform's own provider of that name.
    pub(crate) fn own_provider(&self, name: &Provider) -> Option<&OwnProvider> {
        self.social_providers.iter().find(|own| own.name == name.as_str())
    }
}

impl Platform {
    /// The address that is registered at a provider.
    #[must_use]
    pub fn social_callback_url(&self, callback: &Callback) -> String {
        let base = &self.settings().public_base_url;
        match callback {
            Callback::Shared => format!("{base}/v1/auth/callback"),
            Callback::Platform(provider) => format!("{base}/v1/auth/callback/{provider}"),
            Callback::App(app, provider) => format!("{base}/v1/auth/callback/{app}/{provider}"),
        }
    }

    /// The provider of that name at a door, and where it sends people back to.
    ///
    /// # Errors
    /// `not_found`.
    pub(crate) async fn registration(&self, door: &Door, name: &Provider) -> Result<(Registration, Callback)> {
        let (provider, secret, callback) = match door.app() {
            None => {
                let own = self.settings().own_provider(name).cloned().ok_or_else(Error::not_found)?;
                let shares = own.provider.is_well_known();
                let callback = if shares { Callback::Shared } else { Callback::Platform(name.clone()) };
                (own.provider, own.secret, callback)
            }
            Some(app) => {
                let wanted = name.clone();
                let found = self.store().read(move |tx| tx.social_provider(app, wanted.as_str())).await?;
                let AppProvider { provider, secret, name: place, .. } = found.ok_or_else(Error::not_found)?;
                let secret = self.keys().sealing.open(&secret, &AppProvider::place(app, &place))?;
                (provider, secret, Callback::App(app, name.clone()))
            }
        };
        let redirect_uri = self.social_callback_url(&callback);
        Ok((Registration { provider, secret, redirect_uri }, callback))
    }
}
