//! Passwords: what is good enough, and how they are hashed.
//!
//! OWASP Password Storage Cheat Sheet: Argon2id with m=19 MiB, t=2, p=1 as the default; a hash with other parameters is
//! replaced at the next sign-in.

mod breached;
mod common;
mod imported;

use std::fmt;

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{self, Output, ParamsString, Salt},
};
use kernel::{Code, Error, Result, Secret, secret::ExposeSecret};
use subtle::ConstantTimeEq;

pub use breached::Fingerprint;
pub use imported::Digest;

use common::is_common;
use imported::Imported;

/// The longest password that is hashed, in bytes: long enough for any passphrase, short enough that a megabyte of it
/// is refused before it costs anything.
const LONGEST: usize = 1024;
const SHORTEST: usize = 8;
/// What new hashes are made with.
const OURS: (Algorithm, Version) = (Algorithm::Argon2id, Version::V0x13);

/// A password that somebody chose and that meets the policy.
#[derive(Debug, Clone)]
pub struct Password(Secret);

impl Password {
    /// # Errors
    /// `weak_password` without 8 characters of four kinds; `common_password` for what is tried first; `password_too_long`
    /// beyond 1024 bytes.
    pub fn choose(text: &Secret) -> Result<Self> {
        let exposed = text.expose_secret();
        within_bounds(exposed)?;
        let has = |kind: fn(char) -> bool| exposed.chars().any(kind);
        let strong = exposed.chars().count() >= SHORTEST
            && has(char::is_uppercase)
            && has(char::is_lowercase)
            && has(|letter| letter.is_ascii_digit())
            && has(|letter| !letter.is_alphanumeric() && !letter.is_control());
        if !strong {
            return Err(Error::new(Code::WeakPassword));
        }
        if is_common(exposed) { Err(Error::new(Code::CommonPassword)) } else { Ok(Self(text.clone())) }
    }

    /// What somebody types to sign in: any text that could have been chosen under any policy.
    ///
    /// # Errors
    /// `password_too_long` beyond 1024 bytes.
    pub fn attempt(text: Secret) -> Result<Self> {
        within_bounds(text.expose_secret())?;
        Ok(Self(text))
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

fn within_bounds(text: &str) -> Result<()> {
    if text.len() > LONGEST { Err(Error::new(Code::PasswordTooLong)) } else { Ok(()) }
}

/// A password's hash in the PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// From the database.
    #[must_use]
    pub fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// How much work a hash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for HashCost {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// What came of comparing.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password; `Some` is a hash at the present cost, where the stored one had another.
    Right(Option<PasswordHash>),
    /// It is not, or there is none.
    Wrong,
}

/// Hashes and compares. It keeps its working memory from one hash to the next: mapping 19 MiB anew for each would cost
/// a tenth of the hash.
pub struct Hasher {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
}

impl Hasher {
    /// # Errors
    /// `invalid_setting` when Argon2 knows no such cost.
    pub fn new(cost: HashCost) -> Result<Self> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)
            .map_err(|error| Error::because(Code::InvalidSetting, format!("password hash cost: {error}")))?;
        Ok(Self { argon2: Argon2::new(OURS.0, OURS.1, params), memory: Vec::new() })
    }

    /// Gives the working memory back, until the next hash.
    pub fn rest(&mut self) {
        self.memory = Vec::new();
    }

    /// Hashes a password with a salt that was drawn for it.
    pub fn hash(&mut self, password: &Password, salt: [u8; 16]) -> Result<PasswordHash> {
        let salt = Salt::new(&salt).map_err(Error::internal)?;
        let params = self.argon2.params().clone();
        let hash = self.output(OURS, &params, password, &salt, Params::DEFAULT_OUTPUT_LEN)?;
        let phc = phc::PasswordHash {
            algorithm: OURS.0.ident(),
            version: Some(OURS.1.into()),
            params: ParamsString::try_from(&params).map_err(Error::internal)?,
            salt: Some(salt),
            hash: Some(hash),
        };
        Ok(PasswordHash(phc.to_string()))
    }

    /// Compares. Where there is nothing to compare with, the same work is done, so that the time tells nobody that.
    pub fn compare(&mut self, attempt: &Password, stored: Option<&PasswordHash>, salt: [u8; 16]) -> Result<Verdict> {
        let Some(stored) = stored else {
            self.hash(attempt, salt)?;
            return Ok(Verdict::Wrong);
        };
        if let Some(theirs) = Imported::read(&stored.0) {
            // Ours is made whether it is right or wrong: at least as much work as for an address that nobody has.
            let right = theirs.matches(attempt);
            let ours = self.hash(attempt, salt)?;
            return Ok(if right { Verdict::Right(Some(ours)) } else { Verdict::Wrong });
        }
        let stored = phc::PasswordHash::new(&stored.0).map_err(Error::internal)?;
        let algorithm = Algorithm::new(stored.algorithm).map_err(Error::internal)?;
        // Hashes of before there were versions say none.
        let version = stored.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(Error::internal)?;
        let params = Params::try_from(&stored).map_err(Error::internal)?;
        let (Some(salt_then), Some(expected)) = (stored.salt, stored.hash) else {
            return Err(Error::internal("a stored password hash without salt or output"));
        };
        let found = self.output((algorithm, version), &params, attempt, &salt_then, expected.len())?;
        let right = bool::from(found.as_bytes().ct_eq(expected.as_bytes()));
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        let outdated = (algorithm, version) != OURS || cost(&params) != cost(self.argon2.params());
        let ours = outdated.then(|| self.hash(attempt, salt)).transpose()?;
        Ok(if right { Verdict::Right(ours) } else { Verdict::Wrong })
    }

    fn output(
        &mut self,
        (algorithm, version): (Algorithm, Version),
        params: &Params,
        password: &Password,
        salt: &Salt,
        length: usize,
    ) -> Result<Output> {
        let argon2 = Argon2::new(algorithm, version, params.clone());
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::default());
        }
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..length).ok_or_else(|| Error::internal("a hash that is too long"))?;
        let memory = self.memory.get_mut(..blocks).unwrap_or_default();
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, memory).map_err(Error::internal)?;
        Output::new(output).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: HashCost = HashCost { memory_kib: 64, passes: 1, lanes: 1 };

    fn password(text: &str) -> Password {
        Password::attempt(text.into()).unwrap()
    }

    #[test]
    fn a_password_has_eight_characters_of_four_kinds() {
        for good in ["SecureP@ss1", "Test1234!", "UserP@ss1", "pässWörd 1", "A1b-----"] {
            assert!(Password::choose(&good.into()).is_ok(), "{good}");
        }
        for weak in ["", "Short1!", "alllower1!", "ALLUPPER1!", "NoDigits!!", "NoSpecial11", "\0\0\0\0\0\0\0\0"] {
            assert_eq!(Password::choose(&weak.into()).unwrap_err().code, Code::WeakPassword, "{weak}");
        }
        assert_eq!(Password::choose(&"Password1!".into()).unwrap_err().code, Code::CommonPassword);
        let long = "Aa1!".repeat(257);
        assert_eq!(Password::choose(&long.as_str().into()).unwrap_err().code, Code::PasswordTooLong);
        assert_eq!(Password::attempt(long.into()).unwrap_err().code, Code::PasswordTooLong);
    }

    #[test]
    fn only_the_same_password_is_right() {
        let mut hasher = Hasher::new(CHEAP).unwrap();
        let hash = hasher.hash(&password("SecureP@ss1"), [7; 16]).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", hash.as_str());
        let mut compare =
            |text: &str, hash: Option<&PasswordHash>| hasher.compare(&password(text), hash, [8; 16]).unwrap();
        assert_eq!(compare("SecureP@ss1", Some(&hash)), Verdict::Right(None));
        assert_eq!(compare("SecureP@ss2", Some(&hash)), Verdict::Wrong);
        assert_eq!(compare("SecureP@ss1\0", Some(&hash)), Verdict::Wrong);
        assert_eq!(compare("SecureP@ss1", None), Verdict::Wrong);
    }

    #[test]
    fn a_hash_of_another_cost_is_replaced() {
        let old = Hasher::new(CHEAP).unwrap().hash(&password("SecureP@ss1"), [7; 16]).unwrap();
        let mut hasher = Hasher::new(HashCost { memory_kib: 128, ..CHEAP }).unwrap();
        let verdict = hasher.compare(&password("SecureP@ss1"), Some(&old), [8; 16]).unwrap();
        let Verdict::Right(Some(new)) = verdict else { panic!("{verdict:?}") };
        assert!(new.as_str().contains("m=128"));
        let again = hasher.compare(&password("SecureP@ss1"), Some(&new), [9; 16]).unwrap();
        assert_eq!(again, Verdict::Right(None));
    }

    #[test]
    fn nothing_is_printed() {
        let shown = format!("{:?} {:?}", password("SecureP@ss1"), PasswordHash("$argon2id$secret".into()));
        assert!(!shown.contains("Secure") && !shown.contains("argon2id$"), "{shown}");
    }
}
