//! Server-sent events (WHATWG HTML, 9.2): one line of JSON for each event, and comments in between, so that nobody on the
//! way takes the silence for an end.

use std::{pin::Pin, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, HeaderName},
    web::Bytes,
};
use futures_util::{Stream, StreamExt as _, stream};
use kernel::{Error, Result};
use platform::DomainEvent;
use tokio::{
    sync::mpsc::{self, Sender},
    time::timeout,
};

use super::{Described, NO_SNIFF, Reply};
use crate::openapi::Schemas;

/// How long a part may wait for somebody who does not read: then the connection ends, and they come back with the id of
/// the last event that they have got.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many parts wait for who reads them.
const WAITING: usize = 16;
/// How soon a client comes back whose connection ended.
const COME_BACK: &[u8] = b"retry: 3000\n\n";
const MEDIA: &str = "text/event-stream";

/// What a handler hands back when it has begun to tell what happens: 200, and no end of its own.
pub struct EventSource(Pin<Box<dyn Stream<Item = Result<Bytes>>>>);

/// Takes what is told.
pub struct Teller(Sender<Bytes>);

impl EventSource {
    /// What `tell` says until it ends: well or not, the connection is closed, and the client comes back.
    pub fn new<W>(tell: impl FnOnce(Teller) -> W) -> Self
    where
        W: Future<Output = Result<()>> + 'static,
    {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        // Teller and reader take turns in one task: neither outlives the other.
        let end = stream::once(tell(Teller(sender))).filter_map(|told| async move {
            if let Err(error) = told {
                tracing::debug!(code = error.code.as_str(), cause = ?error.cause, "a stream of events ended");
            }
            None
        });
        let parts = stream::poll_fn(move |context| receiver.poll_recv(context)).map(Ok);
        let begin = stream::once(async { Ok(Bytes::from_static(COME_BACK)) });
        Self(Box::pin(begin.chain(stream::select(parts, end))))
    }
}

impl Teller {
    /// Tells of an event.
    ///
    /// # Errors
    /// When nobody listens any more, or does not come to read.
    pub async fn event(&self, event: &DomainEvent) -> Result<()> {
        let data = serde_json::to_string(event).map_err(Error::internal)?;
        // JSON has no line breaks of its own, and a kind is letters and dots.
        self.part(format!("event: {}\nid: {}\ndata: {data}\n\n", event.kind, event.id).into()).await
    }

    /// Says nothing, so that the connection is not taken for dead.
    ///
    /// # Errors
    /// When nobody listens any more, or does not come to read.
    pub async fn comment(&self, text: &str) -> Result<()> {
        self.part(format!(": {text}\n\n").into()).await
    }

    async fn part(&self, part: Bytes) -> Result<()> {
        let sent = timeout(PATIENCE, self.0.send(part)).await;
        sent.map_err(|_| Error::unavailable("a listener does not read"))?.map_err(Error::internal)
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
