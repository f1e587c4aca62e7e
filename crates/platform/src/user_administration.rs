//! Managing an app's accounts, or the platform's own: by the app itself, its owners, or administrators of the platform.

use apps::ClientId;
use authz::{
    Acting, Action, AppPermit, Credential,
    action::{UserManage, UserRead},
};
use identity::{Account, EmailProof, LockoutKey, Purpose, account::AccountFilter, password::Password};
use kernel::{
    AppScope, Code, Email, Error, Event, EventKind, Listed, Metadata, Name, Page, Result, Timestamp,
    id::{AccountId, AppId, PrincipalId},
};
use serde_json::json;

use crate::{
    Platform, Transaction,
    accounts::{Maker, Newcomer, account_event, delete_account, keep_an_administrator},
    permit::{is_platform_admin, locate_app_for, permit, permit_platform},
    sessions::end_everything,
};

/// Which app is meant, where the caller says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppHint {
    /// By its id.
    Id(AppId),
    /// By its client id.
    ClientId(ClientId),
}

impl AppHint {
    /// # Errors
    /// `unknown_app` for what is neither.
    pub fn parse(text: &str) -> Result<Self> {
        match (ClientId::parse(text), text.parse()) {
            (Some(client_id), _) => Ok(Self::ClientId(client_id)),
            (None, Ok(id)) => Ok(Self::Id(id)),
            (None, Err(_)) => Err(Error::new(Code::UnknownApp)),
        }
    }
}

/// An account that an administrator makes.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The address.
    pub email: Email,
    /// The password; without one, the person asks for a link to set one.
    pub password: Option<Password>,
    /// What the person is called.
    pub display_name: Option<Name>,
    /// Whether the administrator vouches for the address.
    pub email_verified: bool,
    /// What the app keeps about the person.
    pub metadata: Metadata,
}

/// An account, with its lock.
#[derive(Clone, Debug)]
pub struct UserDetails {
    /// The account.
    pub account: Account,
    /// Until when password sign-in is locked, if it is.
    pub locked_until: Option<Timestamp>,
    /// Whether there is a second factor that counts.
    pub totp_enabled: bool,
}

impl Platform {
    /// The accounts, oldest first.
    ///
    /// # Errors
    /// `app_required`; `forbidden`; `not_found`.
    pub async fn users(
        &self,
        acting: Acting<UserRead>,
        hint: Option<AppHint>,
        filter: AccountFilter,
        page: Page<AccountId>,
    ) -> Result<Listed<Account, AccountId>> {
        let listed = self.store().read(move |tx| {
            let permit = managed(tx, &acting, hint.as_ref())?;
            tx.accounts_in(&permit, &filter, &page)
        });
        listed.await
    }

    /// One account.
    ///
    /// # Errors
    /// `app_required`; `forbidden`; `not_found`.
    pub async fn user(
        &self,
        acting: Acting<UserRead>,
        hint: Option<AppHint>,
        principal: PrincipalId,
    ) -> Result<UserDetails> {
        let (now, lockout) = (self.now(), self.keys().lockout);
        let found = self.store().read(move |tx| {
            let permit = managed_for(tx, &acting, hint.as_ref(), Some(principal))?;
            let account = tx.account_in(&permit, principal)?.ok_or_else(Error::not_found)?;
            let counter = tx.lockout(LockoutKey::new(&lockout, account.app, &account.email))?;
            let locked_until = counter.and_then(|counter| counter.locked_until).filter(|until| *until > now);
            let totp_enabled = tx.totp(account.id)?.is_some_and(|totp| totp.verified_at.is_some());
            Ok(UserDetails { account, locked_until, totp_enabled })
        });
        found.await
    }

    /// Makes an account.
    ///
    /// # Errors
    /// `app_required`; `forbidden`; `not_found`; `email_taken`.
    pub async fn create_user(
        &self,
        acting: Acting<UserManage>,
        hint: Option<AppHint>,
        new: NewUser,
    ) -> Result<Account> {
        let (asking, asked) = (acting.clone(), hint.clone());
        let may = self.store().read(move |tx| managed(tx, &asking, asked.as_ref()).map(drop));
        // Before anything costly; and once more below, where it counts.
        may.await?;
        let password = match new.password {
            Some(password) => Some(self.hash_chosen(password).await?),
            None => None,
        };
        let now = self.now();
        let made = self.store().write(move |tx| {
            let permit = managed(tx, &acting, hint.as_ref())?;
            let newcomer = Newcomer {
                proof: new.email_verified.then_some(EmailProof::Operator),
                password: password.clone(),
                display_name: new.display_name.clone(),
                metadata: new.metadata.clone(),
                organization: newcomers_found_organizations(tx, &permit)?,
                ..Newcomer::new(permit.app(), new.email.clone())
            };
            newcomer.join(tx, Maker::Manager(permit.principal()), now)
        });
        made.await
    }

    /// Deletes an account and everything of it.
    ///
    /// # Errors
    /// `app_required`; `forbidden`; `not_found`; `last_owner` or `conflict` where others depend on it.
    pub async fn delete_user(
        &self,
        acting: Acting<UserManage>,
        hint: Option<AppHint>,
        principal: PrincipalId,
    ) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let permit = managed_for(tx, &acting, hint.as_ref(), Some(principal))?;
            delete_account(tx, &permit, principal, Some(permit.principal()), now)
        });
        deleted.await
    }

    /// Does one thing to one account.
    ///
    /// # Errors
    /// `app_required`; `forbidden`; `not_found`.
    pub async fn manage_user(
        &self,
        acting: Acting<UserManage>,
        hint: Option<AppHint>,
        principal: PrincipalId,
        deed: Deed,
    ) -> Result<Account> {
        let (now, lockout) = (self.now(), self.keys().lockout);
        let managed = self.store().write(move |tx| {
            let permit = managed_for(tx, &acting, hint.as_ref(), Some(principal))?;
            let account = tx.account_in(&permit, principal)?.ok_or_else(Error::not_found)?;
            deed.perform(tx, account, &lockout, Some(permit.principal()), now)
        });
        managed.await
    }
}

/// What an administrator does to one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Lifts the lock on password sign-in.
    Unlock,
    /// Vouches for the address.
    Verify,
    /// Ends every session.
    SignOut,
    /// Removes the second factor: for who has lost it, and the recovery codes with it.
    RemoveSecondFactor,
    /// Ends every session and lets nobody in.
    Disable,
    /// Lets the person in again.
    Enable,
}

impl Deed {
    /// Performs it. Once more changes nothing more.
    pub(crate) fn perform(
        self,
        tx: &mut dyn Transaction,
        account: Account,
        lockout: &[u8; 32],
        actor: Option<PrincipalId>,
        now: Timestamp,
    ) -> Result<Account> {
        let (kind, account) = match self {
            Self::Unlock => {
                tx.clear_lockout(LockoutKey::new(lockout, account.app, &account.email))?;
                (EventKind::AuthAccountUnlocked, account)
            }
            Self::Verify => {
                let proof = account.proof.filter(|proof| proof.by_the_owner()).or(Some(EmailProof::Operator));
                tx.void_one_time_tokens(account.id, Purpose::VerifyEmail, now)?;
                (EventKind::AuthEmailVerified, updated(tx, Account { proof, ..account }, now)?)
            }
            Self::SignOut => {
                end_everything(tx, account.id, now, now)?;
                (EventKind::AuthLogoutAll, account)
            }
            Self::RemoveSecondFactor => {
                let counted = tx.remove_totp(account.id)?.is_some_and(|totp| totp.verified_at.is_some());
                tx.clear_lockout(LockoutKey::of_second_factor(lockout, account.id))?;
                if !counted {
                    return Ok(account);
                }
                (EventKind::AuthTotpDisabled, account)
            }
            Self::Disable => {
                keep_an_administrator(tx, &account)?;
                let disabled_at = account.disabled_at.or(Some(now));
                end_everything(tx, account.id, now, now)?;
                (EventKind::UserDisabled, updated(tx, Account { disabled_at, ..account }, now)?)
            }
            Self::Enable => (EventKind::UserEnabled, updated(tx, Account { disabled_at: None, ..account }, now)?),
        };
        let mut event = Event { actor, ..account_event(kind, &account, now) };
        if self == Self::Verify {
            event.payload["email"] = json!(account.email.as_str());
        }
        tx.append(&event)?;
        Ok(account)
    }
}

fn updated(tx: &mut dyn Transaction, account: Account, now: Timestamp) -> Result<Account> {
    let account = Account { updated_at: now, ..account };
    tx.update_account(&account)?;
    Ok(account)
}

fn newcomers_found_organizations(tx: &mut dyn Transaction, scope: &dyn AppScope) -> Result<bool> {
    let app = scope.app().map(|id| tx.app(id)).transpose()?.flatten();
    Ok(app.is_none_or(|app| app.settings.auto_create_org))
}

/// The app whose accounts are meant: that of an app's own token; else the one that is named; for an administrator of the
/// platform the platform itself; else the only app of the caller's organizations.
pub(crate) fn managed<A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    hint: Option<&AppHint>,
) -> Result<AppPermit<A>> {
    managed_for(tx, acting, hint, None)
}

/// The same for one of its accounts.
pub(crate) fn managed_for<A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    hint: Option<&AppHint>,
    user: Option<PrincipalId>,
) -> Result<AppPermit<A>> {
    let caller = acting.caller();
    if let (Credential::App, Some(app)) = (&caller.credential, caller.app) {
        return locate_app_for(tx, acting, app, user).map(|(permit, _)| permit);
    }
    if let Some(hint) = hint {
        let id = match hint {
            AppHint::Id(id) => *id,
            AppHint::ClientId(client_id) => tx.app_by_client_id(client_id)?.ok_or_else(Error::not_found)?.id,
        };
        return locate_app_for(tx, acting, id, user).map(|(permit, _)| permit);
    }
    if is_platform_admin(tx, caller)? {
        return permit_platform(tx, acting);
    }
    if caller.app.is_some() {
        return Err(Error::new(Code::Forbidden));
    }
    // Two are enough to know that there is not one.
    let page = Page::new(None, 0, 2)?;
    let apps = match caller.key() {
        Some(key) => {
            let permit = permit(tx, acting, key.organization)?;
            tx.apps_in(&permit, &page)?
        }
        None => tx.apps_of(caller.principal, &page)?,
    };
    match apps.items.as_slice() {
        [] => Err(Error::new(Code::Forbidden)),
        [app] => locate_app_for(tx, acting, app.id, user).map(|(permit, _)| permit),
        _ => Err(Error::new(Code::AppRequired)),
    }
}
