use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use identity::{SigningAlgorithm, signing_key::KeyPair};
use kernel::secret::ExposeSecret as _;
use openssl::{
    ecdsa::EcdsaSig,
    hash::MessageDigest,
    pkey::{PKey, Private},
    sign::Signer,
};
use serde_json::{Value, json};

/// Signs whatever it is told to, under any header.
pub fn sign(secret: &str, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let key = PKey::hmac(secret.as_bytes()).unwrap();
    let mac = Signer::new(MessageDigest::sha256(), &key).unwrap().sign_oneshot_to_vec(message.as_bytes()).unwrap();
    format!("{message}.{}", BASE64.encode(mac))
}

/// Header or claims as they stand in a token.
pub fn part(json: &Value) -> String {
    BASE64.encode(json.to_string())
}

/// What a token says.
pub fn claims_in(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("a token has three parts");
    serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap()
}

/// Signs whatever it is told to with a key, under any header.
pub fn sign_with(pair: &KeyPair, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let key = PKey::private_key_from_pem(pair.to_pem().expose_secret().as_bytes()).unwrap();
    let signature = match pair.public().algorithm() {
        SigningAlgorithm::EdDsa => {
            Signer::new_without_digest(&key).unwrap().sign_oneshot_to_vec(message.as_bytes()).unwrap()
        }
        SigningAlgorithm::Rs256 => sign_sha256(&key, &message),
        SigningAlgorithm::Es256 => {
            // A JWS has both numbers as they are (RFC 7518, 3.4).
            let pair = EcdsaSig::from_der(&sign_sha256(&key, &message)).unwrap();
            [pair.r(), pair.s()].map(|number| number.to_vec_padded(32).unwrap()).concat()
        }
    };
    format!("{message}.{}", BASE64.encode(signature))
}

fn sign_sha256(key: &PKey<Private>, message: &str) -> Vec<u8> {
    Signer::new(MessageDigest::sha256(), key).unwrap().sign_oneshot_to_vec(message.as_bytes()).unwrap()
}

/// The header of a token that this key signs.
pub fn header_of(pair: &KeyPair) -> Value {
    json!({ "alg": pair.public().algorithm().name(), "typ": "at+jwt", "kid": pair.public().id() })
}

/// What a token says of how it was signed.
pub fn header_in(token: &str) -> Value {
    let header = token.split('.').next().expect("a token has three parts");
    serde_json::from_slice(&BASE64.decode(header).unwrap()).unwrap()
}
