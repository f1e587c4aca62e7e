//! The keys of service accounts.

use std::time::Duration;

use authz::{
    Acting,
    action::{ServiceAccountManage, ServiceAccountRead, ServiceAccountRevoke},
};
use identity::{ApiKey, ServiceAccount};
use kernel::{
    Error, EventKind, Listed, Page, Result,
    id::{ApiKeyId, ServiceAccountId},
};

use crate::{
    IssuedKey, NewApiKey, Platform, Transaction,
    key_making::{
        Author, Holder, RoleLimit, check_overlap, in_person, is_no_more_than_the_callers, issue,
        no_more_than_the_callers, rotate,
    },
    permit::locate,
    service_accounts::{kept, stand_in},
};

impl Platform {
    /// Makes a key that acts as a service account.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, for who may not do all that the service account may, and for what is
    /// more than the key that the caller came with; `session_required` for an app that acts for a user;
    /// `reauthentication_required` where the app wants a sign-in of a moment ago; `invalid_request`; `conflict` when there
    /// are too many.
    pub async fn create_service_account_key(
        &self,
        acting: Acting<ServiceAccountManage>,
        id: ServiceAccountId,
        new: NewApiKey,
    ) -> Result<IssuedKey> {
        let (now, random) = (self.now(), rand::random());
        let made = self.store().write(move |tx| {
            let (permit, account) = kept(tx, &acting, id)?;
            in_person(tx, &permit, now)?;
            stand_in(tx, &permit, &account)?;
            if let Some(role) = new.role {
                permit.hand_on_role(role)?;
            }
            no_more_than_the_callers(&permit, &new.scopes, new.expiry.end(now)?, &new.allowed_ips)?;
            let (author, holder) = (Author::of(acting.caller(), now), Holder::Service(&account));
            issue(tx, &permit, author, &holder, RoleLimit::of(new.role), &new, random)
        });
        made.await
    }

    /// The keys of a service account, oldest first.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role member.
    pub async fn service_account_keys(
        &self,
        acting: Acting<ServiceAccountRead>,
        id: ServiceAccountId,
        page: Page<ApiKeyId>,
    ) -> Result<Listed<ApiKey, ApiKeyId>> {
        let listed = self.store().read(move |tx| {
            let (permit, account): (_, ServiceAccount) = locate(tx, &acting, id)?;
            tx.api_keys_in(&permit, Some(account.principal()), &page)
        });
        listed.await
    }

    /// Gives a key of a service account another secret. The one before counts for the overlap.
    ///
    /// # Errors
    /// As [`Self::create_service_account_key`]; `invalid_setting` for too long an overlap; `conflict` for a key that can't be
    /// used.
    pub async fn rotate_service_account_key(
        &self,
        acting: Acting<ServiceAccountManage>,
        id: ServiceAccountId,
        key: ApiKeyId,
        overlap: Duration,
    ) -> Result<IssuedKey> {
        check_overlap(overlap)?;
        let (now, random) = (self.now(), rand::random());
        let rotated = self.store().write(move |tx| {
            let (permit, account) = kept(tx, &acting, id)?;
            let key = key_of(tx, &account, key)?;
            in_person(tx, &permit, now)?;
            stand_in(tx, &permit, &account)?;
            is_no_more_than_the_callers(&permit, &key)?;
            rotate(tx, &permit, Author::of(acting.caller(), now), key, overlap, random)
        });
        rotated.await
    }

    /// Deletes a key of a service account.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin and for a service account that has a higher role.
    pub async fn delete_service_account_key(
        &self,
        acting: Acting<ServiceAccountRevoke>,
        id: ServiceAccountId,
        key: ApiKeyId,
    ) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let (permit, account) = kept(tx, &acting, id)?;
            let key = key_of(tx, &account, key)?;
            permit.reach(account.role)?;
            tx.delete_api_key(&permit, key.id)?;
            Author::of(acting.caller(), now).told(tx, EventKind::ApiKeyRevoked, &key)
        });
        deleted.await
    }
}

fn key_of(tx: &mut dyn Transaction, account: &ServiceAccount, id: ApiKeyId) -> Result<ApiKey> {
    tx.api_key(id)?.filter(|key| key.service_account == Some(account.id)).ok_or_else(Error::not_found)
}
