use identity::password::Password;
use kernel::{Email, Result, Secret};
use platform::SignIn;
use serde::Deserialize;
use utoipa::ToSchema;

use super::AuthResponse;
use crate::{
    answer::Answer,
    gate::Anyone,
    request::{Body, ForRequest},
};

/// Who signs in.
#[derive(Deserialize, ToSchema)]
pub struct LoginRequest {
    email: String,
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// Signs a user in.
pub async fn login(
    caller: Anyone,
    (platform, Body(shown)): (ForRequest, Body<LoginRequest>),
) -> Result<Answer<AuthResponse>> {
    let signed_in = platform.sign_in(SignIn {
        door: caller.door,
        email: Email::parse(&shown.email)?,
        password: Password::attempt(shown.password)?,
        client: caller.client,
    });
    Ok(Answer::ok(signed_in.await?.into()))
}
