use actix_web::http::StatusCode;
use kernel::{Code, Email, Result, Secret, secret::ExposeSecret};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AuthResponse, Done, EmailRequest, passwords::TokenQuery};
use crate::{
    answer::{Answer, Either},
    gate::{Anyone, Passerby},
    page_html::Page,
    page_words::{Sentence, Speech},
    request::{AnyBody, Body, ForRequest, Query},
};

/// Asks for a link to sign in with. The same answer for every address.
pub async fn ask(caller: Anyone, (platform, Body(asked)): (ForRequest, Body<EmailRequest>)) -> Result<Answer<Done>> {
    platform.ask_for_magic_link(caller.door, Email::parse(&asked.email)?).await?;
    Ok(Answer::ok(Done { message: "If an account with that email exists, a link to sign in is on its way." }))
}

/// Shows the button that leads on from a link. Nothing is spent.
pub async fn page(_: Passerby, (platform, Query(link)): (ForRequest, Query<TokenQuery>)) -> Result<Page> {
    match platform.magic_link(&link.token.as_str().into()).await {
        Ok(found) => Ok(Page::Form {
            title: Sentence::SignIn,
            action: "/v1/auth/magic-link/verify".to_owned(),
            token: link.token,
            password: false,
            button: Sentence::SignIn,
            leads_to: found.site,
        }),
        Err(error) if error.code == Code::InvalidToken => Ok(Page::failure(&error)),
        Err(error) => Err(error),
    }
}

/// The token that was mailed.
#[derive(Deserialize, ToSchema)]
pub struct VerifyMagicLinkRequest {
    #[serde(alias = "magic_link_token")]
    #[schema(value_type = String)]
    token: Secret,
}

/// Signs in with the token of a link. The page's button spends nothing: it leads to the app's site, which gets the token
/// in the fragment and sends it here, and so gets the session itself.
pub async fn verify(
    caller: Anyone,
    (platform, AnyBody { value, form }): (ForRequest, AnyBody<VerifyMagicLinkRequest>),
) -> Result<Either<Answer<AuthResponse>, Page>> {
    if !form {
        let signed_in = platform.sign_in_by_link(&caller.door, &value.token, caller.client).await?;
        return Ok(Either::Answer(Answer::ok(signed_in.into())));
    }
    match platform.magic_link(&value.token).await {
        Ok(found) => Ok(Either::Page(match found.site {
            Some(site) => {
                let site = site.trim_end_matches('/');
                Page::Onward(format!("{site}/magic-link#token={}", value.token.expose_secret()))
            }
            None => Page::Message {
                status: StatusCode::CONFLICT,
                title: Sentence::NoSite,
                text: Speech::Sentence(Sentence::NoSiteForLink),
                next: None,
            },
        })),
        Err(error) if error.code == Code::InvalidToken => Ok(Either::Page(Page::failure(&error))),
        Err(error) => Err(error),
    }
}
