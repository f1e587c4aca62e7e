//! How deliveries are signed, twice: as our SDKs verify them, and as Standard Webhooks does
//! (<https://www.standardwebhooks.com>, version 1.0.0).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kernel::{Secret, Timestamp, secret::ExposeSecret};
use sha2::Sha256;

/// `sha256=` and the lower-case hex HMAC-SHA256 of the raw body, keyed with the whole secret, `whsec_` included.
#[must_use]
pub fn of_body(secret: &Secret, body: &[u8]) -> String {
    let code = code(secret.expose_secret().as_bytes(), &[body]);
    let mut text = String::with_capacity(7 + 64);
    text.push_str("sha256=");
    for byte in code {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
    text
}

/// `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`, keyed with what the secret's base64 decodes to; with the text
/// itself where that is no base64, as verifiers do.
#[must_use]
pub fn standard(secret: &Secret, id: &str, at: Timestamp, body: &[u8]) -> String {
    let text = secret.expose_secret();
    let encoded = text.strip_prefix("whsec_").unwrap_or(text);
    let key = BASE64.decode(encoded).unwrap_or_else(|_| encoded.as_bytes().to_vec());
    let seconds = at.unix_seconds().to_string();
    let code = code(&key, &[id.as_bytes(), b".", seconds.as_bytes(), b".", body]);
    format!("v1,{}", BASE64.encode(code))
}

fn code(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // Any length will do (RFC 2104, 2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_signed_with_the_whole_secret() {
        // RFC 4231, test case 2.
        assert_eq!(
            of_body(&"Jefe".into(), b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn standard_verifiers_agree() {
        // The specification's own example.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        let at = Timestamp::from_unix_seconds(1_614_265_330).unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            standard(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }
}
