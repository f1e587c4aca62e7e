//! API keys: `fab_<8>_<secret>`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use kernel::{
    Name, Result, Role, Scope, Secret, SecretHash, Timestamp,
    id::{AccountId, ApiKeyId, AppId, OrganizationId, PrincipalId},
    secret::letters,
};

/// What every API key begins with.
pub const MARK: &str = "fab_";

/// The length of the part by which a key is looked up, mark included.
const PREFIX: usize = MARK.len() + 8;

/// A new key in clear, and its prefix.
#[must_use]
pub fn write(random: [u8; 40]) -> (String, Secret) {
    let (head, tail) = random.split_at(8);
    let prefix = format!("{MARK}{}", letters(head));
    let key = format!("{prefix}_{}", BASE64.encode(tail));
    (prefix, key.into())
}

/// The prefix of something that has the form of a key.
#[must_use]
pub fn prefix(key: &str) -> Option<&str> {
    let (prefix, rest) = key.split_at_checked(PREFIX)?;
    (prefix.starts_with(MARK) && rest.starts_with('_') && rest.len() > 1).then_some(prefix)
}

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The key's id.
    pub id: ApiKeyId,
    /// What it is looked up by.
    pub prefix: String,
    /// The hash of the whole key.
    pub hash: SecretHash,
    /// Where it acts.
    pub organization: OrganizationId,
    /// The app of that organization.
    pub app: Option<AppId>,
    /// Who it acts as.
    pub principal: PrincipalId,
    /// Their account: the key is worth nothing while that is disabled, and goes with it.
    pub account: Option<AccountId>,
    /// What it is called.
    pub name: Name,
    /// The most it may do: never more than its principal may.
    pub role: Role,
    /// What it is good for; none at all means everything the role may.
    pub scopes: Vec<String>,
    /// Since when it can't be used.
    pub disabled_at: Option<Timestamp>,
    /// Until when it can be used.
    pub expires_at: Option<Timestamp>,
    /// Since when it exists.
    pub created_at: Timestamp,
}

impl ApiKey {
    /// Whether it can be used.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.disabled_at.is_none() && self.expires_at.is_none_or(|expires| expires > now)
    }
}

/// API keys of one database transaction.
pub trait ApiKeyRepository {
    /// The key to authenticate with.
    fn api_key_by_prefix(&mut self, prefix: &str) -> Result<Option<ApiKey>>;

    /// Adds a key.
    fn insert_api_key(&mut self, scope: &dyn Scope, key: &ApiKey) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use kernel::secret::ExposeSecret;

    use super::*;

    #[test]
    fn a_key_has_a_prefix_of_its_own() {
        let (head, key) = write([200; 40]);
        let key = key.expose_secret();
        assert_eq!(prefix(key), Some(head.as_str()));
        assert_eq!(head.len(), PREFIX);
        for not_a_key in ["", "fab_", "fab_12345678", "fab_12345678_", "fob_12345678_x", "fab_1234567é_x", "eyJhbGciOi"]
        {
            assert_eq!(prefix(not_a_key), None, "{not_a_key}");
        }
    }
}
