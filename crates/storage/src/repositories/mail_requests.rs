//! Mails that somebody asked for.

use diesel::prelude::*;
use kernel::{Result, Timestamp};
use platform::records::{MailCounter, MailRequests};
use uuid::Uuid;

use super::Tx;
use crate::{
    columns::{Moment, RowId},
    races::LockName,
    schema::mail_requests,
};

impl MailRequests for Tx<'_> {
    fn mails_asked_for(&mut self, counter: MailCounter, most: u32, now: Timestamp) -> Result<Vec<Timestamp>> {
        if self.writes() {
            // There may be no row to lock yet.
            self.lock(LockName::MailRequests(counter))?;
        }
        let query = mail_requests::table
            .filter(mail_requests::counter.eq(counter.0.to_vec()))
            .filter(mail_requests::expires_at.gt(Moment(now)))
            .order(mail_requests::expires_at.desc())
            .limit(most.into())
            .select(mail_requests::expires_at);
        let ends: Vec<Moment> = self.query(|connection| query.load(connection))?;
        Ok(ends.into_iter().map(|end| end.0).collect())
    }

    fn note_mail_asked_for(&mut self, counter: MailCounter, until: Timestamp) -> Result<()> {
        let note = diesel::insert_into(mail_requests::table).values((
            mail_requests::id.eq(RowId(Uuid::now_v7())),
            mail_requests::counter.eq(&counter.0[..]),
            mail_requests::expires_at.eq(Moment(until)),
        ));
        self.query(|connection| note.execute(connection)).map(drop)
    }

    fn forget_mails_asked_for(&mut self, counter: MailCounter) -> Result<()> {
        let forget = diesel::delete(mail_requests::table).filter(mail_requests::counter.eq(counter.0.to_vec()));
        self.query(|connection| forget.execute(connection)).map(drop)
    }

    fn sweep_mail_requests(&mut self, before: Timestamp) -> Result<usize> {
        Ok(sweep!(self, mail_requests, id: RowId, before))
    }
}
