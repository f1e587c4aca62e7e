//! API keys: `fab_<8>_<secret>`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use kernel::{
    AllowedIps, Listed, Name, Page, Result, Role, Scope, Secret, SecretHash, Timestamp,
    id::{AccountId, ApiKeyId, AppId, OrganizationId, PrincipalId, ServiceAccountId, TeamId},
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
    let key = with_tail(&prefix, tail);
    (prefix, key)
}

/// Another key in clear under a prefix that stays.
#[must_use]
pub fn rewrite(prefix: &str, random: [u8; 32]) -> Secret {
    with_tail(prefix, &random)
}

fn with_tail(prefix: &str, tail: &[u8]) -> Secret {
    format!("{prefix}_{}", BASE64.encode(tail)).into()
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
    /// What it is looked up by. It stays when the key is rotated.
    pub prefix: String,
    /// The hash of the whole key.
    pub hash: SecretHash,
    /// The key before the last rotation, and until when it counts.
    pub previous: Option<(SecretHash, Timestamp)>,
    /// Where it acts.
    pub organization: OrganizationId,
    /// The app of that organization.
    pub app: Option<AppId>,
    /// Who it acts as.
    pub principal: PrincipalId,
    /// Their account: the key is worth nothing while that is disabled, and goes with it.
    pub account: Option<AccountId>,
    /// The service account it acts as, which is the same to it.
    pub service_account: Option<ServiceAccountId>,
    /// The team of that service account.
    pub team: Option<TeamId>,
    /// What it is called.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// The most it may do: never more than its principal may. Without, as much as that.
    pub role: Option<Role>,
    /// Whether what own roles add to its principal's counts as well, above that.
    pub own_roles: bool,
    /// What it is good for; none at all means everything the role may.
    pub scopes: Vec<String>,
    /// Where it is good from.
    pub allowed_ips: AllowedIps,
    /// Since when it can't be used.
    pub disabled_at: Option<Timestamp>,
    /// Who saw to that; `None` is the operator at the console, too.
    pub disabled_by: Option<PrincipalId>,
    /// Until when it can be used.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, give or take a minute.
    pub last_used_at: Option<Timestamp>,
    /// Who made it; `None` is the operator at the console.
    pub created_by: Option<PrincipalId>,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl ApiKey {
    /// Whether it can be used.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.disabled_at.is_none() && self.expires_at.is_none_or(|expires| expires > now)
    }

    /// Whether it is the one it acts as who disabled it.
    #[must_use]
    pub fn is_disabled_by_its_holder(&self) -> bool {
        self.disabled_at.is_some() && self.disabled_by == Some(self.principal)
    }

    /// Until when what was shown counts: the secret before the last rotation ends with its overlap. `None` is for ever.
    #[must_use]
    pub fn counts_until(&self, shown: SecretHash) -> Option<Timestamp> {
        match self.previous {
            Some((previous, until)) if self.hash != shown && previous == shown => {
                Some(self.expires_at.map_or(until, |expires| expires.min(until)))
            }
            _ => self.expires_at,
        }
    }

    /// Whether this is its secret, or the one before. Both are compared, each in constant time.
    #[must_use]
    pub fn is_shown(&self, shown: SecretHash, now: Timestamp) -> bool {
        let present = self.hash == shown;
        let previous = self.previous.is_some_and(|(hash, until)| hash == shown && until > now);
        present || previous
    }
}

/// A key's new secret.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The hash of the whole new key.
    pub hash: SecretHash,
    /// Until when the key before still counts, if at all. What counted before that one does not.
    pub previous_until: Option<Timestamp>,
    /// When.
    pub at: Timestamp,
}

/// API keys of one database transaction.
pub trait ApiKeyRepository {
    /// The key that begins like this, which it does for ever: to authenticate with.
    fn api_key_by_prefix(&mut self, prefix: &str) -> Result<Option<ApiKey>>;

    /// A key, wherever it is: for the way in, and for `platform::locate`, which permits before it shows.
    fn api_key(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>>;

    /// The organization's keys, oldest first, or those of one principal alone.
    fn api_keys_in(
        &mut self,
        scope: &dyn Scope,
        principal: Option<PrincipalId>,
        page: &Page<ApiKeyId>,
    ) -> Result<Listed<ApiKey, ApiKeyId>>;

    /// A principal's own keys anywhere in an app, or in one of its organizations, oldest first.
    fn api_keys_held(
        &mut self,
        app: Option<AppId>,
        within: Option<OrganizationId>,
        principal: PrincipalId,
        page: &Page<ApiKeyId>,
    ) -> Result<Listed<ApiKey, ApiKeyId>>;

    /// How many keys a principal has in an organization. In a transaction that writes, nobody else who asks adds one until
    /// the commit.
    fn count_api_keys_of(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<i64>;

    /// Adds a key.
    fn insert_api_key(&mut self, scope: &dyn Scope, key: &ApiKey) -> Result<()>;

    /// Writes name, description, addresses, and whether it is disabled.
    ///
    /// # Errors
    /// `not_found` when it is gone.
    fn update_api_key(&mut self, scope: &dyn Scope, key: &ApiKey) -> Result<()>;

    /// Gives a key another secret. Of two who do so at once, the last one's counts.
    ///
    /// # Errors
    /// `not_found` when it is gone.
    fn rotate_api_key(&mut self, scope: &dyn Scope, id: ApiKeyId, rotation: Rotation) -> Result<()>;

    /// Removes a key.
    ///
    /// # Errors
    /// `not_found` when there is none.
    fn delete_api_key(&mut self, scope: &dyn Scope, id: ApiKeyId) -> Result<()>;

    /// Removes all keys of a principal in an organization.
    fn delete_api_keys_of(&mut self, scope: &dyn Scope, principal: PrincipalId) -> Result<()>;

    /// Notes when keys were used last, unless they were used a moment before.
    fn note_api_key_uses(&mut self, uses: &[(ApiKeyId, Timestamp)]) -> Result<()>;
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
        let next = rewrite(&head, [3; 32]);
        assert_eq!((prefix(next.expose_secret()), next.expose_secret().len()), (Some(head.as_str()), key.len()));
        assert_ne!(next.expose_secret(), key);
        for not_a_key in ["", "fab_", "fab_12345678", "fab_12345678_", "fob_12345678_x", "fab_1234567é_x", "eyJhbGciOi"]
        {
            assert_eq!(prefix(not_a_key), None, "{not_a_key}");
        }
    }
}
