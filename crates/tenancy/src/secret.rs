//! Secrets that an organization keeps for whoever works for it: keys of other services, by name.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use kernel::{
    Code, Error, Listed, Page, Result, Scope, Sealed, Secret, Timestamp,
    id::{Id, OrganizationId},
    secret::ExposeSecret,
};

/// What a secret is called: 1 to 128 ASCII letters, digits, `_`, `.` and `-`. Neither `.` nor `..`, which no path can name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName(String);

impl SecretName {
    const LONGEST: usize = 128;

    /// # Errors
    /// `invalid_name`.
    pub fn parse(text: &str) -> Result<Self> {
        let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
        if letters && (1..=Self::LONGEST).contains(&text.len()) && text != "." && text != ".." {
            return Ok(Self(text.to_owned()));
        }
        let why = "Give a name of 1 to 128 ASCII letters, digits, underscores, dots and hyphens.";
        Err(Error::because(Code::InvalidName, why))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the secret of this name is sealed for: no other organization, and no other name, opens it.
    #[must_use]
    pub fn place(&self, organization: OrganizationId) -> Vec<u8> {
        // The id has a fixed length, so no two places are the same bytes.
        [b"organization secret ".as_slice(), organization.0.as_bytes(), self.0.as_bytes()].concat()
    }
}

impl Id for SecretName {
    const PARAMETER: &'static str = "secret_name";
    const IS_UUID: bool = false;
}

impl FromStr for SecretName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long a secret is, in bytes.
const LENGTH: RangeInclusive<usize> = 1..=64 * 1024;

/// # Errors
/// `invalid_request` for nothing, and for more than 64 KiB.
pub fn check_value(value: &Secret) -> Result<()> {
    if LENGTH.contains(&value.expose_secret().len()) {
        return Ok(());
    }
    Err(Error::because(Code::InvalidRequest, "Give a value of 1 byte to 64 KiB."))
}

/// A secret, as everybody may see it who may see that it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationSecret {
    /// What it is called.
    pub name: SecretName,
    /// Since when there is one of that name.
    pub created_at: Timestamp,
    /// When its value was set last.
    pub updated_at: Timestamp,
}

/// Organizations' secrets of one database transaction.
pub trait OrganizationSecretRepository {
    /// The organization's secrets, by name.
    fn secrets_in(
        &mut self,
        scope: &dyn Scope,
        page: &Page<SecretName>,
    ) -> Result<Listed<OrganizationSecret, SecretName>>;

    /// How many the organization has.
    fn count_secrets(&mut self, scope: &dyn Scope) -> Result<i64>;

    /// Sets a secret, which is sealed for its [place](SecretName::place): a new one, or another value of one that is there.
    fn set_secret(
        &mut self,
        scope: &dyn Scope,
        name: &SecretName,
        value: &Sealed,
        now: Timestamp,
    ) -> Result<OrganizationSecret>;

    /// The value, sealed: for whoever works for the organization, and for no answer of the API.
    fn sealed_secret(&mut self, scope: &dyn Scope, name: &SecretName) -> Result<Option<Sealed>>;

    /// # Errors
    /// `not_found`.
    fn delete_secret(&mut self, scope: &dyn Scope, name: &SecretName) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_a_path_can_carry() {
        for good in ["a", "OPENAI_API_KEY", "stripe.live-key", "...", ".env", "-", &"x".repeat(128)] {
            assert_eq!(SecretName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "a b", "a/b", "a%2fb", "a\0b", "schlüssel", "a\n", &"x".repeat(129)] {
            assert_eq!(SecretName::parse(bad).unwrap_err().code, Code::InvalidName, "{bad:?}");
        }
    }

    #[test]
    fn no_two_secrets_are_sealed_for_the_same_place() {
        let [here, elsewhere] = [OrganizationId::generate(), OrganizationId::generate()];
        let [one, other] = ["KEY", "KEY_2"].map(|name| SecretName::parse(name).unwrap());
        let places = [one.place(here), other.place(here), one.place(elsewhere), other.place(elsewhere)];
        let distinct: std::collections::HashSet<_> = places.iter().collect();
        assert_eq!(distinct.len(), places.len());
    }

    #[test]
    fn a_value_is_neither_empty_nor_a_file() {
        for (length, fits) in [(0, false), (1, true), (64 * 1024, true), (64 * 1024 + 1, false)] {
            assert_eq!(check_value(&"x".repeat(length).into()).is_ok(), fits, "{length}");
        }
    }
}
