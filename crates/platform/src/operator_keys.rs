//! Keys, at the console: those of service accounts are made, all are listed, rotated and revoked.

use std::time::Duration;

use identity::{ApiKey, api_key};
use kernel::{
    Code, Error, EventKind, Listed, Name, Page, Result, Unchecked,
    id::{ApiKeyId, OrganizationId},
};

use crate::{
    IssuedKey, NewApiKey, NewServiceAccount, Platform, RoleChoice, Transaction,
    key_making::{Author, Holder, RoleLimit, check_overlap, issue, rotate},
    role_choice::find_role,
    service_accounts::found,
};

/// A key that the operator makes.
#[derive(Clone, Debug)]
pub struct OperatorKey {
    /// Where it acts.
    pub organization: OrganizationId,
    /// The service account it acts as; made, where there is none of that name.
    pub service_account: Name,
    /// What that is then.
    pub role: RoleChoice,
    /// The key.
    pub key: NewApiKey,
}

impl Platform {
    /// Makes a key of a service account.
    ///
    /// # Errors
    /// `not_found`; `invalid_request`; `conflict` when there are too many, and for a disabled service account.
    pub async fn operator_create_key(&self, wanted: OperatorKey) -> Result<IssuedKey> {
        let (now, random) = (self.now(), rand::random());
        let made = self.store().write(move |tx| {
            let within = Unchecked(wanted.organization);
            let organization = tx.organization(wanted.organization)?.ok_or_else(Error::not_found)?;
            let author = Author { app: organization.app, actor: None, now };
            let name = wanted.service_account.clone();
            let account = match tx.service_account_by_name(&within, &name)? {
                Some(account) => account,
                None => {
                    let chosen = find_role(tx, &within, &wanted.role)?;
                    let new = NewServiceAccount { name, description: None, role: wanted.role.clone(), team: None };
                    found(tx, &within, author, &new, &chosen)?
                }
            };
            if account.disabled_at.is_some() {
                return Err(Error::because(Code::Conflict, "This service account is disabled."));
            }
            issue(tx, &within, author, &Holder::Service(&account), RoleLimit::of(wanted.key.role), &wanted.key, random)
        });
        made.await
    }

    /// The keys of an organization, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn operator_keys(
        &self,
        organization: OrganizationId,
        page: Page<ApiKeyId>,
    ) -> Result<Listed<ApiKey, ApiKeyId>> {
        self.store().read(move |tx| tx.api_keys_in(&Unchecked(organization), None, &page)).await
    }

    /// Gives a key another secret. The one before counts for the overlap.
    ///
    /// # Errors
    /// `not_found`; `invalid_setting` for too long an overlap; `conflict` for a key that can't be used.
    pub async fn operator_rotate_key(&self, named: &str, overlap: Duration) -> Result<IssuedKey> {
        check_overlap(overlap)?;
        let (now, random, named) = (self.now(), rand::random(), named.to_owned());
        let rotated = self.store().write(move |tx| {
            let key = key(tx, &named)?;
            let author = Author { app: key.app, actor: None, now };
            rotate(tx, &Unchecked(key.organization), author, key, overlap, random)
        });
        rotated.await
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn operator_revoke_key(&self, named: &str) -> Result<ApiKey> {
        let (now, named) = (self.now(), named.to_owned());
        let revoked = self.store().write(move |tx| {
            let key = key(tx, &named)?;
            tx.delete_api_key(&Unchecked(key.organization), key.id)?;
            Author { app: key.app, actor: None, now }.told(tx, EventKind::ApiKeyRevoked, &key)?;
            Ok(key)
        });
        revoked.await
    }
}

/// The key that the operator names by its id or its prefix; who has all of it at hand may give that.
fn key(tx: &mut dyn Transaction, named: &str) -> Result<ApiKey> {
    let found = match named.parse() {
        Ok(id) => tx.api_key(id)?,
        Err(_) => tx.api_key_by_prefix(api_key::prefix(named).unwrap_or(named))?,
    };
    let unknown = || Error::because(Code::NotFound, "There is no such API key: give its id or its prefix (fab_…).");
    found.ok_or_else(unknown)
}
