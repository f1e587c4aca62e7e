//! Tokens that were revoked by themselves.

use diesel::{dsl::exists, prelude::*};
use kernel::{Change, Result, Timestamp, id::TokenId};
use platform::records::RevokedTokens;

use super::Tx;
use crate::{
    columns::{Moment, RowId},
    schema::revoked_tokens,
};

impl RevokedTokens for Tx<'_> {
    fn revoke_token(&mut self, id: TokenId, expires_at: Timestamp) -> Result<bool> {
        let row = (revoked_tokens::id.eq(RowId(id.0)), revoked_tokens::expires_at.eq(Moment(expires_at)));
        let revoke = diesel::insert_into(revoked_tokens::table).values(row).on_conflict_do_nothing();
        let revoked = self.query(|connection| revoke.execute(connection))? > 0;
        self.changed(Change::Token(id));
        Ok(revoked)
    }

    fn is_token_revoked(&mut self, id: TokenId) -> Result<bool> {
        let revoked = diesel::select(exists(revoked_tokens::table.find(RowId(id.0))));
        self.query(|connection| revoked.get_result(connection))
    }

    fn sweep_revoked_tokens(&mut self, before: Timestamp) -> Result<usize> {
        Ok(sweep!(self, revoked_tokens, id: RowId, before))
    }
}
