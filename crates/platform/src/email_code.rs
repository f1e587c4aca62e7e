//! Sign-in by a code in a mail: six digits, which are guessed among a million. So each guess is counted, for the address.
//! After too many of them codes of six digits are worth nothing for a while, and those of sixteen are mailed instead, which
//! need no counting: whoever guesses makes the owner type more, and keeps them out of nothing.

use std::{cmp::Reverse, time::Duration};

use identity::{
    Account, Lockout, LockoutKey, Purpose, SignInMethod,
    lockout::{Doubling, Failed, LockoutPolicy},
    one_time_token::CodeLength,
};
use kernel::{
    Client, Code, Email, Error, Event, EventKind, Result, Secret, Timestamp,
    id::{AccountId, AppId},
    secret::ExposeSecret,
};
use serde_json::json;

use crate::{
    Door, Platform, Transaction,
    admission::Admitted,
    mail_sign_in::{allowed, enter_by_mail},
    records::{MailOrder, QueuedMail},
    sessions::SignedInUser,
};

/// So many wrong tries for one address, whatever codes were asked for meanwhile, stop short codes for an hour: longer than any
/// that is out is good.
const BUDGET: LockoutPolicy = LockoutPolicy { threshold: 5, duration: Duration::from_hours(1) };
/// Each further lock holds twice as long, up to a week, and whoever pauses has to do so for a month: in the end there are five
/// tries a week, at three codes at the most, so that in a year not one of a thousand such addresses is guessed into.
const DOUBLING: Doubling =
    Doubling { longest: Duration::from_hours(7 * 24), remembered: Duration::from_hours(30 * 24) };
/// A short code is compared with no more of those that are out than this, the newest ones: each makes a guess worth more.
const MOST_OUT: usize = 3;

/// Somebody who shows a code.
#[derive(Clone, Debug)]
pub struct ShownCode {
    /// Where they come to.
    pub door: Door,
    /// Their address.
    pub email: Email,
    /// What they say was mailed to it.
    pub code: Secret,
    /// Their device.
    pub client: Client,
}

enum Outcome {
    In(Box<Admitted>),
    Wrong,
    Wait(Duration),
}

impl Platform {
    /// Asks for a code to sign in with. The same is done and answered for every address; whether there is an account is
    /// found out when the mail is written, and none is made.
    ///
    /// # Errors
    /// `sign_in_method_disabled` where the app has no such codes.
    pub async fn ask_for_email_code(&self, door: Door, email: Email) -> Result<()> {
        if !allowed(door.settings(), SignInMethod::EmailCode) {
            return Err(Error::new(Code::SignInMethodDisabled));
        }
        self.order_mail(door, email, MailOrder::EmailCode).await
    }

    /// Signs in with a code, which is used up.
    ///
    /// # Errors
    /// `sign_in_method_disabled`; `invalid_credentials`, the same for an unknown address and for a code that is wrong,
    /// used, void or has expired; `too_many_requests` for one of six digits after too many of them, the same for an unknown
    /// address.
    pub async fn sign_in_by_code(&self, shown: ShownCode) -> Result<SignedInUser> {
        let ShownCode { door, email, code, client } = shown;
        if !allowed(door.settings(), SignInMethod::EmailCode) {
            return Err(Error::new(Code::SignInMethodDisabled));
        }
        // As people copy it.
        let code: Secret = code.expose_secret().split_whitespace().collect::<String>().into();
        let is_long = code.expose_secret().chars().count() == CodeLength::Long.digits();
        let (app, one_time, now) = (door.app(), self.keys().one_time.clone(), self.now());
        let key = self.guesses_at(app, &email);
        let (desk, mail) = (self.mail_desk(), QueuedMail::new(app, email.clone(), MailOrder::EmailCode, now));
        let platform = self.settings().of_the_platform();
        let (way_in, signer) = (self.way_in(client, SignInMethod::EmailCode), self.signer().await?);
        let outcome = self.store().write(move |tx| {
            // One try at a time for an address: guesses side by side are worth no more than guesses in a row.
            let before = tx.lockout(key)?;
            if let Some(wait) = before.and_then(|before| before.remaining(now)).filter(|_| !is_long) {
                return Ok(Outcome::Wait(wait));
            }
            let account = tx.account_by_email(app, &email)?;
            // The same is asked about an address that nobody has.
            let id = account.as_ref().map_or_else(AccountId::generate, |account| account.id);
            let mut out = tx.live_one_time_tokens(id, Purpose::EmailCode, now)?;
            out.sort_by_key(|out| Reverse(out.id));
            let is_it = |hash, id| one_time.hash_code(id, code.expose_secret()) == hash;
            let right = out.into_iter().take(MOST_OUT).find(|out| out.email == email && is_it(out.hash, out.id));
            if let (Some(account), Some(right)) = (account.clone(), right)
                && tx.consume_one_time_token(Purpose::EmailCode, right.hash, now)?.is_some()
                && let Some(admitted) = enter_by_mail(tx, account, &platform, &way_in, now)?
            {
                tx.void_one_time_tokens(id, Purpose::EmailCode, now)?;
                // Slips of the owner's; what was a lock is remembered, or each sign-in would be worth a lock.
                if before.is_some_and(|before| before.failures < BUDGET.threshold) {
                    tx.clear_lockout(key)?;
                }
                return Ok(Outcome::In(Box::new(admitted)));
            }
            metrics::counter!("fabric_email_code_failures_total").increment(1);
            if !is_long && count(tx, key, before, account.as_ref(), app, now)? {
                // What is in the mailbox is worth nothing any more: the next one goes out at once.
                desk.start_over(tx, &mail)?;
            }
            Ok(Outcome::Wrong)
        });
        match outcome.await? {
            Outcome::In(admitted) => self.let_in(signer, &door, *admitted).await,
            Outcome::Wrong => {
                let why = "The e-mail address or the code is wrong, or the code is not valid any more.";
                Err(Error::because(Code::InvalidCredentials, why))
            }
            Outcome::Wait(wait) => {
                let why = "Too many wrong codes. Ask for another one, which is longer, or sign in another way.";
                Err(Error::because(Code::TooManyRequests, why).retry_after(wait))
            }
        }
    }

    /// How long a code is that is mailed to an address now.
    pub(crate) fn code_length(
        &self,
        tx: &mut dyn Transaction,
        app: Option<AppId>,
        email: &Email,
        now: Timestamp,
    ) -> Result<CodeLength> {
        // Whoever guesses would wait for this, where somebody has the address: and learn that.
        let guesses = tx.glance_at_lockout(self.guesses_at(app, email))?;
        let locked = guesses.is_some_and(|guesses| guesses.remaining(now).is_some());
        Ok(if locked { CodeLength::Long } else { CodeLength::Short })
    }

    /// Where guesses at codes for an address are counted.
    fn guesses_at(&self, app: Option<AppId>, email: &Email) -> LockoutKey {
        LockoutKey::new(&self.keys().email_codes, app, email)
    }
}

/// Counts a wrong try for the address, whether anybody has it or not. Tells whether it was the last one.
fn count(
    tx: &mut dyn Transaction,
    key: LockoutKey,
    before: Option<Lockout>,
    account: Option<&Account>,
    app: Option<AppId>,
    now: Timestamp,
) -> Result<bool> {
    match Lockout::fail_longer(before, BUDGET, DOUBLING, now) {
        Failed::Counted(counted) => tx.set_lockout(key, &counted).map(|()| false),
        Failed::NowLocked(locked) => {
            tx.set_lockout(key, &locked)?;
            // As for passwords: for an address that nobody has too, and without naming it.
            let (principal, email) = (account.map(|account| account.principal), account.map(|account| &account.email));
            tx.append(&Event {
                app,
                payload: json!({ "principal_id": principal, "email": email.map(Email::as_str) }),
                ..Event::new(EventKind::AuthEmailCodesLocked, now)
            })?;
            Ok(true)
        }
    }
}
