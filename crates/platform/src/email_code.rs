//! Sign-in by a code in a mail: six digits, which are guessed among a million. So each guess is counted, for every code
//! that is out and for the address.

use std::time::Duration;

use identity::{
    Account, Lockout, LockoutKey, Purpose, SignInMethod,
    lockout::{Failed, LockoutPolicy},
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
    records::MailOrder,
    sessions::SignedInUser,
};

/// After so many wrong tries a code is void.
const TRIES: i32 = 5;
/// So many wrong tries for one address, whatever codes were asked for meanwhile, stop codes for an hour: nobody tries a
/// millionth of them in a day (NIST SP 800-63B, 3.2.2 asks for less).
const BUDGET: LockoutPolicy = LockoutPolicy { threshold: 10, duration: Duration::from_hours(1) };

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
    /// `sign_in_method_disabled` where the app has no such codes; `too_many_requests` for who has asked for too many mails, to
    /// whatever addresses.
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
    /// used, void or has expired; `too_many_requests` after too many of them, the same for an unknown address.
    pub async fn sign_in_by_code(&self, shown: ShownCode) -> Result<SignedInUser> {
        let ShownCode { door, email, code, client } = shown;
        if !allowed(door.settings(), SignInMethod::EmailCode) {
            return Err(Error::new(Code::SignInMethodDisabled));
        }
        // As people copy it.
        let code: Secret = code.expose_secret().split_whitespace().collect::<String>().into();
        let key = LockoutKey::new(&self.keys().email_codes, door.app(), &email);
        let (app, one_time, now) = (door.app(), self.keys().one_time.clone(), self.now());
        let platform = self.settings().of_the_platform();
        let (way_in, signer) = (self.way_in(client, SignInMethod::EmailCode), self.signer().await?);
        let outcome = self.store().write(move |tx| {
            // One try at a time for an address: guesses side by side are worth no more than guesses in a row.
            let before = tx.lockout(key)?;
            if let Some(wait) = before.and_then(|before| before.remaining(now)) {
                return Ok(Outcome::Wait(wait));
            }
            let account = tx.account_by_email(app, &email)?;
            // The same is asked about an address that nobody has.
            let id = account.as_ref().map_or_else(AccountId::generate, |account| account.id);
            let out = tx.live_one_time_tokens(id, Purpose::EmailCode, now)?;
            let is_it = |hash, id| one_time.hash_code(id, code.expose_secret()) == hash;
            let right = out.into_iter().find(|out| out.email == email && is_it(out.hash, out.id));
            if let (Some(account), Some(right)) = (account.clone(), right)
                && tx.consume_one_time_token(Purpose::EmailCode, right.hash, now)?.is_some()
                && let Some(admitted) = enter_by_mail(tx, account, &platform, &way_in, now)?
            {
                tx.void_one_time_tokens(id, Purpose::EmailCode, now)?;
                return Ok(Outcome::In(Box::new(admitted)));
            }
            tx.count_wrong_try(id, Purpose::EmailCode, TRIES, now)?;
            count(tx, key, before, app, account.as_ref(), now)?;
            Ok(Outcome::Wrong)
        });
        match outcome.await? {
            Outcome::In(admitted) => self.let_in(signer, &door, *admitted).await,
            Outcome::Wrong => {
                let why = "The e-mail address or the code is wrong, or the code is not valid any more.";
                Err(Error::because(Code::InvalidCredentials, why))
            }
            Outcome::Wait(wait) => {
                let why = "Too many wrong codes. Wait, or sign in another way.";
                Err(Error::because(Code::TooManyRequests, why).retry_after(wait))
            }
        }
    }
}

/// Counts a wrong try for the address, whether anybody has it or not.
fn count(
    tx: &mut dyn Transaction,
    key: LockoutKey,
    before: Option<Lockout>,
    app: Option<AppId>,
    account: Option<&Account>,
    now: Timestamp,
) -> Result<()> {
    metrics::counter!("fabric_email_code_failures_total").increment(1);
    match Lockout::fail(before, BUDGET, now) {
        Failed::Counted(counted) => tx.set_lockout(key, &counted),
        Failed::NowLocked(locked) => {
            tx.set_lockout(key, &locked)?;
            // As for passwords: for an address that nobody has too, and without naming it.
            let (principal, email) = (account.map(|account| account.principal), account.map(|account| &account.email));
            tx.append(&Event {
                app,
                payload: json!({ "principal_id": principal, "email": email.map(Email::as_str) }),
                ..Event::new(EventKind::AuthEmailCodesLocked, now)
            })
        }
    }
}
