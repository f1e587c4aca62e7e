//! `{meta, data: null, error}`: the shape of every answer that went wrong.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use kernel::{Error, ErrorKind, error::SecondStep, secret::ExposeSecret};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    answer::{About, Meta, NO_SNIFF, NO_STORE, unobserved},
    gate::language,
    refused_sign_ins::Refused,
    words,
};

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody<'a> {
    /// What clients switch on; the table of all codes is in the documentation.
    code: &'static str,
    /// What people read.
    message: &'a str,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<ErrorDetails>,
}

/// More about what went wrong.
#[derive(Serialize, ToSchema)]
pub struct ErrorDetails {
    /// Seconds to wait before the next try, as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// What there is to say beyond the sentence of the code, in English, where `message` is in another language.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Of a sign-in with a second step: stands for what was shown. Send it with the second factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge_token: Option<String>,
    /// What there is to show: `totp`, `recovery_code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    methods: Option<&'static [&'static str]>,
    /// Seconds there are for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
}

impl ErrorDetails {
    /// `None` where there is no more to say.
    fn of(retry_after: Option<u64>, reason: Option<String>, second_step: Option<&SecondStep>) -> Option<Self> {
        let more = retry_after.is_some() || reason.is_some() || second_step.is_some();
        more.then(|| Self {
            retry_after,
            reason,
            challenge_token: second_step.map(|step| step.token.expose_secret().to_owned()),
            methods: second_step.map(|step| step.methods),
            expires_in: second_step.map(|step| step.expires_in.as_secs()),
        })
    }
}

/// An answer that went wrong.
#[derive(Serialize, ToSchema)]
pub struct Failure<'a> {
    meta: Meta<'a>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    data: (),
    error: ErrorBody<'a>,
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Validation => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Answers an error. Its cause goes to the log, under the request's id, and no further.
#[expect(clippy::needless_pass_by_value, reason = "an error that is answered is done with")]
pub fn failed(http: &HttpRequest, error: Error) -> HttpResponse {
    let extensions = http.extensions();
    let fallback = unobserved();
    let about = extensions.get::<About>().unwrap_or(&fallback);
    if let Some(cause) = &error.cause {
        let (request_id, path) = (&about.request_id, http.path());
        let code = error.code.as_str();
        if matches!(error.kind(), ErrorKind::Internal | ErrorKind::Unavailable) {
            tracing::error!(request_id, path, code, %cause, "request failed");
        } else {
            tracing::debug!(request_id, path, code, %cause, "request refused");
        }
    }
    let status = status(error.kind());
    // Whole seconds, rounded up: who waits as long as they are told is let in.
    let retry_after = error.retry_after.map(|wait| wait.as_millis().div_ceil(1000).max(1));
    let retry_after = retry_after.map(|seconds| u64::try_from(seconds).unwrap_or(u64::MAX));
    let mut response = HttpResponse::build(status);
    response.insert_header(NO_STORE).insert_header(NO_SNIFF);
    if let Some(seconds) = retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    let language = language(http).unwrap_or_default();
    let reason = words::reason(&error, language).map(str::to_owned);
    response.insert_header((header::CONTENT_LANGUAGE, language.as_str()));
    let mut response = response.json(Failure {
        meta: Meta::new(about, status, None),
        data: (),
        error: ErrorBody {
            code: error.code.as_str(),
            message: &words::said(&error, language),
            details: ErrorDetails::of(retry_after, reason, error.second_step.as_deref()),
        },
    });
    response.extensions_mut().insert(Refused(error.code));
    response
}
