//! What is remembered of who is at a provider.

use diesel::prelude::*;
use identity::{SocialFlow, SocialFlowRepository};
use kernel::{Result, Sealed, SecretHash, Timestamp};

use super::Tx;
use crate::{
    columns::{Moment, RowId},
    schema::social_flows,
};

impl SocialFlowRepository for Tx<'_> {
    fn insert_social_flow(&mut self, flow: &SocialFlow) -> Result<()> {
        let insert = diesel::insert_into(social_flows::table).values((
            social_flows::hash.eq(&flow.hash.0[..]),
            social_flows::app_id.eq(flow.app.map(|app| RowId(app.0))),
            social_flows::note.eq(&flow.note.0),
            social_flows::expires_at.eq(Moment(flow.expires_at)),
        ));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn consume_social_flow(&mut self, hash: SecretHash, now: Timestamp) -> Result<Option<Sealed>> {
        let consume = diesel::delete(social_flows::table.find(hash.0.to_vec()))
            .filter(social_flows::expires_at.gt(Moment(now)))
            .returning(social_flows::note);
        let note: Option<Vec<u8>> = self.query(|connection| consume.get_result(connection).optional())?;
        Ok(note.map(Sealed))
    }

    fn sweep_social_flows(&mut self, before: Timestamp) -> Result<usize> {
        Ok(sweep!(self, social_flows, hash: Vec<u8>, before))
    }
}
