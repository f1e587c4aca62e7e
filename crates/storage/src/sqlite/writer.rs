//! The one thread that writes. Units that wait while it works share the next commit: one fsync for all of them.

use std::{iter, mem};

use diesel::{QueryResult, connection::SimpleConnection as _};
use kernel::{Change, Error, Result};
use platform::store::Unit;

use super::{Connection, Held, Tx, failure, transact};
use crate::{listening::Listening, queue::Waiting};

/// At most this many units of work share a commit.
const GROUP: usize = 256;
const BEGIN: &str = "BEGIN IMMEDIATE";

type Group = Vec<Box<dyn Unit>>;

/// What the writer's thread does with a unit and those that wait behind it.
pub fn worker(mut held: Held, listening: Listening) -> impl FnMut(Box<dyn Unit>, &Waiting) + Send + 'static {
    move |first, waiting| {
        let mut group: Group = iter::once(first).chain(waiting.rest(GROUP - 1)).collect();
        if let Err(error) = held.lend(|connection| commit(connection, &listening, mem::take(&mut group))) {
            tracing::error!(%error, "the writer has no database");
            refuse(group, "the writer has no database");
        }
    }
}

/// Runs the group in one transaction and answers its callers once that is durable.
fn commit(connection: &mut Connection, listening: &Listening, mut group: Group) {
    if let Err(error) = connection.batch_execute(BEGIN) {
        // The lock is another process's: to wait for it once for each unit would hold up everyone behind them.
        refuse(group, &failure::of(error).to_string());
    } else if let Ok(outcomes) = together(connection, &mut group) {
        let changes: Vec<Change> = outcomes.iter().flatten().flatten().copied().collect();
        listening.tell(&changes);
        for (unit, outcome) in group.into_iter().zip(outcomes) {
            unit.settle(outcome.map(drop));
        }
    } else {
        // Nothing of the group was kept and nobody was answered: each gets a transaction of its own.
        for mut unit in group {
            let outcome = transact(connection, BEGIN, &mut *unit);
            unit.settle(outcome.map(|changes| listening.tell(&changes)));
        }
    }
}

/// Runs the group in the open transaction and commits. `Err`: the transaction as a whole was lost.
fn together(connection: &mut Connection, group: &mut Group) -> QueryResult<Vec<Result<Vec<Change>>>> {
    let outcomes = group
        .iter_mut()
        .map(|unit| apart(connection, &mut **unit))
        .collect::<QueryResult<Vec<_>>>()
        .and_then(|outcomes| connection.batch_execute("COMMIT").map(|()| outcomes));
    if outcomes.is_err() {
        // Fails only where SQLite has rolled back already.
        drop(connection.batch_execute("ROLLBACK"));
    }
    outcomes
}

/// A unit that fails takes back its own writes and nobody else's. `Err`: its savepoint is gone, and so is the
/// transaction, because some errors (a full disk, a failing one) make SQLite roll back everything.
fn apart(connection: &mut Connection, unit: &mut dyn Unit) -> QueryResult<Result<Vec<Change>>> {
    // Its caller may have gone while the others of the group ran.
    if !unit.wanted() {
        return Ok(Err(Error::unavailable("the caller has gone")));
    }
    connection.batch_execute("SAVEPOINT unit")?;
    let outcome = Tx::run(connection, unit);
    connection.batch_execute(match outcome {
        Ok(_) => "RELEASE unit",
        Err(_) => "ROLLBACK TO unit; RELEASE unit",
    })?;
    Ok(outcome)
}

fn refuse(group: Group, why: &str) {
    for unit in group {
        unit.settle(Err(Error::unavailable(why)));
    }
}

#[cfg(test)]
mod tests;
