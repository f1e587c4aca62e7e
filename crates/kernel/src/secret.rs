//! Secrets in memory, and what is kept of them.

use std::fmt;

pub use secrecy::ExposeSecret;
use secrecy::SecretString;
use subtle::ConstantTimeEq;

/// A secret in clear, for as short as possible: `Debug` prints nothing of it, and its memory is overwritten at the end.
pub type Secret = SecretString;

/// What is stored of a high-entropy secret: a keyed hash. Compared in constant time, so that an answer's time tells
/// nothing of how close a guess came.
#[derive(Clone, Copy)]
pub struct SecretHash(pub [u8; 32]);

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
