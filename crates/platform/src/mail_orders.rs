//! Mails that anybody may ask for, to any address: how many there are of them.
//!
//! It is counted by (app, address, kind) whether there is an account or not, and the answer is the same whether a mail is
//! held back or not; so it tells nobody who has an account. And it is no weapon against the owner: a mail is held back only
//! for as long as the last one of its kind would be good, and that one is in their mailbox, whoever asked for it. What
//! somebody else can spoil there, codes, is counted anew once it was spoilt.

use std::time::Duration;

use identity::Purpose;
use kernel::{
    Code, Email, Error, Locale, Result, Timestamp,
    id::AppId,
    ip::{is_of_a_private_network, network_of},
};

use serde_json::Value;

use crate::{
    Door, Platform, Transaction,
    records::{MailCounter, MailOrder, QueuedMail},
};

/// Between two mails of a kind to one address there is as much, at least.
const PAUSE: Duration = Duration::from_mins(1);
/// For so long it is counted.
const COUNTED_FOR: Duration = Duration::from_hours(1);

/// How many mails of those that anybody may ask for are sent in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailLimits {
    /// Of each kind to one address, and never two within a minute; 0 is no limit.
    pub per_recipient: u32,
    /// Of those that prove an address, to whatever addresses, as long as one network address asks for them; 0 is no limit.
    /// Those that sign in or set a password are not counted so: a whole office does that from one address, as often as the
    /// rate limits let it.
    pub per_ip: u32,
}

impl Default for MailLimits {
    fn default() -> Self {
        Self { per_recipient: 3, per_ip: 10 }
    }
}

/// What ordering a mail takes along into a unit of work.
#[derive(Clone)]
pub(crate) struct MailDesk {
    limits: MailLimits,
    counters: [u8; 32],
    /// From where the mail is asked for, where that is counted.
    asking: Option<MailCounter>,
    locale: Option<Locale>,
    now: Timestamp,
}

impl Platform {
    /// Orders a mail that anybody may ask for, unless enough of them were asked for of late: the same is answered then.
    ///
    /// # Errors
    /// `too_many_requests` for who has asked for too many proofs of addresses, whatever these are.
    pub(crate) async fn order_mail(&self, door: Door, email: Email, order: MailOrder) -> Result<()> {
        let (desk, mail) = (self.mail_desk(), QueuedMail::new(door.app(), email, order, self.now()));
        self.store().write(move |tx| desk.order(tx, mail.clone())).await
    }

    pub(crate) fn mail_desk(&self) -> MailDesk {
        let (limits, counters) = (self.settings().mail_limits, self.keys().mail_counters);
        let asking = self.origin.as_ref().and_then(|origin| origin.client.ip);
        let asking = asking.filter(|ip| !is_of_a_private_network(*ip)).and_then(|ip| network_of(ip, 32, 64));
        let asking = asking.filter(|_| limits.per_ip > 0).map(|network| from_there(&counters, &network));
        MailDesk { limits, counters, asking, locale: self.language(), now: self.now() }
    }
}

impl MailDesk {
    /// The same in a unit of work that does more: what is refused here takes it back.
    ///
    /// # Errors
    /// As [`Platform::order_mail`].
    pub fn order(&self, tx: &mut dyn Transaction, mail: QueuedMail) -> Result<()> {
        let (limits, now) = (self.limits, self.now);
        if let Some(asking) =
            self.asking.filter(|_| matches!(mail.order, MailOrder::VerifyEmail | MailOrder::ChangeEmail))
        {
            let before = tx.mails_asked_for(asking, limits.per_ip, now)?;
            if let Some(wait) = wait(&before, limits.per_ip, now) {
                return Err(Error::new(Code::TooManyRequests).retry_after(wait));
            }
            tx.note_mail_asked_for(asking, now.after(COUNTED_FOR))?;
        }
        self.order_there(tx, mail)
    }

    /// The same for what is not counted by who asks, because many may ask from one place.
    ///
    /// # Errors
    /// Those of the database.
    pub fn order_there(&self, tx: &mut dyn Transaction, mail: QueuedMail) -> Result<()> {
        let (limits, now) = (self.limits, self.now);
        if limits.per_recipient > 0 {
            let mailbox = to_there(&self.counters, &mail);
            let before = tx.mails_asked_for(mailbox, limits.per_recipient, now)?;
            if is_held_back(&before, limits.per_recipient, lifetime(mail.order), now) {
                metrics::counter!("fabric_mails_held_back_total").increment(1);
                return Ok(());
            }
            // What is held back is not counted: who goes on asking holds nothing back for longer.
            tx.note_mail_asked_for(mailbox, now.after(COUNTED_FOR))?;
        }
        tx.enqueue_mail(&QueuedMail { locale: self.locale, ..mail })
    }

    /// Holds back none of such mails because of those that were asked for so far: they are of no use any more.
    ///
    /// # Errors
    /// Those of the database.
    pub fn start_over(&self, tx: &mut dyn Transaction, mail: &QueuedMail) -> Result<()> {
        tx.forget_mails_asked_for(to_there(&self.counters, mail))
    }
}

/// How long somebody waits who has asked so often, newest first.
fn wait(ends: &[Timestamp], most: u32, now: Timestamp) -> Option<Duration> {
    let full = usize::try_from(most).is_ok_and(|most| ends.len() >= most);
    ends.last().filter(|_| full).map(|end| now.until(*end))
}

/// Whether a mail is held back because of those that were asked for before, newest first.
fn is_held_back(ends: &[Timestamp], most: u32, lifetime: Duration, now: Timestamp) -> bool {
    let Some(last) = ends.first() else { return false };
    let age = COUNTED_FOR.saturating_sub(now.until(*last));
    let full = usize::try_from(most).is_ok_and(|most| ends.len() >= most);
    age < PAUSE || full && age < lifetime
}

/// For how long what such a mail says is good.
fn lifetime(order: MailOrder) -> Duration {
    match order {
        // Either it was the first one, and asks for a proof of the address, or it says that there is an account.
        MailOrder::VerifyEmail | MailOrder::SignUp => Purpose::VerifyEmail.lifetime(),
        MailOrder::ResetPassword => Purpose::ResetPassword.lifetime(),
        MailOrder::MagicLink => Purpose::MagicLink.lifetime(),
        MailOrder::EmailCode => Purpose::EmailCode.lifetime(),
        MailOrder::ChangeEmail => Purpose::ChangeEmail.lifetime(),
        _ => Duration::ZERO,
    }
}

fn from_there(key: &[u8; 32], network: &str) -> MailCounter {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"from").update(&[0]).update(network.as_bytes());
    MailCounter(*hasher.finalize().as_bytes())
}

fn to_there(key: &[u8; 32], mail: &QueuedMail) -> MailCounter {
    let app = mail.app.map_or([0; 16], |AppId(app)| *app.as_bytes());
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"to").update(&[0]).update(mail.order.name().as_bytes()).update(&[0]);
    hasher.update(&app).update(mail.recipient.as_str().as_bytes());
    if let Some(account) = mail.payload.as_ref().and_then(|payload| payload.get("account_id")).and_then(Value::as_str) {
        // What is mailed for one account is of no use to another.
        hasher.update(&[0]).update(account.as_bytes());
    }
    MailCounter(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    /// Whether one is held back at a time after others were asked for at these, oldest first.
    fn held_back(asked: &[i64], lifetime: Duration, now: i64) -> bool {
        let ends = asked.iter().rev().map(|asked| at(*asked).after(COUNTED_FOR)).filter(|end| *end > at(now));
        is_held_back(&ends.collect::<Vec<_>>(), 3, lifetime, at(now))
    }

    #[test]
    fn there_is_a_minute_between_two_and_there_are_three_in_an_hour() {
        let hour = Duration::from_hours(1);
        assert!(!held_back(&[], hour, 0));
        assert!(held_back(&[0], hour, 59) && !held_back(&[0], hour, 60));
        assert!(!held_back(&[0, 60], hour, 120));
        assert!(held_back(&[0, 60, 120], hour, 3599) && !held_back(&[0, 60, 120], hour, 3600));
        assert!(held_back(&[60, 120, 3600], hour, 3659) && !held_back(&[60, 120, 3600], hour, 3660));
    }

    #[test]
    fn attack_33_nothing_is_held_back_once_the_last_one_is_good_no_more() {
        let quarter = Duration::from_mins(15);
        assert!(held_back(&[0, 60, 120], quarter, 120 + 899) && !held_back(&[0, 60, 120], quarter, 120 + 900));
        let purposes = [
            Purpose::VerifyEmail,
            Purpose::ResetPassword,
            Purpose::MagicLink,
            Purpose::EmailCode,
            Purpose::ChangeEmail,
        ];
        for lifetime in purposes {
            let (lifetime, mut asked) = (lifetime.lifetime(), Vec::<i64>::new());
            // Somebody asks all the time. Whenever the owner asks, what was mailed last is good.
            for now in (0..20_000).step_by(7) {
                if held_back(&asked, lifetime, now) {
                    let last = at(*asked.last().unwrap());
                    assert!(last.until(at(now)) < lifetime, "{now}");
                } else {
                    asked.push(now);
                }
            }
        }
    }
}
