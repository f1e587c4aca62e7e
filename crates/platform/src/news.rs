//! Who waits for the ledger hears at once what this process adds to it. What others add is found by looking, so that
//! every wait has an end of its own.

use tokio::sync::watch::{Receiver, Sender};

/// What is new.
pub(crate) struct News {
    /// Entries were committed, and have no position yet.
    pub appended: Signal,
    /// Entries have got their positions.
    pub sequenced: Signal,
    /// Something waits for endpoints that nobody here looks after.
    pub queued: Signal,
}

impl News {
    pub fn new() -> Self {
        Self { appended: Signal::new(), sequenced: Signal::new(), queued: Signal::new() }
    }
}

/// Something that is said again and again, and means no more however often it was said meanwhile.
pub(crate) struct Signal(Sender<()>);

impl Signal {
    pub fn new() -> Self {
        Self(Sender::new(()))
    }

    /// Says it.
    pub fn tell(&self) {
        self.0.send_replace(());
    }

    /// Hears of all that is said from now on.
    pub fn listen(&self) -> Hearer {
        Hearer(self.0.subscribe())
    }
}

/// Somebody who waits for a signal.
pub(crate) struct Hearer(Receiver<()>);

impl Hearer {
    /// Waits until it is said, or has been since the last time.
    pub async fn heard(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody is left to say it.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_signal_is_heard_once_however_often_it_was_given() {
        let signal = Signal::new();
        let mut hearer = signal.listen();
        signal.tell();
        signal.tell();
        hearer.heard().await;
        assert!(timeout(Duration::from_millis(20), hearer.heard()).await.is_err());
        signal.tell();
        hearer.heard().await;
    }
}
