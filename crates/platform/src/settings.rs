//! What an operator decides for the whole server.

use apps::AppSettings;
use identity::password::HashCost;
use kernel::Secret;

/// Where the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// On somebody's own machine: shortcuts are open to loopback.
    Development,
    /// Anywhere else.
    Production,
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
    /// `FABRIC_DEVELOPER_SIGNUP`: whether strangers may make platform accounts.
    pub developer_sign_up: bool,
    /// `FABRIC_BOOTSTRAP_TOKEN`: what the first administrator shows in production.
    pub bootstrap_token: Option<Secret>,
    /// How much work a password hash is.
    pub hash_cost: HashCost,
    /// Whether there is anybody to carry mail.
    pub mail: bool,
}

impl Settings {
    /// Whether the development shortcuts exist at all.
    #[must_use]
    pub fn development(&self) -> bool {
        self.environment == Environment::Development
    }

    /// The `iss` of our tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.public_base_url.clone()
    }

    /// How the platform itself behaves as an app of developers.
    #[must_use]
    pub fn of_the_platform(&self) -> AppSettings {
        AppSettings { open_sign_up: self.developer_sign_up, ..AppSettings::default() }
    }
}
