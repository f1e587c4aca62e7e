use authz::SignedIn;
use kernel::{Result, Secret, secret::ExposeSecret};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AuthResponse, Done};
use crate::{
    answer::Answer,
    gate::{Anyone, Passerby},
    request::{Body, ForRequest, LenientBody},
};

/// What to end.
#[derive(Default, Deserialize, ToSchema)]
pub struct LogoutRequest {
    /// The access token, expired or not.
    #[schema(value_type = Option<String>)]
    access_token: Option<Secret>,
    /// Or the refresh token.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret>,
}

/// Ends the session of a token. The same answer whatever is sent.
pub async fn logout(
    _: Passerby,
    (platform, LenientBody(shown)): (ForRequest, LenientBody<LogoutRequest>),
) -> Result<Answer<Done>> {
    for token in [shown.access_token, shown.refresh_token].into_iter().flatten() {
        platform.sign_out(token.expose_secret()).await?;
    }
    Ok(Answer::ok(Done { message: "Signed out." }))
}

/// Ends every session of the caller.
pub async fn logout_all(caller: SignedIn, platform: ForRequest) -> Result<Answer<Done>> {
    platform.sign_out_everywhere(caller).await?;
    Ok(Answer::ok(Done { message: "Signed out everywhere." }))
}

/// What to spend.
#[derive(Deserialize, ToSchema)]
pub struct RefreshRequest {
    #[schema(value_type = String)]
    refresh_token: Secret,
}

/// Spends a refresh token for a new pair.
pub async fn refresh(
    caller: Anyone,
    (platform, Body(shown)): (ForRequest, Body<RefreshRequest>),
) -> Result<Answer<AuthResponse>> {
    let signed_in = platform.refresh(&caller.door, shown.refresh_token.expose_secret()).await?;
    Ok(Answer::ok(signed_in.into()))
}
