//! Links that open something: what is in them, what is kept of them, where they lead, and what tells of them.
//!
//! Each has an event, and its token is made of that event's id. So the mail and the app's own endpoint carry the same
//! link at every try, and using it in one place is using it up in the other; and nothing of it lies in the ledger, in the
//! queue or in a history of deliveries.

use apps::App;
use audit::Entry;
use identity::{Account, OneTimeToken, Purpose, one_time_token::CodeLength};
use kernel::{
    Email, Event, EventKind, Result, Secret, SecretHash, Timestamp, WebUrl,
    id::{EventId, InvitationId, OneTimeTokenId},
    secret::ExposeSecret,
};
use serde_json::{Map, Value, json};
use tenancy::{Invitation, InvitationStatus, Organization};

use crate::{
    Platform, Transaction, email_change::account_to_readdress, mail_sign_in::may_enter_by_mail, records::QueuedMail,
};

/// A link in clear, or a code.
pub(crate) struct IssuedLink {
    /// What opens something.
    pub token: Secret,
    /// Where it leads, with the token in it; a code leads nowhere.
    pub url: Option<String>,
}

impl Platform {
    /// What an entry of the ledger says to who may know the token of the link that it tells of: all that it tells, with
    /// token and URL. An entry of another kind says what it always does. `None` when there is nothing to say any more:
    /// the link was used or has expired, or what it opens is gone, closed, or open already.
    ///
    /// Whoever sends it has seen to it that it goes nowhere but to an endpoint of the app's owner that is bound to this
    /// app ([`EventKind::carries_token`]), and keeps nothing of it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn payload_with_token(&self, entry: &Entry) -> Result<Option<Map<String, Value>>> {
        let mut payload = entry.details();
        let (purpose, token, url_field) = match EventKind::named(&entry.kind) {
            Some(EventKind::AuthEmailVerificationRequired) => (Purpose::VerifyEmail, "verify_token", "verify_url"),
            Some(EventKind::AuthPasswordResetRequested) => (Purpose::ResetPassword, "reset_token", "reset_url"),
            Some(EventKind::AuthMagicLinkRequested) => (Purpose::MagicLink, "magic_link_token", "magic_link_url"),
            Some(EventKind::AuthEmailCodeRequested) => (Purpose::EmailCode, "code", ""),
            Some(EventKind::AuthEmailChangeRequested) => {
                (Purpose::ChangeEmail, "email_change_token", "email_change_url")
            }
            Some(EventKind::AuthEmailChangeAnnounced) => (Purpose::UndoEmailChange, "undo_token", "undo_url"),
            Some(EventKind::InvitationLinkIssued) => (Purpose::Invitation, "token", "accept_url"),
            _ => return Ok(Some(payload)),
        };
        let invitation = payload.get("invitation_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let (platform, event, now) = (self.clone(), entry.id, self.now());
        let standing = self.store().read(move |tx| match (purpose, invitation) {
            (Purpose::Invitation, Some(id)) => platform.invitation_link(tx, id, event, now),
            (Purpose::Invitation, None) => Ok(None),
            (purpose, _) => platform.account_link(tx, purpose, event, now),
        });
        let Some(link) = standing.await? else { return Ok(None) };
        payload.insert(token.to_owned(), link.token.expose_secret().into());
        if let Some(url) = link.url {
            payload.insert(url_field.to_owned(), url.into());
        }
        Ok(Some(payload))
    }

    fn account_link(
        &self,
        tx: &mut dyn Transaction,
        purpose: Purpose,
        event: EventId,
        now: Timestamp,
    ) -> Result<Option<IssuedLink>> {
        let mut standing = None;
        for (token, hash) in self.tokens(purpose, event) {
            standing = standing.or(tx.one_time_token(purpose, hash, now)?.map(|kept| (token, kept)));
        }
        let Some((token, kept)) = standing else { return Ok(None) };
        let account = tx.account(kept.account)?.filter(|account| opens(purpose, account, &kept.email));
        let Some(account) = account.filter(|account| is_told(purpose, account)) else { return Ok(None) };
        let app = account.app.map(|id| tx.app(id)).transpose()?.flatten();
        if app.as_ref().is_some_and(|app| app.disabled_at.is_some()) {
            return Ok(None);
        }
        Ok(Some(self.to_account(purpose, app.as_ref(), token)))
    }

    fn invitation_link(
        &self,
        tx: &mut dyn Transaction,
        id: InvitationId,
        event: EventId,
        now: Timestamp,
    ) -> Result<Option<IssuedLink>> {
        let (token, hash) = self.link_token(Purpose::Invitation, event);
        let invitation = tx.invitation(id)?.filter(|found| found.status(now) == InvitationStatus::Pending);
        let Some(invitation) = invitation else { return Ok(None) };
        if inviting(tx, &invitation)?.is_none() || !tx.invitation_tokens(id)?.contains(&hash) {
            return Ok(None);
        }
        Ok(Some(self.to_invitation(id, token)))
    }

    /// Issues the link that a mail to an account carries, and tells the ledger of it; at a later try gives the same one
    /// another term. `None` when there is nothing to open, and when it was used meanwhile.
    pub(crate) fn issue_account_link(
        &self,
        tx: &mut dyn Transaction,
        mail: &QueuedMail,
        purpose: Purpose,
        app: Option<&App>,
        now: Timestamp,
    ) -> Result<Option<IssuedLink>> {
        let kind = match purpose {
            Purpose::VerifyEmail => EventKind::AuthEmailVerificationRequired,
            Purpose::ResetPassword => EventKind::AuthPasswordResetRequested,
            Purpose::MagicLink => EventKind::AuthMagicLinkRequested,
            Purpose::EmailCode => EventKind::AuthEmailCodeRequested,
            Purpose::ChangeEmail => EventKind::AuthEmailChangeRequested,
            Purpose::UndoEmailChange => EventKind::AuthEmailChangeAnnounced,
            Purpose::Invitation => return Ok(None),
        };
        let (account, expires_at) = match purpose {
            Purpose::ChangeEmail => (account_to_readdress(tx, mail, now)?, now.after(purpose.lifetime())),
            Purpose::UndoEmailChange => match tx.former_address(mail.app, &mail.recipient, now)? {
                Some(former) => (tx.account(former.account)?, former.expires_at),
                None => return Ok(None),
            },
            _ => (tx.account_by_email(mail.app, &mail.recipient)?, now.after(purpose.lifetime())),
        };
        let open = |account: &Account| is_told(purpose, account) && opens(purpose, account, &mail.recipient);
        let Some(account) = account.filter(open) else { return Ok(None) };
        let Some((event, told)) = event_of(tx, mail)? else { return Ok(None) };
        if told {
            for (token, hash) in self.tokens(purpose, event) {
                if tx.renew_one_time_token(purpose, hash, expires_at)? {
                    return Ok(Some(self.to_account(purpose, app, token)));
                }
            }
            return Ok(None);
        }
        let (token, hash) = match purpose {
            Purpose::EmailCode => self.code(event, self.code_length(tx, mail.app, &mail.recipient, now)?),
            _ => self.link_token(purpose, event),
        };
        tx.append(&Event {
            id: event,
            app: mail.app,
            payload: json!({ "principal_id": account.principal, "email": mail.recipient.as_str() }),
            ..Event::new(kind, now)
        })?;
        tx.insert_one_time_token(&OneTimeToken {
            id: OneTimeTokenId(event.0),
            purpose,
            account: account.id,
            email: mail.recipient.clone(),
            hash,
            expires_at,
        })?;
        Ok(Some(self.to_account(purpose, app, token)))
    }

    /// The same for an invitation, with where it invites to. The link lives as long as the invitation does.
    pub(crate) fn issue_invitation_link(
        &self,
        tx: &mut dyn Transaction,
        mail: &QueuedMail,
        now: Timestamp,
    ) -> Result<Option<(IssuedLink, Organization)>> {
        let Some((event, told)) = event_of(tx, mail)? else { return Ok(None) };
        let (token, hash) = self.link_token(Purpose::Invitation, event);
        let Some(invitation) = tx.write_invitation_letter(mail.id, hash, now)? else { return Ok(None) };
        let Some(organization) = inviting(tx, &invitation)? else { return Ok(None) };
        if !told {
            tx.append(&Event {
                id: event,
                app: organization.app,
                organization: Some(organization.id),
                payload: json!({ "invitation_id": invitation.id, "email": invitation.email.as_str() }),
                ..Event::new(EventKind::InvitationLinkIssued, now)
            })?;
        }
        Ok(Some((self.to_invitation(invitation.id, token), organization)))
    }

    /// What an event may have told of. Of links there is one; which of the codes it was depends on how often codes for the
    /// address had been guessed at.
    fn tokens(&self, purpose: Purpose, event: EventId) -> Vec<(Secret, SecretHash)> {
        match purpose {
            Purpose::EmailCode => CodeLength::ALL.into_iter().map(|length| self.code(event, length)).collect(),
            _ => vec![self.link_token(purpose, event)],
        }
    }

    fn code(&self, event: EventId, length: CodeLength) -> (Secret, SecretHash) {
        let code = self.keys().links.code(event, length);
        let hash = self.keys().one_time.hash_code(OneTimeTokenId(event.0), code.expose_secret());
        (code, hash)
    }

    fn link_token(&self, purpose: Purpose, event: EventId) -> (Secret, SecretHash) {
        let token = self.keys().links.token(purpose, event);
        let hash = self.keys().one_time.hash(purpose, token.expose_secret());
        (token, hash)
    }

    fn to_account(&self, purpose: Purpose, app: Option<&App>, token: Secret) -> IssuedLink {
        let (base, text) = (&self.settings().public_base_url, token.expose_secret());
        let own = app.and_then(|app| app.settings.site_url.as_ref()).map(WebUrl::as_str);
        let leads = match (purpose, own.or(self.settings().site_url.as_deref())) {
            (Purpose::ResetPassword, Some(site)) => {
                format!("{}/reset-password?token={text}", site.trim_end_matches('/'))
            }
            (Purpose::ResetPassword, None) => format!("{base}/v1/auth/reset-password?token={text}"),
            (Purpose::ChangeEmail, Some(site)) => {
                format!("{}/email-change#token={text}", site.trim_end_matches('/'))
            }
            (Purpose::ChangeEmail, None) => format!("{base}/v1/auth/email-change?token={text}"),
            (Purpose::UndoEmailChange, _) => format!("{base}/v1/auth/email-change/undo?token={text}"),
            // To ours, whatever site there is: nothing but the button there leads on.
            (Purpose::MagicLink, _) => format!("{base}/v1/auth/magic-link?token={text}"),
            (Purpose::EmailCode, _) => return IssuedLink { token, url: None },
            (Purpose::VerifyEmail | Purpose::Invitation, _) => {
                format!("{base}/v1/auth/verify?token={text}&type=signup")
            }
        };
        IssuedLink { token, url: Some(leads) }
    }

    fn to_invitation(&self, id: InvitationId, token: Secret) -> IssuedLink {
        let (base, text) = (&self.settings().public_base_url, token.expose_secret());
        let leads = format!("{base}/v1/invitations/{id}/accept?token={text}");
        IssuedLink { token, url: Some(leads) }
    }
}

/// Whether an account's owner is sent such a link as the account is. That an address was left is told in any case: it may
/// have been disabled because of that, and who takes it back has three days.
fn is_told(purpose: Purpose, account: &Account) -> bool {
    account.disabled_at.is_none() || purpose == Purpose::UndoEmailChange
}

/// Whether there is anything for such a link to do, if it is sent there.
fn opens(purpose: Purpose, account: &Account, sent_to: &Email) -> bool {
    let there = account.email == *sent_to;
    match purpose {
        Purpose::VerifyEmail => there && !account.email_verified(),
        Purpose::MagicLink | Purpose::EmailCode => there && may_enter_by_mail(account),
        Purpose::ResetPassword | Purpose::Invitation => there,
        Purpose::ChangeEmail | Purpose::UndoEmailChange => !there,
    }
}

/// The organization that invites, as long as it takes anybody in.
fn inviting(tx: &mut dyn Transaction, invitation: &Invitation) -> Result<Option<Organization>> {
    let organization = tx.organization(invitation.organization)?.filter(|found| !found.is_closed());
    let Some(organization) = organization else { return Ok(None) };
    let app = organization.app.map(|id| tx.app(id)).transpose()?.flatten();
    Ok(Some(organization).filter(|_| app.is_none_or(|app| app.disabled_at.is_none())))
}

/// The event that tells of a mail's link, and whether it has. `None` when somebody else is at this mail.
fn event_of(tx: &mut dyn Transaction, mail: &QueuedMail) -> Result<Option<(EventId, bool)>> {
    if let Some(event) = mail.event {
        return Ok(Some((event, true)));
    }
    let event = EventId::generate();
    Ok(tx.mail_announced(mail.id, event)?.then_some((event, false)))
}
