//! Sign-up: a new account in an app.

use identity::{PasswordHash, SignInMethod, password::Password};
use kernel::{Client, Code, Email, Error, Name, Result, Timestamp};
use serde_json::{Value, json};

use crate::{
    Door, Platform, Transaction,
    accounts::{Maker, Newcomer},
    records::{MailOrder, QueuedMail},
    sessions::SignedInUser,
};

/// What a new user hands over.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// Where they come to.
    pub door: Door,
    /// Their address.
    pub email: Email,
    /// The password they chose.
    pub password: Password,
    /// What they are called.
    pub display_name: Option<Name>,
    /// Their device.
    pub client: Client,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum SignedUp {
    /// They are in.
    In(Box<SignedInUser>),
    /// They are told by mail how to go on, whether the address was free or not.
    CheckMail,
}

impl Platform {
    /// Creates the account, with an organization of its own unless the app has none for newcomers, and signs in.
    ///
    /// # Errors
    /// `sign_up_closed`; `email_taken`, unless the app requires proven addresses: then both answers are alike, and the
    /// owner of a taken address gets a mail; `mfa_enrollment_required` where the app requires a second factor: the account
    /// is there all the same.
    pub async fn sign_up(&self, new: SignUp) -> Result<SignedUp> {
        let SignUp { door, email, password, display_name, client } = new;
        let settings = door.settings().clone();
        if !settings.open_sign_up {
            return Err(Error::new(Code::SignUpClosed));
        }
        let password = self.hash_chosen(password).await?;
        metrics::counter!("fabric_sign_ups_total").increment(1);
        let newcomer = Newcomer {
            password: Some(password),
            display_name,
            organization: settings.auto_create_org,
            ..Newcomer::new(door.app(), email)
        };
        if settings.require_verified_email {
            self.sign_up_unseen(newcomer).await?;
            return Ok(SignedUp::CheckMail);
        }
        let (signer, now, locale) = (self.signer().await?, self.now(), self.language());
        let way_in = self.way_in(client, SignInMethod::Password);
        let made = self.store().write(move |tx| {
            if tx.account_by_email(newcomer.app, &newcomer.email)?.is_some() {
                return Err(Error::new(Code::EmailTaken));
            }
            let account = newcomer.join(tx, Maker::Themselves, now)?;
            let mail = QueuedMail::new(newcomer.app, newcomer.email.clone(), MailOrder::VerifyEmail, now);
            tx.enqueue_mail(&QueuedMail { locale, ..mail })?;
            way_in.admit_new(tx, &settings, account, now)
        });
        let admitted = made.await?;
        Ok(SignedUp::In(Box::new(self.hand_out(signer, &door, admitted).await?)))
    }

    /// Leaves a note and does nothing else, whether there is an account or not: neither the answer nor its time tells
    /// which. The background work makes the account, or tells the owner of the one there is.
    async fn sign_up_unseen(&self, newcomer: Newcomer) -> Result<()> {
        let mail = QueuedMail {
            payload: Some(json!({
                "password": newcomer.password.as_ref().map(PasswordHash::as_str),
                "display_name": newcomer.display_name.as_ref().map(Name::as_str),
                "organization": newcomer.organization,
            })),
            ..QueuedMail::new(newcomer.app, newcomer.email, MailOrder::SignUp, self.now())
        };
        // A note for each sign-up would be a letter to whoever has the address, as often as a stranger likes.
        let desk = self.mail_desk();
        self.store().write(move |tx| desk.order_there(tx, mail.clone())).await
    }
}

/// Makes the account that a note asks for, if the address is free; tells whether it was.
pub(crate) fn sign_up_from_note(tx: &mut dyn Transaction, note: &QueuedMail, now: Timestamp) -> Result<bool> {
    let kept = tx.former_address(note.app, &note.recipient, now)?;
    if kept.is_some() || tx.account_by_email(note.app, &note.recipient)?.is_some() {
        return Ok(false);
    }
    let field = |name: &str| note.payload.as_ref().and_then(|payload| payload.get(name));
    let text = |name: &str| field(name).and_then(Value::as_str);
    let newcomer = Newcomer {
        password: text("password").map(|hash| PasswordHash::from_stored(hash.to_owned())),
        display_name: text("display_name").map(Name::parse).transpose()?,
        organization: field("organization").and_then(Value::as_bool).unwrap_or(true),
        ..Newcomer::new(note.app, note.recipient.clone())
    };
    newcomer.join(tx, Maker::Themselves, now)?;
    Ok(true)
}
