//! What is noted of every request: its id, how long it took, how it ended.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use ::metrics::{Histogram, histogram};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
};
use futures_util::FutureExt;
use kernel::Error;
use tracing::Level;
use uuid::Uuid;

use crate::{answer::About, failure::failed, refused_sign_ins, routes::name_of};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Watches the requests of one route.
#[derive(Clone)]
pub struct Observer {
    method: &'static str,
    route: &'static str,
    /// How a request that went well is logged: reads are the most by far, and say the least.
    level: Level,
    /// By the status's first digit. Each is found once, because finding one by its labels costs as much as answering, and
    /// only when it is needed: what never happened takes no room in what is scraped.
    seconds: Arc<[OnceLock<Histogram>; 6]>,
}

impl Observer {
    /// For a method and a path as it stands in the table.
    pub fn new(method: &'static str, route: &'static str) -> Self {
        Self { method, route, level: Level::INFO, seconds: Arc::default() }
    }

    /// The same for a route that only reads.
    pub fn of_reads(self) -> Self {
        Self { level: Level::DEBUG, ..self }
    }

    fn record(&self, status: StatusCode, took: Duration) {
        const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];
        let class = usize::from(status.as_u16() / 100);
        if let (Some(seconds), Some(status)) = (self.seconds.get(class), CLASSES.get(class)) {
            let find = || {
                let (method, route) = (self.method, self.route);
                histogram!("fabric_http_request_duration_seconds", "method" => method, "route" => route, "status" => *status)
            };
            seconds.get_or_init(find).record(took);
        }
    }

    /// Answers a request, whatever happens: a panic is an error like any other, and the server serves on.
    pub async fn watch(&self, http: &HttpRequest, work: impl Future<Output = HttpResponse>) -> HttpResponse {
        let begun = Instant::now();
        let about = about(http);
        let request_id = HeaderValue::from_str(&about.request_id);
        http.extensions_mut().insert(about);
        let mut response = match AssertUnwindSafe(work).catch_unwind().await {
            Ok(response) => response,
            Err(_) => failed(http, Error::internal("a handler panicked")),
        };
        if let Ok(request_id) = request_id {
            response.headers_mut().insert(REQUEST_ID, request_id);
        }
        let (status, took) = (response.status(), begun.elapsed());
        self.record(status, took);
        let extensions = http.extensions();
        let request_id = extensions.get::<About>().map_or("", |about| about.request_id.as_str());
        let (method, route, status) = (name_of(http.method()), self.route, status.as_u16());
        refused_sign_ins::note(http, &mut response, request_id, method, route);
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if self.level == Level::DEBUG && status < 400 {
            tracing::debug!(target: "fabric::access", request_id, method, route, status, millis);
        } else {
            tracing::info!(target: "fabric::access", request_id, method, route, status, millis);
        }
        drop(extensions);
        response
    }
}

/// The request's names: those it brings along where they make sense, so that a call can be followed through services.
fn about(http: &HttpRequest) -> About {
    let text = |name: &str| http.headers().get(name).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
    };
    let given = text("x-request-id").filter(plain).map(str::to_owned);
    let request_id = given.unwrap_or_else(|| Uuid::now_v7().to_string());
    // `00-<trace id>-<span id>-<flags>` (W3C Trace Context, 3.2.2).
    let trace = text("traceparent").and_then(|parent| parent.split('-').nth(1));
    let trace = trace.filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    About { request_id, trace_id: trace.map(str::to_owned) }
}
