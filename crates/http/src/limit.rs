//! How often somebody may call: by where they are, before anybody looks who they are, and by who they are after that.

use std::{fmt::Display, time::Duration};

use ::limits::{Category, Taken};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue},
    web::Data,
};
use kernel::{Code, Error, Result, Via, ip::network_of};

use crate::{
    Options,
    answer::Context,
    gate::{Access, peer},
};

// As in the IETF's draft on RateLimit header fields for HTTP, 05: what proxies and clients read so far.
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What a call of one route counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// By where it comes from.
    address: Option<Category>,
    /// By who calls, whatever they call with.
    caller: Option<Category>,
}

/// The quota that is told of: the one that ends first.
#[derive(Clone, Copy)]
struct Told(Taken);

impl Counted {
    /// What a route counts as, by its method, its path and what it asks.
    pub fn of(method: &str, path: &str, access: Access) -> Self {
        let address = match (method, path) {
            (
                "POST",
                "/v1/auth/login"
                | "/v1/auth/change-password"
                | "/v1/auth/reauthenticate"
                | "/v1/auth/reset-password"
                | "/v1/auth/magic-link/verify"
                | "/v1/auth/email-code/verify"
                | "/v1/auth/social/token"
                | "/v1/auth/passkey"
                | "/v1/me/email"
                | "/v1/me/passkeys/challenge",
            )
            | ("GET", "/v1/auth/social/{provider}")
            | (
                "DELETE",
                "/v1/me" | "/v1/auth/totp" | "/v1/me/social-connections/{provider}" | "/v1/me/passkeys/{passkey_id}",
            ) => Some(Category::SignIn),
            ("POST", "/v1/auth/magic-link" | "/v1/auth/email-code") => Some(Category::MagicLink),
            // Pages ask for one whenever they are shown.
            ("POST", "/v1/auth/passkey/challenge") => Some(Category::PasskeyChallenge),
            ("POST", "/v1/auth/mfa" | "/v1/auth/totp/enroll" | "/v1/auth/totp/verify" | "/v1/auth/totp/recovery") => {
                Some(Category::SecondFactor)
            }
            ("POST", "/v1/auth/signup") => Some(Category::SignUp),
            ("POST", "/v1/auth/forgot-password" | "/v1/auth/resend-verification") => Some(Category::ForgotPassword),
            _ if access == Access::Public && path.starts_with("/v1/") && !is_about_the_server(path) => {
                Some(Category::Public)
            }
            _ => None,
        };
        let caller = (method == "POST" && path.ends_with("/usage/records")).then_some(Category::Workflow);
        Self { address, caller }
    }

    /// Counts the address.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub async fn by_address(self, http: &HttpRequest) -> Result<()> {
        let Some(category) = self.address else { return Ok(()) };
        // One of IPv6 counts as its network of 64 bits, which is what one customer has at the least. Whose address nobody
        // knows came by no network.
        match peer(http).and_then(|address| network_of(address, 32, 64)) {
            Some(network) => count(http, category, network).await,
            None => Ok(()),
        }
    }

    /// Counts the caller, where there is one.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub async fn by_caller(self, http: &HttpRequest) -> Result<()> {
        let known = {
            let extensions = http.extensions();
            let principal = extensions.get::<Context>().and_then(|context| context.principal_id);
            principal.zip(extensions.get::<Via>().copied())
        };
        let Some((principal, via)) = known else { return Ok(()) };
        let category = self.caller.unwrap_or_else(|| category_of(via));
        count(http, category, principal).await
    }
}

/// What somebody's calls count as that no route counts as anything else, by what they show.
fn category_of(via: Via) -> Category {
    match via {
        Via::ApiKey(_) | Via::Client(_) | Via::App => Category::Agent,
        _ => Category::Standard,
    }
}

fn is_about_the_server(path: &str) -> bool {
    path == "/v1/health" || path.starts_with("/v1/system/")
}

async fn count(http: &HttpRequest, category: Category, who: impl Display) -> Result<()> {
    let Some(options) = http.app_data::<Data<Options>>() else { return Ok(()) };
    let Some(taken) = options.limits.take(category, who).await else { return Ok(()) };
    let tighter = http.extensions().get::<Told>().is_none_or(|Told(told)| taken.remaining <= told.remaining);
    if tighter {
        http.extensions_mut().insert(Told(taken));
    }
    match taken.wait {
        None => Ok(()),
        Some(wait) => {
            metrics::counter!("fabric_limited_total", "category" => category.name()).increment(1);
            Err(Error { retry_after: Some(wait), ..Error::new(Code::TooManyRequests) })
        }
    }
}

/// Tells the caller how much is left.
pub fn tell(http: &HttpRequest, response: &mut HttpResponse) {
    let Some(Told(taken)) = http.extensions().get::<Told>().copied() else { return };
    let limit = taken.quota.limit().get();
    let headers = response.headers_mut();
    headers.insert(LIMIT, limit.into());
    headers.insert(REMAINING, taken.remaining.into());
    headers.insert(RESET, seconds(taken.wait.unwrap_or(taken.reset)).into());
    if let Ok(policy) = HeaderValue::from_str(&format!("{limit};w={}", seconds(taken.quota.period()))) {
        headers.insert(POLICY, policy);
    }
}

/// Rounded up: who waits as long as they are told is let in.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes;

    #[test]
    fn routes_count_as_what_they_are_for() {
        let counted = |method: &str, path: &str| {
            let entries = routes::table();
            let entry = entries.iter().find(|entry| entry.method == *method && entry.path == path);
            let entry = entry.unwrap_or_else(|| panic!("{method} {path} is no route"));
            Counted::of(method, path, entry.access).address
        };
        for (path, category) in [
            ("/v1/auth/login", Category::SignIn),
            ("/v1/auth/change-password", Category::SignIn),
            ("/v1/auth/reauthenticate", Category::SignIn),
            ("/v1/me/email", Category::SignIn),
            ("/v1/me/passkeys/challenge", Category::SignIn),
            ("/v1/auth/reset-password", Category::SignIn),
            ("/v1/auth/magic-link/verify", Category::SignIn),
            ("/v1/auth/email-code/verify", Category::SignIn),
            ("/v1/auth/social/token", Category::SignIn),
            ("/v1/auth/passkey", Category::SignIn),
            ("/v1/auth/passkey/challenge", Category::PasskeyChallenge),
            ("/v1/auth/magic-link", Category::MagicLink),
            ("/v1/auth/email-code", Category::MagicLink),
            ("/v1/auth/signup", Category::SignUp),
            ("/v1/auth/mfa", Category::SecondFactor),
            ("/v1/auth/totp/verify", Category::SecondFactor),
            ("/v1/auth/totp/recovery", Category::SecondFactor),
            ("/v1/auth/forgot-password", Category::ForgotPassword),
            ("/v1/auth/resend-verification", Category::ForgotPassword),
            ("/v1/auth/token/refresh", Category::Public),
            ("/v1/oauth/token", Category::Public),
        ] {
            assert_eq!(counted("POST", path), Some(category), "{path}");
        }
        assert_eq!(counted("GET", "/v1/auth/social/{provider}"), Some(Category::SignIn));
        for free in ["/healthz", "/v1/health", "/readyz", "/metrics", "/v1/system/info", "/v1/me"] {
            assert_eq!(counted("GET", free), None, "{free}");
        }
    }

    #[test]
    fn something_falls_into_every_category_but_the_reserved_one() {
        let entries = routes::table();
        let counted = entries.iter().map(|entry| Counted::of(entry.method.as_str(), entry.path, entry.access));
        let mut reached: Vec<_> = counted.flat_map(|counted| [counted.address, counted.caller]).flatten().collect();
        reached.extend([category_of(Via::App), category_of(Via::Operator)]);
        let unreached: Vec<_> = Category::ALL.iter().filter(|category| !reached.contains(category)).collect();
        // Once a route calls models it belongs there: then say so in docs/rate-limits.md and docs/configuration.md.
        assert_eq!(unreached, [&Category::Ai]);
    }
}
