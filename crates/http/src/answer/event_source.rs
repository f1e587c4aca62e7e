//! Server-sent events (WHATWG HTML, 9.2): one line of JSON for each event, and comments in between, so that nobody on the
//! way takes the silence for an end.

use std::{
    future::{Ready, ready},
    pin::Pin,
    time::Duration,
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::header::{CACHE_CONTROL, HeaderName},
    rt,
    web::{Bytes, Data},
};
use futures_util::{Stream, StreamExt as _, stream};
use kernel::{Error, Result};
use platform::DomainEvent;
use tokio::{
    sync::mpsc::{self, Permit, Sender},
    time::timeout,
};

use super::{Described, NO_SNIFF, Reply};
use crate::{
    Options,
    openapi::Schemas,
    request::{Input, Inputs, Refused},
};

/// So many parts wait for who reads them.
const WAITING: usize = 16;
/// How soon a client comes back whose connection ended.
const COME_BACK: &[u8] = b"retry: 3000\n\n";
const MEDIA: &str = "text/event-stream";

/// What a handler hands back when it has begun to tell what happens: 200, and no end of its own.
pub struct EventSource(Pin<Box<dyn Stream<Item = Result<Bytes>>>>);

/// How long a part may wait for somebody who does not read: then the stream ends, and they come back with the id of the
/// last event that they have got.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

impl FromRequest for Patience {
    type Error = Refused;
    type Future = Ready<std::result::Result<Self, Refused>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let options = http.app_data::<Data<Options>>();
        ready(Ok(options.map_or_else(Self::default, |options| options.listener_patience)))
    }
}

impl Input for Patience {
    fn describe(_: &mut Inputs) {}
}

/// Takes what is told.
pub struct Teller {
    parts: Sender<Bytes>,
    patience: Patience,
}

/// Room for one part.
pub struct Room<'a>(Permit<'a, Bytes>);

impl EventSource {
    /// What `tell` says until it ends: well or not, the connection is closed, and the client comes back.
    pub fn new<W>(patience: Patience, tell: impl FnOnce(Teller) -> W) -> Self
    where
        W: Future<Output = Result<()>> + 'static,
    {
        let (parts, mut receiver) = mpsc::channel(WAITING);
        let reader = parts.clone();
        let told = tell(Teller { parts, patience });
        // A task of its own: nobody asks for the next part while the connection takes none, and it is then that patience
        // ends. It does not outlive its reader.
        rt::spawn(async move {
            let told = tokio::select! {
                told = told => told,
                () = reader.closed() => Ok(()),
            };
            if let Err(error) = told {
                tracing::debug!(code = error.code.as_str(), cause = ?error.cause, "a stream of events ended");
            }
        });
        let parts = stream::poll_fn(move |context| receiver.poll_recv(context)).map(Ok);
        let begin = stream::once(async { Ok(Bytes::from_static(COME_BACK)) });
        Self(Box::pin(begin.chain(parts)))
    }
}

impl Teller {
    /// Waits until there is room for a part.
    ///
    /// # Errors
    /// When nobody listens any more, or does not come to read.
    pub async fn room(&self) -> Result<Room<'_>> {
        let room = timeout(self.patience.0, self.parts.reserve()).await;
        room.map_err(|_| Error::unavailable("a listener does not read"))?.map(Room).map_err(Error::internal)
    }
}

impl Room<'_> {
    /// Tells of an event.
    ///
    /// # Errors
    /// `internal_error` for one that can't be written.
    pub fn event(self, event: &DomainEvent) -> Result<()> {
        let data = serde_json::to_string(event).map_err(Error::internal)?;
        // JSON has no line breaks of its own, and a kind is letters and dots.
        self.0.send(format!("event: {}\nid: {}\ndata: {data}\n\n", event.kind, event.id).into());
        Ok(())
    }

    /// Says nothing, so that the connection is not taken for dead.
    pub fn comment(self, text: &str) {
        self.0.send(format!(": {text}\n\n").into());
    }
}

impl Reply for EventSource {
    fn respond(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.insert_header((CACHE_CONTROL, "no-store, no-transform")).insert_header(NO_SNIFF);
        // Proxies such as nginx keep nothing back then.
        response.insert_header((HeaderName::from_static("x-accel-buffering"), "no"));
        response.content_type(MEDIA).streaming(self.0)
    }

    fn describe(_: &mut Schemas) -> Described {
        Described::Raw(MEDIA)
    }
}
