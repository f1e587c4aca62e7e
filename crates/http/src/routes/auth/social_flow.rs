//! Sign-in at another provider, where Fabric itself goes there.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::header,
};
use identity::link::Provider;
use kernel::{Result, Secret, id::AppId, secret::ExposeSecret};
use platform::{Arrival, BrowserSecret, Callback, Departing, Departure, Platform, ShownSocialCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::AuthResponse;
use crate::{
    answer::{Answer, Described, NO_STORE, Reply},
    gate::{Anyone, Passerby},
    openapi::Schemas,
    request::{Body, Cookies, ForRequest, PathId, Query},
};

/// How an app sends somebody.
#[derive(Deserialize, IntoParams)]
pub struct DepartQuery {
    /// The app, by its client id; none is the platform itself.
    client_id: Option<String>,
    /// Where they go in the end: letter by letter one of the app's `redirect_urls`. The platform's own need not be given.
    redirect_uri: Option<String>,
    /// Comes back as it is.
    state: Option<String>,
    /// The SHA-256 of a secret of the app's, in Base64url (RFC 7636).
    code_challenge: Option<String>,
    /// `S256`.
    code_challenge_method: Option<String>,
}

/// What a provider sends somebody back with.
#[derive(Deserialize, IntoParams)]
pub struct ArriveQuery {
    /// What went along.
    state: String,
    /// The provider's code.
    #[param(value_type = Option<String>)]
    code: Option<Secret>,
    /// What the provider says instead of one.
    error: Option<String>,
    /// Who has sent them (RFC 9207).
    iss: Option<String>,
}

/// A browser on its way, with what it is to keep or to forget.
pub struct Away {
    to: String,
    cookie: Option<Cookie<'static>>,
}

impl Reply for Away {
    fn respond(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::SeeOther();
        response.insert_header((header::LOCATION, self.to));
        response.insert_header((header::REFERRER_POLICY, "no-referrer")).insert_header(NO_STORE);
        if let Some(cookie) = self.cookie {
            response.cookie(cookie);
        }
        response.finish()
    }

    fn describe(_: &mut Schemas) -> Described {
        Described::Raw("text/html")
    }
}

/// How long a browser keeps it, in seconds: as long as anybody may be away.
const KEPT: Duration = Duration::seconds(600);

/// One cookie for each way there: people have several pages open. It is sent along when the provider sends them back, which
/// a stricter one would not be; and with `__Host-` nobody but this very host can have set it (RFC 6265bis, 4.1.3).
fn cookie(platform: &Platform, name: &str, value: String) -> Cookie<'static> {
    let encrypted = platform.settings().public_base_url.starts_with("https://");
    let prefix = if encrypted { "__Host-" } else { "" };
    Cookie::build(format!("{prefix}fabric_social_{name}"), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(encrypted)
        .max_age(KEPT)
        .finish()
}

/// Sends somebody to a provider to sign in. What does not fit is told to the app where they go on to, once that is known to
/// be the app's.
pub async fn depart(
    _: Passerby,
    (platform, PathId(provider), Query(asked)): (ForRequest, PathId<Provider>, Query<DepartQuery>),
) -> Result<Away> {
    let Departure { to, keeps } = platform
        .depart_to_provider(Departing {
            provider,
            client_id: asked.client_id,
            redirect_uri: asked.redirect_uri,
            state: asked.state,
            code_challenge: asked.code_challenge,
            code_challenge_method: asked.code_challenge_method,
        })
        .await?;
    let kept = |secret: BrowserSecret| cookie(&platform, &secret.name, secret.value.expose_secret().to_owned());
    Ok(Away { to, cookie: keeps.map(kept) })
}

fn forgotten(platform: &Platform, name: &str) -> Cookie<'static> {
    let mut cookie = cookie(platform, name, String::new());
    cookie.make_removal();
    cookie
}

/// Takes somebody in who comes back from Google, GitHub or Microsoft, and sends them on to the platform's pages.
pub async fn arrive(
    _: Passerby,
    (platform, cookies, Query(brought)): (ForRequest, Cookies, Query<ArriveQuery>),
) -> Result<Away> {
    come_back(&platform, &cookies, Callback::Shared, brought).await
}

/// The same for another provider of the platform's, which has an address of its own.
pub async fn arrive_at_platform(
    _: Passerby,
    (platform, cookies, PathId(provider), Query(brought)): (ForRequest, Cookies, PathId<Provider>, Query<ArriveQuery>),
) -> Result<Away> {
    come_back(&platform, &cookies, Callback::Platform(provider), brought).await
}

/// The same for a provider of an app's: each has an address of its own.
pub async fn arrive_at_app(
    _: Passerby,
    (platform, cookies, PathId(app), PathId(provider), Query(brought)): (
        ForRequest,
        Cookies,
        PathId<AppId>,
        PathId<Provider>,
        Query<ArriveQuery>,
    ),
) -> Result<Away> {
    come_back(&platform, &cookies, Callback::App(app, provider), brought).await
}

async fn come_back(platform: &Platform, cookies: &Cookies, callback: Callback, brought: ArriveQuery) -> Result<Away> {
    let state = Secret::from(brought.state);
    let forgotten = forgotten(platform, &platform.browser_secret_name(&state));
    let browser = cookies.get(forgotten.name()).map(Secret::from);
    let arrival = Arrival { callback, state, browser, code: brought.code, error: brought.error, issuer: brought.iss };
    let Departure { to, .. } = platform.arrive_from_provider(arrival).await?;
    Ok(Away { to, cookie: Some(forgotten) })
}

/// The code that an app was handed.
#[derive(Deserialize, ToSchema)]
pub struct SocialTokenRequest {
    #[schema(value_type = String)]
    code: Secret,
    /// What `code_challenge` was made of: 43 to 128 letters, digits, `-`, `.`, `_` and `~`.
    #[schema(value_type = String)]
    code_verifier: Secret,
    /// Where the code was handed over.
    redirect_uri: String,
}

/// Redeems the code of who came back.
pub async fn redeem(
    caller: Anyone,
    (platform, Body(shown)): (ForRequest, Body<SocialTokenRequest>),
) -> Result<Answer<AuthResponse>> {
    let redeemed = platform.redeem_social_code(ShownSocialCode {
        door: caller.door,
        code: shown.code,
        code_verifier: shown.code_verifier,
        redirect_uri: shown.redirect_uri,
        client: caller.client,
    });
    Ok(Answer::ok(redeemed.await?.into()))
}
