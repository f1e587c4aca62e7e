//! Sends what is in the mail queue. The letter is written here, with a link that did not exist before: so the queue
//! holds no secret, and nobody can tell from a request's time whether there was an account.

use std::time::Duration;

use identity::{OneTimeToken, Purpose, one_time_token};
use kernel::{Result, Unchecked, id::OneTimeTokenId, secret::ExposeSecret};

use crate::{
    Platform,
    mailer::{Letter, MailError, Mailer},
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
    /// they stand for is done.
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
        let letter = match mailer {
            Some(_) => self.write_letter(mail, order).await?,
            None => None,
        };
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

    /// What the mail says, by now. `None` when there is nobody to say it to.
    async fn write_letter(&self, mail: &QueuedMail, order: MailOrder) -> Result<Option<Letter>> {
        let app = match mail.app {
            Some(id) => self.app_facts(id).await?,
            None => None,
        };
        if app.as_ref().is_some_and(|app| app.disabled_at.is_some()) {
            return Ok(None);
        }
        let sender = app.as_ref().map_or_else(|| "Fabric".to_owned(), |app| app.name.as_str().to_owned());
        let token = one_time_token::write(rand::random());
        let token = token.expose_secret();
        if order == MailOrder::Invitation {
            return self.write_invitation(mail, token, sender).await;
        }
        let purpose = match order {
            MailOrder::VerifyEmail => Some(Purpose::VerifyEmail),
            MailOrder::ResetPassword => Some(Purpose::ResetPassword),
            MailOrder::AlreadySignedUp | MailOrder::SignUp | MailOrder::Invitation => None,
        };
        let hash = purpose.map(|purpose| (purpose, self.keys().one_time.hash(purpose, token)));
        let (to, email, now) = (mail.app, mail.recipient.clone(), self.now());
        let wanted = self.store().write(move |tx| {
            let account = tx.account_by_email(to, &email)?;
            let Some(account) = account.filter(|account| account.disabled_at.is_none()) else { return Ok(false) };
            let Some((purpose, hash)) = hash else { return Ok(true) };
            if purpose == Purpose::VerifyEmail && account.email_verified() {
                return Ok(false);
            }
            tx.insert_one_time_token(&OneTimeToken {
                id: OneTimeTokenId::generate(),
                purpose,
                account: account.id,
                email: email.clone(),
                hash,
                expires_at: now.after(purpose.lifetime()),
            })?;
            Ok(true)
        });
        if !wanted.await? {
            return Ok(None);
        }
        let base = &self.settings().public_base_url;
        Ok(Some(match order {
            MailOrder::VerifyEmail => {
                Letter::VerifyEmail { sender, link: format!("{base}/v1/auth/verify?token={token}&type=signup") }
            }
            MailOrder::ResetPassword => {
                let site = app.and_then(|app| app.settings.site_url.as_ref().map(|url| url.as_str().to_owned()));
                let page = match site.or_else(|| self.settings().site_url.clone()) {
                    Some(site) => format!("{}/reset-password", site.trim_end_matches('/')),
                    None => format!("{base}/v1/auth/reset-password"),
                };
                Letter::ResetPassword { sender, link: format!("{page}?token={token}") }
            }
            MailOrder::AlreadySignedUp | MailOrder::SignUp | MailOrder::Invitation => {
                Letter::AlreadySignedUp { sender }
            }
        }))
    }

    /// `None` when nobody is invited any more.
    async fn write_invitation(&self, mail: &QueuedMail, token: &str, sender: String) -> Result<Option<Letter>> {
        let (id, now) = (mail.id, self.now());
        let hash = self.keys().one_time.hash(Purpose::Invitation, token);
        let written = self.store().write(move |tx| {
            let Some(invitation) = tx.write_invitation_letter(id, hash, now)? else { return Ok(None) };
            let organization = tx.organization(invitation.organization)?;
            let Some(organization) = organization.filter(|found| found.archived_at.is_none()) else { return Ok(None) };
            let settings = tx.organization_settings(&Unchecked(organization.id))?;
            Ok(Some((invitation, organization, settings)))
        });
        let Some((invitation, organization, settings)) = written.await? else { return Ok(None) };
        let base = &self.settings().public_base_url;
        Ok(Some(Letter::Invitation {
            sender: settings.email_from_name.map_or(sender, |name| name.as_str().to_owned()),
            organization: settings.display_name.unwrap_or(organization.name).as_str().to_owned(),
            link: format!("{base}/v1/invitations/{}/accept?token={token}", invitation.id),
        }))
    }
}

/// 10 s, 30 s, 90 s, … up to an hour, and up to half as much again, so that what failed together is not tried together.
fn pause(attempts: i32) -> Duration {
    let exponent = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(6);
    let seconds = (10 * 3_u64.pow(exponent)).min(3600);
    Duration::from_secs(seconds) + Duration::from_millis(rand::random_range(0..=seconds * 500))
}
