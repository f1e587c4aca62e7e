use kernel::{Email, Result, Secret};
use platform::ShownCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AuthResponse, Done, EmailRequest};
use crate::{
    answer::Answer,
    gate::Anyone,
    request::{Body, ForRequest},
};

/// Asks for a code to sign in with. The same answer for every address.
pub async fn ask(caller: Anyone, (platform, Body(asked)): (ForRequest, Body<EmailRequest>)) -> Result<Answer<Done>> {
    platform.ask_for_email_code(caller.door, Email::parse(&asked.email)?).await?;
    Ok(Answer::ok(Done { message: "If an account with that email exists, a code to sign in is on its way." }))
}

/// The code that was mailed, and where to.
#[derive(Deserialize, ToSchema)]
pub struct VerifyEmailCodeRequest {
    email: String,
    /// Six digits; sixteen after wrong ones. Spaces do not count.
    #[schema(value_type = String)]
    code: Secret,
}

/// Signs in with a code.
pub async fn verify(
    caller: Anyone,
    (platform, Body(shown)): (ForRequest, Body<VerifyEmailCodeRequest>),
) -> Result<Answer<AuthResponse>> {
    let signed_in = platform.sign_in_by_code(ShownCode {
        door: caller.door,
        email: Email::parse(&shown.email)?,
        code: shown.code,
        client: caller.client,
    });
    Ok(Answer::ok(signed_in.await?.into()))
}
