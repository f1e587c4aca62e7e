//! Whether anybody has changed the record of what happened.

use std::collections::BTreeMap;

use audit::{
    Chain, ChainKey, Link,
    chain::{Break, Walk, chain_of, same},
};
use kernel::{Result, id::EventId};
use uuid::Uuid;

use crate::{Platform, Transaction};

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
}

impl Why {
    /// A sentence about it, for people.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Chain(broken) => broken.describe(),
            Self::Gap => "entries are missing before this one",
            Self::OtherEnd => "the end that was written down elsewhere is not in the chain",
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
    /// Follows every chain of the ledger, from one snapshot. What has no position yet is in no chain.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn verify_audit_log(&self, known: Vec<KnownEnd>) -> Result<Verification> {
        let keys = self.keys().audit.clone();
        self.store().read(move |tx| verify(tx, &keys, &known)).await
    }
}

fn verify(tx: &mut dyn Transaction, keys: &[ChainKey], known: &[KnownEnd]) -> Result<Verification> {
    let mut chains: BTreeMap<Uuid, Chain> = BTreeMap::new();
    let mut after = None;
    loop {
        let some = tx.chains(after)?;
        let Some(last) = some.last() else { break };
        after = Some(last.id);
        chains.extend(some.into_iter().map(|chain| (chain.id, chain)));
    }
    let mut walks: BTreeMap<Uuid, Option<Walk>> = BTreeMap::new();
    let mut found = Verification { chains: chains.len(), ..Verification::default() };
    let mut missing: Vec<KnownEnd> = known.to_vec();
    let pruned_to = chains.values().filter_map(|chain| chain.checkpoint).map(|point| point.position).max();
    let mut position = pruned_to.unwrap_or(0);
    // All of them: nobody gives an entry a position before the first.
    let mut read_to = i64::MIN;
    loop {
        let entries = tx.sequenced(read_to)?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            let (id, at) = (chain_of(entry.organization), entry.position.unwrap_or_default());
            read_to = at;
            let broken = |why| Broken { chain: id, entry: Some(entry.id), position: at, why };
            if at != position + 1 {
                found.broken.push(broken(Why::Gap));
            }
            position = at;
            missing.retain(|end| {
                !(end.chain == id && end.position == at && entry.link.is_some_and(|link| same(&link, &end.link)))
            });
            let walk = walks.entry(id).or_insert_with(|| {
                let begun = Walk::begin(keys, id, chains.get(&id).and_then(|chain| chain.checkpoint));
                begun.map_err(|why| found.broken.push(broken(Why::Chain(why)))).ok()
            });
            if let Some(going) = walk
                && let Err(why) = going.step(keys, &entry)
            {
                found.broken.push(broken(Why::Chain(why)));
                *walk = None;
            }
        }
    }
    for (id, chain) in &chains {
        let walk = match walks.remove(id) {
            Some(Some(walk)) => Ok(walk),
            // Told already.
            Some(None) => continue,
            None => Walk::begin(keys, *id, chain.checkpoint),
        };
        let ended = walk.and_then(|walk| {
            found.entries += walk.present();
            walk.end(keys, Some(&chain.head))
        });
        if let Err(why) = ended {
            let (chain, position) = (*id, chain.head.position);
            found.broken.push(Broken { chain, entry: None, position, why: Why::Chain(why) });
        }
    }
    // Entries of a chain that has no end at all.
    for (id, walk) in walks {
        let Some(walk) = walk else { continue };
        if let Err(why) = walk.end(keys, None) {
            found.broken.push(Broken { chain: id, entry: None, position: 0, why: Why::Chain(why) });
        }
    }
    // What was pruned since cannot be compared any more.
    let pruned = |end: &KnownEnd| {
        let point = chains.get(&end.chain).and_then(|chain| chain.checkpoint);
        point.is_some_and(|point| point.position >= end.position)
    };
    for end in missing.iter().filter(|end| !pruned(end)) {
        let KnownEnd { chain, position, .. } = *end;
        found.broken.push(Broken { chain, entry: None, position, why: Why::OtherEnd });
    }
    Ok(found)
}
