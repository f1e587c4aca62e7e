//! Native sign-in.

pub mod email_change;
pub mod email_codes;
pub mod magic_links;
pub mod mfa;
#[cfg(feature = "passkeys")]
pub mod passkeys;
pub mod passwords;
pub mod reauthentication;
pub mod sessions;
pub mod sign_in;
pub mod sign_up;
pub mod social;
pub mod social_flow;
pub mod totp;
pub mod verification;

use kernel::{Timestamp, secret::ExposeSecret};
use platform::SignedInUser;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A user who is signed in.
#[derive(Serialize, ToSchema)]
pub struct AuthResponse {
    access_token: String,
    refresh_token: String,
    /// `bearer`.
    token_type: &'static str,
    /// How many seconds the access token lives.
    expires_in: u32,
    user: AuthUser,
}

/// Who signed in.
#[derive(Serialize, ToSchema)]
pub struct AuthUser {
    id: Uuid,
    email: String,
    email_verified: bool,
    display_name: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<SignedInUser> for AuthResponse {
    fn from(signed_in: SignedInUser) -> Self {
        let SignedInUser { account, tokens } = signed_in;
        Self {
            access_token: tokens.access_token.expose_secret().to_owned(),
            refresh_token: tokens.refresh_token.expose_secret().to_owned(),
            token_type: "bearer",
            expires_in: tokens.expires_in,
            user: AuthUser {
                id: account.principal.0,
                email: account.email.as_str().to_owned(),
                email_verified: account.email_verified(),
                display_name: account.display_name.map(|name| name.as_str().to_owned()),
                created_at: account.created_at,
            },
        }
    }
}

/// Who asks for a mail.
#[derive(Deserialize, ToSchema)]
pub struct EmailRequest {
    email: String,
}

/// Something was done, and there is no more to say.
#[derive(Serialize, ToSchema)]
pub struct Done {
    /// A sentence that is the same whatever was found.
    pub message: &'static str,
}
