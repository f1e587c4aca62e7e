//! Secrets in memory, and what is kept of them.

use std::fmt;

pub use secrecy::ExposeSecret;
use secrecy::SecretString;
use subtle::ConstantTimeEq;

/// A secret in clear, for as short as possible: `Debug` prints nothing of it, and its memory is overwritten at the end.
pub type Secret = SecretString;

/// What is stored of a high-entropy secret: its hash. Compared in constant time, so that an answer's time tells
/// nothing of how close a guess came.
#[derive(Clone, Copy)]
pub struct SecretHash(pub [u8; 32]);

impl SecretHash {
    /// The hash of a secret with so many random bits that a fast one will do: BLAKE3.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(*blake3::hash(secret.as_bytes()).as_bytes())
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A secret that must be read back, encrypted: the id of its key, the nonce and the ciphertext in one.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}

/// Whether the secret is this one. Hashed first, so that neither its length nor its beginning is told by the time it
/// takes.
#[must_use]
pub fn is_same(expected: &Secret, presented: &str) -> bool {
    SecretHash::of(expected.expose_secret()) == SecretHash::of(presented)
}

/// Random bytes as letters and digits that nobody mistakes for one another, five bits each.
#[must_use]
pub fn letters(random: &[u8]) -> String {
    random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

/// Whether [`letters`] could have made this.
#[must_use]
pub fn are_letters(text: &str) -> bool {
    text.bytes().all(|byte| LETTERS.contains(&byte))
}

const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_is_the_same() {
        let secret = Secret::from("bootstrap");
        assert!(is_same(&secret, "bootstrap"));
        for other in ["", "bootstra", "bootstrapp", "Bootstrap"] {
            assert!(!is_same(&secret, other), "{other}");
        }
    }

    #[test]
    fn nothing_is_printed() {
        let shown = format!("{:?} {:?} {:?}", Secret::from("hunter2"), SecretHash([7; 32]), Sealed(vec![7; 3]));
        assert!(!shown.contains("hunter2") && !shown.contains('7'), "{shown}");
    }

    #[test]
    fn every_byte_has_a_letter() {
        let all: Vec<u8> = (0..=255).collect();
        assert!(are_letters(&letters(&all)));
        assert!(!are_letters("l") && !are_letters("0"));
    }
}
