//! What is sent while it is still being read: however long that is, a part of it at a time is in memory. An envelope whose
//! `data` is long, or a file of lines.

use std::{future::ready, marker::PhantomData, pin::Pin};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header::CONTENT_DISPOSITION},
    web::Bytes,
};
use futures_util::{Stream, StreamExt as _, stream};
use kernel::{Error, ErrorKind, Result};
use tokio::sync::mpsc::{self, Sender};
use utoipa::ToSchema;

use super::{About, Context, Described, Meta, NO_SNIFF, NO_STORE, Reply, unobserved};
use crate::openapi::Schemas;

type Parts = Pin<Box<dyn Stream<Item = Result<Bytes>>>>;

/// What a handler hands back when it has begun to write a file whose `data` is a `T`: 200. Should it fail later, the
/// connection breaks off: nobody takes half of it for the whole.
pub struct Streamed<T> {
    filename: String,
    data: Parts,
    shape: PhantomData<T>,
}

/// What a handler hands back when it has begun to write a file that is no envelope: 200. Should it fail later, the
/// connection breaks off.
pub struct Lines {
    media: &'static str,
    filename: String,
    lines: Parts,
}

/// Takes what is written.
pub struct Outlet(Sender<Vec<u8>>);

impl Outlet {
    /// Hands a part on, once the one before is on its way.
    pub async fn put(&self, part: Vec<u8>) -> Result<()> {
        self.0.send(part).await.map_err(Error::internal)
    }
}

impl<T> Streamed<T> {
    /// A file of this name, written to the outlet that `write` gets: one JSON value, and no error after its end. It is
    /// written as far as somebody reads, and dropped where they go away.
    pub fn new<W>(filename: String, write: impl FnOnce(Outlet) -> W) -> Self
    where
        W: Future<Output = Result<()>> + 'static,
    {
        Self { filename, data: parts(write), shape: PhantomData }
    }
}

impl Lines {
    /// A file of this name and media type, written to the outlet that `write` gets, and no error after its end.
    pub fn new<W>(media: &'static str, filename: String, write: impl FnOnce(Outlet) -> W) -> Self
    where
        W: Future<Output = Result<()>> + 'static,
    {
        Self { media, filename, lines: parts(write) }
    }
}

fn parts<W>(write: impl FnOnce(Outlet) -> W) -> Parts
where
    W: Future<Output = Result<()>> + 'static,
{
    let (sender, mut receiver) = mpsc::channel(1);
    // Writer and reader take turns in one task: neither outlives the other.
    let failures = stream::once(write(Outlet(sender))).filter_map(|written| ready(written.err().map(Err)));
    let parts = stream::poll_fn(move |context| receiver.poll_recv(context)).map(|part| Ok(Bytes::from(part)));
    Box::pin(stream::select(parts, failures))
}

impl<T: ToSchema> Reply for Streamed<T> {
    fn respond(self, http: &HttpRequest) -> HttpResponse {
        let about = http.extensions().get::<About>().cloned().unwrap_or_else(unobserved);
        let context = http.extensions().get::<Context>().copied().unwrap_or_default();
        let begin = begin(&Meta::new(&about, StatusCode::OK, None), context);
        let data = told(self.data, about);
        let whole = stream::once(ready(begin)).chain(data).chain(stream::once(ready(Ok(Bytes::from_static(b"}")))));
        file(&self.filename).content_type("application/json").streaming(whole)
    }

    fn describe(schemas: &mut Schemas) -> Described {
        Described::Enveloped(StatusCode::OK, Box::new(schemas.of::<T>()))
    }
}

impl Reply for Lines {
    fn respond(self, http: &HttpRequest) -> HttpResponse {
        let about = http.extensions().get::<About>().cloned().unwrap_or_else(unobserved);
        file(&self.filename).content_type(self.media).streaming(told(self.lines, about))
    }

    fn describe(_: &mut Schemas) -> Described {
        Described::Raw("application/x-ndjson")
    }
}

fn file(name: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    let disposition = (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""));
    response.insert_header(NO_STORE).insert_header(NO_SNIFF).insert_header(disposition);
    response
}

/// The same parts; the log is told when they break off.
fn told(parts: Parts, about: About) -> impl Stream<Item = Result<Bytes>> {
    parts.inspect(move |part| {
        if let Err(error) = part {
            broke_off(&about, error);
        }
    })
}

/// The envelope up to its `data`.
fn begin(meta: &Meta, context: Context) -> Result<Bytes> {
    let mut text = b"{\"meta\":".to_vec();
    serde_json::to_writer(&mut text, meta).map_err(Error::internal)?;
    text.extend_from_slice(b",\"context\":");
    serde_json::to_writer(&mut text, &context).map_err(Error::internal)?;
    text.extend_from_slice(b",\"data\":");
    Ok(Bytes::from(text))
}

/// A status was sent already: the log alone can tell.
fn broke_off(about: &About, error: &Error) {
    let (request_id, code) = (&about.request_id, error.code.as_str());
    if matches!(error.kind(), ErrorKind::Internal | ErrorKind::Unavailable) {
        tracing::error!(request_id, code, cause = ?error.cause, "answer broke off");
    } else {
        tracing::info!(request_id, code, "answer broke off");
    }
}
