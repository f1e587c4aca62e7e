//! What deliveries are signed with.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use kernel::{Result, Scope, Secret, Timestamp, secret::Sealed};

use crate::PreviousSecret;

/// A new signing secret in clear: `whsec_` and 32 bytes in standard base64, so that both the SDKs, which key with the
/// whole string, and Standard Webhooks verifiers, which decode the rest, can use it.
#[must_use]
pub fn write_signing_secret(random: [u8; 32]) -> Secret {
    format!("whsec_{}", BASE64.encode(random)).into()
}

/// How an organization is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The secret, which every delivery is signed with.
    pub secret: Sealed,
    /// Where to, until it registers endpoints of its own.
    pub url: Option<String>,
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
    use kernel::secret::ExposeSecret;

    use super::*;

    #[test]
    fn standard_verifiers_can_decode_it() {
        let secret = write_signing_secret([5; 32]);
        let encoded = secret.expose_secret().strip_prefix("whsec_").unwrap();
        assert_eq!(BASE64.decode(encoded).unwrap(), [5; 32]);
    }
}
