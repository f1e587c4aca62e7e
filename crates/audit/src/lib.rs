//! What happened, and that nobody has changed the record of it. Pure: what an entry is, how entries are chained, and the
//! repository traits that this needs.
//!
//! Every entry is a row of the ledger of events. It is listed as soon as what it tells of is committed. The sequencer
//! gives it a position among all of them some time later, and a link in its organization's chain: a keyed hash over the
//! link before it and everything that it says. Who changes, removes or puts in a row cannot make the links that would
//! follow, without the key.

pub mod chain;
mod entry;
mod repository;

pub use chain::{ChainKey, Checkpoint, Head, Link};
pub use entry::{Actor, ActorKind, Entry, Filter, OF_PLATFORM, Outcome, Personal, Persons};
pub use repository::{AuditRepository, Chain};
