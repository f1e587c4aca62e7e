//! Accounts and the principals that they belong to.

use diesel::{dsl::exists, prelude::*};
use identity::{
    Account, AccountRepository, EmailProof, PasswordHash,
    account::{AccountFilter, Person},
};
use kernel::{
    AppScope, Change, Email, Error, Listed, Metadata, Name, Page, Result, Timestamp,
    id::{AccountId, ApiKeyId, AppId, OrganizationId, PrincipalId, SessionId},
};
use uuid::Uuid;

use super::{AT_ONCE, Db, Tx};
use crate::{
    columns::{Json, Moment, RowId, intact},
    races::LockName,
    schema::{accounts, api_keys, apps, principals, sessions},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct AccountRow {
    id: RowId,
    principal_id: RowId,
    app_id: Option<RowId>,
    email: String,
    email_proof: Option<String>,
    password_hash: Option<String>,
    display_name: Option<String>,
    metadata: Json<Metadata>,
    epoch: i32,
    valid_from: Moment,
    platform_admin: bool,
    disabled_at: Option<Moment>,
    created_at: Moment,
    updated_at: Moment,
}

/// What [`AccountRepository::update_account`] writes.
#[derive(AsChangeset)]
#[diesel(table_name = accounts, treat_none_as_null = true)]
struct AccountChange {
    email: String,
    email_proof: Option<String>,
    display_name: Option<String>,
    metadata: Json<Metadata>,
    platform_admin: bool,
    disabled_at: Option<Moment>,
    updated_at: Moment,
}

impl AccountRepository for Tx<'_> {
    fn account_by_email(&mut self, app: Option<AppId>, email: &Email) -> Result<Option<Account>> {
        self.one_account(of_app(app).filter(accounts::email.eq(email.as_str().to_owned())))
    }

    fn account(&mut self, id: AccountId) -> Result<Option<Account>> {
        self.one_account(accounts::table.find(RowId(id.0)).into_boxed())
    }

    fn account_of(&mut self, app: Option<AppId>, principal: PrincipalId) -> Result<Option<Account>> {
        self.one_account(of_app(app).filter(accounts::principal_id.eq(RowId(principal.0))))
    }

    fn apps_with_account(&mut self, principal: PrincipalId) -> Result<Vec<(AppId, OrganizationId)>> {
        let query = accounts::table
            .inner_join(apps::table.on(accounts::app_id.eq(apps::id.nullable())))
            .filter(accounts::principal_id.eq(RowId(principal.0)))
            .select((apps::id, apps::owner_organization_id));
        let rows: Vec<(RowId, RowId)> = self.query(|connection| query.load(connection))?;
        Ok(rows.into_iter().map(|(app, owner)| (AppId(app.0), OrganizationId(owner.0))).collect())
    }

    fn keep_principal(&mut self, id: PrincipalId) -> Result<()> {
        let known = principals::table.find(RowId(id.0)).select(principals::id);
        self.query(|connection| for_share!(known).first::<RowId>(connection).optional()).map(|_| ())
    }

    fn hold_principal(&mut self, id: PrincipalId) -> Result<()> {
        let known = principals::table.find(RowId(id.0)).select(principals::id);
        self.query(|connection| for_update!(known).first::<RowId>(connection).optional()).map(|_| ())
    }

    fn people(&mut self, app: Option<AppId>, principals: &[PrincipalId]) -> Result<Vec<Person>> {
        let mut people = Vec::with_capacity(principals.len());
        for some in principals.chunks(AT_ONCE) {
            let ids: Vec<_> = some.iter().map(|id| RowId(id.0)).collect();
            let query = of_app(app).filter(accounts::principal_id.eq_any(ids));
            let query = query.select((accounts::principal_id, accounts::email, accounts::display_name));
            let rows: Vec<(RowId, String, Option<String>)> = self.query(|connection| query.load(connection))?;
            for (principal, email, name) in rows {
                people.push(Person {
                    principal: PrincipalId(principal.0),
                    email: intact(Email::parse(&email))?,
                    display_name: name.map(|name| intact(Name::parse(&name))).transpose()?,
                });
            }
        }
        Ok(people)
    }

    fn principal_by_email(&mut self, email: &Email) -> Result<Option<PrincipalId>> {
        let known = principals::table.filter(principals::email.eq(email.as_str())).select(principals::id);
        // Whoever deletes their last account, and so has the address forgotten, waits for this, or this for them.
        let id: Option<RowId> = first_kept!(self, known)?;
        Ok(id.map(|id| PrincipalId(id.0)))
    }

    fn readdress_principal(&mut self, id: PrincipalId, from: &Email, to: &Email) -> Result<()> {
        // Whoever makes the principal another account waits for this, or this for them.
        self.hold_principal(id)?;
        let others =
            accounts::table.filter(accounts::principal_id.eq(RowId(id.0))).filter(accounts::email.eq(from.as_str()));
        if self.query(|connection| diesel::select(exists(others)).get_result(connection))? {
            return Ok(());
        }
        let known = principals::table.filter(principals::email.eq(to.as_str())).select(principals::id);
        let known: Option<RowId> = self.query(|connection| known.first(connection).optional())?;
        let free = known.is_none().then(|| to.as_str().to_owned());
        let readdress = diesel::update(principals::table.find(RowId(id.0)))
            .filter(principals::email.eq(from.as_str()))
            .set(principals::email.eq(free));
        self.query(|connection| readdress.execute(connection)).map(drop)
    }

    fn insert_principal(&mut self, id: PrincipalId, email: Option<&Email>, now: Timestamp) -> Result<bool> {
        let row = |email: Option<&Email>| {
            (
                principals::id.eq(RowId(id.0)),
                principals::email.eq(email.map(|email| email.as_str().to_owned())),
                principals::created_at.eq(Moment(now)),
            )
        };
        let insert = diesel::insert_into(principals::table).values(row(email));
        let inserted = insert.on_conflict(principals::email).do_nothing();
        let known = self.query(|connection| inserted.execute(connection))? > 0;
        if !known {
            let unknown = diesel::insert_into(principals::table).values(row(None));
            self.query(|connection| unknown.execute(connection))?;
        }
        self.newcomers.push(id);
        Ok(known)
    }

    fn insert_account(&mut self, account: &Account) -> Result<()> {
        if account.platform_admin {
            self.lock(LockName::PlatformAdmin)?;
        }
        let insert = diesel::insert_into(accounts::table).values(AccountRow::from(account));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn update_account(&mut self, account: &Account) -> Result<()> {
        if account.platform_admin {
            self.lock(LockName::PlatformAdmin)?;
        }
        let id = account.id.0;
        let this = accounts::table.find(RowId(id));
        let mut update = diesel::update(this).set(AccountChange::from(account)).into_boxed();
        if let Some(seen) = self.seen(id) {
            update = update.filter(accounts::updated_at.eq(seen));
        }
        if self.query(|connection| update.execute(connection))? == 0 {
            let present = this.select(accounts::updated_at);
            let present = self.query(|connection| present.first(connection).optional())?;
            return Err(self.missed(id, present));
        }
        self.saw(id, Moment(account.updated_at));
        self.changed(Change::Account(account.id));
        Ok(())
    }

    // Neither this nor the next two touch `updated_at`: what another transaction changed meanwhile must not look as if it
    // had been seen.
    fn replace_password(&mut self, id: AccountId, was: Option<&PasswordHash>, password: &PasswordHash) -> Result<bool> {
        let update = diesel::update(accounts::table.find(RowId(id.0)))
            .set(accounts::password_hash.eq(password.as_str()))
            .into_boxed();
        let update = match was {
            Some(was) => update.filter(accounts::password_hash.eq(was.as_str())),
            None => update.filter(accounts::password_hash.is_null()),
        };
        let replaced = self.query(|connection| update.execute(connection))? > 0;
        if replaced {
            self.changed(Change::Account(id));
        }
        Ok(replaced)
    }

    fn remove_password(&mut self, id: AccountId) -> Result<()> {
        let update = diesel::update(accounts::table.find(RowId(id.0))).set(accounts::password_hash.eq(None::<String>));
        self.query(|connection| update.execute(connection))?;
        self.changed(Change::Account(id));
        Ok(())
    }

    fn raise_epoch(&mut self, id: AccountId, now: Timestamp) -> Result<i32> {
        let raise = diesel::update(accounts::table.find(RowId(id.0)))
            .set((accounts::epoch.eq(accounts::epoch + 1), accounts::valid_from.eq(Moment(now))))
            .returning(accounts::epoch);
        let epoch = self.query(|connection| raise.get_result(connection).optional())?;
        self.changed(Change::Account(id));
        epoch.ok_or_else(Error::not_found)
    }

    fn delete_account(&mut self, scope: &dyn AppScope, principal: PrincipalId, now: Timestamp) -> Result<()> {
        // Whoever makes the principal another account waits for this, and so does whoever deletes another one.
        let known = principals::table.find(RowId(principal.0)).select(principals::id);
        self.query(|connection| for_update!(known).first::<RowId>(connection).optional())?;
        let Some(account) = self.account_in(scope, principal)? else {
            return Err(Error::not_found());
        };
        self.forget_what_goes_with(account.id)?;
        self.sever_links(account.id, now)?;
        let delete = diesel::delete(accounts::table.find(RowId(account.id.0)));
        self.query(|connection| delete.execute(connection))?;

        let known_by = principals::table.find(RowId(principal.0)).select(principals::email);
        let others = accounts::table
            .filter(accounts::principal_id.eq(RowId(principal.0)))
            .filter(accounts::email.nullable().eq_any(known_by));
        if !self.query(|connection| diesel::select(exists(others)).get_result(connection))? {
            let forget =
                diesel::update(principals::table.find(RowId(principal.0))).set(principals::email.eq(None::<String>));
            self.query(|connection| forget.execute(connection))?;
        }
        Ok(())
    }

    fn account_in(&mut self, scope: &dyn AppScope, principal: PrincipalId) -> Result<Option<Account>> {
        self.account_of(scope.app(), principal)
    }

    fn accounts_in(
        &mut self,
        scope: &dyn AppScope,
        filter: &AccountFilter,
        page: &Page<AccountId>,
    ) -> Result<Listed<Account, AccountId>> {
        let prefix = filter.email_prefix.as_deref().filter(|prefix| !prefix.is_empty());
        if prefix.is_some_and(|prefix| !prefix.bytes().all(|byte| byte.is_ascii_graphic())) {
            // No address begins like that.
            return Ok(Listed::whole(None, page));
        }
        let found = || match prefix {
            // Addresses are ASCII: none of them has a letter behind `~`.
            Some(prefix) => of_app(scope.app())
                .filter(accounts::email.ge(prefix.to_owned()))
                .filter(accounts::email.lt(format!("{prefix}\u{7f}"))),
            None => of_app(scope.app()),
        };
        let (rows, total): (Vec<AccountRow>, _) = paged!(self, page, found by accounts::id, AccountRow::as_select());
        let accounts = rows.into_iter().map(AccountRow::into_account).collect::<Result<_>>()?;
        Ok(Listed::cut(accounts, page, total, |account: &Account| account.id))
    }

    fn has_platform_admin(&mut self, besides: Option<AccountId>) -> Result<bool> {
        if self.writes() {
            self.lock(LockName::PlatformAdmin)?;
        }
        let admins = accounts::table
            .filter(accounts::platform_admin)
            .filter(accounts::id.ne(RowId(besides.map_or(Uuid::nil(), |account| account.0))))
            // Beside somebody who goes, only who can act counts.
            .filter(accounts::disabled_at.is_null().or(besides.is_none().into_sql::<diesel::sql_types::Bool>()))
            .select(accounts::id);
        self.query(|connection| diesel::select(exists(admins)).get_result(connection))
    }
}

impl Tx<'_> {
    fn one_account(&mut self, query: accounts::BoxedQuery<'static, Db>) -> Result<Option<Account>> {
        let query = query.select(AccountRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        if let Some(row) = &row {
            self.saw(row.id.0, row.updated_at);
        }
        row.map(AccountRow::into_account).transpose()
    }

    /// Tells of everything that a cache could hold of an account that is about to go.
    fn forget_what_goes_with(&mut self, account: AccountId) -> Result<()> {
        let live = sessions::table
            .filter(sessions::account_id.eq(RowId(account.0)))
            .filter(sessions::ended_at.is_null())
            .select(sessions::id);
        let live: Vec<RowId> = self.query(|connection| live.load(connection))?;
        let keys = api_keys::table.filter(api_keys::account_id.eq(RowId(account.0))).select(api_keys::id);
        let keys: Vec<RowId> = self.query(|connection| keys.load(connection))?;
        self.changed(Change::Account(account));
        self.changes.extend(live.into_iter().map(|id| Change::Session(SessionId(id.0))));
        self.changes.extend(keys.into_iter().map(|id| Change::ApiKey(ApiKeyId(id.0))));
        Ok(())
    }
}

/// The accounts of one app, or of the platform itself.
fn of_app(app: Option<AppId>) -> accounts::BoxedQuery<'static, Db> {
    match app {
        Some(app) => accounts::table.filter(accounts::app_id.eq(RowId(app.0))).into_boxed(),
        None => accounts::table.filter(accounts::app_id.is_null()).into_boxed(),
    }
}

impl AccountRow {
    fn into_account(self) -> Result<Account> {
        Ok(Account {
            id: AccountId(self.id.0),
            principal: PrincipalId(self.principal_id.0),
            app: self.app_id.map(|id| AppId(id.0)),
            email: intact(Email::parse(&self.email))?,
            proof: self.email_proof.as_deref().map(proof).transpose()?,
            password: self.password_hash.map(PasswordHash::from_stored),
            display_name: self.display_name.map(|name| intact(Name::parse(&name))).transpose()?,
            metadata: self.metadata.0,
            epoch: self.epoch,
            valid_from: self.valid_from.0,
            platform_admin: self.platform_admin,
            disabled_at: self.disabled_at.map(|at| at.0),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}

fn proof(name: &str) -> Result<EmailProof> {
    let known = EmailProof::ALL.into_iter().find(|proof| proof.name() == name);
    intact(known.ok_or_else(|| format!("an unknown proof of an address: {name}")))
}

impl From<&Account> for AccountRow {
    fn from(account: &Account) -> Self {
        Self {
            id: RowId(account.id.0),
            principal_id: RowId(account.principal.0),
            app_id: account.app.map(|id| RowId(id.0)),
            email: account.email.as_str().to_owned(),
            email_proof: account.proof.map(|proof| proof.name().to_owned()),
            password_hash: account.password.as_ref().map(|hash| hash.as_str().to_owned()),
            display_name: account.display_name.as_ref().map(|name| name.as_str().to_owned()),
            metadata: Json(account.metadata.clone()),
            epoch: account.epoch,
            valid_from: Moment(account.valid_from),
            platform_admin: account.platform_admin,
            disabled_at: account.disabled_at.map(Moment),
            created_at: Moment(account.created_at),
            updated_at: Moment(account.updated_at),
        }
    }
}

impl From<&Account> for AccountChange {
    fn from(account: &Account) -> Self {
        let row = AccountRow::from(account);
        Self {
            email: row.email,
            email_proof: row.email_proof,
            display_name: row.display_name,
            metadata: row.metadata,
            platform_admin: row.platform_admin,
            disabled_at: row.disabled_at,
            updated_at: row.updated_at,
        }
    }
}
