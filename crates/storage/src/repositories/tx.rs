//! One open transaction: every repository trait of the domain, written once. Compiled once for each database: `super`
//! says which.

/// Deletes rows that expired before a moment, some at a time; tells how many.
macro_rules! sweep {
    ($tx:ident, $table:ident, $key:ident: $type:ty, $before:ident) => {{
        let before = Moment($before);
        let expired = $table::table
            .filter($table::expires_at.lt(before))
            .order($table::expires_at)
            .limit(super::SWEEP)
            .select($table::$key);
        let expired: Vec<$type> = $tx.query(|connection| expired.load(connection))?;
        if expired.is_empty() {
            0
        } else {
            // One of them may live longer by now.
            let sweep = diesel::delete($table::table)
                .filter($table::$key.eq_any(expired))
                .filter($table::expires_at.lt(before));
            $tx.query(|connection| sweep.execute(connection))?
        }
    }};
}

/// One page of a list in the order of its ids, or from the newest to the oldest: the rows, one more than were asked for,
/// and how many there are in all. What is not ordered by an id says how its key is written.
macro_rules! paged {
    ($tx:ident, $page:ident, $all:ident by newest $id:expr, $columns:expr) => {{
        let total = $tx.total($page, |connection| $all().count().get_result(connection))?;
        let mut query = $all().order($id.desc()).offset($page.offset.into()).limit(i64::from($page.limit) + 1);
        if let Some(after) = $page.after {
            query = query.filter($id.lt(RowId(after.0)));
        }
        let query = query.select($columns);
        ($tx.query(|connection| query.load(connection))?, total)
    }};
    ($tx:ident, $page:ident, $all:ident by $key:expr, after $after:ident => $written:expr, $columns:expr) => {{
        let total = $tx.total($page, |connection| $all().count().get_result(connection))?;
        let mut query = $all().order($key).offset($page.offset.into()).limit(i64::from($page.limit) + 1);
        if let Some($after) = &$page.after {
            query = query.filter($key.gt($written));
        }
        let query = query.select($columns);
        ($tx.query(|connection| query.load(connection))?, total)
    }};
    ($tx:ident, $page:ident, $all:ident by $id:expr, $columns:expr) => {
        paged!($tx, $page, $all by $id, after id => RowId(id.0), $columns)
    };
}

mod accounts;
mod api_keys;
mod apps;
mod assets;
mod audit;
mod budgets;
mod client_secrets;
mod concurrency_limits;
mod custom_roles;
mod event_ledger;
mod fan_out;
mod former_addresses;
mod grants;
mod invitations;
mod links;
mod lockouts;
mod mail_queue;
mod mail_requests;
mod mail_templates;
mod memberships;
mod mfa_challenges;
mod oauth_clients;
mod one_time_tokens;
mod organization_secrets;
mod organization_settings;
mod organizations;
mod passkeys;
mod refresh_tokens;
mod revoked_tokens;
mod sealing_keys;
mod service_accounts;
mod sessions;
mod signing_keys;
mod signing_secrets;
mod social_flows;
mod social_providers;
mod teams;
mod totp;
mod usage;
mod webhook_deliveries;
mod webhook_endpoints;
mod webhook_letters;
mod webhook_queues;

use std::{collections::HashMap, sync::Arc};

use diesel::QueryResult;
use kernel::{Change, Error, Origin, Page, Result, Timestamp, id::PrincipalId};
use platform::store::{Mode, Unit, UnitOfWork};
use uuid::Uuid;

use super::{Connection, failure, lock::alone};
use crate::{
    columns::Moment,
    races::{LockName, Overtaken},
};

/// The database that this is compiled for.
type Db = <Connection as diesel::Connection>::Backend;

/// So many ids go into one query: SQLite binds 32,766 values at the most.
const AT_ONCE: usize = 1000;

/// So many rows go in one sweep: few enough that nobody waits for it.
const SWEEP: i64 = 500;

/// One open transaction.
pub struct Tx<'a> {
    connection: &'a mut Connection,
    mode: Mode,
    changes: Vec<Change>,
    /// Who begins with this unit.
    newcomers: Vec<PrincipalId>,
    failed: bool,
    /// When what this unit has read to change it was changed last.
    seen: HashMap<Uuid, Timestamp>,
    /// Where what this unit writes comes from.
    origin: Option<Arc<Origin>>,
    /// Whether this unit has appended to the ledger.
    appended: bool,
}

impl UnitOfWork for Tx<'_> {
    fn mode(&self) -> Mode {
        self.mode
    }
}

impl<'a> Tx<'a> {
    /// Runs the unit in the transaction that the connection has open; hands back what it changed.
    pub fn run(connection: &'a mut Connection, unit: &mut dyn Unit) -> Result<Vec<Change>> {
        let mode = unit.mode();
        let (changes, newcomers, seen) = (Vec::new(), Vec::new(), HashMap::new());
        let mut tx = Self { connection, mode, changes, newcomers, failed: false, seen, origin: None, appended: false };
        unit.run(&mut tx)?;
        if tx.failed {
            // PostgreSQL would answer COMMIT with a silent rollback.
            return Err(Error::internal("a unit of work went on after the database had refused something"));
        }
        Ok(tx.changes)
    }

    /// Runs a query. All go through here: the transaction of one that fails must not be committed.
    fn query<T>(&mut self, query: impl FnOnce(&mut Connection) -> QueryResult<T>) -> Result<T> {
        query(self.connection).map_err(|error| {
            self.failed = true;
            failure::of(error)
        })
    }

    /// How long the list is that a page is cut from, where that is asked for.
    fn total<I>(
        &mut self,
        page: &Page<I>,
        count: impl FnOnce(&mut Connection) -> QueryResult<i64>,
    ) -> Result<Option<u64>> {
        let total = page.counted.then(|| self.query(count)).transpose()?;
        Ok(total.map(i64::unsigned_abs))
    }

    fn writes(&self) -> bool {
        self.mode == Mode::Write
    }

    /// Notes what the commit will have changed. Of what somebody is who begins with it nobody has asked yet: a sign-up
    /// tells nobody anything, so that many may commit at once on PostgreSQL.
    fn changed(&mut self, change: Change) {
        if !matches!(change, Change::Authority(_, principal) if self.newcomers.contains(&principal)) {
            self.changes.push(change);
        }
    }

    /// Lets nobody else have the lock of that name until the commit.
    fn lock(&mut self, name: LockName<'_>) -> Result<()> {
        self.query(|connection| alone(connection, name))
    }

    /// Notes what is read of a row that this unit may write as a whole later.
    fn saw(&mut self, id: Uuid, updated_at: Moment) {
        if self.writes() {
            self.seen.insert(id, updated_at.0);
        }
    }

    /// When a row was changed last, as far as this unit has read it.
    fn seen(&self, id: Uuid) -> Option<Moment> {
        self.seen.get(&id).copied().map(Moment)
    }

    /// Judges an update of a whole row that matched none: either it is gone, or somebody else has changed it since this
    /// unit read it, whose change must not be overwritten. Then the unit runs again.
    fn missed(&mut self, id: Uuid, updated_at: Option<Moment>) -> Error {
        match (self.seen(id), updated_at) {
            (Some(seen), Some(now)) if seen != now => {
                self.failed = true;
                Error::unavailable(Overtaken)
            }
            _ => Error::not_found(),
        }
    }
}
