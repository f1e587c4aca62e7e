//! Hashes that other systems made. They are good for one sign-in, which replaces them.

use std::ops::RangeInclusive;

use argon2::{
    Algorithm, Version,
    password_hash::phc::{self, Ident, Output, Salt},
};
use bcrypt::HashParts;
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::{Password, PasswordHash};

/// bcrypt looks at no more: a longer password was cut, and with what it was cut to it must not be right.
const LONGEST_BCRYPT: usize = 71;
const SCRYPT: &str = "scrypt";
/// What one comparison may cost at the most: about half a second, and 128 MiB. Whoever makes the file must not stop the
/// server by it.
const BCRYPT_COSTS: RangeInclusive<u32> = 4..=13;
const MOST_MEMORY: u64 = 128 << 20;
/// KiB that Argon2 goes over, in all passes.
const MOST_ARGON2: u64 = 1 << 20;
const MOST_LANES: u32 = 16;
/// `N·r·p`: twice what OWASP asks for at the most.
const MOST_SCRYPT: u64 = 1 << 21;
/// Iterations for all blocks of the output together.
const MOST_PBKDF2: u64 = 3_000_000;

/// A hash that is not Argon2's.
pub(super) enum Imported {
    Bcrypt(String),
    Scrypt { params: scrypt::Params, salt: Salt, expected: Output },
    Pbkdf2 { digest: Digest, iterations: u32, salt: Salt, expected: Output },
}

/// What PBKDF2 iterates over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// HMAC-SHA-1.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

impl Digest {
    const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// As PHC strings call it.
    fn ident(self) -> &'static str {
        match self {
            Self::Sha1 => "pbkdf2",
            Self::Sha256 => "pbkdf2-sha256",
            Self::Sha512 => "pbkdf2-sha512",
        }
    }

    /// How many bytes it makes at once.
    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl PasswordHash {
    /// A hash that another system made: bcrypt (`$2a$`, `$2b$`, `$2y$`), or Argon2, scrypt or PBKDF2 as a [PHC
    /// string](https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md).
    ///
    /// # Errors
    /// Why it is not taken: in words, for whoever imports it.
    pub fn import(text: &str) -> Result<Self, &'static str> {
        let costs_too_much = "this hash costs too much to compare with";
        if text.starts_with("$2") {
            let parts: HashParts = text.parse().map_err(|_| "this is no bcrypt hash")?;
            if !["$2a$", "$2b$", "$2y$"].iter().any(|version| text.starts_with(version)) {
                return Err("this version of bcrypt is not known");
            }
            return match parts.get_cost() {
                cost if BCRYPT_COSTS.contains(&cost) => Ok(Self(text.to_owned())),
                cost if cost < *BCRYPT_COSTS.start() => Err("bcrypt knows no such cost"),
                _ => Err(costs_too_much),
            };
        }
        let phc = phc::PasswordHash::new(text).map_err(|_| "this is no hash of a known form")?;
        if phc.salt.is_none() || phc.hash.is_none() {
            return Err("this hash has no salt, or no output");
        }
        if Algorithm::new(phc.algorithm).is_ok() {
            let params = argon2::Params::try_from(&phc).map_err(|_| "Argon2 knows no such parameters")?;
            if phc.version.is_some_and(|version| Version::try_from(version).is_err()) {
                return Err("this version of Argon2 is not known");
            }
            let memory = u64::from(params.m_cost());
            let affordable = memory * 1024 <= MOST_MEMORY
                && memory * u64::from(params.t_cost()) <= MOST_ARGON2
                && params.p_cost() <= MOST_LANES;
            return if affordable { Ok(Self(text.to_owned())) } else { Err(costs_too_much) };
        }
        let costs = Costs::of(&phc).ok_or("hashes of this kind are not known")?;
        if !costs.are_affordable() {
            return Err(costs_too_much);
        }
        Imported::read(text).map(|_| Self(text.to_owned())).ok_or("hashes of this kind are not known")
    }

    /// A hash of PBKDF2, of its parts.
    ///
    /// # Errors
    /// As [`Self::import`].
    pub fn import_pbkdf2(digest: Digest, iterations: u32, salt: &[u8], output: &[u8]) -> Result<Self, &'static str> {
        let mut params = phc::ParamsString::new();
        params.add_decimal("i", iterations).map_err(|_| "this number of iterations makes no sense")?;
        Self::from_parts(digest.ident(), None, params, salt, output)
    }

    /// A hash of Argon2, of its parts. `variant` is `i`, `d` or `id`, `version` 16 or 19.
    ///
    /// # Errors
    /// As [`Self::import`].
    pub fn import_argon2(
        variant: &str,
        version: u32,
        (memory_kib, passes, lanes): (u32, u32, u32),
        salt: &[u8],
        output: &[u8],
    ) -> Result<Self, &'static str> {
        let unknown = "Argon2 knows no such parameters";
        let params = argon2::Params::new(memory_kib, passes, lanes, None).map_err(|_| unknown)?;
        let params = phc::ParamsString::try_from(&params).map_err(|_| unknown)?;
        Self::from_parts(&format!("argon2{variant}"), Some(version), params, salt, output)
    }

    fn from_parts(
        algorithm: &str,
        version: Option<u32>,
        params: phc::ParamsString,
        salt: &[u8],
        output: &[u8],
    ) -> Result<Self, &'static str> {
        let phc = phc::PasswordHash {
            algorithm: Ident::new(algorithm).map_err(|_| "hashes of this kind are not known")?,
            version,
            params,
            salt: Some(Salt::new(salt).map_err(|_| "this salt is too short, or too long")?),
            hash: Some(Output::new(output).map_err(|_| "this output is too short, or too long")?),
        };
        Self::import(&phc.to_string())
    }
}

/// What a comparison costs, of what is said and before anything is made of it: what is too large would not fit.
struct Costs {
    memory: u64,
    work: u64,
    most: u64,
}

impl Costs {
    fn of(phc: &phc::PasswordHash) -> Option<Self> {
        let number = |name: &str| phc.params.get_decimal(name).map(u64::from);
        if phc.algorithm.as_str() == SCRYPT {
            let log_n = u32::try_from(number("ln")?).ok()?;
            let n = 1_u64.checked_shl(log_n).filter(|n| *n > 1)?;
            let (r, p) = (number("r")?, number("p")?);
            let memory = n.saturating_add(p).saturating_mul(r).saturating_mul(128);
            return Some(Self { memory, work: n.saturating_mul(r).saturating_mul(p), most: MOST_SCRYPT });
        }
        let digest = Digest::ALL.into_iter().find(|digest| digest.ident() == phc.algorithm.as_str())?;
        let blocks = phc.hash?.len().div_ceil(digest.length()) as u64;
        Some(Self { memory: 0, work: number("i")?.saturating_mul(blocks), most: MOST_PBKDF2 })
    }

    fn are_affordable(&self) -> bool {
        self.memory <= MOST_MEMORY + (1 << 20) && self.work <= self.most
    }
}

impl Imported {
    /// What a stored hash says, unless it is Argon2's.
    pub fn read(stored: &str) -> Option<Self> {
        if stored.starts_with("$2") {
            return Some(Self::Bcrypt(stored.to_owned()));
        }
        let phc = phc::PasswordHash::new(stored).ok()?;
        let (salt, expected) = (phc.salt?, phc.hash?);
        if phc.algorithm.as_str() == SCRYPT {
            let number = |name| phc.params.get_decimal(name);
            let log_n = number("ln").and_then(|log_n| u8::try_from(log_n).ok())?;
            let params = scrypt::Params::new(log_n, number("r")?, number("p")?).ok()?;
            return Some(Self::Scrypt { params, salt, expected });
        }
        let digest = Digest::ALL.into_iter().find(|digest| digest.ident() == phc.algorithm.as_str())?;
        let iterations = phc.params.get_decimal("i").filter(|iterations| *iterations > 0)?;
        Some(Self::Pbkdf2 { digest, iterations, salt, expected })
    }

    /// Whether it is the password's.
    pub fn matches(&self, attempt: &Password) -> bool {
        let attempt = attempt.as_bytes();
        let mut found = [0; Output::MAX_LENGTH];
        match self {
            // What ends at a zero byte there would be right without what follows.
            Self::Bcrypt(_) if attempt.len() > LONGEST_BCRYPT || attempt.contains(&0) => false,
            Self::Bcrypt(stored) => bcrypt::non_truncating_verify(attempt, stored).unwrap_or(false),
            Self::Scrypt { params, salt, expected } => {
                let Some(found) = found.get_mut(..expected.len()) else { return false };
                scrypt::scrypt(attempt, salt, params, found).is_ok() && bool::from(found.ct_eq(expected.as_bytes()))
            }
            Self::Pbkdf2 { digest, iterations, salt, expected } => {
                let Some(found) = found.get_mut(..expected.len()) else { return false };
                match digest {
                    Digest::Sha1 => pbkdf2_hmac::<Sha1>(attempt, salt, *iterations, found),
                    Digest::Sha256 => pbkdf2_hmac::<Sha256>(attempt, salt, *iterations, found),
                    Digest::Sha512 => pbkdf2_hmac::<Sha512>(attempt, salt, *iterations, found),
                }
                found.ct_eq(expected.as_bytes()).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{HashCost, Hasher, Verdict};

    const CHEAP: HashCost = HashCost { memory_kib: 64, passes: 1, lanes: 1 };

    fn password(text: &str) -> Password {
        Password::attempt(text.into()).unwrap()
    }

    /// Each was made by another program, of `Correct-horse-1`: Python's bcrypt, hashlib, argon2-cffi.
    const THEIRS: &[&str] = &[
        "$2b$06$eCG3z3El1zSIEtj53KhWv.y8plHYnXDZ8jHNnms604imOtC5psUB6",
        "$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$HvgGMpxgHZrLqZKW6qC996+IGKqCT9wc9OIDYumBfmY",
        "$pbkdf2-sha256$i=1000$AAECAwQFBgcICQoLDA0ODw$+0FoCzkIjsPS5XbZZ9h/boi3S3HwsAdSS3vcwbdn7j0",
        "$pbkdf2-sha512$i=1000$AAECAwQFBgcICQoLDA0ODw$lzryegpHocvk6ZCi5NZwlKV0kLvq04bzeLxVYV+T9HhU9y9PUfy8Z2irkcVaw8DYruMO6Ul1Y8hqaRHt5p8XHw",
        "$pbkdf2$i=1000$AAECAwQFBgcICQoLDA0ODw$KCAJ4rHS0UJl0E7kAHcJyK5btQU",
        "$argon2id$v=19$m=256,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$tZHv8HuodN+O0keY1fRqnizxFjqBVw8ddF/a/QZBKX4",
        "$argon2i$v=19$m=256,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$JQtNef3sMsR/RONQ7GXAT6YkQII3Q/8Fpgw4dPdxPlA",
        "$argon2d$v=19$m=256,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$QwJG/Efyxzcf5Nr7kzmTwnS+Jlk7spHtL5PvkL1WlFo",
    ];

    #[test]
    fn a_hash_of_another_system_is_right_once_and_replaced_then() {
        let mut hasher = Hasher::new(CHEAP).unwrap();
        for theirs in THEIRS {
            let hash = PasswordHash::import(theirs).unwrap_or_else(|why| panic!("{theirs}: {why}"));
            let wrong = hasher.compare(&password("Correct-horse-2"), Some(&hash), [8; 16]).unwrap();
            assert_eq!(wrong, Verdict::Wrong, "{theirs}");
            let right = hasher.compare(&password("Correct-horse-1"), Some(&hash), [8; 16]).unwrap();
            let Verdict::Right(Some(ours)) = right else { panic!("{theirs}: {right:?}") };
            assert!(ours.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{theirs}");
            let again = hasher.compare(&password("Correct-horse-1"), Some(&ours), [9; 16]).unwrap();
            assert_eq!(again, Verdict::Right(None), "{theirs}");
        }
    }

    #[test]
    fn attack_32_what_bcrypt_would_cut_is_wrong() {
        let mut hasher = Hasher::new(CHEAP).unwrap();
        let long = "Aa1!".repeat(18);
        let cut = PasswordHash::import(&bcrypt::hash(&long, 4).unwrap()).unwrap();
        for attempt in [long.clone(), format!("{long}x")] {
            assert_eq!(hasher.compare(&password(&attempt), Some(&cut), [8; 16]).unwrap(), Verdict::Wrong);
        }
        let short = PasswordHash::import(&bcrypt::hash("Aa1!", 4).unwrap()).unwrap();
        for (attempt, right) in [("Aa1!", true), ("Aa1!\0", false), ("Aa1!\0x", false)] {
            let verdict = hasher.compare(&password(attempt), Some(&short), [8; 16]).unwrap();
            assert_eq!(verdict != Verdict::Wrong, right, "{attempt:?}");
        }
    }

    #[test]
    fn attack_32_hashes_that_cost_too_much_are_not_taken() {
        for costly in [
            "$2b$14$eCG3z3El1zSIEtj53KhWv.y8plHYnXDZ8jHNnms604imOtC5psUB6",
            "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=65536,t=100,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=20,r=8,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=1,r=524288,p=16$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=1,r=4294967295,p=4294967295$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=17,r=8,p=4$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=10,r=8,p=1000$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$pbkdf2-sha256$i=100000000$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(PasswordHash::import(costly), Err("this hash costs too much to compare with"), "{costly}");
        }
    }

    #[test]
    fn what_is_no_hash_is_not_taken() {
        for nonsense in [
            "",
            "Correct-horse-1",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "$2x$05$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghij1",
            "$2b$10$short",
            "$md5$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=64,t=1,p=1",
            "$pbkdf2-sha256$i=0$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$2b$03$eCG3z3El1zSIEtj53KhWv.y8plHYnXDZ8jHNnms604imOtC5psUB6",
            "$argon2id$v=1$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=0,r=2097152,p=16$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=64,r=8,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=10$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(PasswordHash::import(nonsense).is_err(), "{nonsense}");
        }
    }
}
