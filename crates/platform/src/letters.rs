//! Letters: what the mails in the queue say, by now.

use apps::TemplateName;
use identity::{Purpose, SignInMethod};
use kernel::{Result, Role, Timestamp, Unchecked, id::OrganizationId, secret::ExposeSecret};
use serde_json::Value;

use crate::{
    Platform, Transaction,
    mail_sign_in::allowed,
    mailer::{About, Brand, Letter},
    records::{MailOrder, QueuedMail},
};

impl Platform {
    /// What the mail says, by now. The ledger is told of its link, whether anybody carries mail or not. `None` when
    /// there is nobody to say it to, or nothing to say any more.
    pub(crate) async fn write_letter(&self, mail: QueuedMail) -> Result<Option<Letter>> {
        let (platform, now) = (self.clone(), self.now());
        self.store().write(move |tx| platform.letter(tx, &mail, now)).await
    }

    fn letter(&self, tx: &mut dyn Transaction, mail: &QueuedMail, now: Timestamp) -> Result<Option<Letter>> {
        let app = mail.app.map(|id| tx.app(id)).transpose()?.flatten();
        if app.as_ref().is_some_and(|app| app.disabled_at.is_some()) {
            return Ok(None);
        }
        let mut brand = Brand::of(app.as_ref());
        let may = |method| app.as_ref().is_none_or(|app| allowed(&app.settings, method));
        let about = match mail.order {
            MailOrder::VerifyEmail => {
                let link = self.issue_account_link(tx, mail, Purpose::VerifyEmail, app.as_ref(), now)?;
                link.and_then(|link| link.url).map(|link| About::VerifyEmail { link })
            }
            MailOrder::ResetPassword => {
                let link = self.issue_account_link(tx, mail, Purpose::ResetPassword, app.as_ref(), now)?;
                link.and_then(|link| link.url).map(|link| About::ResetPassword { link })
            }
            MailOrder::MagicLink if may(SignInMethod::MagicLink) => {
                let link = self.issue_account_link(tx, mail, Purpose::MagicLink, app.as_ref(), now)?;
                link.and_then(|link| link.url).map(|link| About::MagicLink { link })
            }
            MailOrder::EmailCode if may(SignInMethod::EmailCode) => {
                let code = self.issue_account_link(tx, mail, Purpose::EmailCode, app.as_ref(), now)?;
                code.map(|code| About::EmailCode { code: code.token.expose_secret().to_owned() })
            }
            MailOrder::ChangeEmail => {
                let link = self.issue_account_link(tx, mail, Purpose::ChangeEmail, app.as_ref(), now)?;
                link.and_then(|link| link.url).map(|link| About::ChangeEmail { link })
            }
            MailOrder::EmailChanged => {
                let link = self.issue_account_link(tx, mail, Purpose::UndoEmailChange, app.as_ref(), now)?;
                link.and_then(|link| link.url).map(|link| About::EmailChanged { link })
            }
            // Nothing opens by it, so nothing has to be so still.
            MailOrder::AddressLeft => Some(About::AddressLeft),
            // It was switched off in between.
            MailOrder::MagicLink | MailOrder::EmailCode => None,
            MailOrder::AlreadySignedUp | MailOrder::SignUp => {
                let account = tx.account_by_email(mail.app, &mail.recipient)?;
                account.filter(|account| account.disabled_at.is_none()).map(|_| About::AlreadySignedUp)
            }
            MailOrder::Invitation => match self.issue_invitation_link(tx, mail, now)? {
                Some((link, organization)) => {
                    let settings = tx.organization_settings(&Unchecked(organization.id))?;
                    if let Some(name) = settings.email_from_name {
                        name.as_str().clone_into(&mut brand.name);
                        name.as_str().clone_into(&mut brand.from_name);
                    }
                    let organization = settings.display_name.unwrap_or(organization.name).as_str().to_owned();
                    link.url.map(|link| About::Invitation { organization, link })
                }
                None => None,
            },
            MailOrder::WebhookDisabled => webhook_disabled(tx, mail)?,
        };
        let Some(about) = about else { return Ok(None) };
        let locale = mail.locale.or_else(|| app.map(|app| app.settings.locale)).unwrap_or_default();
        let template = match (mail.app, about.letter()) {
            (Some(app), Some(letter)) => {
                let template = tx.mail_template(app, TemplateName { letter, locale })?;
                template.map(|template| template.words)
            }
            _ => None,
        };
        Ok(Some(Letter { about, locale, brand, template }))
    }
}

/// For owners alone: somebody who is none any more is not told.
fn webhook_disabled(tx: &mut dyn Transaction, mail: &QueuedMail) -> Result<Option<About>> {
    let said = |name: &str| mail.payload.as_ref().and_then(|payload| payload.get(name)).and_then(Value::as_str);
    let id = said("organization_id").and_then(|id| id.parse().ok()).map(OrganizationId);
    let (Some(id), Some(target)) = (id, said("target")) else { return Ok(None) };
    let Some(organization) = tx.organization(id)?.filter(|found| !found.is_closed()) else { return Ok(None) };
    let account = tx.account_by_email(mail.app, &mail.recipient)?;
    let Some(account) = account.filter(|account| account.disabled_at.is_none()) else { return Ok(None) };
    let membership = tx.membership(&Unchecked(id), account.principal)?;
    let owner = membership.is_some_and(|membership| membership.role == Role::Owner);
    Ok(owner.then(|| About::WebhookDisabled {
        organization: organization.name.as_str().to_owned(),
        target: target.to_owned(),
    }))
}
