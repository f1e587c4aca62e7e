//! API keys: make one that acts as oneself, list, change, rotate, disable, delete. An administrator may end what others
//! have, and never gets it.

use std::time::Duration;

use authz::{
    Acting, Action, Permit, Resource,
    action::{
        ApiKeyCreate, ApiKeyManage, ApiKeyRead, ApiKeyReadAll, ApiKeyRevoke, ApiKeyRotate, ApiKeyUpdate,
        ServiceAccountManage, ServiceAccountRevoke,
    },
};
use identity::ApiKey;
use kernel::{
    AllowedIps, Code, Error, EventKind, Listed, Name, Page, Result, Role,
    id::{ApiKeyId, OrganizationId},
};

use crate::{
    IssuedKey, NewApiKey, Platform, Transaction,
    key_making::{
        Author, Holder, RoleLimit, check_overlap, in_person, is_no_more_than_the_callers, issue,
        no_more_than_the_callers, require_fresh_for_keys, rotate,
    },
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
    /// To call it something else, or let it be used in fewer places.
    Change,
    /// To disable or delete it.
    End,
    /// To let it be used in more places.
    Widen,
    /// To let it be used again.
    Enable,
    /// To have it.
    Have,
}

impl Platform {
    /// Makes a key that acts as the caller.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role member, for a role above the caller's own, and for what is more than the
    /// key that the caller came with; `session_required` for an app that acts for a user; `reauthentication_required` where
    /// the app wants a sign-in of a moment ago; `user_required` for who has no account; `invalid_request`; `conflict` when
    /// there are too many.
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
            no_more_than_the_callers(&permit, &new.scopes, new.expiry.end(now)?, &new.allowed_ips)?;
            let service = match caller.key().and_then(|key| key.service_account) {
                Some(_) => tx.service_account_of(id, caller.principal)?,
                None => None,
            };
            in_person(tx, &permit, now)?;
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
    /// `not_found`; `forbidden` for somebody else's below the role admin, for who has a higher role, for more addresses than
    /// before to another person's key, and for what is more than the key that the caller came with then.
    pub async fn change_api_key(
        &self,
        acting: Acting<ApiKeyUpdate>,
        id: ApiKeyId,
        change: ApiKeyChange,
    ) -> Result<ApiKey> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let (permit, was): (_, ApiKey) = locate(tx, &acting, id)?;
            let change = change.clone();
            let key = ApiKey {
                name: change.name.unwrap_or(was.name.clone()),
                description: change.description.unwrap_or(was.description.clone()),
                allowed_ips: change.allowed_ips.unwrap_or(was.allowed_ips.clone()),
                updated_at: now,
                ..was
            };
            let wish = if was.allowed_ips.cover(&key.allowed_ips) { Wish::Change } else { Wish::Widen };
            may(tx, &permit, &key, wish)?;
            if wish == Wish::Widen {
                require_fresh_for_keys(tx, acting.caller(), now)?;
            }
            tx.update_api_key(&permit, &key)?;
            Author::of(acting.caller(), now).told(tx, EventKind::ApiKeyUpdated, &key)?;
            Ok(key)
        });
        changed.await
    }

    /// Disables a key. Doing it again changes nothing; but what its holder disabled is theirs to enable, until somebody
    /// else disables it, too.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for somebody else's below the role admin, and for who has a higher role.
    pub async fn disable_api_key(&self, acting: Acting<ApiKeyRevoke>, id: ApiKeyId) -> Result<ApiKey> {
        let now = self.now();
        let disabled = self.store().write(move |tx| {
            let (permit, key) = find(tx, &acting, id, Wish::End)?;
            let by = Some(permit.principal());
            if key.disabled_at.is_some() && (by == Some(key.principal) || !key.is_disabled_by_its_holder()) {
                return Ok(key);
            }
            let key = ApiKey { disabled_at: Some(now), disabled_by: by, updated_at: now, ..key };
            tx.update_api_key(&permit, &key)?;
            Author::of(acting.caller(), now).told(tx, EventKind::ApiKeyDisabled, &key)?;
            Ok(key)
        });
        disabled.await
    }

    /// Enables a key that was disabled. Doing it again changes nothing.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for who does not have a key that somebody else disabled below the role admin, for another
    /// person's key that they disabled themselves, and for what is more than the key that the caller came with;
    /// `reauthentication_required` where the app wants a sign-in of a moment ago.
    pub async fn enable_api_key(&self, acting: Acting<ApiKeyUpdate>, id: ApiKeyId) -> Result<ApiKey> {
        let now = self.now();
        let enabled = self.store().write(move |tx| {
            let (permit, key) = find(tx, &acting, id, Wish::Enable)?;
            if key.disabled_at.is_none() {
                return Ok(key);
            }
            require_fresh_for_keys(tx, acting.caller(), now)?;
            let key = ApiKey { disabled_at: None, disabled_by: None, updated_at: now, ..key };
            tx.update_api_key(&permit, &key)?;
            Author::of(acting.caller(), now).told(tx, EventKind::ApiKeyEnabled, &key)?;
            Ok(key)
        });
        enabled.await
    }

    /// Gives a key another secret. The one before counts for the overlap.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role member, for another person's key, and for what is more than the key that
    /// the caller came with; `session_required` and `reauthentication_required` as for a new one; `invalid_setting` for too
    /// long an overlap; `conflict` for a key that can't be used.
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
            in_person(tx, &permit, now)?;
            rotate(tx, &permit, Author::of(acting.caller(), now), key, overlap, random)
        });
        rotated.await
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// As [`Self::disable_api_key`].
    pub async fn delete_api_key(&self, acting: Acting<ApiKeyRevoke>, id: ApiKeyId) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let (permit, key) = find(tx, &acting, id, Wish::End)?;
            tx.delete_api_key(&permit, id)?;
            Author::of(acting.caller(), now).told(tx, EventKind::ApiKeyRevoked, &key)
        });
        deleted.await
    }
}

/// The role of a new key: never above its maker's. A key that is to be as much as a maker with an own role keeps the
/// built-in one as its limit, so that it does not rise with its maker, and counts own roles above that.
fn role_of_new<A>(permit: &Permit<A>, holder: &Holder, asked: Option<Role>) -> Result<RoleLimit> {
    let own = permit.caller().key();
    let cap = own.and_then(|key| key.role);
    let most = match holder {
        Holder::Person(..) => permit.role(),
        Holder::Service(account) => cap.map_or(account.role, |cap| cap.min(account.role)),
    };
    match (holder, asked) {
        (_, Some(asked)) if asked > most => Err(permit.refusal(format!("You may not give the role {asked}."))),
        (_, Some(asked)) => Ok(RoleLimit::of(Some(asked))),
        (Holder::Service(_), None) => Ok(RoleLimit::of(cap)),
        (Holder::Person(..), None) => {
            let own_roles = permit.has_own_role() && own.is_none_or(|key| key.role.is_none() || key.own_roles);
            Ok(RoleLimit { role: Some(most), own_roles })
        }
    }
}

/// Looks a key up and permits in one step.
fn find<A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    id: ApiKeyId,
    wish: Wish,
) -> Result<(Permit<A>, ApiKey)> {
    let (permit, key): (_, ApiKey) = locate(tx, acting, id)?;
    may(tx, &permit, &key, wish)?;
    Ok((permit, key))
}

/// # Errors
/// `forbidden` for what the caller may not do to this key, which is in the place that they have a permit for.
fn may<A>(tx: &mut dyn Transaction, permit: &Permit<A>, key: &ApiKey, wish: Wish) -> Result<()> {
    if key.principal == permit.principal() {
        own(permit, key, wish)?;
    } else if wish == Wish::See {
        permit.need_for::<ApiKeyReadAll>(key.resource())?;
    } else if key.service_account.is_some() {
        of_service_account(tx, permit, key, wish)?;
    } else {
        of_another_person(tx, permit, key, wish)?;
    }
    match wish {
        Wish::See | Wish::Change | Wish::End => Ok(()),
        // Who has the secret of the key gets all that it is good for.
        Wish::Widen | Wish::Enable | Wish::Have => is_no_more_than_the_callers(permit, key),
    }
}

/// A key that was made for less does nothing to one that was made for more.
fn own<A>(permit: &Permit<A>, key: &ApiKey, wish: Wish) -> Result<()> {
    if wish == Wish::Enable && key.disabled_at.is_some() && !key.is_disabled_by_its_holder() {
        permit.need_for::<ApiKeyManage>(key.resource())?;
    }
    let cap = permit.caller().key().and_then(|own| own.role);
    if wish == Wish::See || cap.is_none_or(|cap| key.role.is_some_and(|role| role <= cap)) {
        return Ok(());
    }
    Err(permit.refusal("This API key may do more than the one that you came with."))
}

/// It is ended, and that undone; nobody else gets it, or makes it good for more.
fn of_another_person<A>(tx: &mut dyn Transaction, permit: &Permit<A>, key: &ApiKey, wish: Wish) -> Result<()> {
    let theirs = match wish {
        Wish::Widen | Wish::Have => true,
        Wish::Enable => key.is_disabled_by_its_holder(),
        Wish::See | Wish::Change | Wish::End => false,
    };
    if theirs {
        let why =
            "Another person's API key is theirs to rotate, to enable and to allow more addresses: you may end it.";
        return Err(permit.refusal(why));
    }
    permit.need_for::<ApiKeyManage>(key.resource())?;
    match role_of(tx, permit, key.principal)? {
        Some(role) => permit.reach(role),
        None => Ok(()),
    }
}

fn of_service_account<A>(tx: &mut dyn Transaction, permit: &Permit<A>, key: &ApiKey, wish: Wish) -> Result<()> {
    let account = tx.service_account_of(key.organization, key.principal)?.ok_or_else(Error::not_found)?;
    match wish {
        Wish::End => permit.need_for::<ServiceAccountRevoke>(account.resource())?,
        _ => permit.need_for::<ServiceAccountManage>(account.resource())?,
    }
    permit.reach(account.role)?;
    match wish {
        Wish::See | Wish::Change | Wish::End => Ok(()),
        Wish::Widen | Wish::Enable | Wish::Have => stand_in(tx, permit, &account),
    }
}
