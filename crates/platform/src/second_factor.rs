//! The one place where a code of a second factor is compared. What was shown is used up and counted in one unit of work
//! with what it is good for; wrong codes lock the second factor of that account for a while, and nothing else.

use std::time::Duration;

use identity::{
    Account, Lockout, LockoutKey, RecoveryCode, SecondFactor, Seed, Totp,
    lockout::{Doubling, Failed, LockoutPolicy},
    totp::{Step, place},
};
use kernel::{Code, Error, Event, EventKind, Result, Secret, Timestamp, secret::ExposeSecret};
use serde_json::json;

use crate::{Platform, Transaction, accounts::account_event, keys::Sealing, password_check::refuse_locked};

/// What somebody shows.
#[derive(Clone, Debug)]
pub enum ShownFactor {
    /// A code of an authenticator app.
    Code(Secret),
    /// A recovery code.
    RecoveryCode(Secret),
}

impl ShownFactor {
    /// What kind it is of.
    #[must_use]
    pub fn kind(&self) -> SecondFactor {
        match self {
            Self::Code(_) => SecondFactor::Totp,
            Self::RecoveryCode(_) => SecondFactor::RecoveryCode,
        }
    }
}

/// What a right code was good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// The enrolment counts from now on.
    Activated,
    /// It did before.
    Valid,
}

/// A second factor that was shown and used up: only who compares codes makes one.
#[derive(Clone, Copy)]
pub(crate) struct Proven(SecondFactor);

impl Proven {
    pub fn factor(self) -> SecondFactor {
        self.0
    }
}

/// What comparing takes along into a unit of work.
#[derive(Clone)]
pub(crate) struct FactorCheck {
    sealing: Sealing,
    lockout: [u8; 32],
}

/// The most that a lock of the second factor holds its owner up, whatever somebody with their password does.
const DOUBLING: Doubling = Doubling { longest: Duration::from_hours(4), remembered: Duration::from_hours(24) };

/// An enrolment on which nobody else is at work until the commit.
struct Held {
    key: LockoutKey,
    before: Option<Lockout>,
    totp: Totp,
    seed: Seed,
}

impl Platform {
    pub(crate) fn factor_check(&self) -> FactorCheck {
        FactorCheck { sealing: self.keys().sealing.clone(), lockout: self.keys().lockout }
    }
}

impl FactorCheck {
    /// Uses up what was shown of a second factor that counts. `None` when it was wrong, or was used before. To be committed
    /// either way.
    ///
    /// # Errors
    /// `not_found` without one; `mfa_locked` after too many wrong codes.
    pub fn settle(
        &self,
        tx: &mut dyn Transaction,
        account: &Account,
        shown: &ShownFactor,
        now: Timestamp,
    ) -> Result<Option<Proven>> {
        let held = self.hold(tx, account, now)?;
        if held.totp.verified_at.is_none() {
            return Err(not_enrolled());
        }
        let used = match shown {
            ShownFactor::Code(code) => match step_of(&held, code, now)? {
                Some(step) => tx.use_totp_step(held.totp.id, step)?,
                None => false,
            },
            ShownFactor::RecoveryCode(code) => {
                let hash = held.seed.hash(&RecoveryCode::typed(code.expose_secret()));
                tx.use_recovery_code(held.totp.id, hash, now)?
            }
        };
        if used && shown.kind() == SecondFactor::RecoveryCode {
            let remaining = tx.recovery_codes_left(held.totp.id)?;
            tx.append(&Event {
                payload: json!({ "principal_id": account.principal, "remaining": remaining }),
                ..account_event(EventKind::AuthRecoveryCodeUsed, account, now)
            })?;
        }
        let right = held.count(tx, account, shown.kind(), used, now)?;
        Ok(right.then(|| Proven(shown.kind())))
    }

    /// The same with a code for whatever is enrolled: what was never verified counts from now on.
    ///
    /// # Errors
    /// `not_found` when there is nothing; `mfa_locked`.
    pub fn confirm(
        &self,
        tx: &mut dyn Transaction,
        account: &Account,
        code: &Secret,
        now: Timestamp,
    ) -> Result<Option<(Confirmed, Proven)>> {
        let held = self.hold(tx, account, now)?;
        if held.totp.verified_at.is_some() {
            let proven = self.settle(tx, account, &ShownFactor::Code(code.clone()), now)?;
            return Ok(proven.map(|proven| (Confirmed::Valid, proven)));
        }
        let activated = match step_of(&held, code, now)? {
            Some(step) => tx.activate_totp(held.totp.id, step, now)?,
            None => false,
        };
        if activated {
            tx.append(&account_event(EventKind::AuthTotpEnabled, account, now))?;
        }
        let right = held.count(tx, account, SecondFactor::Totp, activated, now)?;
        Ok(right.then_some((Confirmed::Activated, Proven(SecondFactor::Totp))))
    }

    /// Lifts the lock.
    pub fn clear(&self, tx: &mut dyn Transaction, account: &Account) -> Result<()> {
        tx.clear_lockout(LockoutKey::of_second_factor(&self.lockout, account.id))
    }

    fn hold(&self, tx: &mut dyn Transaction, account: &Account, now: Timestamp) -> Result<Held> {
        let key = LockoutKey::of_second_factor(&self.lockout, account.id);
        // First of all: whoever compares a code of this account at the same time waits here.
        let before = tx.lockout(key)?;
        refuse_locked(before, Code::MfaLocked, now)?;
        let totp = tx.totp(account.id)?.ok_or_else(not_enrolled)?;
        let seed = Seed::from_stored(self.sealing.open(&totp.seed, &place(account.id))?);
        Ok(Held { key, before, totp, seed })
    }
}

impl Held {
    /// Counts how it went; hands it back.
    fn count(
        &self,
        tx: &mut dyn Transaction,
        account: &Account,
        factor: SecondFactor,
        right: bool,
        now: Timestamp,
    ) -> Result<bool> {
        if right {
            if self.before.is_some() {
                tx.clear_lockout(self.key)?;
            }
            return Ok(true);
        }
        metrics::counter!("fabric_second_factor_failures_total").increment(1);
        // At most five in a quarter of an hour: while it is locked nothing is compared, and nothing told. Who it was is not
        // known.
        tx.append(&Event {
            actor: None,
            payload: json!({ "principal_id": account.principal, "second_factor": factor.name() }),
            ..account_event(EventKind::AuthMfaFailed, account, now)
        })?;
        match Lockout::fail_longer(self.before, LockoutPolicy::default(), DOUBLING, now) {
            Failed::Counted(lockout) => tx.set_lockout(self.key, &lockout)?,
            Failed::NowLocked(lockout) => {
                tx.set_lockout(self.key, &lockout)?;
                tx.append(&Event { actor: None, ..account_event(EventKind::AuthMfaLocked, account, now) })?;
            }
        }
        Ok(false)
    }
}

fn step_of(held: &Held, code: &Secret, now: Timestamp) -> Result<Option<Step>> {
    // As authenticator apps show it: in two groups.
    let digits: String = code.expose_secret().chars().filter(|letter| *letter != ' ').take(7).collect();
    held.seed.step_of(&digits, now)
}

pub(crate) fn not_enrolled() -> Error {
    Error::because(Code::NotFound, "There is no second factor here: enroll one first.")
}
