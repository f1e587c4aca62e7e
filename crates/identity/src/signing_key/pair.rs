//! A key pair: made, kept as PEM, shown as JWK (RFC 7517), and what signs and verifies with it.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use josekit::jws::{
    JwsSigner, JwsVerifier,
    alg::{ecdsa::EcdsaJwsAlgorithm, eddsa::EddsaJwsAlgorithm, rsassa::RsassaJwsAlgorithm},
};
use kernel::{Code, Error, Result, Secret, secret::ExposeSecret};
use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey},
    nid::Nid,
    pkey::{HasPublic, Id, PKey, PKeyRef, Private},
    rsa::Rsa,
    sha::sha256,
};
use serde::Serialize;

use super::{KeyId, SigningAlgorithm};

/// The shortest RSA key that is made or believed (RFC 7518, 3.3), in bits.
const SHORTEST_RSA: u32 = 2048;
/// A coordinate on P-256, in bytes.
const COORDINATE: i32 = 32;

/// The half that verifies.
pub struct PublicKey {
    id: KeyId,
    algorithm: SigningAlgorithm,
    jwk: PublicJwk,
    pem: String,
    verifier: Box<dyn JwsVerifier>,
}

impl PublicKey {
    /// Reads what [`Self::to_pem`] wrote.
    ///
    /// # Errors
    /// `internal_error` for what is no key for that algorithm.
    pub fn from_pem(algorithm: SigningAlgorithm, pem: &str) -> Result<Self> {
        Self::of(algorithm, &*PKey::public_key_from_pem(pem.as_bytes()).map_err(Error::internal)?)
    }

    fn of<T: HasPublic>(algorithm: SigningAlgorithm, key: &PKeyRef<T>) -> Result<Self> {
        let parts = Parts::of(algorithm, key)?;
        let id = parts.thumbprint();
        let der = key.public_key_to_der().map_err(Error::internal)?;
        let pem = String::from_utf8(key.public_key_to_pem().map_err(Error::internal)?).map_err(Error::internal)?;
        // With the id in it josekit insists on the `kid`, as it does on the algorithm.
        let verifier: Box<dyn JwsVerifier> = match algorithm {
            SigningAlgorithm::EdDsa => {
                let mut verifier = EddsaJwsAlgorithm::Eddsa.verifier_from_der(der).map_err(Error::internal)?;
                verifier.set_key_id(id.to_string());
                Box::new(verifier)
            }
            SigningAlgorithm::Es256 => {
                let mut verifier = EcdsaJwsAlgorithm::Es256.verifier_from_der(der).map_err(Error::internal)?;
                verifier.set_key_id(id.to_string());
                Box::new(verifier)
            }
            SigningAlgorithm::Rs256 => {
                let mut verifier = RsassaJwsAlgorithm::Rs256.verifier_from_der(der).map_err(Error::internal)?;
                verifier.set_key_id(id.to_string());
                Box::new(verifier)
            }
        };
        let jwk = PublicJwk { parts, alg: algorithm.name(), usage: "sig", kid: id };
        Ok(Self { id, algorithm, jwk, pem, verifier })
    }

    /// Its thumbprint.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// How its other half signs.
    #[must_use]
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// As everybody may see it.
    #[must_use]
    pub fn jwk(&self) -> &PublicJwk {
        &self.jwk
    }

    /// As it is kept: `SubjectPublicKeyInfo` (RFC 5280) in PEM.
    #[must_use]
    pub fn to_pem(&self) -> &str {
        &self.pem
    }

    pub(crate) fn verifier(&self) -> &dyn JwsVerifier {
        &*self.verifier
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.algorithm.name(), self.id)
    }
}

/// Both halves.
pub struct KeyPair {
    public: PublicKey,
    pem: Secret,
    signer: Box<dyn JwsSigner>,
}

impl KeyPair {
    /// Makes one, with OpenSSL's own randomness: RSA takes as much as it happens to need. Of RSA so many bits. May take
    /// seconds.
    ///
    /// # Errors
    /// `invalid_setting` for RSA of fewer bits than 2048.
    pub fn generate(algorithm: SigningAlgorithm, rsa_bits: u32) -> Result<Self> {
        let key = match algorithm {
            SigningAlgorithm::EdDsa => PKey::generate_ed25519(),
            SigningAlgorithm::Es256 => EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)
                .and_then(|curve| EcKey::generate(&curve))
                .and_then(PKey::from_ec_key),
            SigningAlgorithm::Rs256 if rsa_bits < SHORTEST_RSA => {
                return Err(Error::because(Code::InvalidSetting, "An RSA key has at least 2048 bits."));
            }
            SigningAlgorithm::Rs256 => Rsa::generate(rsa_bits).and_then(PKey::from_rsa),
        };
        Self::of(algorithm, &key.map_err(Error::internal)?)
    }

    /// Reads what [`Self::to_pem`] wrote.
    ///
    /// # Errors
    /// `internal_error` for what is no key for that algorithm.
    pub fn from_pem(algorithm: SigningAlgorithm, pem: &Secret) -> Result<Self> {
        Self::of(algorithm, &PKey::private_key_from_pem(pem.expose_secret().as_bytes()).map_err(Error::internal)?)
    }

    fn of(algorithm: SigningAlgorithm, key: &PKey<Private>) -> Result<Self> {
        let public = PublicKey::of(algorithm, key)?;
        let pem = key.private_key_to_pem_pkcs8().map_err(Error::internal)?;
        let pem = Secret::from(String::from_utf8(pem).map_err(Error::internal)?);
        let (id, text) = (public.id.to_string(), pem.expose_secret());
        let signer: Box<dyn JwsSigner> = match algorithm {
            SigningAlgorithm::EdDsa => {
                let mut signer = EddsaJwsAlgorithm::Eddsa.signer_from_pem(text).map_err(Error::internal)?;
                signer.set_key_id(id);
                Box::new(signer)
            }
            SigningAlgorithm::Es256 => {
                let mut signer = EcdsaJwsAlgorithm::Es256.signer_from_pem(text).map_err(Error::internal)?;
                signer.set_key_id(id);
                Box::new(signer)
            }
            SigningAlgorithm::Rs256 => {
                let mut signer = RsassaJwsAlgorithm::Rs256.signer_from_pem(text).map_err(Error::internal)?;
                signer.set_key_id(id);
                Box::new(signer)
            }
        };
        Ok(Self { public, pem, signer })
    }

    /// The half for everybody.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// As it is kept: PKCS #8 (RFC 5958) in PEM.
    #[must_use]
    pub fn to_pem(&self) -> &Secret {
        &self.pem
    }

    pub(crate) fn signer(&self) -> &dyn JwsSigner {
        &*self.signer
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({}, {}, …)", self.public.algorithm.name(), self.public.id)
    }
}

/// A key as everybody may see it (RFC 7517, 4). There is no member that a private part could stand in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicJwk {
    #[serde(flatten)]
    parts: Parts,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: KeyId,
}

/// What makes a public key, in base64url (RFC 7518, 6; RFC 8037, 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kty")]
enum Parts {
    #[serde(rename = "OKP")]
    Edwards { crv: &'static str, x: String },
    #[serde(rename = "EC")]
    Elliptic { crv: &'static str, x: String, y: String },
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
}

impl Parts {
    fn of<T: HasPublic>(algorithm: SigningAlgorithm, key: &PKeyRef<T>) -> Result<Self> {
        let another = || Error::internal("a key for another algorithm");
        match algorithm {
            SigningAlgorithm::EdDsa if key.id() == Id::ED25519 => {
                let x = key.raw_public_key().map_err(Error::internal)?;
                Ok(Self::Edwards { crv: "Ed25519", x: BASE64.encode(x) })
            }
            SigningAlgorithm::Es256 => {
                let key = key.ec_key().map_err(Error::internal)?;
                if key.group().curve_name() != Some(Nid::X9_62_PRIME256V1) {
                    return Err(another());
                }
                let coordinates = || {
                    let (mut x, mut y, mut context) = (BigNum::new()?, BigNum::new()?, BigNumContext::new()?);
                    key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context)?;
                    Ok::<_, openssl::error::ErrorStack>((x.to_vec_padded(COORDINATE)?, y.to_vec_padded(COORDINATE)?))
                };
                let (x, y) = coordinates().map_err(Error::internal)?;
                Ok(Self::Elliptic { crv: "P-256", x: BASE64.encode(x), y: BASE64.encode(y) })
            }
            SigningAlgorithm::Rs256 => {
                let key = key.rsa().map_err(Error::internal)?;
                if key.size() * 8 < SHORTEST_RSA {
                    return Err(another());
                }
                Ok(Self::Rsa { n: BASE64.encode(key.n().to_vec()), e: BASE64.encode(key.e().to_vec()) })
            }
            SigningAlgorithm::EdDsa => Err(another()),
        }
    }

    /// The SHA-256 of the members that are required, in the order of their names and without a space (RFC 7638, 3). There
    /// is nothing in any of them that JSON would escape.
    fn thumbprint(&self) -> KeyId {
        let canonical = match self {
            Self::Edwards { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
            Self::Elliptic { crv, x, y } => format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        };
        KeyId(sha256(canonical.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pair(algorithm: SigningAlgorithm) -> KeyPair {
        KeyPair::generate(algorithm, SHORTEST_RSA).unwrap()
    }

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        // RFC 7638, 3.1.
        let rsa = Parts::Rsa {
            n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3\
                oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu\
                6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa\
                pJzKnqDKgw"
                .to_owned(),
            e: "AQAB".to_owned(),
        };
        assert_eq!(rsa.thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037, A.3.
        let edwards = Parts::Edwards { crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned() };
        assert_eq!(edwards.thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    /// Attack 17: nothing that signs is in what everybody sees.
    #[test]
    fn what_is_published_has_no_private_part() {
        for (algorithm, names) in [
            (SigningAlgorithm::EdDsa, &["alg", "crv", "kid", "kty", "use", "x"][..]),
            (SigningAlgorithm::Es256, &["alg", "crv", "kid", "kty", "use", "x", "y"]),
            (SigningAlgorithm::Rs256, &["alg", "e", "kid", "kty", "n", "use"]),
        ] {
            let pair = pair(algorithm);
            let jwk = serde_json::to_value(pair.public().jwk()).unwrap();
            let mut members: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
            members.sort_unstable();
            assert_eq!(members, names);
            assert_eq!((&jwk["alg"], &jwk["use"]), (&json!(algorithm.name()), &json!("sig")));
            assert_eq!(jwk["kid"], json!(pair.public().id().to_string()));
            assert!(jwk.as_object().unwrap().values().all(Value::is_string));
            assert!(!format!("{pair:?}").contains("PRIVATE"));
        }
    }

    #[test]
    fn both_halves_are_read_as_they_were_kept_and_for_no_other_algorithm() {
        for algorithm in SigningAlgorithm::ALL {
            let made = pair(algorithm);
            let again = KeyPair::from_pem(algorithm, made.to_pem()).unwrap();
            let public = PublicKey::from_pem(algorithm, made.public().to_pem()).unwrap();
            assert_eq!((again.public().jwk(), public.jwk()), (made.public().jwk(), made.public().jwk()));
            for other in SigningAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
                assert!(KeyPair::from_pem(other, made.to_pem()).is_err(), "{algorithm:?} as {other:?}");
                assert!(PublicKey::from_pem(other, made.public().to_pem()).is_err(), "{algorithm:?} as {other:?}");
            }
        }
    }

    #[test]
    fn short_rsa_keys_are_neither_made_nor_believed() {
        assert_eq!(KeyPair::generate(SigningAlgorithm::Rs256, 1024).unwrap_err().code, Code::InvalidSetting);
        let short = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
        assert!(PublicKey::of(SigningAlgorithm::Rs256, &*short).is_err());
    }
}
