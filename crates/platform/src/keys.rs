//! The server's keys. Two secrets are configured; every key that is used is derived from one of them for one purpose.

use audit::ChainKey;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use identity::{
    access_token::{Issuer, SigningKey, Supabase},
    mfa_challenge::ChallengeKey,
    one_time_token::{LinkKey, TokenKey},
    passkey::PasskeyKey,
    refresh_token::RefreshKey,
    social_flow::FlowKey,
};
use kernel::{
    Code, Error, Result, Secret,
    id::RefreshTokenId,
    secret::{ExposeSecret, Sealed},
};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::records::SealingKeyId;

/// What is configured.
#[derive(Clone, Debug)]
pub struct ServerSecrets {
    /// `OAUTH_SIGNING_SECRET`: signs access tokens, and what is derived from it signs refresh tokens.
    pub signing: Secret,
    /// `OAUTH_SIGNING_SECRET_PREVIOUS`: what it was before.
    pub signing_previous: Option<Secret>,
    /// `FABRIC_INVITE_TOKEN_KEY`: makes and hashes the tokens in links, and names lockout counters.
    pub token: Secret,
    /// `FABRIC_ENCRYPTION_KEY`: seals what must be read back. Unset, the signing secret's derivate does.
    pub encryption: Option<Secret>,
    /// `FABRIC_ENCRYPTION_KEY_PREVIOUS`: what it was before.
    pub encryption_previous: Option<Secret>,
    /// `JWT_SECRET`: what Supabase signs with.
    pub supabase: Option<Secret>,
    /// `JWT_ISSUER`: the only issuer of such tokens that is believed.
    pub supabase_issuer: Option<String>,
}

/// The keys in use.
#[derive(Clone)]
pub struct Keys {
    /// Signs and reads access tokens.
    pub issuer: Issuer,
    /// Reads Supabase's tokens.
    pub supabase: Option<Supabase>,
    /// Makes the tokens in links.
    pub links: LinkKey,
    /// Hashes them.
    pub one_time: TokenKey,
    /// Hashes the tokens of challenges.
    pub challenges: ChallengeKey,
    /// Hashes what goes to other providers and comes back, and codes of sign-in there.
    pub social: FlowKey,
    /// Hashes the challenges of passkeys, and makes up passkeys that there are not.
    pub passkeys: PasskeyKey,
    /// Names lockout counters.
    pub lockout: [u8; 32],
    /// Names counters of wrong codes.
    pub email_codes: [u8; 32],
    /// Names counters of mails.
    pub mail_counters: [u8; 32],
    /// Seals what must be read back.
    pub sealing: Sealing,
    /// Chain the audit log: the first one does, the others are what did before.
    pub audit: Vec<ChainKey>,
    refresh: RefreshKey,
    refresh_previous: Option<RefreshKey>,
}

impl Keys {
    /// # Errors
    /// `invalid_setting` with the setting that is too weak, or the two that must differ.
    pub fn new(secrets: &ServerSecrets, issuer: String) -> Result<Self> {
        let signing = bytes("OAUTH_SIGNING_SECRET", &secrets.signing)?;
        let signing_previous = optional("OAUTH_SIGNING_SECRET_PREVIOUS", secrets.signing_previous.as_ref())?;
        let token = bytes("FABRIC_INVITE_TOKEN_KEY", &secrets.token)?;
        let encryption = optional("FABRIC_ENCRYPTION_KEY", secrets.encryption.as_ref())?;
        let encryption_previous = optional("FABRIC_ENCRYPTION_KEY_PREVIOUS", secrets.encryption_previous.as_ref())?;
        let supabase = optional("JWT_SECRET", secrets.supabase.as_ref())?;
        if supabase.is_some_and(|supabase| supabase == signing || Some(supabase) == signing_previous) {
            return Err(Error::because(
                Code::InvalidSetting,
                "JWT_SECRET and OAUTH_SIGNING_SECRET are the same: whoever signs with the one could sign as the other. \
                 Give OAUTH_SIGNING_SECRET a value of its own (openssl rand -hex 32).",
            ));
        }
        let sealing = [encryption, Some(signing), encryption_previous, signing_previous];
        let kept = sealing.into_iter().flatten();
        Ok(Self {
            issuer: Issuer {
                name: issuer,
                current: SigningKey::new(signing)?,
                previous: signing_previous.map(SigningKey::new).transpose()?,
            },
            supabase: match supabase {
                Some(secret) => {
                    Some(Supabase { key: SigningKey::new(secret)?, issuer: secrets.supabase_issuer.clone() })
                }
                None => None,
            },
            links: LinkKey::new(*derive(token, "link")?),
            one_time: TokenKey::new(*derive(token, "one-time token")?),
            challenges: ChallengeKey::new(*derive(token, "mfa challenge")?),
            social: FlowKey::new(*derive(token, "social flow")?),
            passkeys: PasskeyKey::new(*derive(token, "passkey")?),
            lockout: *derive(token, "lockout counter")?,
            mail_counters: *derive(token, "mail counter")?,
            email_codes: *derive(token, "e-mail code counter")?,
            refresh: RefreshKey::new(*derive(signing, "refresh token")?),
            refresh_previous: signing_previous
                .map(|secret| derive(secret, "refresh token").map(|key| RefreshKey::new(*key)))
                .transpose()?,
            audit: kept
                .clone()
                .map(|secret| derive(secret, "audit chain").map(|key| ChainKey::new(*key)))
                .collect::<Result<_>>()?,
            sealing: Sealing(
                kept.map(|secret| derive(secret, "sealing").map(|key| SealingKey::new(&key))).collect::<Result<_>>()?,
            ),
        })
    }

    /// A refresh token as its holder sees it.
    #[must_use]
    pub fn write_refresh_token(&self, id: RefreshTokenId) -> Secret {
        self.refresh.write(id)
    }

    /// The id of a refresh token of ours.
    #[must_use]
    pub fn read_refresh_token(&self, token: &str) -> Option<RefreshTokenId> {
        let previous = || self.refresh_previous.as_ref().and_then(|key| key.read(token));
        self.refresh.read(token).or_else(previous)
    }
}

fn bytes<'a>(setting: &str, secret: &'a Secret) -> Result<&'a [u8]> {
    let secret = secret.expose_secret().as_bytes();
    let varied = secret.iter().collect::<std::collections::HashSet<_>>().len() >= 8;
    if secret.len() >= 32 && varied {
        return Ok(secret);
    }
    Err(Error::because(
        Code::InvalidSetting,
        format!("{setting} is too weak: it needs 32 random bytes or more. Make one with: openssl rand -hex 32"),
    ))
}

fn optional<'a>(setting: &str, secret: Option<&'a Secret>) -> Result<Option<&'a [u8]>> {
    secret.map(|secret| bytes(setting, secret)).transpose()
}

/// HKDF-SHA-256 (RFC 5869): keys for different purposes tell nothing about each other.
fn derive(secret: &[u8], purpose: &str) -> Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    let info = format!("fabric {purpose} v1");
    Hkdf::<Sha256>::new(None, secret)
        .expand(info.as_bytes(), &mut *key)
        .map_err(|_| Error::internal("HKDF refused the length"))?;
    Ok(key)
}

/// Encrypts what must be read back: XChaCha20-Poly1305 with a random nonce, bound to the place it is kept in, so that
/// nobody can move a ciphertext elsewhere.
#[derive(Clone)]
pub struct Sealing(Vec<SealingKey>);

#[derive(Clone)]
struct SealingKey {
    id: SealingKeyId,
    cipher: XChaCha20Poly1305,
}

const ID: usize = 8;
const NONCE: usize = 24;

impl SealingKey {
    fn new(key: &[u8; 32]) -> Self {
        let mut id = [0; ID];
        id.copy_from_slice(&blake3::derive_key("fabric 2026 sealing key id", key)[..ID]);
        Self { id: SealingKeyId(id), cipher: XChaCha20Poly1305::new(key.into()) }
    }
}

impl Sealing {
    /// What new secrets are sealed with.
    ///
    /// # Errors
    /// Never: there is always one.
    pub fn current(&self) -> Result<SealingKeyId> {
        self.0.first().map(|key| key.id).ok_or_else(|| Error::internal("no sealing key"))
    }

    /// Whether what is sealed with this key can be read.
    #[must_use]
    pub fn knows(&self, id: SealingKeyId) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// Seals a secret for one place.
    pub fn seal(&self, secret: &Secret, place: &[u8]) -> Result<Sealed> {
        let key = self.0.first().ok_or_else(|| Error::internal("no sealing key"))?;
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: place };
        let sealed =
            key.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| Error::internal("sealing failed"))?;
        Ok(Sealed([&key.id.0, &nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, sealed: &Sealed, place: &[u8]) -> Result<Secret> {
        let broken = || Error::internal("a sealed secret that can't be opened: another key, or another place");
        let (id, rest) = sealed.0.split_at_checked(ID).ok_or_else(broken)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE).ok_or_else(broken)?;
        let key = self.0.iter().find(|key| key.id.0 == id).ok_or_else(broken)?;
        let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_| broken())?;
        let payload = Payload { msg: ciphertext, aad: place };
        let opened = key.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| broken())?;
        String::from_utf8(opened).map(Secret::from).map_err(|_| broken())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(signing: &str) -> ServerSecrets {
        ServerSecrets {
            signing: signing.into(),
            signing_previous: None,
            token: "fedcba9876543210fedcba9876543210".into(),
            encryption: None,
            encryption_previous: None,
            supabase: None,
            supabase_issuer: None,
        }
    }

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "123456789abcdef0123456789abcdef0";

    fn keys(secrets: &ServerSecrets) -> Result<Keys> {
        Keys::new(secrets, "fabric".into())
    }

    #[test]
    fn weak_and_shared_secrets_stop_the_start() {
        for weak in ["", "short", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
            let told = keys(&secrets(weak)).err().unwrap();
            assert!(told.message.contains("OAUTH_SIGNING_SECRET") && told.message.contains("openssl rand"), "{told}");
        }
        let shared = ServerSecrets { supabase: Some(ONE.into()), ..secrets(ONE) };
        assert!(keys(&shared).err().unwrap().message.contains("JWT_SECRET"));
    }

    #[test]
    fn a_sealed_secret_opens_with_its_key_in_its_place() {
        let old = keys(&secrets(ONE)).unwrap().sealing;
        let sealed = old.seal(&"whsec_x".into(), b"here").unwrap();
        assert_eq!(old.open(&sealed, b"here").unwrap().expose_secret(), "whsec_x");
        assert!(old.open(&sealed, b"there").is_err());
        let mut bent = sealed.clone();
        *bent.0.last_mut().unwrap() ^= 1;
        assert!(old.open(&bent, b"here").is_err());

        let rotated = ServerSecrets { signing_previous: Some(ONE.into()), ..secrets(OTHER) };
        let rotated = keys(&rotated).unwrap().sealing;
        assert!(rotated.open(&sealed, b"here").is_ok() && rotated.knows(old.current().unwrap()));
        let lost = keys(&secrets(OTHER)).unwrap().sealing;
        assert!(lost.open(&sealed, b"here").is_err() && !lost.knows(old.current().unwrap()));

        let set = ServerSecrets { encryption: Some(OTHER.into()), ..secrets(ONE) };
        let set = keys(&set).unwrap().sealing;
        assert!(set.open(&sealed, b"here").is_ok(), "what was sealed before a key was configured");
        assert_ne!(set.current().unwrap(), old.current().unwrap());
    }

    #[test]
    fn refresh_tokens_outlive_a_rotation_by_one() {
        let id = RefreshTokenId::generate();
        let token = keys(&secrets(ONE)).unwrap().write_refresh_token(id);
        let rotated = ServerSecrets { signing_previous: Some(ONE.into()), ..secrets(OTHER) };
        assert_eq!(keys(&rotated).unwrap().read_refresh_token(token.expose_secret()), Some(id));
        assert_eq!(keys(&secrets(OTHER)).unwrap().read_refresh_token(token.expose_secret()), None);
    }
}
