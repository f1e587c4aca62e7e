//! `{meta, context, data, links?}`: the shape of every answer that went well.

mod event_source;
mod streamed;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ContentType, HeaderName, X_CONTENT_TYPE_OPTIONS},
    },
};
use kernel::{
    Clock as _, Error, Listed, SystemClock,
    id::{OrganizationId, PrincipalId},
};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

pub use self::event_source::{EventSource, Patience, Teller};
pub use self::streamed::{Lines, Outlet, Streamed};
use crate::{failure::failed, openapi::Schemas};

/// The version that answers carry.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What every answer says about itself.
#[derive(Serialize, ToSchema)]
pub struct Meta<'a> {
    /// Names this request in logs.
    request_id: &'a str,
    /// Names the trace that this request belongs to (W3C Trace Context); the request's own without one.
    trace_id: &'a str,
    /// When it was answered.
    #[schema(value_type = String, format = DateTime)]
    timestamp: kernel::Timestamp,
    /// The HTTP status.
    status: u16,
    /// The server's version.
    version: &'static str,
    /// Where a list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<&'a Pagination>,
}

impl<'a> Meta<'a> {
    pub fn new(about: &'a About, status: StatusCode, pagination: Option<&'a Pagination>) -> Self {
        Self {
            request_id: &about.request_id,
            trace_id: about.trace_id.as_deref().unwrap_or(&about.request_id),
            timestamp: SystemClock.now(),
            status: status.as_u16(),
            version: VERSION,
            pagination,
        }
    }
}

/// Where a list goes on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Pagination {
    /// The largest number of items that was asked for.
    pub limit: u32,
    /// Whether there is more.
    pub has_more: bool,
    /// Send it as `cursor` to read on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// How many there are on all pages, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl Pagination {
    /// Where a list goes on of which so many items were asked for.
    pub fn of<T, I: std::fmt::Display>(listed: &Listed<T, I>, limit: u32) -> Self {
        let next_cursor = listed.next.as_ref().map(ToString::to_string);
        Self { limit, has_more: next_cursor.is_some(), next_cursor, total: listed.total }
    }
}

/// Whom an answer was for.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Context {
    /// Who called.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub principal_id: Option<PrincipalId>,
    /// In which organization, where that is known.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub organization_id: Option<OrganizationId>,
    /// In which team, where that is known.
    pub team_id: Option<uuid::Uuid>,
}

/// Related places.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// The next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What is known about a request from its beginning.
#[derive(Clone, Debug)]
pub struct About {
    /// Names this request.
    pub request_id: String,
    /// Names its trace, where it is a part of one; without, the request is a trace of its own.
    pub trace_id: Option<String>,
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    meta: Meta<'a>,
    context: Context,
    data: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Links>,
}

/// What a handler hands back when all went well: 200.
pub struct Answer<T> {
    data: T,
    pagination: Option<Pagination>,
}

/// What a handler hands back when it made something: 201.
pub struct Created<T>(pub T);

impl<T: Serialize> Answer<T> {
    /// All of it.
    pub fn ok(data: T) -> Self {
        Self { data, pagination: None }
    }
}

impl<T: Serialize> Answer<Vec<T>> {
    /// One page of a list, of which so many items were asked for.
    pub fn page<I: std::fmt::Display>(listed: Listed<T, I>, limit: u32) -> Self {
        let pagination = Pagination::of(&listed, limit);
        Self { data: listed.items, pagination: Some(pagination) }
    }
}

/// What a handler may hand back: something that knows how to answer and how to be described.
pub trait Reply {
    /// Writes the answer.
    fn respond(self, http: &HttpRequest) -> HttpResponse;

    /// What OpenAPI says of it: the schema of `data`, or the content type of what is no envelope.
    fn describe(schemas: &mut Schemas) -> Described;
}

/// An answer as OpenAPI sees it.
pub enum Described {
    /// An envelope with this status and this in `data`.
    Enveloped(StatusCode, Box<RefOr<Schema>>),
    /// Something else altogether.
    Raw(&'static str),
}

impl<T: Serialize + ToSchema> Reply for Answer<T> {
    fn respond(self, http: &HttpRequest) -> HttpResponse {
        enveloped(http, StatusCode::OK, &self.data, self.pagination.as_ref())
    }

    fn describe(schemas: &mut Schemas) -> Described {
        Described::Enveloped(StatusCode::OK, Box::new(schemas.of::<T>()))
    }
}

impl<T: Serialize + ToSchema> Reply for Created<T> {
    fn respond(self, http: &HttpRequest) -> HttpResponse {
        enveloped(http, StatusCode::CREATED, &self.0, None)
    }

    fn describe(schemas: &mut Schemas) -> Described {
        Described::Enveloped(StatusCode::CREATED, Box::new(schemas.of::<T>()))
    }
}

/// In bytes: most answers fit into it, and need no second allocation.
const USUAL_ANSWER: usize = 1024;

fn enveloped(
    http: &HttpRequest,
    status: StatusCode,
    data: &impl Serialize,
    pagination: Option<&Pagination>,
) -> HttpResponse {
    let extensions = http.extensions();
    let fallback = unobserved();
    let about = extensions.get::<About>().unwrap_or(&fallback);
    let context = extensions.get::<Context>().copied().unwrap_or_default();
    let links = pagination.map(|pagination| Links { next: next_link(http, pagination) });
    let envelope = Envelope { meta: Meta::new(about, status, pagination), context, data, links };
    let mut body = Vec::with_capacity(USUAL_ANSWER);
    if let Err(error) = serde_json::to_writer(&mut body, &envelope) {
        drop(extensions);
        return failed(http, Error::internal(error));
    }
    let mut response = HttpResponse::build(status);
    response.insert_header(NO_STORE).insert_header(NO_SNIFF).insert_header(ContentType::json()).body(body)
}

/// Answers are for who asked, now: no cache on the way keeps them (RFC 6749, 5.1).
pub const NO_STORE: (HeaderName, &str) = (CACHE_CONTROL, "no-store");
/// They are what they say they are.
pub const NO_SNIFF: (HeaderName, &str) = (X_CONTENT_TYPE_OPTIONS, "nosniff");

/// What is said of a request that nobody observed: there is none, but an answer must not depend on that.
pub fn unobserved() -> About {
    About { request_id: String::new(), trace_id: None }
}

/// The same query with the next cursor in it.
fn next_link(http: &HttpRequest, pagination: &Pagination) -> Option<String> {
    let cursor = pagination.next_cursor.as_ref()?;
    let mut query: Vec<(String, String)> = serde_urlencoded::from_str(http.query_string()).unwrap_or_default();
    query.retain(|(name, _)| name != "cursor" && name != "offset");
    query.push(("cursor".to_owned(), cursor.clone()));
    let query = serde_urlencoded::to_string(query).ok()?;
    Some(format!("{}?{query}", http.path()))
}

/// One of two: JSON for programs, a page for people.
pub enum Either<A, B> {
    /// The one that OpenAPI describes.
    Answer(A),
    /// The other.
    Page(B),
}

impl<A: Reply, B: Reply> Reply for Either<A, B> {
    fn respond(self, http: &HttpRequest) -> HttpResponse {
        match self {
            Self::Answer(answer) => answer.respond(http),
            Self::Page(page) => page.respond(http),
        }
    }

    fn describe(schemas: &mut Schemas) -> Described {
        A::describe(schemas)
    }
}

/// An answer that is no envelope: a document, metrics.
pub struct Raw {
    /// Its media type.
    pub content_type: &'static str,
    /// All of it.
    pub body: String,
}

impl Reply for Raw {
    fn respond(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().content_type(self.content_type).body(self.body)
    }

    fn describe(_: &mut Schemas) -> Described {
        Described::Raw("application/json")
    }
}
