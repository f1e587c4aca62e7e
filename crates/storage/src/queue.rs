//! The way from an async caller to a database thread: a bounded queue at whose door nobody waits.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use kernel::{Code, Error, Result};
use platform::store::Unit;

/// At most this many units wait; beyond it an early refusal serves everyone better than a late answer.
const ROOM: usize = 4096;

/// Units of work on their way, and the threads that they go to.
pub struct Queue {
    waiting: Waiting,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Queue {
    /// A queue with one thread for each worker; whichever is free gets the next unit, and may take those that wait
    /// behind it along. A worker that panics loses its unit and serves on.
    pub fn new<W>(name: &str, workers: impl IntoIterator<Item = W>) -> Result<Self>
    where
        W: FnMut(Box<dyn Unit>, &Waiting) + Send + 'static,
    {
        // Whatever becomes of the rest, dropping the queue ends the threads that have begun.
        let queue = Self { waiting: Waiting::default(), threads: Mutex::default() };
        for mut worker in workers {
            let waiting = queue.waiting.clone();
            let serve = move || {
                while let Some(unit) = waiting.next() {
                    if catch_unwind(AssertUnwindSafe(|| worker(unit, &waiting))).is_err() {
                        tracing::error!("a database thread panicked and lost a unit of work");
                    }
                }
            };
            let thread = thread::Builder::new().name(name.to_owned()).spawn(serve).map_err(Error::internal)?;
            unpoisoned(&queue.threads).push(thread);
        }
        Ok(queue)
    }

    /// Lets the unit wait for a thread, or refuses it at once.
    pub fn push(&self, unit: Box<dyn Unit>) {
        let mut line = unpoisoned(&self.waiting.0.line);
        let refusal = if line.closed {
            Error::unavailable("the database is closed")
        } else if line.units.len() >= ROOM {
            Error::new(Code::Overloaded).retry_after(std::time::Duration::from_secs(1))
        } else {
            line.units.push_back(unit);
            drop(line);
            self.waiting.0.arrived.notify_one();
            return;
        };
        drop(line);
        unit.settle(Err(refusal));
    }

    /// Takes no more units, waits until those that are there are settled, and ends the threads.
    pub fn close(&self) {
        unpoisoned(&self.waiting.0.line).closed = true;
        self.waiting.0.arrived.notify_all();
        let threads = std::mem::take(&mut *unpoisoned(&self.threads));
        for thread in threads {
            // The last one to hold a database may be a unit of work: its own thread ends by itself.
            if thread.thread().id() != thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.close();
    }
}

/// The threads' end of a queue.
#[derive(Clone, Default)]
pub struct Waiting(Arc<Room>);

#[derive(Default)]
struct Room {
    line: Mutex<Line>,
    arrived: Condvar,
}

#[derive(Default)]
struct Line {
    units: VecDeque<Box<dyn Unit>>,
    closed: bool,
}

impl Waiting {
    /// The units that wait by now, at most so many.
    pub fn rest(&self, most: usize) -> impl Iterator<Item = Box<dyn Unit>> + use<> {
        let mut line = unpoisoned(&self.0.line);
        let present = line.units.len().min(most);
        let units: Vec<_> = line.units.drain(..present).collect();
        units.into_iter().filter_map(wanted)
    }

    /// The next unit, as soon as there is one; `None` when the queue is closed and empty.
    fn next(&self) -> Option<Box<dyn Unit>> {
        loop {
            let mut line = unpoisoned(&self.0.line);
            while line.units.is_empty() && !line.closed {
                line = self.0.arrived.wait(line).unwrap_or_else(PoisonError::into_inner);
            }
            let unit = line.units.pop_front()?;
            drop(line);
            if let Some(unit) = wanted(unit) {
                return Some(unit);
            }
        }
    }
}

/// The unit, unless its caller has gone: then it need not run.
fn wanted(unit: Box<dyn Unit>) -> Option<Box<dyn Unit>> {
    if unit.wanted() {
        return Some(unit);
    }
    unit.settle(Err(Error::unavailable("the caller has gone")));
    None
}

/// Nothing that could panic runs under these locks.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
