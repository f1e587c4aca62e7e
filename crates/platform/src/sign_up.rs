//! Sign-up: a new account in an app.

use identity::password::Password;
use kernel::{
    Client, Code, Email, Error, EventKind, Name, Result, Timestamp,
    id::{AppId, MailId},
};

use crate::{
    Door, Platform, Transaction,
    accounts::Newcomer,
    records::{MailOrder, QueuedMail},
    sessions::{SignedInUser, begin_session},
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
    /// owner of a taken address gets a mail.
    pub async fn sign_up(&self, new: SignUp) -> Result<SignedUp> {
        let SignUp { door, email, password, display_name, client } = new;
        let settings = door.settings().clone();
        if !settings.open_sign_up {
            return Err(Error::new(Code::SignUpClosed));
        }
        let password = Some(self.hashing().hash(password).await?);
        let newcomer = Newcomer {
            password,
            display_name,
            organization: settings.auto_create_org,
            ..Newcomer::new(door.app(), email.clone())
        };
        let (now, mail, unseen) = (self.now(), self.settings().mail, settings.require_verified_email);
        let made = self.store().write(move |tx| {
            let taken = tx.account_by_email(newcomer.app, &email)?.is_some();
            if taken && !settings.require_verified_email {
                return Err(Error::new(Code::EmailTaken));
            }
            let order = if taken { MailOrder::AlreadySignedUp } else { MailOrder::VerifyEmail };
            if mail {
                order_mail(tx, newcomer.app, &email, order, now)?;
            }
            if taken {
                return Ok(None);
            }
            let account = newcomer.join(tx, EventKind::AuthSignup, None, now)?;
            if settings.require_verified_email {
                return Ok(None);
            }
            let begun = begin_session(tx, &account, &client, settings.refresh_token_seconds, now)?;
            Ok(Some((account, begun)))
        });
        let made = match made.await {
            // Somebody else took the address at the same moment: that must look like any other time.
            Err(error) if error.code == Code::EmailTaken && unseen => None,
            made => made?,
        };
        metrics::counter!("fabric_sign_ups_total").increment(1);
        let Some((account, begun)) = made else { return Ok(SignedUp::CheckMail) };
        let tokens = self.write_tokens(&door, &account, begun, now)?;
        Ok(SignedUp::In(Box::new(SignedInUser { account, tokens })))
    }
}

/// Puts a mail into the queue.
pub(crate) fn order_mail(
    tx: &mut dyn Transaction,
    app: Option<AppId>,
    recipient: &Email,
    order: MailOrder,
    now: Timestamp,
) -> Result<()> {
    tx.enqueue_mail(&QueuedMail {
        id: MailId::generate(),
        app,
        recipient: recipient.clone(),
        order,
        attempts: 0,
        created_at: now,
    })
}
