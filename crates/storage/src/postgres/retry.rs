//! Units of work that PostgreSQL could not finish run again: nobody need hear of a deadlock or a restart.

use std::{
    thread,
    time::{Duration, Instant},
};

use kernel::{Change, Result};
use platform::store::Unit;

use super::{Lost, pool::Pool, transact};

/// How often a unit runs again after it lost against another transaction.
const RACES: u32 = 4;
/// And for how long: one that waits for a lock until it may wait no more does not wait for it again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the unit until it is committed or there is no sense in going on; hands back what it changed.
pub fn until_settled(pool: &Pool, unit: &mut dyn Unit) -> Result<Vec<Change>> {
    let begin = Instant::now();
    let mut races = 0;
    // After a restart of the server every pooled connection is dead, and each is found out once.
    let mut dead = 0;
    loop {
        let mut connection = pool.get()?;
        match transact(&mut connection, unit) {
            Ok(changes) => return Ok(changes),
            Err(Lost::Race(_)) if races < RACES && begin.elapsed() < PATIENCE => {
                drop(connection);
                thread::sleep(pause(races));
                races += 1;
            }
            Err(Lost::Connection(_)) if dead <= pool.size() => dead += 1,
            Err(Lost::Race(error) | Lost::Connection(error) | Lost::Failed(error)) => return Err(error),
        }
    }
}

/// Longer each time, and never as long as another's who lost the same race.
fn pause(races: u32) -> Duration {
    let longest = 5_000 << (2 * races);
    Duration::from_micros(rand::random_range(longest / 2..=longest))
}
