//! Sign-in by who somebody is at another provider, for whom an app vouches, or the provider itself.

use authz::{Acting, action::UserSignIn};
use identity::{Account, EmailProof, Link, Linked, SignInMethod, link::Provider};
use kernel::{
    AppScope as _, Client, Code, Email, Error, ErrorKind, Event, EventKind, Metadata, Name, Result, Timestamp, WebUrl,
};
use serde_json::json;

use crate::{
    AppHint, Door, Platform, Transaction,
    accounts::{Maker, Newcomer, account_event},
    admission::{Admitted, WayIn},
    sessions::SignedInUser,
    take_over::take_over,
    user_administration::managed,
};

/// Who says that somebody is who they are at a provider.
#[derive(Clone)]
pub enum Voucher {
    /// An app that has shown that it is the app, for itself or for the one that is named.
    App(Acting<UserSignIn>, Option<AppHint>),
    /// Anybody on this machine, in development, at this door.
    Development(Door),
}

/// Who somebody is at another provider.
#[derive(Clone)]
pub struct SocialIdentity {
    /// At which provider.
    pub provider: Provider,
    /// Who they are there: it never changes.
    pub subject: String,
    /// Their address there.
    pub email: Email,
    /// Whether the provider has proven it.
    pub email_verified: bool,
    /// What they are called there.
    pub display_name: Option<Name>,
    /// A picture of them.
    pub avatar_url: Option<WebUrl>,
}

/// Somebody at another provider.
#[derive(Clone)]
pub struct SocialSignIn {
    /// Who vouches for all of it.
    pub voucher: Voucher,
    /// Who they are.
    pub identity: SocialIdentity,
    /// Their device.
    pub client: Client,
}

/// The longest name that a provider may have for somebody (`sub` in 2 of OpenID Connect Core 1.0).
const LONGEST_SUBJECT: usize = 255;

/// Whether anybody is called that at a provider.
pub(crate) fn is_subject(subject: &str) -> bool {
    (1..=LONGEST_SUBJECT).contains(&subject.len()) && !subject.chars().any(char::is_control)
}

impl SocialIdentity {
    /// Lets them in, in the unit of work that has seen it proven: with the account that is linked, else with the one that
    /// has their address, which is linked from then on, else with a new one.
    ///
    /// An address that the provider has not proven links nobody to anything. An account whose address its owner has not
    /// proven is taken over by who comes with a proven one: whoever made it loses every way in.
    ///
    /// # Errors
    /// `account_disabled`; `email_not_verified` where an unproven address is somebody's already or kept for somebody, or
    /// nobody gets in with one, which of these it is not being told; `sign_up_closed` where strangers may not sign up;
    /// `conflict` where somebody has made their account in this moment: then it is there for the next try; `email_taken`
    /// for who has proven an address that is kept for who has left it.
    pub(crate) fn enter(
        &self,
        tx: &mut dyn Transaction,
        door: &Door,
        way_in: &WayIn,
        now: Timestamp,
    ) -> Result<Admitted> {
        let account = find(tx, door, self, now)?;
        let login = Event {
            payload: json!({
                "principal_id": account.principal, "email": account.email.as_str(),
                "provider": self.provider.as_str(), "provider_user_id": self.subject,
            }),
            ..account_event(EventKind::AuthSocialLogin, &account, now)
        };
        // As an error, so that nothing was linked and nobody made where nobody gets in.
        way_in.admit_as(tx, door.settings(), account, &login, now)?.map_err(Error::new)
    }
}

impl Platform {
    /// Begins a session for somebody at another provider, for whom somebody vouches.
    ///
    /// # Errors
    /// `not_found`, `forbidden` and `app_required` as for managing an app's users; `app_disabled`; `invalid_request` for
    /// no subject; `account_disabled`; `email_not_verified` where an unproven address is somebody's already or kept for
    /// somebody, or nobody gets in with one; `sign_up_closed` where strangers may not sign up; `email_taken` for a proven
    /// address that is kept for who has left it.
    pub async fn social_sign_in(&self, presented: SocialSignIn) -> Result<SignedInUser> {
        if !is_subject(&presented.identity.subject) {
            return Err(Error::because(Code::InvalidRequest, "Give provider_user_id, of up to 255 characters."));
        }
        match self.try_social_sign_in(presented.clone()).await {
            // Of two who come for the first time at once, the second one finds what the first one made.
            Err(error) if error.kind() == ErrorKind::Conflict => self.try_social_sign_in(presented).await,
            done => done,
        }
    }

    async fn try_social_sign_in(&self, presented: SocialSignIn) -> Result<SignedInUser> {
        let way_in = self.way_in(presented.client.clone(), SignInMethod::Social);
        let (signer, now) = (self.signer().await?, self.now());
        let signed_in = self.store().write(move |tx| {
            let door = vouched(tx, &presented.voucher)?;
            let admitted = presented.identity.enter(tx, &door, &way_in, now)?;
            Ok((door, admitted))
        });
        let (door, admitted) = signed_in.await?;
        self.let_in(signer, &door, admitted).await
    }
}

/// The door that a voucher opens.
fn vouched(tx: &mut dyn Transaction, voucher: &Voucher) -> Result<Door> {
    let (acting, hint) = match voucher {
        Voucher::App(acting, hint) => (acting, hint),
        Voucher::Development(door) => return Ok(door.clone()),
    };
    let app = managed(tx, acting, hint.as_ref())?.app().ok_or_else(|| Error::new(Code::AppRequired))?;
    let app = tx.app(app)?.ok_or_else(Error::not_found)?;
    if app.disabled_at.is_some() {
        return Err(Error::new(Code::AppDisabled));
    }
    Ok(Door::of_app(app))
}

/// The account that is theirs.
fn find(tx: &mut dyn Transaction, door: &Door, presented: &SocialIdentity, now: Timestamp) -> Result<Account> {
    let (app, provider) = (door.app(), presented.provider.as_str());
    if let Some(Linked::To(id)) = tx.linked(app, provider, &presented.subject)? {
        return tx.account(id)?.ok_or_else(Error::not_found);
    }
    let account = match tx.account_by_email(app, &presented.email)? {
        // Whoever runs the platform signs in with what they have there.
        Some(account) if !presented.email_verified || account.platform_admin => {
            return Err(Error::new(Code::EmailNotVerified));
        }
        Some(account) if account.disabled_at.is_some() => return Err(Error::new(Code::AccountDisabled)),
        Some(account) => take_over(tx, account, EmailProof::Provider, now, now)?,
        // To strangers, an address that is somebody's looks like one with which nobody gets in.
        None if !presented.email_verified && is_shut(tx, door, &presented.email, now)? => {
            return Err(Error::new(Code::EmailNotVerified));
        }
        None if !door.settings().open_sign_up => return Err(Error::new(Code::SignUpClosed)),
        None => newcomer(door, presented)?.join(tx, Maker::Themselves, now)?,
    };
    tx.insert_link(&Link {
        provider: provider.to_owned(),
        subject: presented.subject.clone(),
        app,
        account: account.id,
        created_at: now,
    })?;
    tx.append(&Event {
        payload: json!({ "principal_id": account.principal, "provider": provider }),
        ..account_event(EventKind::AuthSocialConnected, &account, now)
    })?;
    Ok(account)
}

/// Whether nobody makes an account with this address, which is nobody's.
fn is_shut(tx: &mut dyn Transaction, door: &Door, email: &Email, now: Timestamp) -> Result<bool> {
    Ok(!door.settings().open_sign_up || tx.former_address(door.app(), email, now)?.is_some())
}

fn newcomer(door: &Door, presented: &SocialIdentity) -> Result<Newcomer> {
    let metadata = match &presented.avatar_url {
        Some(url) => Metadata::parse(json!({ "avatar_url": url.as_str() }))?,
        None => Metadata::default(),
    };
    Ok(Newcomer {
        proof: presented.email_verified.then_some(EmailProof::Provider),
        display_name: presented.display_name.clone(),
        metadata,
        organization: door.settings().auto_create_org,
        ..Newcomer::new(door.app(), presented.email.clone())
    })
}
