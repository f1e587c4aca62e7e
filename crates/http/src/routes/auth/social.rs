//! Sign-in by who somebody is at another provider.

use identity::link::Provider;
use kernel::{Code, Email, Error, Name, Result, WebUrl};
use platform::{SocialIdentity, SocialSignIn};
use serde::Deserialize;
use utoipa::ToSchema;

use super::AuthResponse;
use crate::{
    answer::Answer,
    gate::Vouching,
    request::{Body, ForRequest},
};

/// Somebody at another provider.
#[derive(Deserialize, ToSchema)]
pub struct SocialLoginRequest {
    /// `google`, `github` and so on, as the app calls it: up to 100 letters, digits, `.`, `_` and `-`, in any case.
    provider: String,
    /// Who they are there: up to 255 characters that never change, such as OpenID Connect's `sub`.
    provider_user_id: String,
    /// Their address there.
    email: String,
    /// Whether the provider has proven it. `false` links them to nobody by their address.
    #[serde(default = "proven")]
    #[schema(default = true)]
    email_verified: bool,
    /// What they are called there.
    display_name: Option<String>,
    /// A picture of them, kept as `avatar_url` in the metadata of a new account.
    avatar_url: Option<String>,
}

fn proven() -> bool {
    true
}

/// Providers say nothing in an empty text, too.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Signs a user in for whom the app vouches. Outside development the app shows that it is the app.
pub async fn login(
    caller: Vouching,
    (platform, Body(shown)): (ForRequest, Body<SocialLoginRequest>),
) -> Result<Answer<AuthResponse>> {
    let provider = shown.provider.to_ascii_lowercase().parse::<Provider>();
    let signed_in = platform.social_sign_in(SocialSignIn {
        voucher: caller.voucher,
        identity: SocialIdentity {
            provider: provider.map_err(|_| Error::because(Code::InvalidRequest, "Give the name of a provider."))?,
            subject: shown.provider_user_id,
            email: Email::parse(&shown.email)?,
            email_verified: shown.email_verified,
            display_name: said(shown.display_name).map(|name| Name::parse(&name)).transpose()?,
            avatar_url: said(shown.avatar_url).map(|url| WebUrl::parse(&url)).transpose()?,
        },
        client: caller.client,
    });
    Ok(Answer::ok(signed_in.await?.into()))
}
