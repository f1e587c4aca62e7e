//! API keys: make one that acts as oneself, list, change, rotate, disable, delete. An administrator may end what others
//! have, and never gets it.

use std::time::Duration;

use authz::{
    Acting, Action, Permit, Resource,
    action::{
        ApiKeyCreate, ApiKeyManage, ApiKeyRead, ApiKeyReadAll, ApiKeyRevoke, ApiKeyRotate, ApiKeyUpdate,
        ServiceAccountManage,
    },
};
use identity::ApiKey;
use kernel::{
    AllowedIps, Code, Error, EventKind, Listed, Name, Page, Result, Role,
    id::{ApiKeyId, OrganizationId},
};

use crate::{
    IssuedKey, NewApiKey, Platform, Transaction,
    key_making::{Author, Holder, check_overlap, is_no_more_than_the_callers, issue, no_more_than_the_callers, rotate},
    permit::{Owned, locate, permit, role_of},
    service_accounts::stand_in,
};

/// What shall be different. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ApiKeyChange {
    /// What it is called.
    pub name: Option<Name>,
    /// What it is for; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// Where it is good from.
    pub allowed_ips: Option<AllowedIps>,
}

impl Owned for ApiKey {
    type Id = ApiKeyId;

    fn find(tx: &mut dyn Transaction, id: ApiKeyId) -> Result<Option<Self>> {
        tx.api_key(id)
    }

    fn organization(&self) -> OrganizationId {
        self.organization
    }

    fn resource(&self) -> Resource {
        Resource::of("api_key", self.id.0)
    }
}

/// What somebody wants of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    See,
    Change,
    /// To have it.
    Have,
}

impl Platform {
    /// Makes a key that acts as the caller.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role member, for a role above the caller's own, and for what is more than the
    /// key that the caller came with; `session_required` for an app that acts for a user; `user_required` for who has no
    /// account; `invalid_request`; `conflict` when there are
    /// too many.
    pub async fn create_api_key(
        &self,
        acting: Acting<ApiKeyCreate>,
        id: OrganizationId,
        new: NewApiKey,
    ) -> Result<IssuedKey> {
        let (now, random) = (self.now(), rand::random());
        let made = self.store().write(move |tx| {
            let permit = permit(tx, &acting, id)?;
            let caller = acting.caller();
            no_more_than_the_callers(caller, &new.scopes, new.expiry.end(now)?, &new.allowed_ips)?;
            let service = match caller.key().and_then(|key| key.service_account) {
                Some(_) => tx.service_account_of(id, caller.principal)?,
                None => None,
            };
            caller.in_own_name()?;
            let holder = match (&service, caller.account()) {
                (Some(account), _) => Holder::Service(account),
                (None, Some(account)) => Holder::Person(caller.principal, account),
                (None, None) => return Err(Error::new(Code::UserRequired)),
            };
            let role = role_of_new(&permit, &holder, new.role)?;
            issue(tx, &permit, Author::of(caller, now), &holder, role, &new, random)
        });
        made.await
    }

    /// The keys of an organization: all of them for who may see them, the caller's own for everybody else. Without an
    /// organization, the caller's own everywhere in this app, or, for a key, where it acts.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn api_keys(
        &self,
        acting: Acting<ApiKeyRead>,
        organization: Option<OrganizationId>,
        page: Page<ApiKeyId>,
    ) -> Result<Listed<ApiKey, ApiKeyId>> {
        let listed = self.store().read(move |tx| {
            let caller = acting.caller();
            let Some(organization) = organization else {
                let within = caller.key().map(|key| key.organization);
                return tx.api_keys_held(caller.app, within, caller.principal, &page);
            };
            let permit = permit(tx, &acting, organization)?;
            let whose = if permit.may::<ApiKeyReadAll>() { None } else { Some(caller.principal) };
            tx.api_keys_in(&permit, whose, &page)
        });
        listed.await
    }

    /// One key.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for somebody else's below the role admin.
    pub async fn api_key(&self, acting: Acting<ApiKeyRead>, id: ApiKeyId) -> Result<ApiKey> {
        self.store().read(move |tx| find(tx, &acting, id, Wish::See).map(|(_, key)| key)).await
    }

    /// Changes a key's name, description and addresses.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for somebody else's below the role admin, and for who has a higher role.
    pub async fn change_api_key(
        &self,
        acting: Acting<ApiKeyUpdate>,
        id: ApiKeyId,
        change: ApiKeyChange,
    ) -> Result<ApiKey> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let (permit, key) = find(tx, &acting, id, Wish::Change)?;
            let (caller, change) = (acting.caller(), change.clone());
            if let (Some(own), Some(wanted)) = (caller.key(), &change.allowed_ips)
                && !own.allowed_ips.cover(wanted)
            {
                let why = "With an API key, allow no addresses but those that it may come from itself.";
                return Err(Error::because(Code::Forbidden, why));
            }
            let key = ApiKey {
                name: change.name.unwrap_or(key.name.clone()),
                description: change.description.unwrap_or(key.description.clone()),
                allowed_ips: change.allowed_ips.unwrap_or(key.allowed_ips.clone()),
                updated_at: now,
                ..key
            };
            tx.update_api_key(&permit, &key)?;
            Author::of(caller, now).told(tx, EventKind::ApiKeyUpdated, &key)?;
            Ok(key)
        });
        changed.await
    }

    /// Disables a key, or enables it again. Doing it again changes nothing.
    ///
    /// # Errors
    /// As [`Self::change_api_key`].
    pub async fn disable_api_key(&self, acting: Acting<ApiKeyRevoke>, id: ApiKeyId, disabled: bool) -> Result<ApiKey> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let (permit, key) = find(tx, &acting, id, Wish::Change)?;
            if key.disabled_at.is_some() == disabled {
                return Ok(key);
            }
            let key = ApiKey { disabled_at: disabled.then_some(now), updated_at: now, ..key };
            tx.update_api_key(&permit, &key)?;
            let kind = if disabled { EventKind::ApiKeyDisabled } else { EventKind::ApiKeyEnabled };
            Author::of(acting.caller(), now).told(tx, kind, &key)?;
            Ok(key)
        });
        changed.await
    }

    /// Gives a key another secret. The one before counts for the overlap.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role member, for another person's key, and for what is more than the key that
    /// the caller came with; `invalid_setting` for too long an overlap; `conflict` for a key that can't be used.
    pub async fn rotate_api_key(
        &self,
        acting: Acting<ApiKeyRotate>,
        id: ApiKeyId,
        overlap: Duration,
    ) -> Result<IssuedKey> {
        check_overlap(overlap)?;
        let (now, random) = (self.now(), rand::random());
        let rotated = self.store().write(move |tx| {
            let (permit, key) = find(tx, &acting, id, Wish::Have)?;
            rotate(tx, &permit, Author::of(acting.caller(), now), key, overlap, random)
        });
        rotated.await
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// As [`Self::change_api_key`].
    pub async fn delete_api_key(&self, acting: Acting<ApiKeyRevoke>, id: ApiKeyId) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let (permit, key) = find(tx, &acting, id, Wish::Change)?;
            tx.delete_api_key(&permit, id)?;
            Author::of(acting.caller(), now).told(tx, EventKind::ApiKeyRevoked, &key)
        });
        deleted.await
    }
}

/// The role of a new key: never above its maker's.
fn role_of_new<A>(permit: &Permit<A>, holder: &Holder, asked: Option<Role>) -> Result<Option<Role>> {
    let cap = permit.caller().key().and_then(|key| key.role);
    let most = match holder {
        Holder::Person(..) => permit.role(),
        Holder::Service(account) => cap.map_or(account.role, |cap| cap.min(account.role)),
    };
    match (holder, asked) {
        (_, Some(asked)) if asked > most => {
            Err(Error::because(Code::Forbidden, format!("You may not give the role {asked}.")))
        }
        (Holder::Service(_), None) => Ok(cap),
        (_, asked) => Ok(Some(asked.unwrap_or(most))),
    }
}

/// Looks a key up and permits in one step, as far as it is the caller's own, or the caller may touch what others have.
fn find<A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    id: ApiKeyId,
    wish: Wish,
) -> Result<(Permit<A>, ApiKey)> {
    let (permit, key): (_, ApiKey) = locate(tx, acting, id)?;
    if key.principal == permit.principal() {
        own(&permit, &key, wish)?;
    } else if wish == Wish::See {
        permit.need::<ApiKeyReadAll>()?;
    } else if key.service_account.is_some() {
        of_service_account(tx, &permit, &key, wish)?;
    } else if wish == Wish::Have {
        let why = "Who has another person's API key acts as them: they rotate it themselves, or you revoke it.";
        return Err(Error::because(Code::Forbidden, why));
    } else {
        permit.need::<ApiKeyManage>()?;
        if let Some(role) = role_of(tx, &permit, key.principal)? {
            permit.reach(role)?;
        }
    }
    if wish == Wish::Have {
        is_no_more_than_the_callers(permit.caller(), &key)?;
    }
    Ok((permit, key))
}

/// A key that was made for less does nothing to one that was made for more.
fn own<A>(permit: &Permit<A>, key: &ApiKey, wish: Wish) -> Result<()> {
    if wish == Wish::Have {
        permit.caller().in_own_name()?;
    }
    let cap = permit.caller().key().and_then(|own| own.role);
    if wish == Wish::See || cap.is_none_or(|cap| key.role.is_some_and(|role| role <= cap)) {
        return Ok(());
    }
    Err(Error::because(Code::Forbidden, "This API key may do more than the one that you came with."))
}

fn of_service_account<A>(tx: &mut dyn Transaction, permit: &Permit<A>, key: &ApiKey, wish: Wish) -> Result<()> {
    permit.need::<ServiceAccountManage>()?;
    let account = tx.service_account_of(key.organization, key.principal)?.ok_or_else(Error::not_found)?;
    permit.reach(account.role)?;
    if wish == Wish::Have { stand_in(tx, permit, &account) } else { Ok(()) }
}
