//! How often somebody may call, as it is configured.

use std::time::Duration;

use ::limits::{Category, Limits, Quota, Quotas};
use http::TrustedProxies;
use kernel::Result;

use crate::config::Config;

/// What quotas are counted in.
const MINUTE: Duration = Duration::from_mins(1);
/// How often an address may try what costs a password hash, a mail or a guess, where nobody says: that is enough for
/// people, and for several of them behind one address.
const USUAL: u32 = 20;
/// The same for challenges that passkeys answer: a page asks for one each time that it is shown, and one costs a row.
const CHALLENGES: u32 = 120;

/// The counters. In development nothing is limited that nobody limits.
///
/// # Errors
/// `invalid_setting` for a Redis that is none.
pub fn limits(config: &Config) -> Result<Limits> {
    let wanted = &config.limits;
    let (usual, challenges) = if config.development() { (0, 0) } else { (USUAL, CHALLENGES) };
    let quotas = Category::ALL.iter().fold(Quotas::default(), |quotas, category| {
        let a_minute = match category {
            Category::SignIn => wanted.sign_in.unwrap_or(usual),
            Category::SignUp => wanted.sign_up.unwrap_or(usual),
            Category::ForgotPassword => wanted.forgot_password.unwrap_or(usual),
            Category::MagicLink => wanted.magic_link.unwrap_or(usual),
            Category::PasskeyChallenge => wanted.passkey_challenge.unwrap_or(challenges),
            Category::SecondFactor => wanted.second_factor.unwrap_or(usual),
            Category::Public => wanted.public,
            Category::Standard => wanted.standard,
            Category::Agent => wanted.agent,
            Category::Ai => wanted.ai,
            Category::Workflow => wanted.workflow,
        };
        quotas.with(*category, Quota::new(a_minute, MINUTE))
    });
    match &wanted.redis_url {
        None => Ok(Limits::in_memory(quotas)),
        #[cfg(feature = "redis")]
        Some(url) => Limits::in_redis(quotas, url)
            .map_err(|_| config.wrong("limits.redis_url", "give the URL of a Redis, such as redis://127.0.0.1:6379/0")),
        #[cfg(not(feature = "redis"))]
        Some(_) => Err(config.wrong("limits.redis_url", "this binary was built without the feature redis")),
    }
}

/// The proxies whose word is taken.
///
/// # Errors
/// `invalid_setting` for what is no network.
pub fn trusted_proxies(config: &Config) -> Result<TrustedProxies> {
    TrustedProxies::parse(config.server.trusted_proxies.iter().map(String::as_str))
        .ok_or_else(|| config.wrong("server.trusted_proxies", "give networks such as 10.0.0.0/8"))
}
