use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use kernel::{Clock, Timestamp};

/// A clock that goes on by a microsecond whenever it is looked at, so that no two moments are the same, and by as much
/// as a story wants.
pub struct TestClock(AtomicU64);

impl TestClock {
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_micros().try_into().unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let begin = Timestamp::from_unix_seconds(1_800_000_000).unwrap();
        begin.after(Duration::from_micros(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}
