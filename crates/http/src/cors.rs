//! CORS: pages of an app's own origins may read our answers. There are no cookies, so credentials are never allowed, and
//! an origin that no app has named gets no leave.

use actix_cors::Cors;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue, ORIGIN},
    middleware::Next,
    web::Data,
};
use platform::Platform;

use crate::gate::X_FABRIC_APP_ID;

/// Where the look-up leaves its answer for the layer inside, which sees a request's head and nothing else. Whatever a
/// client sends under this name is taken away first.
const LEAVE: HeaderName = HeaderName::from_static("x-fabric-origin-leave");

/// Asks, before the layer inside has to know. A request without an origin is no browser's, and costs nothing.
pub async fn ask<B: MessageBody>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    if !request.headers().contains_key(ORIGIN) {
        return next.call(request).await;
    }
    request.headers_mut().remove(LEAVE);
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let allowed = match (text(ORIGIN), request.app_data::<Data<Platform>>()) {
        // Not knowing is no leave; the request itself is answered, and a browser keeps that from the page.
        (Some(origin), Some(platform)) => {
            platform.is_origin_allowed(origin, text(X_FABRIC_APP_ID)).await.unwrap_or(false)
        }
        _ => false,
    };
    if allowed {
        request.headers_mut().insert(LEAVE, HeaderValue::from_static("yes"));
    }
    next.call(request).await
}

/// The layer that answers preflights and sets the headers.
pub fn layer() -> Cors {
    Cors::default()
        .allowed_origin_fn(|_, request| request.headers().contains_key(LEAVE))
        .block_on_origin_mismatch(false)
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            "authorization",
            "content-type",
            "x-fabric-app-id",
            "x-request-id",
            "traceparent",
            "accept-language",
        ])
        .expose_headers(["x-request-id", "retry-after"])
        .max_age(600)
}
