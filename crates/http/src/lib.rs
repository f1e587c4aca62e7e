//! The actix-web adapter. A handler reads its request, calls one use case, and maps the answer.

mod answer;
pub mod audit_export;
mod cors;
mod failure;
mod gate;
mod json_parts;
mod limit;
mod metrics;
mod observe;
mod openapi;
mod page_html;
mod page_words;
mod proxies;
mod refused_sign_ins;
mod request;
pub mod routes;
mod words;

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, Resource, dev::HttpServiceFactory, http::header, web};
pub use answer::Patience;
pub use gate::Access;
use kernel::{Code, Error, ErrorKind};
use limits::Limits;
pub use metrics::Metrics;
pub use openapi::document as openapi;
use platform::Platform;
pub use proxies::TrustedProxies;

use crate::{failure::failed, observe::Observer, routes::Entry};

/// The largest body that is read, in bytes.
const LARGEST_BODY: usize = 256 * 1024;

/// What the adapter needs beside the platform.
#[derive(Clone, Default)]
pub struct Options {
    /// Where `/metrics` reads; without, there is nothing to see.
    pub metrics: Option<Metrics>,
    /// The bearer token of whoever scrapes `/metrics`; without, nobody may in production, and in
    /// development who is on this machine.
    pub metrics_token: Option<kernel::Secret>,
    /// Which share of the work this server does.
    pub mode: Mode,
    /// How long it is waited for who listens to events and does not read.
    pub listener_patience: Patience,
    /// How often somebody may call; without, as often as they like.
    pub limits: Limits,
    /// Whose word is taken for where a request comes from.
    pub trusted_proxies: TrustedProxies,
}

/// Which share of the work a server does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It answers requests and does the background work.
    #[default]
    Server,
    /// It answers requests; others do the background work.
    RequestOnly,
}

impl Mode {
    /// Its name in settings and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::RequestOnly => "request-only",
        }
    }
}

/// Everything of Fabric as one service: every route of the table, CORS, and an enveloped answer for whatever else comes.
/// Another server mounts it with `App::service`; it takes every path that is left.
pub fn service(platform: Platform, options: Options) -> impl HttpServiceFactory {
    // Literal paths first, then those with parameters, short ones first: actix-web tries one after the other, and what is
    // asked for most has the shortest names.
    let mut paths: BTreeMap<(bool, usize, &'static str), Vec<Entry>> = BTreeMap::new();
    for entry in routes::table() {
        paths.entry((entry.path.contains('{'), entry.path.len(), entry.path)).or_default().push(entry);
    }
    let cors = cors::layer();
    let mut scope = web::scope("")
        .app_data(web::Data::new(platform))
        .app_data(web::Data::new(options))
        .app_data(web::PayloadConfig::new(LARGEST_BODY));
    for ((_, _, path), entries) in paths {
        #[expect(clippy::disallowed_methods, reason = "this is where the table is mounted")]
        let with = scope.service(resource(path, entries));
        scope = with;
    }
    let unknown = Observer::new("unknown", "-");
    #[expect(clippy::disallowed_methods, reason = "what no row of the table names is not there")]
    let scope = scope.default_service(web::to(move |http: HttpRequest| {
        let unknown = unknown.clone();
        async move { unknown.watch(&http, async { failed(&http, Error::not_found()) }).await }
    }));
    scope.wrap(cors).wrap(actix_web::middleware::from_fn(cors::ask))
}

fn resource(path: &'static str, entries: Vec<Entry>) -> Resource {
    let methods: Vec<_> = entries.iter().map(|entry| entry.method.as_str()).collect();
    let allow = methods.join(", ");
    let observer = Observer::new("other", path);
    let resource = web::resource(path);
    #[expect(clippy::disallowed_methods, reason = "this is where the table is mounted")]
    let resource = entries.into_iter().fold(resource, |resource, entry| resource.route(entry.route));
    #[expect(clippy::disallowed_methods, reason = "what no row of the table names is not allowed")]
    let resource = resource.default_service(web::to(move |http: HttpRequest| {
        let (allow, observer) = (allow.clone(), observer.clone());
        async move { observer.watch(&http, async { method_not_allowed(&http, &allow) }).await }
    }));
    resource
}

fn method_not_allowed(http: &HttpRequest, allow: &str) -> HttpResponse {
    debug_assert_eq!(Code::MethodNotAllowed.kind(), ErrorKind::MethodNotAllowed);
    let mut response = failed(http, Error::because(Code::MethodNotAllowed, format!("Use {allow}.")));
    if let Ok(allow) = allow.parse() {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
