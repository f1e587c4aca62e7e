//! Password hashing has its own threads, at low priority, behind a bounded queue that nobody waits to enter: a flood of
//! sign-ins is refused at the door, and token checks never notice it.

use std::{
    num::NonZeroUsize,
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use identity::password::{HashCost, Hasher, Password, PasswordHash, Verdict};
use kernel::{Code, Error, Result};
use thread_priority::{ThreadPriority, ThreadPriorityValue};
use tokio::sync::oneshot;

/// At most this many hashes wait for each thread: two seconds' worth, after which an early refusal serves everyone better
/// than a late answer.
const WAITING_PER_THREAD: usize = 128;
/// Of 0 to 99, where 50 is usual; on Linux this is a niceness of 5, a third of the usual weight: requests that need no
/// hash go first, and those that do never starve behind them.
const PRIORITY: u8 = 35;
/// After so long without work a thread gives its memory back.
const REST_AFTER: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce(&mut Hasher) + Send>;

/// The way to the hashing threads.
pub struct Hashing {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Hashing {
    /// Starts as many threads as there are cores.
    ///
    /// # Errors
    /// `invalid_setting` when Argon2 knows no such cost.
    pub fn start(cost: HashCost) -> Result<Self> {
        let count = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let (jobs, waiting) = bounded(WAITING_PER_THREAD * count);
        let thread = |index| {
            let hasher = Hasher::new(cost)?;
            let waiting = waiting.clone();
            let thread = thread::Builder::new().name(format!("hash-{index}"));
            thread.spawn(move || serve(hasher, &waiting)).map_err(Error::internal)
        };
        let threads = (0..count).map(thread).collect::<Result<_>>()?;
        Ok(Self { jobs: Some(jobs), threads })
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// `overloaded` when too many wait.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash> {
        self.run(move |hasher| hasher.hash(&password, rand::random())).await
    }

    /// Compares; where there is nothing to compare with it takes as long.
    ///
    /// # Errors
    /// `overloaded` when too many wait.
    pub async fn compare(&self, attempt: Password, stored: Option<PasswordHash>) -> Result<Verdict> {
        self.run(move |hasher| hasher.compare(&attempt, stored.as_ref(), rand::random())).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Hasher) -> Result<T> + Send + 'static) -> Result<T> {
        let (answer, answers) = oneshot::channel();
        let job: Job = Box::new(move |hasher| {
            // Whoever hung up while waiting gets no work done.
            if !answer.is_closed() {
                metrics::counter!("fabric_password_hashes_total").increment(1);
                drop(answer.send(work(hasher)));
            }
        });
        let overloaded = || Error::new(Code::Overloaded).retry_after(Duration::from_secs(2));
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => answers.await.map_err(|_| Error::unavailable("the hashing threads have stopped"))?,
            Some(Err(TrySendError::Full(_))) => Err(overloaded()),
            Some(Err(TrySendError::Disconnected(_))) | None => {
                Err(Error::unavailable("the hashing threads have stopped"))
            }
        }
    }
}

impl Drop for Hashing {
    /// Finishes what waits.
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn serve(mut hasher: Hasher, waiting: &Receiver<Job>) {
    let priority = ThreadPriorityValue::try_from(PRIORITY).map(ThreadPriority::Crossplatform);
    if let Err(error) = priority.map_or(Ok(()), ThreadPriority::set_for_current) {
        tracing::debug!(?error, "password hashing runs at normal priority");
    }
    loop {
        match waiting.recv_timeout(REST_AFTER) {
            Ok(job) => job(&mut hasher),
            Err(RecvTimeoutError::Timeout) => {
                hasher.rest();
                match waiting.recv() {
                    Ok(job) => job(&mut hasher),
                    Err(_) => return,
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    /// Attack 32: more sign-ins at once than there is room for.
    #[tokio::test]
    async fn a_flood_is_refused_at_the_door() {
        let cost = HashCost { memory_kib: 1024, passes: 1, lanes: 1 };
        let hashing = Arc::new(Hashing::start(cost).unwrap());
        let mut callers = JoinSet::new();
        for _ in 0..2000 {
            let hashing = Arc::clone(&hashing);
            let attempt = Password::attempt("SecureP@ss1".into()).unwrap();
            callers.spawn(async move { hashing.compare(attempt, None).await });
        }
        let outcomes = callers.join_all().await;
        let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        let codes: Vec<_> = refused.map(|error| error.code).collect();
        assert!(!codes.is_empty() && codes.len() < 2000, "{}", codes.len());
        assert!(codes.iter().all(|code| *code == Code::Overloaded));
    }
}
