use std::time::{Duration, SystemTime};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const TOLERANCE: Duration = Duration::from_mins(5);

/// Whether `X-Fabric-Signature` is by this secret.
pub fn is_genuine(body: &[u8], signature: &str, secret: &str) -> bool {
    let given = signature.strip_prefix("sha256=").and_then(|given| hex::decode(given).ok());
    given.is_some_and(|given| is_code(&given, secret.as_bytes(), &[body]))
}

/// Whether a signature of Standard Webhooks is by this secret, and not older than five minutes: `id`, `sent` and
/// `signatures` are what the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` say.
pub fn is_genuine_and_new(body: &[u8], id: &str, sent: &str, signatures: &str, secret: &str) -> bool {
    let (now, seconds) = (SystemTime::now(), sent.parse().map(Duration::from_secs).ok());
    let Some(then) = seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(seconds)) else { return false };
    let apart = now.duration_since(then).unwrap_or_else(|ahead| ahead.duration());
    let Ok(key) = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_")) else { return false };
    let signed = [id.as_bytes(), b".", sent.as_bytes(), b".", body];
    let given = signatures.split(' ').filter_map(|one| BASE64_STANDARD.decode(one.strip_prefix("v1,")?).ok());
    apart <= TOLERANCE && given.into_iter().any(|given| is_code(&given, &key, &signed))
}

fn is_code(given: &[u8], key: &[u8], parts: &[&[u8]]) -> bool {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    parts.iter().fold(mac, Mac::chain_update).verify_slice(given).is_ok()
}
