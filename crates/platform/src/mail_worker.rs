//! Sends what is in the mail queue. The letter is written only now, with a link that did not exist before: so the queue
//! holds no secret, and nobody can tell from a request's time whether there was an account.

use std::time::Duration;

use kernel::Result;

use crate::{
    Platform,
    mailer::{MailError, Mailer},
    records::{MailOrder, QueuedMail},
    sign_up::sign_up_from_note,
};

/// How many mails one round takes.
const ROUND: i64 = 16;
/// How long a mail is ours: after that somebody else may send it, should we have died.
const LEASE: Duration = Duration::from_mins(5);
/// After so many tries a mail is given up.
const TRIES: i32 = 8;

impl Platform {
    /// Sends the mails that are due, some at a time; tells how many it took. Without a mailer none goes out, but what
    /// they stand for is done, and the ledger tells of it.
    ///
    /// # Errors
    /// Those of the database. A mail that does not go out is no error: it is tried again later.
    pub async fn send_mails(&self, mailer: Option<&dyn Mailer>) -> Result<usize> {
        let now = self.now();
        let claimed = self.store().write(move |tx| tx.claim_mail(now, now.after(LEASE), ROUND)).await?;
        let mut last = Ok(claimed.len());
        for mail in &claimed {
            // One that fails holds up none behind it.
            if let Err(error) = self.send_mail(mailer, mail).await {
                last = Err(error);
            }
        }
        last
    }

    async fn send_mail(&self, mailer: Option<&dyn Mailer>, mail: &QueuedMail) -> Result<()> {
        let id = mail.id;
        let order = match mail.order {
            MailOrder::SignUp => self.sign_up_noted(mail).await?,
            order => order,
        };
        let letter = self.write_letter(QueuedMail { order, ..mail.clone() }).await?;
        let (Some(mailer), Some(letter)) = (mailer, letter) else {
            return self.store().write(move |tx| tx.mail_sent(id)).await;
        };
        match mailer.send(&mail.recipient, &letter).await {
            Ok(()) => {
                metrics::counter!("fabric_mails_sent_total", "about" => letter.about()).increment(1);
                self.store().write(move |tx| tx.mail_sent(id)).await
            }
            Err(MailError::NotNow(why)) if mail.attempts < TRIES => {
                tracing::warn!(mail = %id, about = letter.about(), attempts = mail.attempts, why, "mail postponed");
                let until = self.now().after(pause(mail.attempts));
                self.store().write(move |tx| tx.postpone_mail(id, until)).await
            }
            Err(MailError::NotNow(why) | MailError::Refused(why)) => {
                metrics::counter!("fabric_mails_given_up_total", "about" => letter.about()).increment(1);
                tracing::error!(mail = %id, about = letter.about(), attempts = mail.attempts, why, "mail given up");
                self.store().write(move |tx| tx.mail_sent(id)).await
            }
        }
    }

    /// Does what a note of a sign-up asks for. From then on it is an order for the letter that follows, so that another
    /// try does not take the new account for an old one.
    async fn sign_up_noted(&self, note: &QueuedMail) -> Result<MailOrder> {
        let (note, now) = (note.clone(), self.now());
        let done = self.store().write(move |tx| {
            let made = sign_up_from_note(tx, &note, now)?;
            let order = if made { MailOrder::VerifyEmail } else { MailOrder::AlreadySignedUp };
            tx.reorder_mail(note.id, order)?;
            Ok(order)
        });
        done.await
    }
}

/// 10 s, 30 s, 90 s, … up to an hour, and up to half as much again, so that what failed together is not tried together.
fn pause(attempts: i32) -> Duration {
    let exponent = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(6);
    let seconds = (10 * 3_u64.pow(exponent)).min(3600);
    Duration::from_secs(seconds) + Duration::from_millis(rand::random_range(0..=seconds * 500))
}
