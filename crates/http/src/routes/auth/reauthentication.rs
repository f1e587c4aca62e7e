//! What callers show once more who change what they sign in with.

use authz::SignedIn;
use identity::password::Password;
use kernel::{Result, Secret};
use platform::{FRESH, Reauthentication};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mfa::factor;
use crate::{
    answer::Answer,
    request::{Body, ForRequest},
};

/// What shows once more who is signed in: a password, or a second factor. A moment after the sign-in nothing has to be shown.
#[derive(Default, Deserialize, ToSchema)]
pub struct ReauthenticationRequest {
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    /// Six digits of the authenticator app.
    #[schema(value_type = Option<String>)]
    code: Option<Secret>,
    #[schema(value_type = Option<String>)]
    recovery_code: Option<Secret>,
}

impl ReauthenticationRequest {
    /// # Errors
    /// `invalid_request` for a code and a recovery code at once; those of a password that is none.
    pub fn parse(self) -> Result<Reauthentication> {
        let password = self.password.map(Password::attempt).transpose()?;
        Ok(Reauthentication { password, factor: factor(self.code, self.recovery_code)? })
    }
}

/// For how long it counts.
#[derive(Serialize, ToSchema)]
pub struct Freshness {
    /// How many seconds there are to change what one signs in with.
    expires_in: u64,
}

/// Shows once more who is signed in.
pub async fn reauthenticate(
    caller: SignedIn,
    (platform, Body(shown)): (ForRequest, Body<ReauthenticationRequest>),
) -> Result<Answer<Freshness>> {
    platform.reauthenticate(caller, shown.parse()?).await?;
    Ok(Answer::ok(Freshness { expires_in: FRESH.as_secs() }))
}
