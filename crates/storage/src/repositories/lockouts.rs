//! Lockout counters.

use diesel::prelude::*;
use identity::{Lockout, LockoutKey, LockoutRepository};
use kernel::{Result, Timestamp};

use super::Tx;
use crate::{columns::Moment, races::LockName, schema::lockouts};

#[derive(Queryable, Selectable, AsChangeset)]
#[diesel(table_name = lockouts, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct LockoutRow {
    failures: i32,
    locked_until: Option<Moment>,
    expires_at: Moment,
}

impl LockoutRepository for Tx<'_> {
    fn lockout(&mut self, key: LockoutKey) -> Result<Option<Lockout>> {
        if self.writes() {
            // There may be no row to lock yet.
            self.lock(LockName::Lockout(key))?;
        }
        self.glance_at_lockout(key)
    }

    fn glance_at_lockout(&mut self, key: LockoutKey) -> Result<Option<Lockout>> {
        let query = lockouts::table.find(&key.0[..]).select(LockoutRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        Ok(row.map(|row| Lockout {
            failures: row.failures,
            locked_until: row.locked_until.map(|until| until.0),
            expires_at: row.expires_at.0,
        }))
    }

    fn set_lockout(&mut self, key: LockoutKey, lockout: &Lockout) -> Result<()> {
        let row = || LockoutRow {
            failures: lockout.failures,
            locked_until: lockout.locked_until.map(Moment),
            expires_at: Moment(lockout.expires_at),
        };
        let set = diesel::insert_into(lockouts::table)
            .values((
                lockouts::key.eq(&key.0[..]),
                lockouts::failures.eq(lockout.failures),
                lockouts::locked_until.eq(lockout.locked_until.map(Moment)),
                lockouts::expires_at.eq(Moment(lockout.expires_at)),
            ))
            .on_conflict(lockouts::key)
            .do_update()
            .set(row());
        self.query(|connection| set.execute(connection)).map(drop)
    }

    fn clear_lockout(&mut self, key: LockoutKey) -> Result<()> {
        let clear = diesel::delete(lockouts::table.find(&key.0[..]));
        self.query(|connection| clear.execute(connection)).map(drop)
    }

    fn sweep_lockouts(&mut self, before: Timestamp) -> Result<usize> {
        Ok(sweep!(self, lockouts, key: Vec<u8>, before))
    }
}
