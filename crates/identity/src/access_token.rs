//! Access tokens: JWTs (RFC 9068 in form) that the server signs, with a secret (HS256) or with a [key](crate::signing_key),
//! and believes only while the database still does.
//!
//! josekit carries the signature; the claims and the policy are ours, because its payload validator lets a token without
//! `exp` or `aud` through and panics on an `exp` of `1e20`.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use josekit::{
    JoseError,
    jws::{
        self, JwsAlgorithm, JwsHeader, JwsSigner, JwsVerifier, alg::hmac::HmacJwsAlgorithm, alg::hmac::HmacJwsSigner,
    },
};
use kernel::{
    Code, Error, Result, Timestamp,
    id::{AccountId, AppId, ClientSecretId, OauthClientId, PrincipalId, SessionId, TokenId},
};
use openssl::{hash::MessageDigest, memcmp, pkey::PKey, pkey::Private, sign::Signer};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

use crate::signing_key::{KeyId, KeyPair, PublicKey};

/// The header's `typ` of every access token (RFC 9068, 2.1): nothing else that we sign has it.
const TYPE: &str = "at+jwt";
/// Longer tokens are refused unread.
const LONGEST: usize = 8192;
/// How far the clocks of two nodes may be apart.
const LEEWAY: Duration = Duration::from_secs(5);

/// What a token was issued for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Grant {
    /// A sign-in of the person themselves.
    Session {
        /// The session.
        sid: SessionId,
        /// The account.
        account: AccountId,
        /// The account's epoch at the sign-in.
        epoch: i32,
    },
    /// An app acting for one of its users (RFC 8693).
    Exchange {
        /// The account.
        account: AccountId,
        /// The account's epoch at the exchange.
        epoch: i32,
        /// Who acts.
        act: Actor,
    },
    /// An app acting for itself.
    App {
        /// The client secret that it showed: the token lives no longer than that does.
        secret: ClientSecretId,
    },
    /// A service account that showed its client credentials.
    Client {
        /// The OAuth client: the token lives no longer than that does.
        client: OauthClientId,
    },
}

/// Who acts for the subject (RFC 8693, 4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The app's client id.
    pub sub: String,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// Who it is about.
    pub sub: PrincipalId,
    /// Who it is for: the app's client id, or the platform.
    pub aud: String,
    /// In seconds since 1970.
    #[serde(deserialize_with = "numeric_date")]
    pub exp: i64,
    /// In seconds since 1970.
    #[serde(deserialize_with = "numeric_date")]
    pub nbf: i64,
    /// In seconds since 1970.
    #[serde(deserialize_with = "numeric_date")]
    pub iat: i64,
    /// The token's own id.
    pub jti: TokenId,
    /// In which app; `None` is the platform itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_id: Option<AppId>,
    /// How the person showed who they are, of a sign-in of theirs (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// What it was issued for.
    #[serde(flatten)]
    pub grant: Grant,
}

impl Claims {
    /// Writes them down as an access token that this key signs.
    pub fn sign_with(&self, pair: &KeyPair) -> Result<String> {
        write(self, pair.signer())
    }
}

/// What a token of Supabase says, as far as we read it.
#[derive(Clone, Debug, Deserialize)]
pub struct SupabaseClaims {
    /// Who issued it.
    pub iss: Option<String>,
    /// Who it is about, at Supabase.
    pub sub: String,
    /// `authenticated`.
    pub aud: String,
    /// `authenticated`: service tokens have other roles.
    pub role: String,
    /// The person's address.
    pub email: Option<String>,
    /// Whether nobody knows who it is: anonymous people have the role `authenticated` too.
    #[serde(default)]
    pub is_anonymous: bool,
    /// In seconds since 1970.
    #[serde(deserialize_with = "numeric_date")]
    pub exp: i64,
    /// In seconds since 1970.
    #[serde(default, deserialize_with = "optional_numeric_date")]
    pub nbf: Option<i64>,
    /// In seconds since 1970.
    #[serde(deserialize_with = "numeric_date")]
    pub iat: i64,
}

/// JSON numbers may be floats and absurd; dates are whole seconds of this era.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<i64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if (0.0..1e11).contains(&number) {
        #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
        Ok(number as i64)
    } else {
        Err(serde::de::Error::custom("a date out of range"))
    }
}

fn optional_numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<i64>, D::Error> {
    numeric_date(deserializer).map(Some)
}

/// A shared secret for HS256: at least 32 bytes (RFC 7518, 3.2).
#[derive(Clone)]
pub struct SigningKey {
    key: PKey<Private>,
    signer: HmacJwsSigner,
}

impl SigningKey {
    /// # Errors
    /// `invalid_setting` when the secret is under 32 bytes.
    pub fn new(secret: &[u8]) -> Result<Self> {
        let weak = || Error::because(Code::InvalidSetting, "A signing secret has at least 32 bytes.");
        if secret.len() < 32 {
            return Err(weak());
        }
        let signer = HmacJwsAlgorithm::Hs256.signer_from_bytes(secret).map_err(|_| weak())?;
        let key = PKey::hmac(secret).map_err(Error::internal)?;
        Ok(Self { key, signer })
    }

    /// Claims that this key signed; type, dates and names are not looked at.
    fn open<C: DeserializeOwned>(&self, token: &str) -> Option<C> {
        open(token, &Hs256(self.key.clone()))
    }
}

/// Claims that this verifier finds signed; type, dates and names are not looked at.
fn open<C: DeserializeOwned>(token: &str, verifier: &dyn JwsVerifier) -> Option<C> {
    if token.len() > LONGEST {
        return None;
    }
    // josekit refuses a header whose `alg` is not the verifier's: neither `none` nor another algorithm gets here.
    let (payload, _) = jws::deserialize_compact(token, verifier).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn write(claims: &Claims, signer: &dyn JwsSigner) -> Result<String> {
    let mut header = JwsHeader::new();
    header.set_token_type(TYPE);
    let payload = serde_json::to_vec(claims).map_err(Error::internal)?;
    jws::serialize_compact(&payload, &header, signer).map_err(Error::internal)
}

/// What a token says that it was signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignedBy {
    /// The secret that the servers share.
    Secret,
    /// The key of that id.
    Key(KeyId),
}

/// The header of an access token: these members and no others. So nobody brings a key along (`jwk`, `x5c`), or says where
/// there is one (`jku`, `x5u`), or asks for what we do not do (`crit`; RFC 7515, 4.1.11).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(rename = "alg")]
    _alg: String,
    typ: String,
    kid: Option<String>,
}

impl SignedBy {
    /// What an access token says of itself: which key is to be asked, and nothing else. With what that key verifies, the
    /// key alone knows. Nothing is believed yet.
    #[must_use]
    pub fn of(token: &str) -> Option<Self> {
        let (header, _) = token.split_once('.').filter(|_| token.len() <= LONGEST)?;
        let header: Header = serde_json::from_slice(&BASE64.decode(header).ok()?).ok()?;
        if header.typ != TYPE {
            return None;
        }
        header.kid.map_or(Some(Self::Secret), |kid| kid.parse().ok().map(Self::Key))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// HS256 with a comparison in constant time, which josekit's own verifier lacks.
#[derive(Clone, Debug)]
struct Hs256(PKey<Private>);

impl JwsVerifier for Hs256 {
    fn algorithm(&self) -> &dyn JwsAlgorithm {
        &HmacJwsAlgorithm::Hs256
    }

    fn key_id(&self) -> Option<&str> {
        None
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> std::result::Result<(), JoseError> {
        let refuse = |error: openssl::error::ErrorStack| JoseError::InvalidSignature(error.into());
        let mut signer = Signer::new(MessageDigest::sha256(), &self.0).map_err(refuse)?;
        let expected = signer.sign_oneshot_to_vec(message).map_err(refuse)?;
        if expected.len() == signature.len() && memcmp::eq(&expected, signature) {
            Ok(())
        } else {
            Err(JoseError::InvalidSignature(std::io::Error::other("the MAC differs").into()))
        }
    }

    fn box_clone(&self) -> Box<dyn JwsVerifier> {
        Box::new(self.clone())
    }
}

/// Issues access tokens, and reads them again.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The `iss` of every token.
    pub name: String,
    /// What new tokens are signed with.
    pub current: SigningKey,
    /// What tokens were signed with before: still believed.
    pub previous: Option<SigningKey>,
}

impl Issuer {
    /// Signs an access token with the secret.
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        write(claims, &self.current.signer)
    }

    /// Claims that we signed for now, with the secret or with this key, whichever the token [says](SignedBy::of).
    ///
    /// # Errors
    /// `unauthorized` for everything that is not an access token of ours; `token_expired` for one that was.
    pub fn read(&self, token: &str, key: Option<&PublicKey>, now: Timestamp) -> Result<Claims> {
        let claims = self.read_at_any_time(token, key).ok_or_else(|| Error::new(Code::Unauthorized))?;
        within(claims.nbf.max(claims.iat), claims.exp, now)?;
        Ok(claims)
    }

    /// Claims that we signed for any time: to end a session, an expired token is good enough.
    #[must_use]
    pub fn read_at_any_time(&self, token: &str, key: Option<&PublicKey>) -> Option<Claims> {
        let by_secret = |key: &SigningKey| key.open::<Claims>(token);
        let claims = match (SignedBy::of(token)?, key) {
            (SignedBy::Secret, None) => by_secret(&self.current).or_else(|| self.previous.as_ref().and_then(by_secret)),
            (SignedBy::Key(id), Some(key)) if key.id() == id => open(token, key.verifier()),
            _ => None,
        };
        claims.filter(|claims: &Claims| claims.iss == self.name)
    }
}

/// Reads tokens that Supabase issued.
#[derive(Clone, Debug)]
pub struct Supabase {
    /// The shared secret.
    pub key: SigningKey,
    /// The `iss` that is asked for.
    pub issuer: Option<String>,
}

impl Supabase {
    /// Claims of a signed-in person.
    ///
    /// # Errors
    /// `unauthorized` for everything else; `token_expired` when the time is over.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<SupabaseClaims> {
        let refused = || Error::new(Code::Unauthorized);
        let claims: SupabaseClaims = self.key.open(token).ok_or_else(refused)?;
        let issued_here = self.issuer.as_ref().is_none_or(|issuer| claims.iss.as_ref() == Some(issuer));
        // A subject is at most 255 characters (OpenID Connect Core, 2), and none that a database would stumble over.
        let named = (1..=255).contains(&claims.sub.len()) && !claims.sub.contains(char::is_control);
        let somebody = claims.role == "authenticated" && !claims.is_anonymous && named;
        if claims.aud != "authenticated" || !somebody || !issued_here {
            return Err(refused());
        }
        within(claims.nbf.unwrap_or(claims.iat).max(claims.iat), claims.exp, now)?;
        Ok(claims)
    }
}

fn within(from: i64, until: i64, now: Timestamp) -> Result<()> {
    if from > now.after(LEEWAY).unix_seconds() {
        return Err(Error::new(Code::Unauthorized));
    }
    if until <= now.unix_seconds() {
        return Err(Error::new(Code::TokenExpired));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
