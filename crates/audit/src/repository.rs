//! What the audit log needs of a database.

use kernel::{
    AppScope, Listed, Page, Result, Scope, Timestamp,
    id::{AppId, EventId, PrincipalId},
};
use uuid::Uuid;

use crate::{Checkpoint, Entry, Filter, Head, Link};

/// The ends of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Whose it is: an organization's id, or nil.
    pub id: Uuid,
    /// Where it begins, if it was pruned.
    pub checkpoint: Option<Checkpoint>,
    /// Where it ends.
    pub head: Head,
}

/// The audit log of one database transaction.
pub trait AuditRepository {
    /// What happened in an organization, newest first.
    fn entries_in(
        &mut self,
        scope: &dyn Scope,
        filter: &Filter,
        page: &Page<EventId>,
    ) -> Result<Listed<Entry, EventId>>;

    /// What happened in an app and in all its organizations, or everywhere, newest first.
    fn entries_of(
        &mut self,
        scope: &dyn AppScope,
        filter: &Filter,
        page: &Page<EventId>,
    ) -> Result<Listed<Entry, EventId>>;

    /// Committed entries that have no position yet, some of them, in the order in which they were made; and the last
    /// position that there is. `None` when none wait, and while somebody else is at it: nobody else is until the commit.
    fn unsequenced(&mut self) -> Result<Option<(Vec<Entry>, i64)>>;

    /// Entries that have no position yet behind this one, some at a time, in the order of their ids.
    fn waiting(&mut self, after: Option<EventId>) -> Result<Vec<Entry>>;

    /// The ends of a chain.
    fn chain(&mut self, id: Uuid) -> Result<Option<Chain>>;

    /// Gives entries their positions and links: as many as [`AuditRepository::unsequenced`] hands out at once.
    fn sequence(&mut self, entries: &[(EventId, i64, Link)]) -> Result<()>;

    /// Notes the last position.
    fn set_last_position(&mut self, position: i64) -> Result<()>;

    /// The last position as it was noted; 0 when it never was.
    fn last_position(&mut self) -> Result<i64>;

    /// Notes where a chain ends, and where it begins.
    fn set_chain(&mut self, chain: &Chain) -> Result<()>;

    /// All chains behind this one, some at a time, in the order of their ids.
    fn chains(&mut self, after: Option<Uuid>) -> Result<Vec<Chain>>;

    /// Entries with positions behind this one, some at a time, in the order of their positions.
    fn sequenced(&mut self, after: i64) -> Result<Vec<Entry>>;

    /// The same of an organization.
    fn sequenced_in(&mut self, scope: &dyn Scope, after: i64) -> Result<Vec<Entry>>;

    /// The same of an app and of all its organizations, or of everything.
    fn sequenced_of(&mut self, scope: &dyn AppScope, after: i64) -> Result<Vec<Entry>>;

    /// Where an entry is, once it has a position.
    fn position_of(&mut self, id: EventId) -> Result<Option<i64>>;

    /// The entries of these ids that the ledger keeps.
    fn entries_by_id(&mut self, ids: &[EventId]) -> Result<Vec<Entry>>;

    /// The oldest entries with positions that were made before a moment, some at a time, in the order of their positions.
    /// `None` while somebody else sequences or prunes: nobody else does until the commit.
    fn prunable(&mut self, before: Timestamp) -> Result<Option<Vec<Entry>>>;

    /// Removes entries.
    fn delete_entries(&mut self, ids: &[EventId]) -> Result<()>;

    /// Notes that what tells who somebody is in an app has to go.
    fn order_erasure(&mut self, app: Option<AppId>, principal: PrincipalId, now: Timestamp) -> Result<()>;

    /// Erases some of what was ordered to go; tells how many entries were changed.
    fn erase_some(&mut self) -> Result<usize>;
}
