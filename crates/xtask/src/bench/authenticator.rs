//! A passkey for the load. It costs nothing to sign with, so that what is measured is the server: its private key is 1, and
//! so is the nonce of each signature, with which ECDSA on P-256 comes down to one addition. It protects nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Outcome, bench::api::text};

/// Where the passkey is used.
pub const ORIGIN: &str = "http://localhost:3000";
/// For which domain it was made.
pub const DOMAIN: &str = "localhost";

/// The generator's coordinates, which are the public key, and its order (SEC 2, 2.4.2).
const X: [u8; 32] = [
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d,
    0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
];
const Y: [u8; 32] = [
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
    0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// User present, user verified.
const VERIFIED: u8 = 0x05;
/// The same, and there is a key behind it.
const WITH_KEY: u8 = 0x45;

/// A passkey of one account.
pub struct Authenticator {
    id: [u8; 16],
    user: String,
}

impl Authenticator {
    /// Makes a passkey by what a challenge says; hands it back with what registers it.
    ///
    /// # Errors
    /// Those of an answer that is no challenge.
    pub fn new(number: usize, challenge: &Value) -> Outcome<(Self, Value)> {
        let mut id = [0xbe; 16];
        id[8..].copy_from_slice(&(number as u64).to_be_bytes());
        let user = text(challenge, "/data/public_key/user/id")?;
        // As CBOR: an EC2 key, ES256, P-256, and both coordinates.
        let key = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20][..], &X, &[0x22, 0x58, 0x20], &Y].concat();
        let data = [&data(WITH_KEY)[..], &[0; 16], &[0, 16], &id, &key].concat();
        let length = u8::try_from(data.len()).map_err(|error| error.to_string())?;
        let object = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58", &[length][..], &data].concat();
        let said = client_data("webauthn.create", &text(challenge, "/data/public_key/challenge")?);
        let made = json!({
            "challenge_id": text(challenge, "/data/challenge_id")?,
            "credential": {
                "id": BASE64.encode(id), "rawId": BASE64.encode(id), "type": "public-key", "clientExtensionResults": {},
                "response": { "attestationObject": BASE64.encode(object), "clientDataJSON": BASE64.encode(said) },
            },
        });
        Ok((Self { id, user }, made))
    }

    /// What answers a challenge to sign in.
    ///
    /// # Errors
    /// Those of an answer that is no challenge.
    pub fn answer(&self, challenge: &Value) -> Outcome<Value> {
        let said = client_data("webauthn.get", &text(challenge, "/data/public_key/challenge")?);
        let data = data(VERIFIED);
        let signed = Sha256::new().chain_update(data).chain_update(Sha256::digest(&said)).finalize();
        Ok(json!({
            "challenge_id": text(challenge, "/data/challenge_id")?,
            "credential": {
                "id": BASE64.encode(self.id), "rawId": BASE64.encode(self.id), "type": "public-key",
                "clientExtensionResults": {},
                "response": {
                    "authenticatorData": BASE64.encode(data), "clientDataJSON": BASE64.encode(said),
                    "signature": BASE64.encode(signature(signed.into())), "userHandle": self.user,
                },
            },
        }))
    }
}

/// What the authenticator says of itself. It does not count.
fn data(flags: u8) -> [u8; 37] {
    let mut data = [0; 37];
    data[..32].copy_from_slice(&Sha256::digest(DOMAIN));
    data[32] = flags;
    data
}

fn client_data(ceremony: &str, challenge: &str) -> String {
    json!({ "type": ceremony, "challenge": challenge, "origin": ORIGIN, "crossOrigin": false }).to_string()
}

/// r is the generator's x, s the sum of the message and that.
fn signature(message: [u8; 32]) -> Vec<u8> {
    let [r, s] = [integer(&X), integer(&sum(message, X))];
    [&[0x30, (r.len() + s.len()).to_be_bytes()[7]][..], &r, &s].concat()
}

/// A positive number, as DER writes it.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count().min(number.len() - 1);
    let digits = &number[zeros..];
    let sign: &[u8] = if digits[0] >= 0x80 { &[0] } else { &[] };
    [&[2, (sign.len() + digits.len()).to_be_bytes()[7]][..], sign, digits].concat()
}

/// The sum of two numbers, less the order as often as it goes.
fn sum(mut number: [u8; 32], other: [u8; 32]) -> [u8; 32] {
    let mut carry = 0_u16;
    for (byte, other) in number.iter_mut().zip(other).rev() {
        let [high, low] = (u16::from(*byte) + u16::from(other) + carry).to_be_bytes();
        (*byte, carry) = (low, high.into());
    }
    while carry > 0 || number >= ORDER {
        let mut borrow = 0;
        for (byte, order) in number.iter_mut().zip(ORDER).rev() {
            let less = 0x100 + u16::from(*byte) - u16::from(order) - borrow;
            let [enough, low] = less.to_be_bytes();
            (*byte, borrow) = (low, 1 - u16::from(enough));
        }
        carry = carry.saturating_sub(borrow);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stay_below_the_order() {
        let number = |last: u8| {
            let mut number = [0; 32];
            number[31] = last;
            number
        };
        assert_eq!(sum(number(1), number(255)), {
            let mut carried = [0; 32];
            carried[30] = 1;
            carried
        });
        assert_eq!(sum(ORDER, number(7)), number(7));
        assert_eq!(sum([0xff; 32], number(0)), sum([0xff; 32], ORDER));
        assert!(sum([0xff; 32], X) < ORDER);
    }

    #[test]
    fn numbers_are_positive_and_short() {
        assert_eq!(integer(&[0, 0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(integer(&[0, 0]), [2, 1, 0]);
    }
}
