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

/// What shows once more who is signed in: a password, or a second factor.
#[derive(Default, Deserialize, ToSchema)]
pub struct ShownAgain {
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    /// Six digits of the authenticator app.
    #[schema(value_type = Option<String>)]
    code: Option<Secret>,
    #[schema(value_type = Option<String>)]
    recovery_code: Option<Secret>,
}

impl ShownAgain {
    /// # Errors
    /// `invalid_request` for two second factors, and for what is no password of anybody.
    pub fn read(self) -> Result<Reauthentication> {
        let password = self.password.map(Password::attempt).transpose()?;
        Ok(Reauthentication { password, factor: factor(self.code, self.recovery_code)? })
    }
}

/// For how long it counts.
#[derive(Serialize, ToSchema)]
pub struct Reauthenticated {
    /// How many seconds there are to change what one signs in with.
    expires_in: u64,
}

/// Shows once more who is signed in.
pub async fn reauthenticate(
    caller: SignedIn,
    (platform, Body(shown)): (ForRequest, Body<ShownAgain>),
) -> Result<Answer<Reauthenticated>> {
    platform.reauthenticate(caller, shown.read()?).await?;
    Ok(Answer::ok(Reauthenticated { expires_in: FRESH.as_secs() }))
}
