//! What an operator decides for the whole server.

use std::time::Duration;

use apps::{AppSettings, Mfa, Origin, PasskeySettings, SocialProvider};
use identity::{SigningAlgorithm, password::HashCost};
use kernel::{Secret, WebUrl};

use crate::MailLimits;

/// Where the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// On somebody's own machine: shortcuts are open to loopback.
    Development,
    /// Anywhere else.
    Production,
}

/// A provider that people may sign in at to the platform itself.
#[derive(Clone, Debug)]
pub struct OwnProvider {
    /// What it is called in paths and links.
    pub name: String,
    /// Where it is.
    pub provider: SocialProvider,
    /// The client secret.
    pub secret: Secret,
}

/// What an operator decides for the whole server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the server runs.
    pub environment: Environment,
    /// `PUBLIC_BASE_URL`, without a slash at the end: links in mails begin with it, and it names the issuer of tokens.
    pub public_base_url: String,
    /// `AUTH_SITE_URL`: where people are sent after they followed a link, unless their app has a site of its own.
    pub site_url: Option<String>,
    /// `FABRIC_INVITE_REDIRECT_URL`: where people are sent after they followed the link of an invitation, unless their app
    /// has a site of its own.
    pub invite_redirect_url: Option<WebUrl>,
    /// `AUTH_CALLBACK_REDIRECT_URL`: where people are sent who signed in to the platform itself at another provider.
    pub callback_redirect_url: Option<WebUrl>,
    /// Where people may sign in to the platform itself.
    pub social_providers: Vec<OwnProvider>,
    /// `FABRIC_DEVELOPER_SIGNUP`: whether strangers may make platform accounts.
    pub developer_sign_up: bool,
    /// `FABRIC_MFA`: whether whoever signs in to the platform itself shows a second factor.
    pub mfa: Mfa,
    /// `FABRIC_BOOTSTRAP_TOKEN`: what the first administrator shows in production.
    pub bootstrap_token: Option<Secret>,
    /// `JWT_EMAILS_VERIFIED`: whether the issuer of `JWT_SECRET`'s tokens lets nobody in before they proved their address.
    /// Nothing in such a token says so that its bearer could not have written.
    pub external_emails_verified: bool,
    /// `FABRIC_AUDIT_RETENTION_DAYS`: for how long the ledger keeps what happened; for ever without.
    pub audit_retention: Option<Duration>,
    /// Whether endpoints may be made that are reached without TLS: where `FABRIC_WEBHOOK_ALLOW_NETS` names networks of
    /// the operator's own, and in development.
    pub plain_webhooks: bool,
    /// `FABRIC_WEBHOOK_DISABLE_AFTER_HOURS`: after how long of failing an endpoint is switched off; never without.
    pub webhook_disable_after: Option<Duration>,
    /// `FABRIC_WEBHOOK_DELIVERIES_DAYS`: for how long it is kept how deliveries went that are done, and
    /// what waits for endpoints that are not active.
    pub webhook_deliveries_kept: Duration,
    /// `FABRIC_MAILS_PER_RECIPIENT`, `FABRIC_MAILS_PER_IP`: how many mails may be asked for.
    pub mail_limits: MailLimits,
    /// `FABRIC_TOKEN_ALGORITHM`: with what kind of key access tokens are signed; with `OAUTH_SIGNING_SECRET` (HS256)
    /// without.
    pub token_algorithm: Option<SigningAlgorithm>,
    /// `FABRIC_TOKEN_KEY_ROTATION_DAYS`: for how long a key signs; until the operator rotates it without.
    pub token_key_rotation: Option<Duration>,
    /// `FABRIC_TOKEN_RSA_BITS`: how many bits a new RSA key has, 2048 or more.
    pub token_rsa_bits: u32,
    /// How much work a password hash is.
    pub hash_cost: HashCost,
}

impl Settings {
    /// Whether this is development.
    #[must_use]
    pub fn development(&self) -> bool {
        self.environment == Environment::Development
    }

    /// Whether the development header exists at all: not where the server is known by a name that others can reach.
    #[must_use]
    pub fn shortcuts(&self) -> bool {
        let (_, rest) = self.public_base_url.split_once("://").unwrap_or_default();
        let here = ["localhost", "127.0.0.1", "[::1]"]
            .iter()
            .any(|name| rest.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
        self.development() && here
    }

    /// The `iss` of our tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.public_base_url.clone()
    }

    /// How the platform itself behaves as an app of developers.
    #[must_use]
    pub fn of_the_platform(&self) -> AppSettings {
        // For the pages that developers sign in on. Where they have no domain, there are no passkeys.
        let site = self.site_url.as_deref().unwrap_or(&self.public_base_url);
        let origins = Origin::of_url(site).into_iter().collect();
        let passkeys = PasskeySettings { enabled: true, origins, ..PasskeySettings::default() };
        let enabled = matches!(passkeys.relying_party(None), Ok(Some(_)));
        AppSettings {
            open_sign_up: self.developer_sign_up,
            mfa: self.mfa,
            passkeys: PasskeySettings { enabled, ..passkeys },
            ..AppSettings::default()
        }
    }
}
