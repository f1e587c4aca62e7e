//! Time-based one-time passwords (RFC 6238): six digits of a seed that an authenticator app and the server share, for
//! thirty seconds each. The crate computes; what a seed is, and that a code counts once, is ours.

use std::fmt;

use kernel::{
    Error, Result, Sealed, Secret, SecretHash, Timestamp,
    id::{AccountId, TotpId},
    secret::ExposeSecret,
};
use totp_rs::{Builder, Totp as Algorithm};

use crate::recovery_code::RecoveryCode;

/// How many bytes of chance a seed has: the 160 bits that RFC 4226, 4, recommends.
pub const SEED_BYTES: usize = 20;

/// How many seconds a step lasts (RFC 6238, 5.2).
const STEP_SECONDS: i64 = 30;

/// What an authenticator app and the server share, in Base32. Whoever has it has every code there will be.
#[derive(Clone)]
pub struct Seed(Secret);

impl Seed {
    /// From bytes that nobody can guess.
    #[must_use]
    pub fn from_random(bytes: [u8; SEED_BYTES]) -> Self {
        Self(totp_rs::Secret::new_stack(bytes).to_base32().into())
    }

    /// As it was sealed.
    #[must_use]
    pub fn from_stored(base32: Secret) -> Self {
        Self(base32)
    }

    /// To be sealed.
    #[must_use]
    pub fn to_store(&self) -> &Secret {
        &self.0
    }

    /// What an authenticator app scans: `otpauth://totp/Fabric:alice%40example.com?secret=…`.
    ///
    /// # Errors
    /// Those of a seed that is none.
    pub fn uri(&self, issuer: &str, account: &str) -> Result<Secret> {
        // The colon parts the two.
        let [issuer, account] = [issuer, account].map(|name| name.replace(':', " "));
        let labelled = self.builder()?.with_issuer(Some(issuer)).with_account_name(account).build();
        labelled.and_then(|totp| totp.to_url()).map(Secret::from).map_err(|error| Error::internal(error.to_string()))
    }

    /// The step that a code is of, if it is of the present one, the one before or the one after: clocks differ, and people
    /// type. Whether a code of that step was used already is not asked here.
    ///
    /// # Errors
    /// Those of a seed that is none.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Result<Option<Step>> {
        let seconds = u64::try_from(now.unix_seconds()).unwrap_or_default();
        let matched = self.algorithm()?.check(code, seconds);
        Ok(matched.and_then(|step| i64::try_from(step).ok()).map(Step))
    }

    /// The code that an authenticator app shows then: for tests, and for nothing else.
    ///
    /// # Errors
    /// Those of a seed that is none.
    pub fn code(&self, now: Timestamp) -> Result<String> {
        let seconds = u64::try_from(now.unix_seconds()).unwrap_or_default();
        Ok(self.algorithm()?.generate(seconds).to_string())
    }

    /// What is stored of a recovery code: its hash under a key that is derived from the seed. Who reads the database without
    /// the sealing key can try no code, and no other enrolment knows it.
    #[must_use]
    pub fn hash(&self, code: &RecoveryCode) -> SecretHash {
        let key = blake3::derive_key("fabric 2026 recovery code", self.0.expose_secret().as_bytes());
        SecretHash(*blake3::keyed_hash(&key, code.expose_secret().as_bytes()).as_bytes())
    }

    fn algorithm(&self) -> Result<Algorithm> {
        self.builder()?.build().map_err(|error| Error::internal(error.to_string()))
    }

    /// SHA-1, six digits, thirty seconds, one step to either side: what every authenticator app speaks.
    fn builder(&self) -> Result<Builder> {
        let seed = totp_rs::Secret::try_from_base32(self.0.expose_secret());
        Ok(Builder::new()
            .with_secret(seed.map_err(|_| Error::internal("a seed that is no Base32"))?)
            .with_digits(6)
            .with_skew(1)
            .with_step_duration(STEP_SECONDS.unsigned_abs()))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// The number of a step: how many have gone by since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step(pub i64);

/// What an account has enrolled: at most one, and worth nothing before a code of it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totp {
    /// The enrolment's own id: another enrolment is another one.
    pub id: TotpId,
    /// Whose it is.
    pub account: AccountId,
    /// The seed, sealed for its [place].
    pub seed: Sealed,
    /// The newest step of which a code was used: codes of it, and of those before, are worth nothing any more.
    pub last_step: Step,
    /// Since when it counts.
    pub verified_at: Option<Timestamp>,
    /// Since when it is there.
    pub created_at: Timestamp,
}

/// What a seed is sealed for: no other account opens it.
#[must_use]
pub fn place(account: AccountId) -> Vec<u8> {
    [b"totp ".as_slice(), account.0.as_bytes()].concat()
}

/// Enrolments of one database transaction, with their recovery codes.
pub trait TotpRepository {
    /// What an account has enrolled.
    fn totp(&mut self, account: AccountId) -> Result<Option<Totp>>;

    /// Enrols, in place of what was enrolled and never verified; with its recovery codes. `false` when there is one that
    /// counts: that one stays.
    fn enroll_totp(&mut self, totp: &Totp, recovery_codes: &[SecretHash]) -> Result<bool>;

    /// Uses up the codes of a step and of all before it, if nobody has: the one way to use them. Tells whether it was this
    /// that did.
    fn use_totp_step(&mut self, id: TotpId, step: Step) -> Result<bool>;

    /// Lets an enrolment count from now on, and uses up the step with which that was shown. Tells whether it was this that
    /// did.
    fn activate_totp(&mut self, id: TotpId, step: Step, now: Timestamp) -> Result<bool>;

    /// Uses a recovery code up, if nobody has: the one way to use it. Tells whether it was this that did.
    fn use_recovery_code(&mut self, id: TotpId, code: SecretHash, now: Timestamp) -> Result<bool>;

    /// How many recovery codes are left.
    fn recovery_codes_left(&mut self, id: TotpId) -> Result<i64>;

    /// Removes what an account has enrolled, with its recovery codes; hands back what it was.
    fn remove_totp(&mut self, account: AccountId) -> Result<Option<Totp>>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    /// The seed of RFC 6238, appendix B.
    fn seed() -> Seed {
        Seed::from_random(*b"12345678901234567890")
    }

    /// Appendix B, the lines for SHA-1; six digits are the last six of the eight.
    const VECTORS: [(i64, &str); 6] = [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ];

    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, eight) in VECTORS {
            let six = &eight[2..];
            assert_eq!(seed().code(at(seconds)).unwrap(), six, "{seconds}");
            assert_eq!(seed().step_of(six, at(seconds)).unwrap(), Some(Step(seconds / 30)), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_of_the_step_one_before_or_one_after() {
        let now = 1_234_567_890;
        for (late, matches) in [(-60, false), (-31, false), (-30, true), (0, true), (59, true), (60, false)] {
            let code = seed().code(at(now)).unwrap();
            let found = seed().step_of(&code, at(now + late)).unwrap();
            assert_eq!(found, matches.then_some(Step(now / 30)), "{late}");
        }
    }

    #[test]
    fn what_is_no_six_digits_is_no_code() {
        for text in
            ["", "00592", "0059240", "005 924", "+05924", "89005924", "００５９２４", "5924.0", "-05924", "0x1724"]
        {
            assert_eq!(seed().step_of(text, at(1_234_567_890)).unwrap(), None, "{text}");
        }
    }

    #[test]
    fn the_uri_is_what_authenticator_apps_read() {
        let uri = seed().uri("Fabric", "alice@example.com").unwrap();
        let (label, query) = uri.expose_secret().split_once('?').unwrap();
        assert!(
            ["otpauth://totp/Fabric:alice@example.com", "otpauth://totp/Fabric:alice%40example.com"].contains(&label),
            "{label}"
        );
        assert_eq!(query, "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Fabric");
        let odd = seed().uri("A: B&C", "\"a:b\"@example.com").unwrap();
        assert!(odd.expose_secret().starts_with("otpauth://totp/A%20"), "{}", odd.expose_secret());
        assert_eq!(format!("{:?}", seed()), "Seed(…)");
    }

    #[test]
    fn a_recovery_code_has_another_hash_in_another_enrolment() {
        let code = RecoveryCode::from_random([7; 16]);
        assert_eq!(seed().hash(&code), seed().hash(&code));
        assert_ne!(seed().hash(&code), Seed::from_random([1; SEED_BYTES]).hash(&code));
        assert_ne!(seed().hash(&code), seed().hash(&RecoveryCode::from_random([8; 16])));
    }

    proptest! {
        #[test]
        fn a_code_is_found_in_its_own_step(bytes: [u8; SEED_BYTES], seconds in 0..4_000_000_000_i64) {
            let seed = Seed::from_random(bytes);
            let step = seed.step_of(&seed.code(at(seconds)).unwrap(), at(seconds)).unwrap().unwrap();
            // The same six digits may stand for a neighbour too.
            prop_assert!((step.0 - seconds / 30).abs() <= 1);
            let again = Seed::from_stored(seed.to_store().clone());
            prop_assert_eq!(again.code(at(seconds)).unwrap(), seed.code(at(seconds)).unwrap());
        }
    }
}
