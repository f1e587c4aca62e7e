//! Which keys the database is sealed with.

use diesel::prelude::*;
use kernel::{Result, Timestamp};
use platform::records::{SealingKeyId, SealingKeys};

use super::Tx;
use crate::{
    columns::{Moment, fixed},
    schema::sealing_keys,
};

impl SealingKeys for Tx<'_> {
    fn sealing_keys(&mut self) -> Result<Vec<SealingKeyId>> {
        let query = sealing_keys::table.order((sealing_keys::created_at, sealing_keys::id)).select(sealing_keys::id);
        let ids: Vec<Vec<u8>> = self.query(|connection| query.load(connection))?;
        ids.into_iter().map(|id| fixed(id).map(SealingKeyId)).collect()
    }

    fn note_sealing_key(&mut self, id: SealingKeyId, now: Timestamp) -> Result<()> {
        let row = (sealing_keys::id.eq(&id.0[..]), sealing_keys::created_at.eq(Moment(now)));
        let note = diesel::insert_into(sealing_keys::table).values(row).on_conflict_do_nothing();
        self.query(|connection| note.execute(connection)).map(drop)
    }
}
