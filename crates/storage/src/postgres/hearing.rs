//! Hearing what other processes change: a thread that listens on a connection of its own.
//!
//! Whoever listens to this database is told of other processes' changes as of its own. What may have been missed, because
//! the connection was away or a notice can't be read, is told as [`Change::Everything`].

use std::{
    fmt,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use diesel::{RunQueryDsl as _, define_sql_function, sql_query};
use kernel::{Change, Error, Result};

use super::{
    Connection,
    connect::connect,
    failure,
    notices::{CHANNEL, read},
};
use crate::listening::Listening;

/// How long a notice may wait. Diesel reads what has arrived and has no way to wait for more: a look is one system call
/// and asks the server nothing.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often the server is asked whether it still has us listening: one that is gone without a word, or a pooler that
/// gives the connection to others, would else be taken for a server on which nothing changes.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// The pauses between tries to connect.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

define_sql_function! {
    fn pg_listening_channels() -> Text;
}

/// The thread that hears. Dropping this ends it.
pub struct Hearing {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Hearing {
    pub fn begin(url: &str, listening: &Listening) -> Result<Self> {
        let (stop, stopped) = channel();
        let ear = Ear { url: url.to_owned(), listening: listening.clone(), stopped };
        let thread = thread::Builder::new().name("postgres-listen".to_owned()).spawn(move || ear.hear());
        Ok(Self { stop: Some(stop), thread: Some(thread.map_err(Error::internal)?) })
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Ear {
    url: String,
    listening: Listening,
    stopped: Receiver<()>,
}

impl Ear {
    fn hear(self) {
        let (mut heard_before, mut deaf, mut pause) = (false, false, SHORTEST_PAUSE);
        loop {
            let error = match listen(&self.url) {
                Ok(mut connection) => {
                    if heard_before {
                        metrics::counter!("fabric_change_reconnections_total").increment(1);
                    }
                    if deaf {
                        tracing::info!("changes of other servers are heard again");
                    }
                    (heard_before, deaf, pause) = (true, false, SHORTEST_PAUSE);
                    // What was committed up to now nobody has told us.
                    self.listening.tell(&[Change::Everything]);
                    let Err(lost) = self.follow(&mut connection) else { return };
                    // Nor what was on its way.
                    self.listening.tell(&[Change::Everything]);
                    lost
                }
                Err(error) => error,
            };
            if !deaf {
                let why = error.cause.as_ref().map_or_else(|| error.message.to_string(), ToString::to_string);
                tracing::warn!(
                    why = why.trim(),
                    "changes of other servers are not heard: until they are again, they are seen within 5 seconds"
                );
                deaf = true;
            }
            if self.ends_within(pause) {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Passes on what the connection brings, until the end. `Err`: the connection is lost.
    fn follow(&self, connection: &mut Connection) -> Result<()> {
        let mut asked = Instant::now();
        while !self.ends_within(LOOK_EVERY) {
            for notice in connection.notifications_iter() {
                self.pass_on(&notice.map_err(failure::of)?.payload);
            }
            if asked.elapsed() >= ASK_EVERY {
                let channels = diesel::select(pg_listening_channels()).load::<String>(connection);
                if !channels.map_err(failure::of)?.iter().any(|channel| channel == CHANNEL) {
                    return Err(Error::unavailable(Unheard));
                }
                asked = Instant::now();
            }
        }
        Ok(())
    }

    fn pass_on(&self, notice: &str) {
        metrics::counter!("fabric_change_notices_total").increment(1);
        let changes = read(notice).unwrap_or_else(|| {
            // Of a later version, most likely, in the middle of an upgrade. What it says is nothing for the log.
            tracing::warn!("a notice of changes can't be read: everything is loaded anew");
            vec![Change::Everything]
        });
        self.listening.tell(&changes);
    }

    /// Waits, and tells whether the end has come meanwhile.
    fn ends_within(&self, pause: Duration) -> bool {
        self.stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout)
    }
}

fn listen(url: &str) -> Result<Connection> {
    let mut connection = connect(url)?;
    sql_query(format!("LISTEN {CHANNEL}")).execute(&mut connection).map_err(failure::of)?;
    Ok(connection)
}

/// The connection is there, and it is not the one that listens.
#[derive(Debug)]
struct Unheard;

impl fmt::Display for Unheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the server has nobody listening here: a pooler in between must pool by session, or DATABASE_DIRECT_URL lead \
             past it",
        )
    }
}

impl std::error::Error for Unheard {}
