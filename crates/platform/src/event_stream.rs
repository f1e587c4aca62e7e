//! Events as they happen, for whoever listens. One reader of the ledger in each process tells all its listeners; what
//! somebody has missed is read from the ledger, so that no buffer has to hold it.

use std::sync::Arc;

use crate::{
    Platform, Transaction,
    listeners::{Listener, Listeners},
    news::{Hearer, Signal},
    permit::permit,
    user_administration::{AppHint, managed},
};
use audit::Entry;
use authz::{Acting, Caller, Credential, action::EventRead};
use kernel::{
    AppScope as _, Code, Error, Result, Unchecked,
    id::{AppId, EventId, OrganizationId},
};
use tokio::sync::{
    Mutex,
    broadcast::{Receiver, Sender, error::RecvError},
};
use webhooks::carries_token;

/// So many entries are kept for who does not come to read them at once; who is further behind reads the ledger.
const KEPT: usize = 4096;

/// Of which place one hears what happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Of an organization.
    Organization(OrganizationId),
    /// Of an app with all its organizations; without a hint of the one that is the caller's own or only one, or, for who
    /// runs the platform, of everything.
    App(Option<AppHint>),
}

/// What one may hear, as it was last decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// An organization's events.
    Organization(OrganizationId),
    /// The events of an app and of all its organizations.
    App(AppId),
    /// Everything.
    Platform,
}

impl Audience {
    fn hears(self, entry: &Entry) -> bool {
        // What is delivered with a token is for the app's own endpoint alone.
        if carries_token(&entry.kind) {
            return false;
        }
        match self {
            Self::Organization(id) => entry.organization == Some(id),
            Self::App(id) => entry.app == Some(id),
            Self::Platform => true,
        }
    }

    fn missed(self, tx: &mut dyn Transaction, after: i64) -> Result<Vec<Entry>> {
        match self {
            Self::Organization(id) => tx.sequenced_in(&Unchecked(id), after),
            Self::App(id) => tx.sequenced_of(&Unchecked(Some(id)), after),
            Self::Platform => tx.sequenced(after),
        }
    }
}

/// The one reader of this process, and who listens to it.
pub(crate) struct Tail {
    told: Sender<News>,
    /// Behind which position it goes on; none while nobody listens.
    position: Mutex<Option<i64>>,
    /// The server stops.
    closing: Signal,
    listeners: Listeners,
}

/// What listeners are told.
#[derive(Clone)]
enum News {
    /// That this happened.
    Entry(Arc<Entry>),
    /// That they have to see for themselves what did: the reader has just begun.
    Gap,
}

impl Tail {
    pub fn new() -> Self {
        Self {
            told: Sender::new(KEPT),
            position: Mutex::default(),
            closing: Signal::new(),
            listeners: Listeners::new(),
        }
    }
}

/// Somebody who listens.
pub struct EventStream {
    platform: Platform,
    audience: Audience,
    told: Receiver<News>,
    closing: Hearer,
    /// Everything up to there was heard.
    heard: i64,
    /// Whether there may be more in the ledger than one is told.
    behind: bool,
    _listener: Listener,
}

impl Platform {
    /// What the caller may hear, by now: to be asked again and again while they listen.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin; `app_required`.
    pub async fn audience(&self, acting: Acting<EventRead>, place: Place) -> Result<Audience> {
        let decided = self.store().read(move |tx| match &place {
            Place::Organization(id) => {
                permit(tx, &acting, *id)?;
                Ok(Audience::Organization(*id))
            }
            Place::App(hint) => {
                let permit = managed(tx, &acting, hint.as_ref())?;
                Ok(permit.app().map_or(Audience::Platform, Audience::App))
            }
        });
        decided.await
    }

    /// Which place is meant where none is named: a key's organization, an app itself, the only organization that one
    /// belongs to; else the app that one manages.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn usual_place(&self, acting: &Acting<EventRead>) -> Result<Place> {
        let caller = acting.caller();
        if let Some(key) = caller.key() {
            return Ok(Place::Organization(key.organization));
        }
        if matches!(caller.credential, Credential::App) {
            return Ok(Place::App(None));
        }
        Ok(self.only_place(caller).await?.map_or(Place::App(None), Place::Organization))
    }

    /// Begins to listen in somebody's name: from behind an event on, or from now on.
    ///
    /// # Errors
    /// `invalid_request` for an event that the ledger does not have any more, and alike for one that is not theirs to hear;
    /// `overloaded` and `too_many_requests` when too many listen.
    pub async fn listen_as(&self, who: &Caller, audience: Audience, after: Option<EventId>) -> Result<EventStream> {
        let listener = self.inner.tail.listeners.admit(Some(who), audience)?;
        self.begin_to_listen(listener, audience, after).await
    }

    /// The same at the console.
    ///
    /// # Errors
    /// Those of [`Platform::listen_as`].
    pub async fn listen(&self, audience: Audience, after: Option<EventId>) -> Result<EventStream> {
        let listener = self.inner.tail.listeners.admit(None, audience)?;
        self.begin_to_listen(listener, audience, after).await
    }

    async fn begin_to_listen(
        &self,
        listener: Listener,
        audience: Audience,
        after: Option<EventId>,
    ) -> Result<EventStream> {
        let tail = &self.inner.tail;
        // Before the ledger is read: what is sequenced from here on is told.
        let (told, closing) = (tail.told.subscribe(), tail.closing.listen());
        let heard = match after {
            None => self.store().read(|tx| tx.last_position()).await?,
            Some(id) => {
                let entries = self.store().read(move |tx| tx.entries_by_id(&[id])).await?;
                let position = entries.first().filter(|entry| audience.hears(entry)).and_then(|entry| entry.position);
                let why = "Last-Event-ID names nothing that is still known: begin without.";
                position.ok_or_else(|| Error::because(Code::InvalidRequest, why))?
            }
        };
        let platform = self.clone();
        Ok(EventStream { platform, audience, told, closing, heard, behind: true, _listener: listener })
    }

    /// Ends every stream of this process, because it stops.
    pub fn end_streams(&self) {
        self.inner.tail.closing.tell();
    }

    /// Reads on in the ledger and tells who listens; tells how much there was.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tell_listeners(&self) -> Result<usize> {
        let tail = &self.inner.tail;
        let mut position = tail.position.lock().await;
        if tail.told.receiver_count() == 0 {
            *position = None;
            return Ok(0);
        }
        let Some(behind) = *position else {
            *position = Some(self.store().read(|tx| tx.last_position()).await?);
            // It fails where nobody listens any more: what happened stays in the ledger.
            drop(tail.told.send(News::Gap));
            return Ok(0);
        };
        let entries = self.store().read(move |tx| tx.sequenced(behind)).await?;
        let count = entries.len();
        *position = entries.last().and_then(|entry| entry.position).or(*position);
        for entry in entries {
            drop(tail.told.send(News::Entry(Arc::new(entry))));
        }
        Ok(count)
    }
}

impl EventStream {
    /// Whether they may hear of this by now: what they were told to wait for may be another's meanwhile.
    #[must_use]
    pub fn hears(&self, entry: &Entry) -> bool {
        self.audience.hears(entry)
    }

    /// What one may hear from now on.
    pub fn narrow(&mut self, audience: Audience) {
        self.audience = audience;
    }

    /// The next events, at least one, in the order of the ledger. `None` when the server stops.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn next(&mut self) -> Result<Option<Vec<Arc<Entry>>>> {
        loop {
            if self.behind {
                let (audience, heard) = (self.audience, self.heard);
                let missed = self.platform.store().read(move |tx| audience.missed(tx, heard)).await?;
                // What was sequenced since then is told.
                self.behind = !missed.is_empty();
                if let Some(last) = missed.last().and_then(|entry| entry.position) {
                    self.heard = last;
                    let told: Vec<_> = missed.into_iter().filter(|entry| audience.hears(entry)).map(Arc::new).collect();
                    if !told.is_empty() {
                        return Ok(Some(told));
                    }
                    continue;
                }
            }
            let told = tokio::select! {
                told = self.told.recv() => told,
                () = self.closing.heard() => return Ok(None),
            };
            match told {
                Ok(News::Entry(entry)) => {
                    let Some(position) = entry.position.filter(|position| *position > self.heard) else { continue };
                    if self.audience.hears(&entry) {
                        self.heard = position;
                        return Ok(Some(vec![entry]));
                    }
                }
                Ok(News::Gap) | Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }
}
