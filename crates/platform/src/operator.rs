//! What the operator does at the console. Whoever runs commands on the server's own database needs no permit: this is
//! the one room, beside background work, where [`Unchecked`] stands for one.

use apps::ClientId;
use audit::{Entry, Filter};
use identity::{Account, EmailProof, LockoutKey, account::AccountFilter, password::Password};
use kernel::{
    Code, Email, Error, Event, EventKind, Listed, Name, Page, Result, Unchecked,
    id::{AccountId, AppId, EventId, OrganizationId},
};

use crate::{
    Deed, Platform,
    accounts::{Maker, Newcomer, account_event, delete_account},
    forgotten_password::set_password,
};

/// An account that the operator makes.
#[derive(Clone, Debug)]
pub struct OperatorUser {
    /// In which app; `None` is the platform itself.
    pub app: Option<AppId>,
    /// The address.
    pub email: Email,
    /// The password.
    pub password: Password,
    /// What the person is called.
    pub display_name: Option<Name>,
    /// Whether the operator vouches for the address.
    pub verified: bool,
    /// Whether the person runs the platform.
    pub admin: bool,
}

impl Platform {
    /// The app that the operator names by its client id or its id.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn operator_app(&self, named: &str) -> Result<AppId> {
        let (client_id, id) = (ClientId::parse(named), named.parse::<AppId>().ok());
        let found = self.store().read(move |tx| match (&client_id, id) {
            (Some(client_id), _) => tx.app_by_client_id(client_id),
            (None, Some(id)) => tx.app(id),
            (None, None) => Ok(None),
        });
        let unknown = || Error::because(Code::NotFound, "There is no such app: give its client id (foc_…) or its id.");
        found.await?.map(|app| app.id).ok_or_else(unknown)
    }

    /// Makes an account.
    ///
    /// # Errors
    /// `email_taken`; `invalid_request` for an administrator who would not be of the platform.
    pub async fn operator_create_user(&self, new: OperatorUser) -> Result<Account> {
        if new.admin && new.app.is_some() {
            return Err(Error::because(
                Code::InvalidRequest,
                "An administrator runs the platform: leave the app out, or leave --admin out.",
            ));
        }
        let password = self.hash_chosen(new.password).await?;
        let now = self.now();
        let newcomer = Newcomer {
            proof: new.verified.then_some(EmailProof::Operator),
            password: Some(password),
            display_name: new.display_name,
            platform_admin: new.admin,
            ..Newcomer::new(new.app, new.email)
        };
        let made = self.store().write(move |tx| {
            let app = newcomer.app.map(|id| tx.app(id)).transpose()?.flatten();
            let organization = app.is_none_or(|app| app.settings.auto_create_org);
            Newcomer { organization, ..newcomer.clone() }.join(tx, Maker::Operator, now)
        });
        made.await
    }

    /// The accounts of an app, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn operator_users(
        &self,
        app: Option<AppId>,
        page: Page<AccountId>,
    ) -> Result<Listed<Account, AccountId>> {
        self.store().read(move |tx| tx.accounts_in(&Unchecked(app), &AccountFilter::default(), &page)).await
    }

    /// Does one thing to one account.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn operator_manage_user(&self, app: Option<AppId>, email: Email, deed: Deed) -> Result<Account> {
        let (now, lockout) = (self.now(), self.keys().lockout);
        let managed = self.store().write(move |tx| {
            let account = tx.account_by_email(app, &email)?.ok_or_else(no_such_account)?;
            deed.perform(tx, account, &lockout, None, now)
        });
        managed.await
    }

    /// Sets another password: every session ends, every lock too.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn operator_reset_password(
        &self,
        app: Option<AppId>,
        email: Email,
        password: Password,
    ) -> Result<Account> {
        let password = self.hash_chosen(password).await?;
        let (now, lockout) = (self.now(), self.keys().lockout);
        let reset = self.store().write(move |tx| {
            let account = tx.account_by_email(app, &email)?.ok_or_else(no_such_account)?;
            set_password(tx, &account, &password, None, now)?;
            tx.clear_lockout(LockoutKey::new(&lockout, account.app, &account.email))?;
            tx.append(&Event { actor: None, ..account_event(EventKind::AuthPasswordReset, &account, now) })?;
            Ok(account)
        });
        reset.await
    }

    /// Deletes an account and everything of it.
    ///
    /// # Errors
    /// `not_found`; `last_owner` or `conflict` where others depend on it.
    pub async fn operator_delete_user(&self, app: Option<AppId>, email: Email) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let account = tx.account_by_email(app, &email)?.ok_or_else(no_such_account)?;
            delete_account(tx, &Unchecked(app), account.principal, None, now)
        });
        deleted.await
    }
}

impl Platform {
    /// What happened in an organization, in an app, or everywhere, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn operator_audit_log(
        &self,
        organization: Option<OrganizationId>,
        app: Option<AppId>,
        filter: Filter,
        page: Page<EventId>,
    ) -> Result<Listed<Entry, EventId>> {
        let listed = self.store().read(move |tx| match organization {
            Some(organization) => tx.entries_in(&Unchecked(organization), &filter, &page),
            None => tx.entries_of(&Unchecked(app), &filter, &page),
        });
        listed.await
    }
}

fn no_such_account() -> Error {
    Error::because(Code::NotFound, "There is no account with this address here. Does it belong to an app (--app)?")
}
