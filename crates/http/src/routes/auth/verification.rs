use actix_web::http::StatusCode;
use identity::EmailProof;
use kernel::{Code, Email, Result, Secret};
use platform::Verified;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Done, EmailRequest, passwords::TokenQuery};
use crate::{
    answer::{Answer, Either},
    gate::{Anyone, Passerby},
    page_html::Page,
    page_words::{Sentence, Speech},
    request::{AnyBody, Body, ForRequest, Query},
};

/// An address that is proven.
#[derive(Serialize, ToSchema)]
pub struct VerifiedEmail {
    email_verified: bool,
}

/// Proves an address by the link that was mailed: goes on to the app's site, if there is one. Where the app wants a
/// button in between, it is shown, and the link not spent.
pub async fn follow(
    _: Passerby,
    (platform, Query(link)): (ForRequest, Query<TokenQuery>),
) -> Result<Either<Answer<VerifiedEmail>, Page>> {
    match platform.verify_email(&link.token.as_str().into(), EmailProof::Link).await {
        Ok(Verified { site: Some(site) }) => Ok(Either::Page(Page::Redirect(site))),
        Ok(Verified { site: None }) => Ok(Either::Answer(Answer::ok(VerifiedEmail { email_verified: true }))),
        Err(error) if error.code == Code::ConfirmationRequired => Ok(Either::Page(Page::Form {
            title: Sentence::ConfirmAddress,
            action: "/v1/auth/verify".to_owned(),
            token: link.token,
            password: false,
            button: Sentence::Confirm,
            leads_to: None,
        })),
        Err(error) => Err(error),
    }
}

/// The token that was mailed.
#[derive(Deserialize, ToSchema)]
pub struct VerifyRequest {
    #[serde(alias = "verify_token")]
    #[schema(value_type = String)]
    token: Secret,
}

/// Proves an address by the token that was mailed.
pub async fn verify(
    _: Passerby,
    (platform, AnyBody { value, form }): (ForRequest, AnyBody<VerifyRequest>),
) -> Result<Either<Answer<VerifiedEmail>, Page>> {
    match (platform.verify_email(&value.token, EmailProof::Confirmed).await, form) {
        (Ok(_), false) => Ok(Either::Answer(Answer::ok(VerifiedEmail { email_verified: true }))),
        (Ok(verified), true) => Ok(Either::Page(Page::Message {
            status: StatusCode::OK,
            title: Sentence::Confirmed,
            text: Speech::Sentence(Sentence::AddressConfirmed),
            next: verified.site,
        })),
        (Err(error), true) if error.code == Code::InvalidToken => Ok(Either::Page(Page::failure(&error))),
        (Err(error), _) => Err(error),
    }
}

/// Asks for another link. The same answer for every address.
pub async fn resend(caller: Anyone, (platform, Body(lost)): (ForRequest, Body<EmailRequest>)) -> Result<Answer<Done>> {
    platform.resend_verification(caller.door, Email::parse(&lost.email)?).await?;
    Ok(Answer::ok(Done { message: "If that address waits for confirmation, a link is on its way." }))
}
