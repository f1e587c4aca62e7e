//! The one place where a password is compared: reads, then hashes, then writes, on every branch alike, so that neither
//! the answer nor its time tells an unknown address from a wrong password. Only a lock answers early, and it does so
//! for known and unknown addresses alike. A right password whose hash is replaced is written once more.

use identity::{
    Account, Lockout, LockoutKey,
    lockout::{Failed, LockoutPolicy},
    password::{Password, PasswordHash, Verdict},
};
use kernel::{Code, Email, Error, Event, EventKind, Result, Timestamp, id::AppId};
use serde_json::json;

use crate::{Door, Platform, Transaction};

/// How often a password is compared anew because its hash was replaced meanwhile. Whoever was faster has made one at the
/// present cost, which is replaced no more.
const COMPARISONS: usize = 3;

/// A password that was compared, but neither counted nor believed yet.
pub(crate) struct Compared {
    key: LockoutKey,
    app: Option<AppId>,
    policy: LockoutPolicy,
    account: Option<Account>,
    right: bool,
}

impl Platform {
    /// Compares a password with the one of an address. The hash of a right one that has another cost than the present one
    /// is replaced.
    ///
    /// # Errors
    /// `account_locked`; `overloaded`; `invalid_credentials` when the password was changed meanwhile, again and again.
    pub(crate) async fn compare_password(&self, door: &Door, email: &Email, attempt: Password) -> Result<Compared> {
        let key = self.lockout_key(door, email);
        for _ in 0..COMPARISONS {
            let (app, address, now) = (door.app(), email.clone(), self.now());
            let found = self.store().read(move |tx| {
                refuse_locked(tx.lockout(key)?, Code::AccountLocked, now)?;
                tx.account_by_email(app, &address)
            });
            let account = found.await?;
            let stored = account.as_ref().and_then(|account| account.password.clone());
            let compared = |account, right| Compared { key, app, policy: door.lockout_policy(), account, right };
            match (self.hashing().compare(attempt.clone(), stored).await?, account) {
                (Verdict::Right(Some(renewed)), Some(account)) => {
                    // Whoever signs in with it at the same moment may be faster: theirs is compared with next.
                    if let Some(account) = self.renew_password(key, account, renewed).await? {
                        return Ok(compared(Some(account), true));
                    }
                }
                (Verdict::Right(_), account) => return Ok(compared(account, true)),
                (Verdict::Wrong, account) => return Ok(compared(account, false)),
            }
        }
        Err(Error::new(Code::InvalidCredentials))
    }

    /// Puts another hash of the same password in the place of the one that was compared with; hands the account back with
    /// it. `None` when that one is not there any more.
    ///
    /// # Errors
    /// `account_locked`, as [`Compared::settle`]: otherwise the time would tell of a right password that it was.
    async fn renew_password(
        &self,
        key: LockoutKey,
        account: Account,
        renewed: PasswordHash,
    ) -> Result<Option<Account>> {
        let (now, id, replaced, hash) = (self.now(), account.id, account.password.clone(), renewed.clone());
        let renewing = self.store().write(move |tx| {
            refuse_locked(tx.lockout(key)?, Code::AccountLocked, now)?;
            tx.replace_password(id, replaced.as_ref(), &hash)
        });
        Ok(renewing.await?.then_some(Account { password: Some(renewed), ..account }))
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
        let Some(compared) = self.account.as_ref().filter(|_| self.right) else {
            self.count_failure(tx, before, now)?;
            return Ok(None);
        };
        if before.is_some() {
            tx.clear_lockout(self.key)?;
        }
        let changed = || Error::new(Code::InvalidCredentials);
        let account = tx.account(compared.id)?.filter(|account| account.password == compared.password);
        account.ok_or_else(changed).map(Some)
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
