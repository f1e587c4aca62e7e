//! Background work: mail, forgetting what has expired, and deleting what shall be gone.

use std::{future::Future, sync::Arc, time::Duration};

use kernel::{Error, Result};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{Platform, invitations::expire_invitations, mailer::Mailer};

/// How often the queue is looked at.
const MAIL_EVERY: Duration = Duration::from_millis(500);
/// How often what has expired is forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(5);
/// How often organizations are looked for that are to be deleted.
const DELETE_EVERY: Duration = Duration::from_mins(1);
/// The pause after the database was away.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long one can see what became of an invitation.
const CLOSED_INVITATIONS_KEPT: Duration = Duration::from_hours(90 * 24);
/// So few rows are not worth another round at once.
const FEW: usize = 500;
/// How long what is under way may take when the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// The workers of one server.
pub struct Workers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts them. Without a mailer no mail goes out.
    #[must_use]
    pub fn start(platform: &Platform, mailer: Option<Arc<dyn Mailer>>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let sender = platform.clone();
        let send = move || {
            let (platform, mailer) = (sender.clone(), mailer.clone());
            async move { platform.send_mails(mailer.as_deref()).await }
        };
        tasks.spawn(repeat("mail", MAIL_EVERY, stopped.clone(), send));
        let sweeper = platform.clone();
        let sweep = move || {
            let platform = sweeper.clone();
            async move { platform.sweep().await }
        };
        tasks.spawn(repeat("sweep", SWEEP_EVERY, stopped.clone(), sweep));
        let platform = platform.clone();
        let delete = move || {
            let platform = platform.clone();
            async move { platform.delete_due_organization().await }
        };
        tasks.spawn(repeat("deletion", DELETE_EVERY, stopped, delete));
        Self { stop, tasks }
    }

    /// Lets what is under way finish, for a while.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let finished = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(STOP_WITHIN, finished).await.is_err() {
            tracing::warn!("background work was cut off");
        }
    }
}

/// Works again and again: at once while there is more to do, after a pause when there is not.
async fn repeat<F, Fut>(name: &'static str, every: Duration, mut stopped: watch::Receiver<bool>, work: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<usize>> + Send + 'static,
{
    while !*stopped.borrow() {
        // A task of its own: should it panic, the next round comes all the same.
        let pause = match tokio::spawn(work()).await.unwrap_or_else(|panic| Err(Error::internal(panic))) {
            Ok(0) => every,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(worker = name, code = error.code.as_str(), cause = ?error.cause, "worker failed");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            _ = stopped.changed() => {}
        }
    }
}

impl Platform {
    /// Forgets what has expired, some of each kind at a time; tells how much.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sweep(&self) -> Result<usize> {
        let now = self.now();
        // What has expired is worth a while yet: for whoever asks why.
        let before = now.before(Duration::from_hours(24));
        let long_ago = now.before(CLOSED_INVITATIONS_KEPT);
        let swept = self.store().write(move |tx| {
            let expired = expire_invitations(tx, now)?;
            Ok(expired
                + tx.sweep_invitations(long_ago)?
                + tx.sweep_sessions(before)?
                + tx.sweep_one_time_tokens(before)?
                + tx.sweep_lockouts(now)?
                + tx.sweep_revoked_tokens(before)?)
        });
        // What little there is left can wait for the next round: the database has better things to do.
        Ok(swept.await?.saturating_sub(FEW))
    }
}
