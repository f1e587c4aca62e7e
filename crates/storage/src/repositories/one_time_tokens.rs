//! Links in mails.

use diesel::prelude::*;
use identity::{OneTimeToken, OneTimeTokenRepository, Purpose};
use kernel::{
    Email, Result, SecretHash, Timestamp,
    id::{AccountId, OneTimeTokenId},
};

use super::Tx;
use crate::{
    columns::{Moment, RowId, fixed, intact},
    schema::one_time_tokens,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = one_time_tokens, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct OneTimeTokenRow {
    id: RowId,
    account_id: RowId,
    email: String,
    hash: Vec<u8>,
    expires_at: Moment,
}

impl OneTimeTokenRepository for Tx<'_> {
    fn insert_one_time_token(&mut self, token: &OneTimeToken) -> Result<()> {
        let insert = diesel::insert_into(one_time_tokens::table).values((
            one_time_tokens::id.eq(RowId(token.id.0)),
            one_time_tokens::purpose.eq(token.purpose.name()),
            one_time_tokens::account_id.eq(RowId(token.account.0)),
            one_time_tokens::email.eq(token.email.as_str()),
            one_time_tokens::hash.eq(&token.hash.0[..]),
            one_time_tokens::expires_at.eq(Moment(token.expires_at)),
        ));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn renew_one_time_token(&mut self, purpose: Purpose, hash: SecretHash, expires_at: Timestamp) -> Result<bool> {
        let renew = diesel::update(one_time_tokens::table)
            .filter(one_time_tokens::hash.eq(hash.0.to_vec()))
            .filter(one_time_tokens::purpose.eq(purpose.name()))
            .filter(one_time_tokens::used_at.is_null())
            .set(one_time_tokens::expires_at.eq(Moment(expires_at)));
        self.query(|connection| renew.execute(connection)).map(|renewed| renewed > 0)
    }

    fn one_time_token(&mut self, purpose: Purpose, hash: SecretHash, now: Timestamp) -> Result<Option<OneTimeToken>> {
        let query = one_time_tokens::table
            .filter(one_time_tokens::hash.eq(hash.0.to_vec()))
            .filter(one_time_tokens::purpose.eq(purpose.name()))
            .filter(one_time_tokens::used_at.is_null())
            .filter(one_time_tokens::expires_at.gt(Moment(now)))
            .select(OneTimeTokenRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        row.map(|row| row.into_token(purpose)).transpose()
    }

    fn consume_one_time_token(
        &mut self,
        purpose: Purpose,
        hash: SecretHash,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>> {
        let consume = diesel::update(one_time_tokens::table)
            .filter(one_time_tokens::hash.eq(&hash.0[..]))
            .filter(one_time_tokens::purpose.eq(purpose.name()))
            .filter(one_time_tokens::used_at.is_null())
            .filter(one_time_tokens::expires_at.gt(Moment(now)))
            .set(one_time_tokens::used_at.eq(Moment(now)))
            .returning(OneTimeTokenRow::as_returning());
        let row = self.query(|connection| consume.get_result(connection).optional())?;
        row.map(|row| row.into_token(purpose)).transpose()
    }

    fn live_one_time_tokens(
        &mut self,
        account: AccountId,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Vec<OneTimeToken>> {
        let live = one_time_tokens::table
            .filter(one_time_tokens::account_id.eq(RowId(account.0)))
            .filter(one_time_tokens::purpose.eq(purpose.name()))
            .filter(one_time_tokens::used_at.is_null())
            .filter(one_time_tokens::expires_at.gt(Moment(now)))
            .select(OneTimeTokenRow::as_select());
        let rows = self.query(|connection| live.load(connection))?;
        rows.into_iter().map(|row| row.into_token(purpose)).collect()
    }

    fn void_one_time_tokens(&mut self, account: AccountId, purpose: Purpose, now: Timestamp) -> Result<()> {
        let void = diesel::update(one_time_tokens::table)
            .filter(one_time_tokens::account_id.eq(RowId(account.0)))
            .filter(one_time_tokens::purpose.eq(purpose.name()))
            .filter(one_time_tokens::used_at.is_null())
            .set(one_time_tokens::used_at.eq(Moment(now)));
        self.query(|connection| void.execute(connection)).map(drop)
    }

    fn sweep_one_time_tokens(&mut self, before: Timestamp) -> Result<usize> {
        Ok(sweep!(self, one_time_tokens, id: RowId, before))
    }
}

impl OneTimeTokenRow {
    fn into_token(self, purpose: Purpose) -> Result<OneTimeToken> {
        Ok(OneTimeToken {
            id: OneTimeTokenId(self.id.0),
            purpose,
            account: AccountId(self.account_id.0),
            email: intact(Email::parse(&self.email))?,
            hash: SecretHash(fixed(self.hash)?),
            expires_at: self.expires_at.0,
        })
    }
}
