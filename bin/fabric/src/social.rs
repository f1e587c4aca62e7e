//! Sign-in at other providers, as it is configured.

use std::sync::Arc;

use apps::{ProviderKind, ProviderPlace, SocialProvider, social_provider::check_client_secret};
use identity::link::{Provider, SUPABASE};
use kernel::{Result, Secret};
use platform::{OwnProvider, identity_providers::IdentityProviders};

use crate::config::Config;

/// Who speaks with providers. They are reached as receivers of webhooks are: what is public, and what is allowed besides.
///
/// # Errors
/// `invalid_setting`.
#[cfg(feature = "oidc")]
pub fn providers(config: &Config) -> Result<Option<Arc<dyn IdentityProviders>>> {
    let reachable = crate::start::reachable(config)?;
    Ok(Some(Arc::new(oidc::Providers::new(reachable, config.development())?)))
}

/// Nobody, in a binary that was built without the feature `oidc`.
#[cfg(not(feature = "oidc"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it may fail")]
pub fn providers(_: &Config) -> Result<Option<Arc<dyn IdentityProviders>>> {
    Ok(None)
}

/// Where people may sign in to the platform itself.
///
/// # Errors
/// `invalid_setting` for one of which something is missing or makes no sense.
pub fn of_the_platform(config: &Config) -> Result<Vec<OwnProvider>> {
    let auth = &config.auth;
    let name = auth.oidc_name.parse::<Provider>().ok();
    let name = name.filter(|name| name.as_str() != SUPABASE && name.as_str() == auth.oidc_name.to_ascii_lowercase());
    let name = name.ok_or_else(|| config.wrong("auth.oidc_name", "give a name in lower case, such as okta"))?;
    let name = name.as_str();
    if auth.oidc_issuer.is_some() && ["google", "github", "microsoft"].contains(&name) {
        return Err(config.wrong("auth.oidc_name", "this is another provider's name"));
    }
    let tenant = Some(auth.microsoft_tenant.as_str());
    let none = ProviderPlace::default();
    let issuer = ProviderPlace { issuer: auth.oidc_issuer.as_deref(), ..none };
    let google = Given {
        name: "google",
        kind: ProviderKind::Google,
        place: none,
        client_id: ("auth.google_client_id", auth.google_client_id.as_deref()),
        secret: ("auth.google_client_secret", auth.google_client_secret.as_ref()),
    };
    let github = Given {
        name: "github",
        kind: ProviderKind::Github,
        place: none,
        client_id: ("auth.github_client_id", auth.github_client_id.as_deref()),
        secret: ("auth.github_client_secret", auth.github_client_secret.as_ref()),
    };
    let microsoft = Given {
        name: "microsoft",
        kind: ProviderKind::Microsoft,
        place: ProviderPlace { tenant, ..none },
        client_id: ("auth.microsoft_client_id", auth.microsoft_client_id.as_deref()),
        secret: ("auth.microsoft_client_secret", auth.microsoft_client_secret.as_ref()),
    };
    let other = Given {
        name,
        kind: ProviderKind::Oidc,
        place: issuer,
        client_id: ("auth.oidc_client_id", auth.oidc_client_id.as_deref()),
        secret: ("auth.oidc_client_secret", auth.oidc_client_secret.as_ref()),
    };
    [google, github, microsoft, other].into_iter().filter_map(|given| given.provider(config).transpose()).collect()
}

/// A provider as far as it is given, with the names of the settings.
struct Given<'a> {
    name: &'a str,
    kind: ProviderKind,
    place: ProviderPlace<'a>,
    client_id: (&'static str, Option<&'a str>),
    secret: (&'static str, Option<&'a Secret>),
}

impl Given<'_> {
    /// `None` where nothing is given.
    fn provider(self, config: &Config) -> Result<Option<OwnProvider>> {
        let (client_id, secret) = match (self.client_id, self.secret, self.place.issuer) {
            ((_, None), (_, None), None) => return Ok(None),
            ((_, Some(client_id)), (_, Some(secret)), _) => (client_id, secret),
            ((key, None), ..) | (_, (key, None), _) => {
                return Err(config.wrong(key, format!("it is missing: without it nobody signs in at {}", self.name)));
            }
        };
        check_client_secret(secret).map_err(|_| config.wrong(self.secret.0, "give a client secret"))?;
        let provider = SocialProvider::new(self.kind, self.place, client_id, &[]);
        let provider = provider.map_err(|error| config.wrong(self.client_id.0, error.message))?;
        if !provider.is_encrypted() && !config.development() {
            return Err(config.wrong("auth.oidc_issuer", "give an https URL: the secret is sent there"));
        }
        Ok(Some(OwnProvider { name: self.name.to_owned(), provider, secret: secret.clone() }))
    }
}
