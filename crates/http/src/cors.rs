//! CORS: pages of an app's own origins may read our answers. No cookie says who calls, so credentials are never allowed, and
//! an origin that no app has named gets no leave.

use actix_cors::{Cors, CorsError};
use actix_web::{
    Error,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue, ORIGIN},
    middleware::Next,
    web::Data,
};
use kernel::Code;
use platform::Platform;

use crate::{failure::failed, gate::X_FABRIC_APP_ID, observe::Observer};

/// Where the look-up leaves its answer for the layer inside, which sees a request's head and nothing else. Whatever a
/// client sends under this name is taken away first.
const LEAVE: HeaderName = HeaderName::from_static("x-fabric-origin-leave");

/// Asks, before the layer inside has to know. A request without an origin is no browser's, and costs nothing.
pub async fn ask<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    if !request.headers().contains_key(ORIGIN) {
        return Ok(next.call(request).await?.map_into_left_body());
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
    let response = next.call(request).await?;
    let refusal = response.response().error().and_then(|error| error.as_error::<CorsError>());
    match refusal.map(ToString::to_string) {
        Some(why) => Ok(refused(response, why).await.map_into_right_body()),
        None => Ok(response.map_into_left_body()),
    }
}

/// A refused preflight, answered like every other refusal: the layer inside would say it in plain text.
async fn refused<B>(response: ServiceResponse<B>, why: String) -> ServiceResponse {
    let http = response.request().clone();
    let error = kernel::Error::new(Code::CorsRefused).caused_by(why);
    let answer = Observer::new("OPTIONS", "preflight").watch(&http, async { failed(&http, error) }).await;
    response.into_response(answer)
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
        .expose_headers([
            "x-request-id",
            "retry-after",
            "ratelimit-limit",
            "ratelimit-remaining",
            "ratelimit-reset",
            "ratelimit-policy",
        ])
        .max_age(600)
}
