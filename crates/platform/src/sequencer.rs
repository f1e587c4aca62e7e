//! What the ledger needs in the background: positions and links for new entries, an end for old ones, and forgetting who
//! somebody was.
//!
//! Entries of transactions that run at once become visible in any order, so that no reader can go by ids or times. One
//! sequencer gives those that are committed their positions. Writers never wait for it.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, PoisonError},
};

use audit::{Chain, Link, chain::chain_of};
use kernel::{Error, Result};
use uuid::Uuid;

use crate::{Platform, Transaction};

/// The newest ends of chains that the log does not know yet.
pub(crate) type Ends = Mutex<BTreeMap<Uuid, Chain>>;

impl Platform {
    /// Gives new entries their positions and links, some at a time; tells how many. The newest end of each chain is for the
    /// log as well, which a worker writes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sequence(&self) -> Result<usize> {
        let key = self.keys().audit.first().cloned().ok_or_else(|| Error::internal("no key for the audit log"))?;
        let sequenced = self.store().write(move |tx| {
            let Some((entries, mut position)) = tx.unsequenced()? else { return Ok((0, BTreeMap::new())) };
            let mut chains: BTreeMap<Uuid, Chain> = BTreeMap::new();
            let mut sequenced = Vec::with_capacity(entries.len());
            for entry in &entries {
                let id = chain_of(entry.organization);
                let mut chain = match chains.get(&id) {
                    Some(chain) => *chain,
                    None => {
                        tx.chain(id)?.unwrap_or(Chain { id, checkpoint: None, head: key.head(id, 0, 0, Link::NONE) })
                    }
                };
                let full = || Error::internal("an entry has the last position of all");
                position = position.checked_add(1).ok_or_else(full)?;
                let link = key.link(&chain.head.link, entry, position);
                sequenced.push((entry.id, position, link));
                chain.head = key.head(id, position, chain.head.count + 1, link);
                chains.insert(id, chain);
            }
            tx.sequence(&sequenced)?;
            chains.values().try_for_each(|chain| tx.set_chain(chain))?;
            tx.set_last_position(position)?;
            Ok((entries.len(), chains))
        });
        let (count, chains) = sequenced.await?;
        self.inner.ends.lock().unwrap_or_else(PoisonError::into_inner).extend(chains);
        Ok(count)
    }

    /// Tells the log of the chains that have another end than it knows: there it is out of reach for who can write to the
    /// database. Once in a while, and not of each round: a busy chain would fill the log.
    pub(crate) fn log_ends(&self) {
        let ends = mem::take(&mut *self.inner.ends.lock().unwrap_or_else(PoisonError::into_inner));
        for (id, chain) in ends {
            let (position, link) = (chain.head.position, chain.head.link.to_hex());
            tracing::info!(target: "fabric::audit", chain = %id, position, link, "the newest end of a chain");
        }
    }

    /// Removes entries that are older than the ledger keeps them, some at a time; tells how many. Each chain remembers,
    /// under seal, where it begins from then on.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn prune(&self) -> Result<usize> {
        let Some(kept) = self.settings().audit_retention else { return Ok(0) };
        let before = self.now().before(kept);
        let keys = self.keys().audit.clone();
        let pruned = self.store().write(move |tx| {
            let key = keys.first().ok_or_else(|| Error::internal("no key for the audit log"))?;
            let mut chains: BTreeMap<Uuid, Chain> = BTreeMap::new();
            let Some(entries) = tx.prunable(before)? else { return Ok(0) };
            for entry in &entries {
                let id = chain_of(entry.organization);
                let chain = match chains.get(&id) {
                    Some(chain) => Some(*chain),
                    None => tx.chain(id)?,
                };
                let (Some(chain), Some((position, link))) = (chain, entry.position.zip(entry.link)) else { continue };
                let gone = chain.checkpoint.map_or(0, |point| point.count) + 1;
                let checkpoint = Some(key.checkpoint(id, position, gone, link));
                chains.insert(id, Chain { checkpoint, ..chain });
            }
            chains.values().try_for_each(|chain| tx.set_chain(chain))?;
            let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
            tx.delete_entries(&ids)?;
            Ok(ids.len())
        });
        pruned.await
    }

    /// Erases who somebody was from the entries about them whose account is deleted, some at a time; tells how many.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn erase_persons(&self) -> Result<usize> {
        self.store().write(|tx: &mut dyn Transaction| tx.erase_some()).await
    }
}
