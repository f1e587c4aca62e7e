//! Tokens for apps: client credentials, token exchange, refresh, revocation.

use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use kernel::{Code, Error, ErrorKind, Result, Secret, id::PrincipalId, secret::ExposeSecret};
use platform::{AppToken, ClientCredentials, SignedInUser};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Done;
use crate::{
    answer::Answer,
    gate::{Anyone, Passerby, basic},
    request::{AnyBody, ForRequest, Input, Inputs},
};

/// What is granted for what.
#[derive(Deserialize, ToSchema)]
pub struct TokenRequest {
    /// `token_exchange` (or `urn:ietf:params:oauth:grant-type:token-exchange`), `client_credentials`, or
    /// `refresh_token`.
    grant_type: String,
    client_id: Option<String>,
    #[schema(value_type = Option<String>)]
    client_secret: Option<Secret>,
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret>,
    /// For an exchange: the user's id.
    subject_token: Option<String>,
    /// For an exchange: `urn:fabric:user_id`.
    subject_token_type: Option<String>,
}

/// A token.
#[derive(Serialize, ToSchema)]
pub struct TokenResponse {
    access_token: String,
    /// `bearer`.
    token_type: &'static str,
    /// How many seconds the access token lives.
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Separated by spaces; empty for everything that the principal may.
    scope: String,
    /// For an exchange (RFC 8693, 2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
}

const USER_ID: &str = "urn:fabric:user_id";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Grants a token. The client shows its secret in the body, or by HTTP Basic (RFC 6749, 2.3.1).
pub async fn token(
    caller: Anyone,
    (platform, basic, AnyBody { value: asked, .. }): (ForRequest, Basic, AnyBody<TokenRequest>),
) -> Result<Answer<TokenResponse>> {
    let granted = match asked.grant_type.as_str() {
        "client_credentials" => platform.app_token(client(&asked, basic)?).await?.into(),
        "refresh_token" => {
            let token = asked.refresh_token.ok_or_else(|| missing("refresh_token"))?;
            platform.refresh(&caller.door, token.expose_secret()).await.map_err(by_the_book)?.into()
        }
        "token_exchange" | "urn:ietf:params:oauth:grant-type:token-exchange" => {
            let credentials = client(&asked, basic)?;
            if asked.subject_token_type.as_deref() != Some(USER_ID) {
                return Err(Error::because(Code::InvalidRequest, format!("Give subject_token_type {USER_ID}.")));
            }
            let subject = asked.subject_token.ok_or_else(|| missing("subject_token"))?;
            // What is no id names nobody.
            let subject: PrincipalId = subject.parse().map_err(|_| Error::not_found())?;
            let exchanged = platform.exchange_token(credentials, subject).await?;
            TokenResponse { issued_token_type: Some(ACCESS_TOKEN), ..exchanged.into() }
        }
        _ => return Err(Error::new(Code::UnsupportedGrantType)),
    };
    Ok(Answer::ok(granted))
}

fn missing(field: &str) -> Error {
    Error::because(Code::InvalidRequest, format!("{field} is missing."))
}

/// RFC 6749, 5.2: a refresh token that is not good is `invalid_grant`.
fn by_the_book(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unauthenticated => Error::new(Code::InvalidGrant),
        _ => error,
    }
}

fn client(asked: &TokenRequest, Basic(basic): Basic) -> Result<ClientCredentials> {
    match (&asked.client_id, &asked.client_secret, basic) {
        (Some(client_id), Some(client_secret), None) => {
            Ok(ClientCredentials { client_id: client_id.clone(), client_secret: client_secret.clone() })
        }
        (client_id, None, Some(basic)) if client_id.as_ref().is_none_or(|id| *id == basic.client_id) => Ok(basic),
        (_, Some(_), Some(_)) => Err(Error::because(Code::InvalidRequest, "Show the client's secret once, not twice.")),
        _ => Err(Error::new(Code::InvalidClient)),
    }
}

impl From<AppToken> for TokenResponse {
    fn from(token: AppToken) -> Self {
        Self {
            access_token: token.access_token.expose_secret().to_owned(),
            token_type: "bearer",
            expires_in: token.expires_in,
            refresh_token: None,
            scope: token.scopes.join(" "),
            issued_token_type: None,
        }
    }
}

impl From<SignedInUser> for TokenResponse {
    fn from(signed_in: SignedInUser) -> Self {
        Self {
            access_token: signed_in.tokens.access_token.expose_secret().to_owned(),
            token_type: "bearer",
            expires_in: signed_in.tokens.expires_in,
            refresh_token: Some(signed_in.tokens.refresh_token.expose_secret().to_owned()),
            scope: String::new(),
            issued_token_type: None,
        }
    }
}

/// Client credentials in an `Authorization: Basic` header. Anything else there is left alone, as on every public route.
pub struct Basic(Option<ClientCredentials>);

impl actix_web::FromRequest for Basic {
    type Error = actix_web::Error;
    type Future = std::future::Ready<std::result::Result<Self, Self::Error>>;

    fn from_request(http: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        let value = http.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        std::future::ready(Ok(Self(value.and_then(basic))))
    }
}

impl Input for Basic {
    fn describe(_: &mut Inputs) {}
}

/// What to revoke.
#[derive(Deserialize, ToSchema)]
pub struct RevokeRequest {
    /// An access token or a refresh token.
    #[schema(value_type = String)]
    token: Secret,
}

/// Revokes a token. The same answer for every token (RFC 7009, 2.2).
pub async fn revoke(
    _: Passerby,
    (platform, AnyBody { value, .. }): (ForRequest, AnyBody<RevokeRequest>),
) -> Result<Answer<Done>> {
    platform.sign_out(value.token.expose_secret()).await?;
    Ok(Answer::ok(Done { message: "Revoked." }))
}
