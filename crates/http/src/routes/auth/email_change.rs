use actix_web::http::StatusCode;
use authz::SignedIn;
use kernel::{Email, Result, Secret};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Done, passwords::TokenQuery, reauthentication::ReauthenticationRequest};
use crate::{
    answer::{Answer, Either},
    gate::Passerby,
    page_html::Page,
    page_words::{Sentence, Speech},
    request::{AnyBody, Body, ForRequest, Query},
};

/// Another address.
#[derive(Deserialize, ToSchema)]
pub struct ChangeEmailRequest {
    /// The address to have.
    email: String,
    /// Nothing a moment after the sign-in; later, what shows once more who calls.
    #[serde(flatten)]
    shown: ReauthenticationRequest,
}

/// Asks for a link that gives the caller another address. The same answer for every address.
pub async fn ask(
    caller: SignedIn,
    (platform, Body(wanted)): (ForRequest, Body<ChangeEmailRequest>),
) -> Result<Answer<Done>> {
    platform.request_email_change(caller, Email::parse(&wanted.email)?, wanted.shown.parse()?).await?;
    Ok(Answer::ok(Done { message: "If that address is free, a link that confirms it is on its way there." }))
}

/// The token that was mailed.
#[derive(Deserialize, ToSchema)]
pub struct ConfirmEmailRequest {
    #[serde(alias = "email_change_token")]
    #[schema(value_type = String)]
    token: Secret,
}

/// Gives the caller the address that the token was mailed to. A token of another account is none.
pub async fn confirm(
    caller: SignedIn,
    (platform, Body(mailed)): (ForRequest, Body<ConfirmEmailRequest>),
) -> Result<Answer<Done>> {
    platform.confirm_email_change(caller, &mailed.token).await?;
    Ok(Answer::ok(Done { message: "The address is changed." }))
}

/// Where the link leads that confirms an address, as long as no site is named. Nothing is spent.
pub async fn page(_: Passerby, Query(_): Query<TokenQuery>) -> Result<Page> {
    Ok(Page::Message {
        status: StatusCode::CONFLICT,
        title: Sentence::NoSite,
        text: Speech::Sentence(Sentence::NoSiteForAddress),
        next: None,
    })
}

/// Shows the button that takes a change back. Nothing is spent.
pub async fn undo_page(_: Passerby, (platform, Query(link)): (ForRequest, Query<TokenQuery>)) -> Result<Page> {
    Ok(match platform.email_change_to_undo(&link.token.as_str().into()).await {
        Ok(()) => Page::Form {
            title: Sentence::NotYou,
            action: "/v1/auth/email-change/undo".to_owned(),
            token: link.token,
            password: false,
            button: Sentence::TakeBack,
            leads_to: None,
        },
        Err(error) => Page::failure(&error),
    })
}

/// The token that was mailed.
#[derive(Deserialize, ToSchema)]
pub struct UndoEmailChangeRequest {
    #[serde(alias = "undo_token")]
    #[schema(value_type = String)]
    token: Secret,
}

/// Gives an account back to who had the address of before: nothing that opened the account does any more.
pub async fn undo(
    _: Passerby,
    (platform, AnyBody { value, form }): (ForRequest, AnyBody<UndoEmailChangeRequest>),
) -> Result<Either<Answer<Done>, Page>> {
    const DONE: &str = "The account has its former address again. Nobody is signed in any more, and what opened it before \
                        does not: we have sent you a link to choose a new password.";
    match (platform.undo_email_change(&value.token).await, form) {
        (Ok(()), false) => Ok(Either::Answer(Answer::ok(Done { message: DONE }))),
        (Ok(()), true) => Ok(Either::Page(Page::Message {
            status: StatusCode::OK,
            title: Sentence::TakenBack,
            text: Speech::Sentence(Sentence::FormerAddress),
            next: None,
        })),
        (Err(error), true) => Ok(Either::Page(Page::failure(&error))),
        (Err(error), false) => Err(error),
    }
}
