use kernel::{Email, Result, Secret};
use platform::AnsweredChallenge;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{super::passkeys::PasskeyChallenge, AuthResponse};
use crate::{
    answer::Answer,
    gate::Anyone,
    request::{Body, ForRequest, OptionalBody},
};

/// Who wants to sign in, if they say so.
#[derive(Default, Deserialize, ToSchema)]
pub struct PasskeyChallengeRequest {
    /// Without it, whoever's passkey the device has.
    email: Option<String>,
}

/// Begins a sign-in with a passkey. For every address the answer is of the same form and length.
pub async fn challenge(
    caller: Anyone,
    (platform, OptionalBody(asked)): (ForRequest, OptionalBody<PasskeyChallengeRequest>),
) -> Result<Answer<PasskeyChallenge>> {
    let email = asked.email.as_deref().map(Email::parse).transpose()?;
    Ok(Answer::ok(platform.begin_passkey_sign_in(caller.door, email).await?.into()))
}

/// What a passkey has signed.
#[derive(Deserialize, ToSchema)]
pub struct PasskeySignInRequest {
    #[schema(value_type = String)]
    challenge_id: Secret,
    /// What `toJSON()` of the browser's credential says.
    #[schema(value_type = Object)]
    credential: Map<String, Value>,
}

/// Signs a user in with a passkey.
pub async fn sign_in(
    caller: Anyone,
    (platform, Body(shown)): (ForRequest, Body<PasskeySignInRequest>),
) -> Result<Answer<AuthResponse>> {
    let answered = AnsweredChallenge { id: shown.challenge_id, credential: shown.credential.into() };
    Ok(Answer::ok(platform.sign_in_by_passkey(&caller.door, answered, caller.client).await?.into()))
}
