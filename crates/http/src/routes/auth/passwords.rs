use actix_web::http::StatusCode;
use authz::SignedIn;
use identity::password::Password;
use kernel::{Code, Email, Error, Result, Secret};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{Done, EmailRequest, mfa::factor};
use crate::{
    answer::{Answer, Either},
    gate::{Anyone, Passerby},
    page_html::Page,
    page_words::{Sentence, Speech},
    request::{AnyBody, Body, ForRequest, Query},
};

/// The present password and the next.
#[derive(Deserialize, ToSchema)]
pub struct ChangePasswordRequest {
    #[schema(value_type = String, format = Password)]
    current_password: Secret,
    #[schema(value_type = String, format = Password)]
    new_password: Secret,
    /// Six digits of the authenticator app, where a sign-in asks for them.
    #[schema(value_type = Option<String>)]
    code: Option<Secret>,
    #[schema(value_type = Option<String>)]
    recovery_code: Option<Secret>,
}

/// Changes the caller's password. Every session ends, this one too.
pub async fn change(
    caller: SignedIn,
    (platform, Body(change)): (ForRequest, Body<ChangePasswordRequest>),
) -> Result<Answer<Done>> {
    let current = Password::attempt(change.current_password)?;
    let new = Password::choose(&change.new_password)?;
    let factor = factor(change.code, change.recovery_code)?;
    platform.change_password(caller, current, factor, new).await?;
    Ok(Answer::ok(Done { message: "The password is changed. Sign in again." }))
}

/// Asks for a link to reset a password. The same answer for every address.
pub async fn forgot(
    caller: Anyone,
    (platform, Body(forgotten)): (ForRequest, Body<EmailRequest>),
) -> Result<Answer<Done>> {
    platform.forgot_password(caller.door, Email::parse(&forgotten.email)?).await?;
    Ok(Answer::ok(Done {
        message: "If an account with that email exists, a link to reset the password is on its way.",
    }))
}

/// The token in a link.
#[derive(Deserialize, IntoParams)]
pub struct TokenQuery {
    /// The token that was mailed.
    pub token: String,
}

/// Shows the form for another password. Nothing is spent.
pub async fn reset_page(_: Passerby, Query(link): Query<TokenQuery>) -> Result<Page> {
    Ok(Page::Form {
        title: Sentence::ChoosePassword,
        action: "/v1/auth/reset-password".to_owned(),
        token: link.token,
        password: true,
        button: Sentence::SetPassword,
        leads_to: None,
    })
}

/// A token and the password to set with it.
#[derive(Deserialize, ToSchema)]
pub struct ResetPasswordRequest {
    /// The token that was mailed, under any of its names.
    #[serde(alias = "access_token", alias = "reset_token")]
    #[schema(value_type = String)]
    token: Secret,
    #[schema(value_type = String, format = Password)]
    new_password: Secret,
}

/// Sets another password by link.
pub async fn reset(
    _: Passerby,
    (platform, AnyBody { value, form }): (ForRequest, AnyBody<ResetPasswordRequest>),
) -> Result<Either<Answer<Done>, Page>> {
    let reset = match Password::choose(&value.new_password) {
        Ok(password) => platform.reset_password(&value.token, password).await,
        Err(error) => Err(error),
    };
    match (reset, form) {
        (Ok(()), false) => Ok(Either::Answer(Answer::ok(Done { message: "The password is set. Sign in with it." }))),
        (Ok(()), true) => Ok(Either::Page(Page::Message {
            status: StatusCode::OK,
            title: Sentence::PasswordSet,
            text: Speech::Sentence(Sentence::SignInWithIt),
            next: None,
        })),
        (Err(error), true) if is_theirs(&error) => Ok(Either::Page(Page::failure(&error))),
        (Err(error), _) => Err(error),
    }
}

/// Whether the person at the form can do something about it.
fn is_theirs(error: &Error) -> bool {
    matches!(
        error.code,
        Code::InvalidToken
            | Code::WeakPassword
            | Code::CommonPassword
            | Code::CompromisedPassword
            | Code::PasswordTooLong
    )
}
