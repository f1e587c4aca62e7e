//! The one place where a password is compared: reads, then hashes, then writes, on every branch alike, so that neither
//! the answer nor its time tells an unknown address from a wrong password. Only a lock answers early, and it does so
//! for known and unknown addresses alike.

use identity::{
    Account, Lockout, LockoutKey,
    lockout::{Failed, LockoutPolicy},
    password::{Password, Verdict},
};
use kernel::{Code, Email, Error, Event, EventKind, Result, Timestamp, id::AppId};
use serde_json::json;

use crate::{Door, Platform, Transaction};

/// A password that was compared, but neither counted nor believed yet.
pub(crate) struct Compared {
    key: LockoutKey,
    app: Option<AppId>,
    policy: LockoutPolicy,
    account: Option<Account>,
    verdict: Verdict,
}

impl Platform {
    /// Compares a password with the one of an address.
    ///
    /// # Errors
    /// `account_locked`; `overloaded`.
    pub(crate) async fn compare_password(&self, door: &Door, email: &Email, attempt: Password) -> Result<Compared> {
        let key = self.lockout_key(door, email);
        let (app, address, now) = (door.app(), email.clone(), self.now());
        let found = self.store().read(move |tx| {
            refuse_locked(tx.lockout(key)?, Code::AccountLocked, now)?;
            tx.account_by_email(app, &address)
        });
        let account = found.await?;
        let stored = account.as_ref().and_then(|account| account.password.clone());
        let verdict = self.hashing().compare(attempt, stored).await?;
        Ok(Compared { key, app, policy: door.lockout_policy(), account, verdict })
    }

    pub(crate) fn lockout_key(&self, door: &Door, email: &Email) -> LockoutKey {
        LockoutKey::new(&self.keys().lockout, door.app(), email)
    }
}

impl Compared {
    /// Counts the outcome, and hands back the account if the password was right. To be committed either way.
    ///
    /// # Errors
    /// `account_locked` when others failed meanwhile, however right this one was: so that guesses side by side are worth
    /// no more than guesses in a row. `invalid_credentials` when the password was changed meanwhile.
    pub fn settle(&self, tx: &mut dyn Transaction, now: Timestamp) -> Result<Option<Account>> {
        let before = tx.lockout(self.key)?;
        refuse_locked(before, Code::AccountLocked, now)?;
        let (Some(compared), Verdict::Right(renewed)) = (&self.account, &self.verdict) else {
            self.count_failure(tx, before, now)?;
            return Ok(None);
        };
        if before.is_some() {
            tx.clear_lockout(self.key)?;
        }
        let changed = || Error::new(Code::InvalidCredentials);
        let account = tx.account(compared.id)?.filter(|account| account.password == compared.password);
        let account = account.ok_or_else(changed)?;
        if let Some(renewed) = renewed {
            tx.replace_password(account.id, account.password.as_ref(), renewed)?;
            return Ok(Some(Account { password: Some(renewed.clone()), ..account }));
        }
        Ok(Some(account))
    }

    fn count_failure(&self, tx: &mut dyn Transaction, before: Option<Lockout>, now: Timestamp) -> Result<()> {
        metrics::counter!("fabric_password_failures_total").increment(1);
        match Lockout::fail(before, self.policy, now) {
            Failed::Counted(lockout) => tx.set_lockout(self.key, &lockout),
            Failed::NowLocked(lockout) => {
                tx.set_lockout(self.key, &lockout)?;
                // For an address that nobody has too: somebody guesses, and it must not cost less. It is not told,
                // though: apps write to the address, and strangers would choose whom to.
                let account = self.account.as_ref();
                let principal = account.map(|account| account.principal);
                let email = account.map(|account| account.email.as_str());
                tx.append(&Event {
                    app: self.app,
                    payload: json!({ "principal_id": principal, "email": email }),
                    ..Event::new(EventKind::AuthAccountLocked, now)
                })
            }
        }
    }
}

/// # Errors
/// `code`, while the lock holds.
pub(crate) fn refuse_locked(lockout: Option<Lockout>, code: Code, now: Timestamp) -> Result<()> {
    match lockout.and_then(|lockout| lockout.remaining(now)) {
        Some(wait) => Err(Error::new(code).retry_after(wait)),
        None => Ok(()),
    }
}
