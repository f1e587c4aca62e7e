//! Refused sign-ins, for whoever watches over the server: a line in the log under a target of its own, and a counter.

use actix_web::{HttpRequest, HttpResponse};
use kernel::Code;

use crate::gate::peer;

/// What an answer that went wrong says.
#[derive(Clone, Copy)]
pub struct Refused(pub Code);

/// What the paths of those routes begin with where somebody gets in, or changes how they do.
const WAYS_IN: [&str; 5] =
    ["/v1/auth/", "/v1/oauth/token", "/v1/me/email", "/v1/me/passkeys", "/v1/me/social-connections"];

/// Notes a refusal on one of those routes. Who it was about is not told: addresses that somebody guesses are nobody's to
/// keep, and of those that there are the ledger tells. Where it came from is.
pub fn note(http: &HttpRequest, response: &mut HttpResponse, request_id: &str, method: &str, route: &'static str) {
    // Whoever deletes themselves shows a password, which may be a guess.
    let is_way_in = (method, route) == ("DELETE", "/v1/me") || WAYS_IN.iter().any(|way| route.starts_with(way));
    if !response.status().is_client_error() || !is_way_in {
        return;
    }
    let Some(Refused(code)) = response.extensions().get::<Refused>().copied() else { return };
    // The first half of a sign-in that goes well.
    if matches!(code, Code::MfaRequired | Code::MfaEnrollmentRequired) {
        return;
    }
    let (code, address) = (code.as_str(), peer(http).map(tracing::field::display));
    tracing::warn!(target: "fabric::security", request_id, method, route, code, address, "a sign-in was refused");
    metrics::counter!("fabric_sign_in_refusals_total", "route" => route, "code" => code).increment(1);
}
