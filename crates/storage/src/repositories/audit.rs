//! The ledger as an audit log.

use audit::{AuditRepository, Chain, Checkpoint, Entry, Filter, Head, Link, OF_PLATFORM, Outcome, Personal};
use diesel::{
    dsl::{max, sql, sql_query},
    prelude::*,
    sql_types::{BigInt, Binary, Bool, Nullable},
};
use kernel::{
    AppScope, EventKind, Listed, Page, Result, Scope, Timestamp,
    id::{AppId, EventId, OrganizationId, PrincipalId},
};
use uuid::Uuid;

use super::{super::lock::sequencing, AT_ONCE, Db, SWEEP, Tx};
use crate::{
    columns::{Moment, RowId, Uid, fixed},
    schema::{audit_chains, erasures, events, ledger_positions},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct EntryRow {
    id: RowId,
    kind: String,
    app_id: Option<RowId>,
    organization_id: Option<RowId>,
    actor_id: Option<RowId>,
    payload: String,
    created_at: Moment,
    position: Option<i64>,
    via: Option<String>,
    via_id: Option<RowId>,
    resource_type: Option<String>,
    resource_id: Option<String>,
    request_id: Option<String>,
    personal: Option<String>,
    salt: Option<Vec<u8>>,
    digest: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = audit_chains, treat_none_as_default_value = false, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct ChainRow {
    id: RowId,
    position: i64,
    count: i64,
    link: Vec<u8>,
    seal: Vec<u8>,
    pruned_position: Option<i64>,
    pruned_count: Option<i64>,
    pruned_link: Option<Vec<u8>>,
    pruned_seal: Option<Vec<u8>>,
}

const SEQUENCER: &str = "sequencer";
/// How far webhooks have come.
pub(super) const FAN_OUT: &str = "webhooks";

type Boxed<'a> = events::BoxedQuery<'a, Db>;

impl AuditRepository for Tx<'_> {
    fn entries_in(
        &mut self,
        scope: &dyn Scope,
        filter: &Filter,
        page: &Page<EventId>,
    ) -> Result<Listed<Entry, EventId>> {
        let here = || events::table.filter(events::organization_id.eq(RowId(scope.organization().0))).into_boxed();
        self.entries(|| only(here(), filter), page)
    }

    fn entries_of(
        &mut self,
        scope: &dyn AppScope,
        filter: &Filter,
        page: &Page<EventId>,
    ) -> Result<Listed<Entry, EventId>> {
        let here = || match scope.app() {
            Some(app) => events::table.filter(events::app_id.eq(RowId(app.0))).into_boxed(),
            None => events::table.into_boxed(),
        };
        self.entries(|| only(here(), filter), page)
    }

    fn unsequenced(&mut self) -> Result<Option<(Vec<Entry>, i64)>> {
        if !self.query(sequencing)? {
            return Ok(None);
        }
        let entries = self.waiting(None)?;
        if entries.is_empty() {
            return Ok(None);
        }
        // Whoever sets back what was noted sets nothing back.
        let largest = events::table.filter(events::position.gt(0)).select(max(events::position));
        let largest: Option<i64> = self.query(|connection| largest.first(connection))?;
        let last = self.last_position()?.max(largest.unwrap_or(0));
        Ok(Some((entries, last)))
    }

    fn waiting(&mut self, after: Option<EventId>) -> Result<Vec<Entry>> {
        let mut waiting = events::table.filter(events::position.is_null()).into_boxed::<Db>();
        if let Some(after) = after {
            waiting = waiting.filter(events::id.gt(RowId(after.0)));
        }
        let waiting = waiting.order(events::id).limit(SWEEP).select(EntryRow::as_select());
        let rows = self.query(|connection| waiting.load(connection))?;
        rows.into_iter().map(EntryRow::into_entry).collect()
    }

    fn chain(&mut self, id: Uuid) -> Result<Option<Chain>> {
        let query = audit_chains::table.find(RowId(id)).select(ChainRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        row.map(ChainRow::into_chain).transpose()
    }

    fn sequence(&mut self, entries: &[(EventId, i64, Link)]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        // One statement for all of them: a statement for each would take most of the time that sequencing takes.
        let rows: Vec<_> =
            (0..entries.len()).map(|row| format!("(${}, ${}, ${})", 3 * row + 1, 3 * row + 2, 3 * row + 3)).collect();
        let mut update = sql_query(format!(
            "WITH given (id, position, link) AS (VALUES {}) UPDATE events \
             SET position = given.position, link = given.link FROM given WHERE events.id = given.id",
            rows.join(", ")
        ))
        .into_boxed::<Db>();
        for (id, position, link) in entries {
            update = update.bind::<Uid, _>(RowId(id.0)).bind::<BigInt, _>(*position).bind::<Binary, _>(link.0.to_vec());
        }
        self.query(|connection| update.execute(connection)).map(drop)
    }

    fn set_last_position(&mut self, position: i64) -> Result<()> {
        self.note(SEQUENCER, position)
    }

    fn last_position(&mut self) -> Result<i64> {
        Ok(self.noted(SEQUENCER)?.unwrap_or(0))
    }

    fn set_chain(&mut self, chain: &Chain) -> Result<()> {
        let update = diesel::update(audit_chains::table.find(RowId(chain.id))).set(ChainRow::from(chain));
        if self.query(|connection| update.execute(connection))? == 0 {
            let insert = diesel::insert_into(audit_chains::table).values(ChainRow::from(chain));
            self.query(|connection| insert.execute(connection))?;
        }
        Ok(())
    }

    fn chains(&mut self, after: Option<Uuid>) -> Result<Vec<Chain>> {
        let mut query = audit_chains::table.order(audit_chains::id).limit(SWEEP).into_boxed::<Db>();
        if let Some(after) = after {
            query = query.filter(audit_chains::id.gt(RowId(after)));
        }
        let query = query.select(ChainRow::as_select());
        let rows = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(ChainRow::into_chain).collect()
    }

    fn sequenced(&mut self, after: i64) -> Result<Vec<Entry>> {
        self.behind(events::table.into_boxed(), after)
    }

    fn sequenced_in(&mut self, scope: &dyn Scope, after: i64) -> Result<Vec<Entry>> {
        let here = events::organization_id.eq(RowId(scope.organization().0));
        self.behind(events::table.filter(here).into_boxed(), after)
    }

    fn sequenced_of(&mut self, scope: &dyn AppScope, after: i64) -> Result<Vec<Entry>> {
        match scope.app() {
            Some(app) => self.behind(events::table.filter(events::app_id.eq(RowId(app.0))).into_boxed(), after),
            None => self.sequenced(after),
        }
    }

    fn position_of(&mut self, id: EventId) -> Result<Option<i64>> {
        let query = events::table.find(RowId(id.0)).select(events::position);
        let found: Option<Option<i64>> = self.query(|connection| query.first(connection).optional())?;
        Ok(found.flatten())
    }

    fn entries_by_id(&mut self, ids: &[EventId]) -> Result<Vec<Entry>> {
        let mut entries = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            let some: Vec<_> = some.iter().map(|id| RowId(id.0)).collect();
            let query = events::table.filter(events::id.eq_any(some)).select(EntryRow::as_select());
            let rows: Vec<EntryRow> = self.query(|connection| query.load(connection))?;
            entries.extend(rows);
        }
        entries.into_iter().map(EntryRow::into_entry).collect()
    }

    fn prunable(&mut self, before: Timestamp) -> Result<Option<Vec<Entry>>> {
        if !self.query(sequencing)? {
            return Ok(None);
        }
        let told = self.noted(FAN_OUT)?;
        // From the beginning, and no further than the first that is too young, or that not all know of who wait for it: a
        // chain is cut off at one place.
        let ends = |entry: &Entry| entry.at < before && entry.position <= told;
        Ok(Some(self.sequenced(0)?.into_iter().take_while(ends).collect()))
    }

    fn delete_entries(&mut self, ids: &[EventId]) -> Result<()> {
        let ids: Vec<_> = ids.iter().map(|id| RowId(id.0)).collect();
        let delete = diesel::delete(events::table.filter(events::id.eq_any(ids)));
        self.query(|connection| delete.execute(connection)).map(drop)
    }

    fn order_erasure(&mut self, app: Option<AppId>, principal: PrincipalId, now: Timestamp) -> Result<()> {
        let insert = diesel::insert_into(erasures::table).values((
            erasures::id.eq(RowId(Uuid::now_v7())),
            erasures::app_id.eq(app.map(|id| RowId(id.0))),
            erasures::principal_id.eq(RowId(principal.0)),
            erasures::created_at.eq(Moment(now)),
        ));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn erase_some(&mut self) -> Result<usize> {
        let next = erasures::table.order(erasures::id).select((erasures::id, erasures::app_id, erasures::principal_id));
        let next: Option<(RowId, Option<RowId>, RowId)> =
            self.query(|connection| for_update_skip_locked!(next).first(connection).optional())?;
        let Some((order, app, principal)) = next else { return Ok(0) };
        let mut found = self.personal_of(app, principal, true)?;
        found.extend(self.personal_of(app, principal, false)?);
        if found.is_empty() {
            let done = diesel::delete(erasures::table.find(order));
            self.query(|connection| done.execute(connection))?;
            return Ok(1);
        }
        let erase = diesel::update(events::table.filter(events::id.eq_any(found)))
            .set((events::personal.eq(None::<String>), events::salt.eq(None::<Vec<u8>>)));
        self.query(|connection| erase.execute(connection))
    }
}

/// The filter's part of a query.
fn only<'a>(mut query: Boxed<'a>, filter: &Filter) -> Boxed<'a> {
    if let Some((action, begins)) = &filter.action {
        query = if *begins {
            // The names have underscores, which mean any letter here.
            let beginning = format!("{}%", action.replace('_', "\\_"));
            let (done, refused) = (events::kind.like(beginning.clone()), events::refused_action.like(beginning));
            query.filter(done.escape('\\').or(refused.escape('\\')))
        } else {
            query.filter(events::kind.eq(action.clone()).or(events::refused_action.eq(action.clone())))
        };
    }
    if let Some(actor) = filter.actor {
        let who = RowId(actor.0);
        // An app with a token of one of its users: who it is for is found, and so is the app. In letters and not as a
        // parameter, so that the index of just those entries serves.
        let for_user = sql::<Nullable<Bool>>("events.via = 'exchange'").and(events::via_id.eq(who));
        query = query.filter(events::actor_id.eq(who).or(for_user));
    }
    if let Some(kind) = &filter.resource_type {
        query = query.filter(events::resource_type.eq(kind.clone()));
    }
    if let Some(id) = &filter.resource_id {
        query = query.filter(events::resource_id.eq(id.clone()));
    }
    if let Some(outcome) = filter.outcome {
        let denied = EventKind::AccessDenied.as_str();
        query = match outcome {
            Outcome::Denied => query.filter(events::kind.eq(denied)),
            Outcome::Success => query.filter(events::kind.ne(denied)),
        };
    }
    if let Some(request) = &filter.request_id {
        query = query.filter(events::request_id.eq(request.clone()));
    }
    if let Some(since) = filter.since {
        query = query.filter(events::created_at.ge(Moment(since)));
    }
    if let Some(until) = filter.until {
        query = query.filter(events::created_at.lt(Moment(until)));
    }
    query
}

impl Tx<'_> {
    /// How far somebody who reads the ledger has come.
    pub(super) fn noted(&mut self, reader: &str) -> Result<Option<i64>> {
        let noted = ledger_positions::table.find(reader).select(ledger_positions::position);
        self.query(|connection| noted.first(connection).optional())
    }

    /// Notes how far somebody who reads the ledger has come.
    pub(super) fn note(&mut self, reader: &str, position: i64) -> Result<()> {
        let update = diesel::update(ledger_positions::table.find(reader)).set(ledger_positions::position.eq(position));
        if self.query(|connection| update.execute(connection))? == 0 {
            let row = (ledger_positions::name.eq(reader), ledger_positions::position.eq(position));
            let insert = diesel::insert_into(ledger_positions::table).values(row);
            self.query(|connection| insert.execute(connection))?;
        }
        Ok(())
    }

    /// Some of those with positions behind this one, in their order.
    fn behind(&mut self, all: Boxed<'_>, after: i64) -> Result<Vec<Entry>> {
        let query = all.filter(events::position.gt(after)).order(events::position).limit(SWEEP);
        let query = query.select(EntryRow::as_select());
        let rows = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(EntryRow::into_entry).collect()
    }

    fn entries<'a>(&mut self, all: impl Fn() -> Boxed<'a>, page: &Page<EventId>) -> Result<Listed<Entry, EventId>> {
        let (rows, total): (Vec<EntryRow>, _) = paged!(self, page, all by newest events::id, EntryRow::as_select());
        let found = rows.into_iter().map(EntryRow::into_entry).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |entry: &Entry| entry.id))
    }

    /// Some entries that somebody made, or that are about them, and that tell who they are in an app: as
    /// [`Entry::persons`] has it.
    fn personal_of(&mut self, app: Option<RowId>, principal: RowId, made: bool) -> Result<Vec<RowId>> {
        let whole = events::table.filter(events::personal.is_not_null()).limit(SWEEP).select(events::id);
        let of = whole.into_boxed::<Db>();
        let of =
            if made { of.filter(events::actor_id.eq(principal)) } else { of.filter(events::subject_id.eq(principal)) };
        let of = match app {
            Some(app) => of
                .filter(events::app_id.eq(app))
                .filter(events::resource_type.is_null().or(events::resource_type.ne(OF_PLATFORM))),
            None => of.filter(events::app_id.is_null().or(events::resource_type.eq(OF_PLATFORM))),
        };
        self.query(|connection| of.load(connection))
    }
}

impl EntryRow {
    fn into_entry(self) -> Result<Entry> {
        let salt = self.salt.map(fixed).transpose()?;
        Ok(Entry {
            id: EventId(self.id.0),
            kind: self.kind,
            app: self.app_id.map(|id| AppId(id.0)),
            organization: self.organization_id.map(|id| OrganizationId(id.0)),
            actor: self.actor_id.map(|id| PrincipalId(id.0)),
            via: self.via,
            via_id: self.via_id.map(|id| id.0),
            resource: self.resource_type.zip(self.resource_id),
            request_id: self.request_id,
            payload: self.payload,
            personal: self.personal.zip(salt).map(|(text, salt)| Personal { salt, text }),
            digest: self.digest.map(fixed).transpose()?,
            at: self.created_at.0,
            position: self.position,
            link: self.link.map(fixed).transpose()?.map(Link),
        })
    }
}

impl ChainRow {
    fn into_chain(self) -> Result<Chain> {
        let link = |bytes: Vec<u8>| fixed(bytes).map(Link);
        let checkpoint = match (self.pruned_position, self.pruned_count, self.pruned_link, self.pruned_seal) {
            (Some(position), Some(count), Some(last), Some(seal)) => {
                Some(Checkpoint { position, count, link: link(last)?, seal: link(seal)? })
            }
            _ => None,
        };
        let head = Head { position: self.position, count: self.count, link: link(self.link)?, seal: link(self.seal)? };
        Ok(Chain { id: self.id.0, checkpoint, head })
    }
}

impl From<&Chain> for ChainRow {
    fn from(chain: &Chain) -> Self {
        let point = chain.checkpoint.as_ref();
        Self {
            id: RowId(chain.id),
            position: chain.head.position,
            count: chain.head.count,
            link: chain.head.link.0.to_vec(),
            seal: chain.head.seal.0.to_vec(),
            pruned_position: point.map(|point| point.position),
            pruned_count: point.map(|point| point.count),
            pruned_link: point.map(|point| point.link.0.to_vec()),
            pruned_seal: point.map(|point| point.seal.0.to_vec()),
        }
    }
}
