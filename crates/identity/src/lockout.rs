//! Lockout: five failures in a row lock password sign-in for a quarter of an hour.
//!
//! It counts by (app, address), whether there is an account or not, so that the answer tells nobody which it is. It
//! touches nothing but password sign-in: no weapon against the owner, who still has sessions and the reset link.

use std::{fmt, time::Duration};

use kernel::{
    Email, Result, Timestamp,
    id::{AccountId, AppId},
};

/// How many failures lock, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// Failures in a row that lock.
    pub threshold: i32,
    /// For how long. A failure is forgotten after as long without another.
    pub duration: Duration,
}

impl Default for LockoutPolicy {
    fn default() -> Self {
        Self { threshold: 5, duration: Duration::from_mins(15) }
    }
}

/// How locks grow that are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubling {
    /// The longest that one holds.
    pub longest: Duration,
    /// For how long without a failure it is remembered that there were any.
    pub remembered: Duration,
}

/// Where failures are counted: a MAC of app and address, so that the table names nobody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LockoutKey(pub [u8; 32]);

impl LockoutKey {
    /// The counter of an address in an app.
    #[must_use]
    pub fn new(key: &[u8; 32], app: Option<AppId>, email: &Email) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(key);
        hasher.update(app.map_or([0; 16], |app| *app.0.as_bytes()).as_slice()).update(email.as_str().as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// The counter of an account's second factor.
    #[must_use]
    pub fn of_second_factor(key: &[u8; 32], account: AccountId) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(key);
        // No app has this id, and no address these bytes.
        hasher.update(&[0xff; 16]).update(account.0.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for LockoutKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockoutKey(…)")
    }
}

/// The failures in a row at one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// How many.
    pub failures: i32,
    /// Locked until then, if the threshold was reached.
    pub locked_until: Option<Timestamp>,
    /// When all is forgotten.
    pub expires_at: Timestamp,
}

/// What one more failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It was counted.
    Counted(Lockout),
    /// It was the last one: locked from now on.
    NowLocked(Lockout),
}

impl Lockout {
    /// How long the lock still holds; `None` when there is none.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> Option<Duration> {
        self.locked_until.filter(|until| *until > now).map(|until| now.until(until))
    }

    /// The same where locks are remembered: each further one holds twice as long as the last. For what has few values: five
    /// guesses in every quarter of an hour would be enough in a year or two (NIST SP 800-63B, 5.2.2). Who has shown nothing
    /// before can so keep a lock up with few tries: then there is another way in beside what is locked.
    #[must_use]
    pub fn fail_longer(before: Option<Self>, policy: LockoutPolicy, doubling: Doubling, now: Timestamp) -> Failed {
        let counted = before.filter(|lockout| lockout.expires_at > now);
        let failures = counted.map_or(0, |lockout| lockout.failures).saturating_add(1);
        if failures % policy.threshold != 0 {
            return Failed::Counted(Self { failures, locked_until: None, expires_at: now.after(doubling.remembered) });
        }
        let doubled = u32::try_from(failures / policy.threshold - 1).unwrap_or_default().min(16);
        let until = now.after(policy.duration.saturating_mul(1 << doubled).min(doubling.longest));
        Failed::NowLocked(Self { failures, locked_until: Some(until), expires_at: until.after(doubling.remembered) })
    }

    /// Counts one more failure. Not to be called while locked: a lock never extends.
    #[must_use]
    pub fn fail(before: Option<Self>, policy: LockoutPolicy, now: Timestamp) -> Failed {
        let counted = before.filter(|lockout| lockout.expires_at > now && lockout.locked_until.is_none());
        let failures = counted.map_or(0, |lockout| lockout.failures).saturating_add(1);
        let until = now.after(policy.duration);
        if failures >= policy.threshold {
            Failed::NowLocked(Self { failures, locked_until: Some(until), expires_at: until })
        } else {
            Failed::Counted(Self { failures, locked_until: None, expires_at: until })
        }
    }
}

/// Lockout counters of one database transaction.
pub trait LockoutRepository {
    /// The counter. In a transaction that writes, it stays as it was read until the commit, even when there is none yet.
    fn lockout(&mut self, key: LockoutKey) -> Result<Option<Lockout>>;

    /// The counter as it is at this moment: nobody is waited for, and nobody waits.
    fn glance_at_lockout(&mut self, key: LockoutKey) -> Result<Option<Lockout>>;

    /// Sets the counter.
    fn set_lockout(&mut self, key: LockoutKey, lockout: &Lockout) -> Result<()>;

    /// Clears the counter.
    fn clear_lockout(&mut self, key: LockoutKey) -> Result<()>;

    /// Forgets counters that expired before `before`, some at a time. Tells how many.
    fn sweep_lockouts(&mut self, before: Timestamp) -> Result<usize>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    fn failed(times: usize, policy: LockoutPolicy, now: Timestamp) -> Failed {
        let once = |before| Lockout::fail(before, policy, now);
        (1..times).fold(once(None), |last, _| match last {
            Failed::Counted(lockout) | Failed::NowLocked(lockout) => once(Some(lockout)),
        })
    }

    #[test]
    fn the_fifth_failure_locks_for_a_quarter_of_an_hour() {
        let policy = LockoutPolicy::default();
        assert!(matches!(failed(4, policy, at(0)), Failed::Counted(_)));
        let Failed::NowLocked(locked) = failed(5, policy, at(0)) else { panic!("not locked") };
        assert_eq!(locked.remaining(at(1)), Some(Duration::from_secs(899)));
        assert_eq!(locked.remaining(at(900)), None);
    }

    #[test]
    fn a_lock_that_is_over_and_failures_of_long_ago_do_not_count() {
        let policy = LockoutPolicy::default();
        for before in [failed(5, policy, at(0)), failed(4, policy, at(0))] {
            let (Failed::Counted(before) | Failed::NowLocked(before)) = before;
            let Failed::Counted(after) = Lockout::fail(Some(before), policy, at(901)) else { panic!("locked") };
            assert_eq!(after.failures, 1);
        }
    }

    #[test]
    fn a_lock_that_is_remembered_holds_twice_as_long_the_next_time() {
        let policy = LockoutPolicy::default();
        let doubling = Doubling { longest: Duration::from_hours(4), remembered: Duration::from_hours(24) };
        let (mut before, mut now, mut held) = (None, at(0), Vec::new());
        while held.len() < 7 {
            match Lockout::fail_longer(before, policy, doubling, now) {
                Failed::Counted(lockout) => before = Some(lockout),
                Failed::NowLocked(lockout) => {
                    let wait = lockout.remaining(now).unwrap();
                    held.push(wait.as_secs() / 60);
                    (before, now) = (Some(lockout), now.after(wait));
                }
            }
        }
        assert_eq!(held, [15, 30, 60, 120, 240, 240, 240]);
        let Failed::Counted(again) = Lockout::fail_longer(before, policy, doubling, now.after(doubling.remembered))
        else {
            panic!("a day is a day")
        };
        assert_eq!(again.failures, 1);
    }

    #[test]
    fn counters_are_apart() {
        let email = |text| Email::parse(text).unwrap();
        let key = |app, text| LockoutKey::new(&[1; 32], app, &email(text));
        let app = Some(AppId::generate());
        assert_eq!(key(app, "a@example.com"), key(app, "A@example.com"));
        assert_ne!(key(app, "a@example.com"), key(None, "a@example.com"));
        assert_ne!(key(app, "a@example.com"), key(app, "b@example.com"));
        let [one, other] = [AccountId::generate(), AccountId::generate()];
        let second = |account| LockoutKey::of_second_factor(&[1; 32], account);
        assert_eq!(second(one), second(one));
        assert_ne!(second(one), second(other));
    }
}
