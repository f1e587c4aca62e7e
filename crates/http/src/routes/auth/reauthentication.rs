//! What callers show once more who change what they sign in with.

use identity::password::Password;
use kernel::{Result, Secret};
use platform::Reauthentication;
use serde::Deserialize;
use utoipa::ToSchema;

use super::mfa::factor;

/// Nothing a moment after the sign-in; later, one of these.
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
