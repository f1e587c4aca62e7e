use identity::password::Password;
use kernel::{Email, Name, Result, Secret};
use platform::{SignUp, SignedUp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AuthResponse;
use crate::{
    answer::Created,
    gate::Anyone,
    request::{Body, ForRequest},
};

/// A new user.
#[derive(Deserialize, ToSchema)]
pub struct SignUpRequest {
    email: String,
    /// At least 8 characters: upper-case, lower-case, digit, special.
    #[schema(value_type = String, format = Password)]
    password: Secret,
    display_name: Option<String>,
}

/// A user who is in, or a mail that says how to go on.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum SignUpResponse {
    /// Signed in at once.
    SignedIn(AuthResponse),
    /// The app requires a proven address: the same for every address.
    CheckMail(CheckMail),
}

/// The app requires a proven address.
#[derive(Serialize, ToSchema)]
pub struct CheckMail {
    verification_required: bool,
    email: String,
}

/// Signs a new user up.
pub async fn sign_up(
    caller: Anyone,
    (platform, Body(new)): (ForRequest, Body<SignUpRequest>),
) -> Result<Created<SignUpResponse>> {
    let email = Email::parse(&new.email)?;
    let signed_up = platform.sign_up(SignUp {
        door: caller.door,
        email: email.clone(),
        password: Password::choose(&new.password)?,
        display_name: new.display_name.as_deref().map(Name::parse).transpose()?,
        client: caller.client,
    });
    Ok(Created(match signed_up.await? {
        SignedUp::In(signed_in) => SignUpResponse::SignedIn((*signed_in).into()),
        SignedUp::CheckMail => {
            SignUpResponse::CheckMail(CheckMail { verification_required: true, email: email.as_str().to_owned() })
        }
    }))
}
