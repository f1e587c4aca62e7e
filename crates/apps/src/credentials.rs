//! Client credentials: a public client id and a secret that is shown once.

use std::fmt;

use kernel::{
    Result, Secret, SecretHash, Timestamp,
    id::{AppId, ClientSecretId},
    secret::{are_letters, letters},
};

/// `foc_` and 24 random letters: how an app names itself in every request. Public.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(String);

const MARK: &str = "foc_";
const SECRET_MARK: &str = "focs_";
const LENGTH: usize = 24;

impl ClientId {
    /// A new one.
    #[must_use]
    pub fn from_random(random: [u8; LENGTH]) -> Self {
        Self(format!("{MARK}{}", letters(&random)))
    }

    /// `None` for what has not the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(MARK)?;
        (rest.len() == LENGTH && are_letters(rest)).then(|| Self(text.to_owned()))
    }

    /// The client id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A new client secret in clear.
#[must_use]
pub fn write_secret(random: [u8; 32]) -> Secret {
    format!("{SECRET_MARK}{}", blake3::Hash::from_bytes(random).to_hex()).into()
}

/// What is stored of a client secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    /// Its id.
    pub id: ClientSecretId,
    /// Whose.
    pub app: AppId,
    /// The secret's hash.
    pub hash: SecretHash,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when, once it was replaced.
    pub expires_at: Option<Timestamp>,
}

impl ClientSecret {
    /// Whether it counts.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires| expires > now)
    }
}

/// The one of the app's secrets that this is. Every one of them is compared, each in constant time.
#[must_use]
pub fn proven(secrets: &[ClientSecret], presented: &str, now: Timestamp) -> Option<ClientSecretId> {
    let hash = SecretHash::of(presented);
    let live = secrets.iter().filter(|secret| secret.is_live(now));
    live.fold(None, |found, secret| if secret.hash == hash { Some(secret.id) } else { found })
}

/// Client secrets of one database transaction.
pub trait ClientSecretRepository {
    /// Adds a secret.
    fn insert_client_secret(&mut self, secret: &ClientSecret) -> Result<()>;

    /// The app's secrets that may still count.
    fn client_secrets(&mut self, app: AppId, now: Timestamp) -> Result<Vec<ClientSecret>>;

    /// Lets the app's present secrets end then, or earlier where they do already. In a transaction that writes, it holds
    /// up every other that does the same to this app.
    fn expire_client_secrets(&mut self, app: AppId, at: Timestamp) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use kernel::secret::ExposeSecret;

    use super::*;

    #[test]
    fn client_ids_are_read_as_they_are_written() {
        let id = ClientId::from_random([77; 24]);
        assert_eq!(ClientId::parse(id.as_str()), Some(id));
        for other in ["", "foc_", "foc_short", "fab_aaaaaaaaaaaaaaaaaaaaaaaa", "foc_AAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(ClientId::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_replaced_secret_counts_until_its_end() {
        let at = |seconds| Timestamp::from_unix_seconds(seconds).unwrap();
        let secret = |random, expires_at| {
            let clear = write_secret([random; 32]);
            let stored = ClientSecret {
                id: ClientSecretId::generate(),
                app: AppId::generate(),
                hash: SecretHash::of(clear.expose_secret()),
                created_at: at(0),
                expires_at,
            };
            (clear, stored)
        };
        let ((new, stored_new), (old, stored_old)) = (secret(1, None), secret(2, Some(at(100))));
        let (new_id, old_id) = (stored_new.id, stored_old.id);
        let secrets = [stored_new, stored_old];
        let proven = |secret: &Secret, now| proven(&secrets, secret.expose_secret(), at(now));
        assert_eq!((proven(&new, 50), proven(&old, 50)), (Some(new_id), Some(old_id)));
        assert_eq!((proven(&new, 100), proven(&old, 100)), (Some(new_id), None));
        assert_eq!(proven(&"".into(), 50), None);
    }
}
