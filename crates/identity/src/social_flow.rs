//! The way to a provider and back: what is remembered of somebody meanwhile, each time for one use.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Code, Error, Result, Sealed, Secret, SecretHash, Timestamp, id::AppId, secret::ExposeSecret};
use openssl::sha::sha256;
use subtle::ConstantTimeEq as _;

/// How long somebody may be at a provider.
pub const AWAY: Duration = Duration::from_mins(10);

/// How long a code is good for (RFC 6749, 4.1.2, wants at most ten minutes): an app takes it at once.
pub const CODE_LIFETIME: Duration = Duration::from_mins(1);

/// The key of the hashes.
#[derive(Clone)]
pub struct FlowKey([u8; 32]);

impl FlowKey {
    /// From key material that is used for nothing else.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// What is stored of the `state` that goes to a provider. What it is bound to goes in: brought back by another browser,
    /// or to the address of another app or provider, it is one that nobody has issued. No provider is named where several
    /// share an address.
    #[must_use]
    pub fn of_state(&self, app: Option<AppId>, provider: Option<&str>, browser: &Secret, state: &Secret) -> SecretHash {
        let provider = provider.unwrap_or_default();
        self.hash("state", app, &[provider, browser.expose_secret(), state.expose_secret()])
    }

    /// What is stored of the code that an app is handed. Shown at the door of another app, or with another address than it
    /// was handed to, it is one that nobody has issued (RFC 6749, 4.1.3).
    #[must_use]
    pub fn of_code(&self, app: Option<AppId>, redirect_uri: &str, code: &Secret) -> SecretHash {
        self.hash("code", app, &[redirect_uri, code.expose_secret()])
    }

    /// What tells one flow of a browser from its others: the end of its cookie's name.
    #[must_use]
    pub fn name(&self, state: &Secret) -> String {
        let hash = self.hash("name", None, &[state.expose_secret()]);
        blake3::Hash::from_bytes(hash.0).to_hex()[..16].to_owned()
    }

    fn hash(&self, what: &str, app: Option<AppId>, parts: &[&str]) -> SecretHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(what.as_bytes()).update(&[0]);
        hasher.update(app.map_or([0; 16], |app| *app.0.as_bytes()).as_slice());
        for part in parts {
            // Of a fixed length, so that no part runs into the next.
            hasher.update(blake3::hash(part.as_bytes()).as_bytes());
        }
        SecretHash(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for FlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlowKey(…)")
    }
}

/// What an app has made of a secret that it will show with the code (RFC 7636): `S256`, the only method there is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// # Errors
    /// `invalid_request` for what is no SHA-256 in Base64url.
    pub fn parse(text: &str) -> Result<Self> {
        let is_hash = URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
        let why = "Give code_challenge: the SHA-256 of code_verifier in Base64url, without padding (RFC 7636).";
        if is_hash { Ok(Self(text.to_owned())) } else { Err(Error::because(Code::InvalidRequest, why)) }
    }

    /// The challenge.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it was made of this (RFC 7636, 4.6).
    #[must_use]
    pub fn is_of(&self, verifier: &Secret) -> bool {
        let verifier = verifier.expose_secret().as_bytes();
        let fits = |letter: &u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'.' | b'_' | b'~');
        let sound = (43..=128).contains(&verifier.len()) && verifier.iter().all(fits);
        let made = URL_SAFE_NO_PAD.encode(sha256(verifier));
        sound & bool::from(made.as_bytes().ct_eq(self.0.as_bytes()))
    }
}

/// What is remembered for one use, sealed for its own hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocialFlow {
    /// The hash of what whoever comes back shows.
    pub hash: SecretHash,
    /// Of which app, if any: it goes with it.
    pub app: Option<AppId>,
    /// What is remembered.
    pub note: Sealed,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Flows of one database transaction.
pub trait SocialFlowRepository {
    /// Remembers.
    fn insert_social_flow(&mut self, flow: &SocialFlow) -> Result<()>;

    /// Takes out what was remembered: the one way to read it, and nobody reads it again. `None` for what is unknown, was
    /// taken out or has expired.
    fn consume_social_flow(&mut self, hash: SecretHash, now: Timestamp) -> Result<Option<Sealed>>;

    /// Forgets what expired before `before`, some at a time. Tells how many.
    fn sweep_social_flows(&mut self, before: Timestamp) -> Result<usize>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_20_a_state_is_bound_to_browser_app_and_provider() {
        let (key, app) = (FlowKey::new([3; 32]), AppId::generate());
        let hash = |key: &FlowKey, app, provider, browser: &str, state: &str| {
            key.of_state(app, provider, &browser.into(), &state.into())
        };
        let (here, google) = (Some(app), Some("google"));
        let right = hash(&key, here, google, "browser", "state");
        assert_eq!(hash(&key, here, google, "browser", "state"), right);
        for other in [
            hash(&key, None, None, "browser", "state"),
            hash(&key, None, google, "browser", "state"),
            hash(&key, here, None, "browser", "state"),
            hash(&key, Some(AppId::generate()), google, "browser", "state"),
            hash(&key, here, Some("github"), "browser", "state"),
            hash(&key, here, google, "", "state"),
            hash(&key, here, google, "browsers", "tate"),
            hash(&key, here, google, "browser", "State"),
            hash(&FlowKey::new([4; 32]), here, google, "browser", "state"),
            key.of_code(Some(app), "google", &"state".into()),
        ] {
            assert_ne!(other, right);
        }
    }

    #[test]
    fn attack_19_a_verifier_is_the_one_that_the_challenge_was_made_of() {
        // The example of RFC 7636, appendix B.
        let challenge = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.is_of(&"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into()));
        for wrong in ["", "short", challenge.as_str(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK"] {
            assert!(!challenge.is_of(&wrong.into()), "{wrong}");
        }
        // A verifier that is too short is none, even where the challenge was made of it.
        let short = CodeChallenge::parse(&URL_SAFE_NO_PAD.encode(sha256(b"short"))).unwrap();
        assert!(!short.is_of(&"short".into()));
        for none in
            ["", "plain", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSst"]
        {
            assert!(CodeChallenge::parse(none).is_err(), "{none}");
        }
    }
}
