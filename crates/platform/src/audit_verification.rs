//! Whether anybody has changed the record of what happened.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use audit::{
    Chain, ChainKey, Entry, Link, Persons,
    chain::{Break, Walk, chain_of, same},
};
use kernel::{
    Result, Timestamp,
    id::{AppId, EventId, PrincipalId},
};
use uuid::Uuid;

use crate::{Platform, Transaction};

/// An entry that has waited for a position for so long was left out: the sequencer runs twice a second.
const LEFT_AFTER: Duration = Duration::from_mins(2);

/// Where a chain does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Whose chain: an organization's id, or nil for what concerns none.
    pub chain: Uuid,
    /// The first entry that does not fit; none where there is no entry to name.
    pub entry: Option<EventId>,
    /// Its position, or where one is missing.
    pub position: i64,
    /// Why.
    pub why: Why,
}

/// Why a chain does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The chain itself shows it.
    Chain(Break),
    /// Entries are missing between others.
    Gap,
    /// The end that was written down elsewhere is not in it.
    OtherEnd,
    /// The note of the last position was changed, or the last entries were removed.
    NotedPosition,
    /// Who somebody is was erased there, and nobody whom it may tell of was deleted.
    Erased,
    /// This entry waits for a position, and so for a link, for longer than anything does: it may be changed unseen.
    Left,
}

impl Why {
    /// A sentence about it, for people.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Chain(broken) => broken.describe(),
            Self::Gap => "entries are missing before this one",
            Self::OtherEnd => "the end that was written down elsewhere is not in the chain",
            Self::NotedPosition => "the last position that was noted is not that of the last entry",
            Self::Erased => "what tells who somebody is was erased in this entry, and none of them was deleted",
            Self::Left => {
                "this entry has no position, and is in no chain, for minutes: something holds the sequencer up"
            }
        }
    }
}

/// The end of a chain as it was written down outside the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownEnd {
    /// Whose chain.
    pub chain: Uuid,
    /// The position.
    pub position: i64,
    /// The link.
    pub link: Link,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// How many chains there are.
    pub chains: usize,
    /// How many entries are in them.
    pub entries: i64,
    /// Where they do not hold: the first place of each chain.
    pub broken: Vec<Broken>,
}

impl Platform {
    /// Follows every chain of the ledger, from one snapshot. What has no position yet is in no chain; that is so for a
    /// moment, and told when it is so for minutes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn verify_audit_log(&self, known: Vec<KnownEnd>) -> Result<Verification> {
        let keys = self.keys().audit.clone();
        let late = self.now().before(LEFT_AFTER);
        self.store().read(move |tx| verify(tx, &keys, &known, late)).await
    }
}

fn verify(tx: &mut dyn Transaction, keys: &[ChainKey], known: &[KnownEnd], late: Timestamp) -> Result<Verification> {
    let mut search = Search::begin(keys, all_chains(tx)?, known);
    // All of them: nobody gives an entry a position before the first.
    let mut read_to = i64::MIN;
    loop {
        let entries = tx.sequenced(read_to)?;
        let Some(last) = entries.last() else { break };
        read_to = last.position.unwrap_or_default();
        for entry in &entries {
            search.follow(entry);
        }
    }
    search.end();
    search.compare_known();
    search.compare_noted(tx.last_position()?);
    let mut after = None;
    loop {
        let entries = tx.waiting(after)?;
        let Some(last) = entries.last() else { break };
        after = Some(last.id);
        search.deleted.extend(entries.iter().filter_map(Entry::deleted));
        for entry in entries.iter().filter(|entry| entry.at < late) {
            search.left(entry);
        }
    }
    search.compare_erased();
    Ok(search.found)
}

fn all_chains(tx: &mut dyn Transaction) -> Result<BTreeMap<Uuid, Chain>> {
    let mut chains = BTreeMap::new();
    let mut after = None;
    loop {
        let some = tx.chains(after)?;
        let Some(last) = some.last() else { return Ok(chains) };
        after = Some(last.id);
        chains.extend(some.into_iter().map(|chain| (chain.id, chain)));
    }
}

/// What is known on the way through the ledger.
struct Search<'a> {
    keys: &'a [ChainKey],
    chains: BTreeMap<Uuid, Chain>,
    /// How far each chain is followed; `None` where it broke, and that was told.
    walks: BTreeMap<Uuid, Option<Walk>>,
    /// Ends that were written down elsewhere and did not come yet.
    missing: Vec<KnownEnd>,
    /// The last position so far.
    position: i64,
    /// Whose accounts were deleted, and in which app.
    deleted: BTreeSet<(Option<AppId>, PrincipalId)>,
    /// The first entry in which these were erased.
    erased: BTreeMap<Persons, Broken>,
    /// Chains with entries that were left out, and that was told.
    left: BTreeSet<Uuid>,
    found: Verification,
}

impl<'a> Search<'a> {
    fn begin(keys: &'a [ChainKey], chains: BTreeMap<Uuid, Chain>, known: &[KnownEnd]) -> Self {
        let pruned_to = chains.values().filter_map(|chain| chain.checkpoint).map(|point| point.position).max();
        let found = Verification { chains: chains.len(), ..Verification::default() };
        let (missing, position) = (known.to_vec(), pruned_to.unwrap_or(0));
        Self {
            keys,
            chains,
            walks: BTreeMap::new(),
            missing,
            position,
            deleted: BTreeSet::new(),
            erased: BTreeMap::new(),
            left: BTreeSet::new(),
            found,
        }
    }

    /// One entry further.
    fn follow(&mut self, entry: &Entry) {
        let (id, at) = (chain_of(entry.organization), entry.position.unwrap_or_default());
        let broken = |why| Broken { chain: id, entry: Some(entry.id), position: at, why };
        if Some(at) != self.position.checked_add(1) {
            self.found.broken.push(broken(Why::Gap));
        }
        self.position = at;
        self.deleted.extend(entry.deleted());
        if entry.erased() {
            self.erased.entry(entry.persons()).or_insert(broken(Why::Erased));
        }
        self.missing.retain(|end| {
            !(end.chain == id && end.position == at && entry.link.is_some_and(|link| same(&link, &end.link)))
        });
        let walk = self.walks.entry(id).or_insert_with(|| {
            let begun = Walk::begin(self.keys, id, self.chains.get(&id).and_then(|chain| chain.checkpoint));
            begun.map_err(|why| self.found.broken.push(broken(Why::Chain(why)))).ok()
        });
        if let Some(going) = walk
            && let Err(why) = going.step(self.keys, entry)
        {
            self.found.broken.push(broken(Why::Chain(why)));
            *walk = None;
        }
    }

    /// Whether every chain ends where it should.
    fn end(&mut self) {
        let mut walks = std::mem::take(&mut self.walks);
        for (id, chain) in &self.chains {
            let walk = match walks.remove(id) {
                Some(Some(walk)) => Ok(walk),
                // Told already.
                Some(None) => continue,
                None => Walk::begin(self.keys, *id, chain.checkpoint),
            };
            let ended = walk.and_then(|walk| {
                self.found.entries += walk.present();
                walk.end(self.keys, Some(&chain.head))
            });
            if let Err(why) = ended {
                let (chain, position) = (*id, chain.head.position);
                self.found.broken.push(Broken { chain, entry: None, position, why: Why::Chain(why) });
            }
        }
        // Entries of a chain that has no end at all.
        for (id, walk) in walks {
            if let Some(walk) = walk
                && let Err(why) = walk.end(self.keys, None)
            {
                self.found.broken.push(Broken { chain: id, entry: None, position: 0, why: Why::Chain(why) });
            }
        }
    }

    /// Whether what was written down elsewhere was there. What was pruned since cannot be compared any more.
    fn compare_known(&mut self) {
        let pruned = |end: &KnownEnd| {
            let point = self.chains.get(&end.chain).and_then(|chain| chain.checkpoint);
            point.is_some_and(|point| point.position >= end.position)
        };
        for end in self.missing.iter().filter(|end| !pruned(end)) {
            let KnownEnd { chain, position, .. } = *end;
            self.found.broken.push(Broken { chain, entry: None, position, why: Why::OtherEnd });
        }
    }

    /// Whether the sequencer's own note fits what was seen.
    fn compare_noted(&mut self, noted: i64) {
        if noted != self.position {
            let chain = chain_of(None);
            self.found.broken.push(Broken { chain, entry: None, position: noted, why: Why::NotedPosition });
        }
    }

    /// Whether everybody who was erased was deleted: that is told by an entry of its own, later in the ledger.
    fn compare_erased(&mut self) {
        let gone = |person: &Persons| {
            let mut either = [person.actor, person.subject].into_iter().flatten();
            either.any(|principal| self.deleted.contains(&(person.app, principal)))
        };
        self.found.broken.extend(self.erased.iter().filter(|(persons, _)| !gone(persons)).map(|(_, broken)| *broken));
    }

    /// An entry that is without a position for too long. The first of each chain is enough to know.
    fn left(&mut self, entry: &Entry) {
        let chain = chain_of(entry.organization);
        if self.left.insert(chain) {
            let position = self.position.saturating_add(1);
            self.found.broken.push(Broken { chain, entry: Some(entry.id), position, why: Why::Left });
        }
    }
}
