//! Addresses that accounts have left.

use diesel::prelude::*;
use identity::{FormerAddress, FormerAddressRepository};
use kernel::{
    Email, Result, Timestamp,
    id::{AccountId, AppId, FormerAddressId},
};

use super::{Db, Tx};
use crate::{
    columns::{Moment, RowId, intact},
    schema::former_addresses,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = former_addresses, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct FormerAddressRow {
    id: RowId,
    app_id: Option<RowId>,
    account_id: RowId,
    email: String,
    expires_at: Moment,
}

impl FormerAddressRepository for Tx<'_> {
    fn keep_former_address(&mut self, former: &FormerAddress) -> Result<()> {
        let insert = diesel::insert_into(former_addresses::table).values(FormerAddressRow {
            id: RowId(former.id.0),
            app_id: former.app.map(|id| RowId(id.0)),
            account_id: RowId(former.account.0),
            email: former.email.as_str().to_owned(),
            expires_at: Moment(former.expires_at),
        });
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn former_address(&mut self, app: Option<AppId>, email: &Email, now: Timestamp) -> Result<Option<FormerAddress>> {
        let kept = former_addresses::table
            .filter(former_addresses::email.eq(email.as_str()))
            .filter(former_addresses::expires_at.gt(Moment(now)))
            .into_boxed::<Db>();
        let kept = match app {
            Some(app) => kept.filter(former_addresses::app_id.eq(RowId(app.0))),
            None => kept.filter(former_addresses::app_id.is_null()),
        };
        let kept = kept.select(FormerAddressRow::as_select());
        let row = self.query(|connection| kept.first(connection).optional())?;
        row.map(FormerAddressRow::into_address).transpose()
    }

    fn former_addresses_of(&mut self, account: AccountId, now: Timestamp) -> Result<Vec<FormerAddress>> {
        let kept = former_addresses::table
            .filter(former_addresses::account_id.eq(RowId(account.0)))
            .filter(former_addresses::expires_at.gt(Moment(now)))
            .order((former_addresses::expires_at, former_addresses::id))
            .select(FormerAddressRow::as_select());
        let rows: Vec<FormerAddressRow> = self.query(|connection| kept.load(connection))?;
        rows.into_iter().map(FormerAddressRow::into_address).collect()
    }

    fn forget_former_address(&mut self, id: FormerAddressId) -> Result<()> {
        let forget = diesel::delete(former_addresses::table.find(RowId(id.0)));
        self.query(|connection| forget.execute(connection)).map(drop)
    }

    fn sweep_former_addresses(&mut self, before: Timestamp) -> Result<usize> {
        Ok(sweep!(self, former_addresses, id: RowId, before))
    }
}

impl FormerAddressRow {
    fn into_address(self) -> Result<FormerAddress> {
        Ok(FormerAddress {
            id: FormerAddressId(self.id.0),
            app: self.app_id.map(|id| AppId(id.0)),
            account: AccountId(self.account_id.0),
            email: intact(Email::parse(&self.email))?,
            expires_at: self.expires_at.0,
        })
    }
}
