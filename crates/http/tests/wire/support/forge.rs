use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use serde_json::Value;

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
