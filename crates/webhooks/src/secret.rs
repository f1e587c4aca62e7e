//! What deliveries are signed with.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use kernel::{
    Code, Error, Result, Scope, Secret, Timestamp,
    secret::{ExposeSecret, Sealed},
};

use crate::PreviousSecret;

/// A new signing secret in clear: `whsec_` and 32 bytes in standard base64, so that both the SDKs, which key with the
/// whole string, and Standard Webhooks verifiers, which decode the rest, can use it.
#[must_use]
pub fn write_signing_secret(random: [u8; 32]) -> Secret {
    format!("whsec_{}", BASE64.encode(random)).into()
}

/// # Errors
/// `invalid_request` for a secret that somebody chose and that is no good: 16 to 256 visible ASCII characters without
/// spaces are. Behind `whsec_` stands base64, which Standard Webhooks verifiers decode.
pub fn check_signing_secret(chosen: &Secret) -> Result<()> {
    let chosen = chosen.expose_secret();
    if chosen.strip_prefix("whsec_").is_some_and(|encoded| !BASE64.decode(encoded).is_ok_and(|key| !key.is_empty())) {
        return Err(Error::because(
            Code::InvalidRequest,
            "Give a secret that begins with whsec_ standard base64 behind it: verifiers decode it.",
        ));
    }
    if (16..=256).contains(&chosen.len()) && chosen.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Error::because(Code::InvalidRequest, "Give a secret of 16 to 256 visible ASCII characters, or none."))
}

/// How an organization's deliveries are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The secret, which every delivery is signed with.
    pub secret: Sealed,
    /// The one before.
    pub previous: Option<PreviousSecret>,
    /// Since when.
    pub created_at: Timestamp,
}

/// Signing secrets of one database transaction.
pub trait SigningRepository {
    /// The organization's secret.
    fn signing(&mut self, scope: &dyn Scope) -> Result<Option<Signing>>;

    /// # Errors
    /// `conflict` when the organization has one.
    fn insert_signing(&mut self, scope: &dyn Scope, signing: &Signing) -> Result<()>;

    /// Sets the organization's secret, whether it has one or not.
    fn set_signing(&mut self, scope: &dyn Scope, signing: &Signing) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_verifiers_can_decode_it() {
        let secret = write_signing_secret([5; 32]);
        let encoded = secret.expose_secret().strip_prefix("whsec_").unwrap();
        assert_eq!(BASE64.decode(encoded).unwrap(), [5; 32]);
    }

    #[test]
    fn a_secret_that_was_chosen_is_long_enough_and_visible() {
        for good in ["0123456789abcdef", "whsec_MDEyMzQ1Njc4OWFiY2RlZg==", "test_whsec_0123456789", &"x".repeat(256)] {
            assert!(check_signing_secret(&good.into()).is_ok(), "{good}");
        }
        for bad in ["whsec_", "whsec_test_0123456789", "whsec_MDEyMzQ1Njc4OWFiY2RlZg", "whsec_MDEyMzQ1Njc4OWFi-2Rl"] {
            assert!(check_signing_secret(&bad.into()).is_err(), "{bad}");
        }
        for bad in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdeä", "***", &"x".repeat(257)] {
            assert!(check_signing_secret(&bad.into()).is_err(), "{bad}");
        }
    }
}
