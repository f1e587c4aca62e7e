//! Refresh tokens.

use diesel::prelude::*;
use identity::{RefreshToken, RefreshTokenRepository, refresh_token::Spent};
use kernel::{
    Result, Timestamp,
    id::{RefreshTokenId, SessionId},
};

use super::Tx;
use crate::{
    columns::{Moment, RowId},
    schema::refresh_tokens,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = refresh_tokens, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct RefreshTokenRow {
    id: RowId,
    session_id: RowId,
    expires_at: Moment,
    spent_at: Option<Moment>,
    successor_id: Option<RowId>,
}

impl RefreshTokenRepository for Tx<'_> {
    fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<()> {
        let insert = diesel::insert_into(refresh_tokens::table).values(RefreshTokenRow::from(token));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn spend_refresh_token(
        &mut self,
        id: RefreshTokenId,
        successor: RefreshTokenId,
        now: Timestamp,
    ) -> Result<Option<RefreshToken>> {
        let spend = diesel::update(refresh_tokens::table.find(RowId(id.0)))
            .filter(refresh_tokens::spent_at.is_null())
            .filter(refresh_tokens::expires_at.gt(Moment(now)))
            .set((refresh_tokens::spent_at.eq(Moment(now)), refresh_tokens::successor_id.eq(RowId(successor.0))))
            .returning(RefreshTokenRow::as_returning());
        let row = self.query(|connection| spend.get_result(connection).optional())?;
        Ok(row.map(RefreshToken::from))
    }

    fn refresh_token(&mut self, id: RefreshTokenId) -> Result<Option<RefreshToken>> {
        let query = refresh_tokens::table.find(RowId(id.0)).select(RefreshTokenRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        Ok(row.map(RefreshToken::from))
    }
}

impl From<RefreshTokenRow> for RefreshToken {
    fn from(row: RefreshTokenRow) -> Self {
        let spent = row.spent_at.zip(row.successor_id);
        Self {
            id: RefreshTokenId(row.id.0),
            session: SessionId(row.session_id.0),
            expires_at: row.expires_at.0,
            spent: spent.map(|(at, successor)| Spent { at: at.0, successor: RefreshTokenId(successor.0) }),
        }
    }
}

impl From<&RefreshToken> for RefreshTokenRow {
    fn from(token: &RefreshToken) -> Self {
        Self {
            id: RowId(token.id.0),
            session_id: RowId(token.session.0),
            expires_at: Moment(token.expires_at),
            spent_at: token.spent.map(|spent| Moment(spent.at)),
            successor_id: token.spent.map(|spent| RowId(spent.successor.0)),
        }
    }
}
