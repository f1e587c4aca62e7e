//! Background work: mail, the ledger, forgetting what has expired, and deleting what shall be gone.

use std::{
    future::{Future, pending},
    sync::Arc,
    time::Duration,
};

use kernel::{Error, Result};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    Platform, courier::Courier, dispatcher::Dispatcher, invitations::expire_invitations, mailer::Mailer, news::Hearer,
};

/// How often the queue is looked at.
const MAIL_EVERY: Duration = Duration::from_millis(500);
/// How often what has expired is forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(5);
/// How often it is looked for new entries of the ledger that others have added, and that have no positions yet.
const SEQUENCE_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked for entries that others have given positions.
const FAN_OUT_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked for deliveries that are due.
const DELIVER_EVERY: Duration = Duration::from_millis(500);
/// How long after news it is looked what else there is: what comes together is worth one round.
const GATHER: Duration = Duration::from_millis(50);
/// How often the log is told of the newest ends of chains.
const LOG_ENDS_EVERY: Duration = Duration::from_secs(1);
/// How often what tells who somebody was is erased.
const ERASE_EVERY: Duration = Duration::from_secs(30);
/// How often old entries of the ledger are removed.
const PRUNE_EVERY: Duration = Duration::from_mins(10);
/// How often refusals are noted: those of a kind in between are one entry.
const REFUSALS_EVERY: Duration = Duration::from_secs(10);
/// How often it is written down which keys were used.
const USES_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked what others have added to the ledger, for who listens here.
const TAIL_EVERY: Duration = Duration::from_millis(500);
/// How often memory is freed of what is too old to be believed.
const DROP_STALE_EVERY: Duration = Duration::from_mins(1);
/// How often it is looked what is to be done about signing keys.
const KEYS_EVERY: Duration = Duration::from_mins(1);
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
    platform: Platform,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts all of them. Without a mailer no mail goes out; without a courier nothing is delivered to endpoints, and
    /// all of it waits for a server that has one.
    #[must_use]
    pub fn start(platform: &Platform, mailer: Option<Arc<dyn Mailer>>, courier: Option<Arc<dyn Courier>>) -> Self {
        let mut workers = Self::of_requests(platform);
        workers.spawn("mail", MAIL_EVERY, move |platform| {
            let mailer = mailer.clone();
            async move { platform.send_mails(mailer.as_deref()).await }
        });
        workers.spawn_on(Some(platform.news().appended.listen()), "sequencer", SEQUENCE_EVERY, |platform| async move {
            let sequenced = platform.sequence().await?;
            if sequenced > 0 {
                platform.news().sequenced.tell();
            }
            // What little came meanwhile can wait for the next round, and then goes together.
            Ok(sequenced.saturating_sub(FEW - 1))
        });
        workers.spawn("chain ends", LOG_ENDS_EVERY, |platform| async move {
            platform.log_ends();
            Ok(0)
        });
        // Also without a courier: what is to be delivered is known then, and waits.
        workers.spawn_on(Some(platform.news().sequenced.listen()), "fan-out", FAN_OUT_EVERY, |platform| async move {
            Ok(platform.fan_out().await?.saturating_sub(FEW - 1))
        });
        if let Some(courier) = courier {
            workers.deliver(courier);
        }
        workers.spawn("erase", ERASE_EVERY, |platform| async move { platform.erase_persons().await });
        workers.spawn("prune", PRUNE_EVERY, |platform| async move { platform.prune().await });
        workers.spawn("sweep", SWEEP_EVERY, |platform| async move { platform.sweep().await });
        workers.spawn(
            "signing keys",
            KEYS_EVERY,
            |platform| async move { platform.tend_signing_keys().await.map(|()| 0) },
        );
        workers.spawn("deletion", DELETE_EVERY, |platform| async move { platform.delete_due_organization().await });
        workers
    }

    /// Starts those alone that every server needs which answers requests: they see to what it has in memory.
    #[must_use]
    pub fn of_requests(platform: &Platform) -> Self {
        let mut workers = Self { platform: platform.clone(), stop: watch::Sender::new(false), tasks: JoinSet::new() };
        workers.spawn("refusals", REFUSALS_EVERY, |platform| async move { platform.note_refusals().await.map(|_| 0) });
        workers.spawn("facts", DROP_STALE_EVERY, |platform| async move {
            platform.facts().drop_stale(platform.now());
            Ok(0)
        });
        workers.spawn_on(Some(platform.news().sequenced.listen()), "tail", TAIL_EVERY, |platform| async move {
            platform.tell_listeners().await
        });
        workers.spawn("key uses", USES_EVERY, |platform| async move { platform.write_key_uses().await });
        workers.spawn("session uses", USES_EVERY, |platform| async move { platform.write_session_uses().await });
        workers
    }

    /// Delivers.
    fn deliver(&mut self, courier: Arc<dyn Courier>) {
        let queued = self.platform.news().queued.listen();
        let dispatcher = Dispatcher::new(&self.platform, courier, self.stop.subscribe());
        let stopped = self.stop.subscribe();
        self.tasks.spawn(async move {
            let round = || Arc::clone(&dispatcher).round();
            repeat("deliveries", DELIVER_EVERY, Some(queued), stopped, round).await;
            dispatcher.finish().await;
        });
    }

    fn spawn<F, Fut>(&mut self, name: &'static str, every: Duration, work: F)
    where
        F: Fn(Platform) -> Fut + Send + 'static,
        Fut: Future<Output = Result<usize>> + Send + 'static,
    {
        self.spawn_on(None, name, every, work);
    }

    /// The same, and at once when there is news.
    fn spawn_on<F, Fut>(&mut self, news: Option<Hearer>, name: &'static str, every: Duration, work: F)
    where
        F: Fn(Platform) -> Fut + Send + 'static,
        Fut: Future<Output = Result<usize>> + Send + 'static,
    {
        let platform = self.platform.clone();
        self.tasks.spawn(repeat(name, every, news, self.stop.subscribe(), move || work(platform.clone())));
    }

    /// Lets what is under way finish, for a while, and writes down what is left in memory.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let finished = async {
            while self.tasks.join_next().await.is_some() {}
            while self.platform.write_key_uses().await.is_ok_and(|written| written > 0) {}
            while self.platform.write_session_uses().await.is_ok_and(|written| written > 0) {}
        };
        if timeout(STOP_WITHIN, finished).await.is_err() {
            tracing::warn!("background work was cut off");
        }
        self.platform.log_ends();
        if let Err(error) = self.platform.note_refusals().await {
            tracing::warn!(code = error.code.as_str(), cause = ?error.cause, "refusals are not noted");
        }
    }
}

/// Works again and again: at once while there is more to do, after a pause when there is not, or when there is news.
async fn repeat<F, Fut>(
    name: &'static str,
    every: Duration,
    mut news: Option<Hearer>,
    mut stopped: watch::Receiver<bool>,
    work: F,
) where
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
        let heard = async {
            match &mut news {
                Some(news) => {
                    news.heard().await;
                    sleep(GATHER).await;
                }
                None => pending().await,
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = heard => {}
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
        let delivered_before = now.before(self.settings().webhook_deliveries_kept);
        let swept = self.store().write(move |tx| {
            let expired = expire_invitations(tx, now)?;
            Ok(expired
                + tx.sweep_invitations(long_ago)?
                + tx.sweep_sessions(before)?
                + tx.sweep_one_time_tokens(before)?
                + tx.sweep_former_addresses(now)?
                + tx.sweep_challenges(before)?
                // Who somebody is elsewhere stands in it: nobody asks for that later.
                + tx.sweep_social_flows(now)?
                + tx.sweep_passkey_challenges(now)?
                + tx.sweep_lockouts(now)?
                + tx.sweep_revoked_tokens(before)?
                + tx.sweep_webhook_letters(now)?
                + tx.sweep_mail_requests(now)?
                + tx.sweep_deliveries(delivered_before)?
                + tx.sweep_waiting(delivered_before)?)
        });
        // What little there is left can wait for the next round: the database has better things to do.
        Ok(swept.await?.saturating_sub(FEW - 1))
    }
}
