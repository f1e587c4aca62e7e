use kernel::{Code, Error, Result, Secret};
use platform::{ChallengeShown, ShownFactor};
use serde::Deserialize;
use utoipa::ToSchema;

use super::AuthResponse;
use crate::{
    answer::Answer,
    gate::Anyone,
    request::{Body, ForRequest},
};

/// The second step of a sign-in: either a code or a recovery code.
#[derive(Deserialize, ToSchema)]
pub struct MfaRequest {
    /// From the `details` of `mfa_required`.
    #[schema(value_type = String)]
    challenge_token: Secret,
    /// Six digits of the authenticator app.
    #[schema(value_type = Option<String>)]
    code: Option<Secret>,
    #[schema(value_type = Option<String>)]
    recovery_code: Option<Secret>,
}

/// Shows the second factor that a sign-in waits for.
pub async fn meet(
    caller: Anyone,
    (platform, Body(shown)): (ForRequest, Body<MfaRequest>),
) -> Result<Answer<AuthResponse>> {
    let missing = || Error::because(Code::InvalidRequest, "Give code or recovery_code.");
    let factor = factor(shown.code, shown.recovery_code)?.ok_or_else(missing)?;
    let held = ChallengeShown { door: caller.door, client: caller.client, token: shown.challenge_token };
    Ok(Answer::ok(platform.meet_challenge(held, factor).await?.into()))
}

/// The one that is given of the two.
///
/// # Errors
/// `invalid_request` for both.
pub(in crate::routes) fn factor(code: Option<Secret>, recovery_code: Option<Secret>) -> Result<Option<ShownFactor>> {
    match (code, recovery_code) {
        (Some(_), Some(_)) => Err(Error::because(Code::InvalidRequest, "Give code or recovery_code, not both.")),
        (Some(code), None) => Ok(Some(ShownFactor::Code(code))),
        (None, Some(code)) => Ok(Some(ShownFactor::RecoveryCode(code))),
        (None, None) => Ok(None),
    }
}
