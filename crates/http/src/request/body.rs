//! Bodies: as JSON, and where pages and OAuth clients send them also as forms.

use std::{future::Future, pin::Pin, time::Duration};

use actix_web::{FromRequest, HttpRequest, dev::Payload, error::PayloadError, http::header::CONTENT_TYPE, web::Bytes};
use kernel::{Code, Error, Result};
use serde::de::DeserializeOwned;
use utoipa::{
    ToSchema,
    openapi::{ContentBuilder, Required, request_body::RequestBodyBuilder},
};

use super::{Input, Inputs, Refused};

type Reading<T> = Pin<Box<dyn Future<Output = std::result::Result<T, Refused>>>>;

/// The JSON body.
pub struct Body<T>(pub T);

/// The JSON body, or what there is by default where there is none.
pub struct OptionalBody<T>(pub T);

/// The JSON body, or what there is by default where it makes no sense: for what answers the same whatever comes.
pub struct LenientBody<T>(pub T);

/// The body as JSON or as a form: for pages, and for clients that speak OAuth by the book.
pub struct AnyBody<T> {
    /// What it says.
    pub value: T,
    /// Whether it was a form.
    pub form: bool,
}

/// The same, or what there is by default where there is no body.
pub struct AnyOptionalBody<T> {
    /// What it says.
    pub value: T,
    /// Whether it was a form.
    pub form: bool,
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Refused;
    type Future = Reading<Self>;

    fn from_request(http: &HttpRequest, payload: &mut Payload) -> Self::Future {
        read(http, payload, |media, bytes| match media {
            Media::Json => json(&bytes).map(Self),
            Media::Form | Media::Other => Err(Error::new(Code::UnsupportedMediaType)),
        })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalBody<T> {
    type Error = Refused;
    type Future = Reading<Self>;

    fn from_request(http: &HttpRequest, payload: &mut Payload) -> Self::Future {
        read(http, payload, |media, bytes| match media {
            _ if bytes.is_empty() => Ok(Self(T::default())),
            Media::Json => json(&bytes).map(Self),
            Media::Form | Media::Other => Err(Error::new(Code::UnsupportedMediaType)),
        })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for LenientBody<T> {
    type Error = Refused;
    type Future = Reading<Self>;

    fn from_request(http: &HttpRequest, payload: &mut Payload) -> Self::Future {
        read(http, payload, |_, bytes| Ok(Self(json(&bytes).unwrap_or_default())))
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for AnyBody<T> {
    type Error = Refused;
    type Future = Reading<Self>;

    fn from_request(http: &HttpRequest, payload: &mut Payload) -> Self::Future {
        read(http, payload, |media, bytes| any(&media, &bytes))
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for AnyOptionalBody<T> {
    type Error = Refused;
    type Future = Reading<Self>;

    fn from_request(http: &HttpRequest, payload: &mut Payload) -> Self::Future {
        read(http, payload, |media, bytes| {
            if bytes.is_empty() {
                return Ok(Self { value: T::default(), form: false });
            }
            any(&media, &bytes).map(|AnyBody { value, form }| Self { value, form })
        })
    }
}

fn any<T: DeserializeOwned>(media: &Media, bytes: &[u8]) -> Result<AnyBody<T>> {
    match media {
        Media::Json => json(bytes).map(|value| AnyBody { value, form: false }),
        Media::Form => match serde_urlencoded::from_bytes(bytes) {
            Ok(value) => Ok(AnyBody { value, form: true }),
            Err(error) => Err(invalid(&error)),
        },
        Media::Other => Err(Error::new(Code::UnsupportedMediaType)),
    }
}

/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(15);

enum Media {
    Json,
    Form,
    Other,
}

fn read<T: 'static>(
    http: &HttpRequest,
    payload: &mut Payload,
    parse: impl FnOnce(Media, Bytes) -> Result<T> + 'static,
) -> Reading<T> {
    let media = http.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let essence = media.map(|media| media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let media = match essence.as_deref() {
        // Who says nothing means JSON, as curl users expect who give a body and no header.
        None | Some("application/json") => Media::Json,
        Some(essence) if essence.ends_with("+json") => Media::Json,
        Some("application/x-www-form-urlencoded") => Media::Form,
        Some(_) => Media::Other,
    };
    let bytes = Bytes::from_request(http, payload);
    Box::pin(async move {
        let slow = |_| Refused(Error::because(Code::InvalidRequest, "The body took too long."));
        let bytes = tokio::time::timeout(BODY_WITHIN, bytes).await.map_err(slow)?;
        let bytes = bytes.map_err(|error| Refused(unreadable(error.as_error())))?;
        parse(media, bytes).map_err(Refused)
    })
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // All of it, what nobody looks at too (RFC 8259, 8.1).
    let text = std::str::from_utf8(bytes).map_err(|_| Error::new(Code::MalformedJson))?;
    // Serde reads a struct from an array as well. Fields have names here.
    if text.trim_start().starts_with('[') {
        return Err(Error::because(Code::InvalidBody, "Send a JSON object, not an array."));
    }
    serde_json::from_str(text)
        .map_err(|error| if error.is_data() { invalid(&error) } else { Error::new(Code::MalformedJson) })
}

fn invalid(error: &dyn std::error::Error) -> Error {
    Error::because(Code::InvalidBody, format!("The body does not fit: {error}."))
}

fn unreadable(error: Option<&PayloadError>) -> Error {
    match error {
        Some(PayloadError::Overflow) => Error::new(Code::BodyTooLarge),
        _ => Error::because(Code::InvalidRequest, "The body broke off, or is not encoded as its headers say."),
    }
}

fn body<T: ToSchema>(about: &mut Inputs, media: &[&str], required: Required) {
    let schema = about.schemas.of::<T>();
    let body = RequestBodyBuilder::new().required(Some(required));
    let body = media
        .iter()
        .fold(body, |body, media| body.content(*media, ContentBuilder::new().schema(Some(schema.clone())).build()));
    about.body = Some(body.build());
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl<T: DeserializeOwned + ToSchema + 'static> Input for Body<T> {
    fn describe(about: &mut Inputs) {
        body::<T>(about, &[JSON], Required::True);
    }
}

impl<T: DeserializeOwned + Default + ToSchema + 'static> Input for OptionalBody<T> {
    fn describe(about: &mut Inputs) {
        body::<T>(about, &[JSON], Required::False);
    }
}

impl<T: DeserializeOwned + Default + ToSchema + 'static> Input for LenientBody<T> {
    fn describe(about: &mut Inputs) {
        body::<T>(about, &[JSON], Required::False);
    }
}

impl<T: DeserializeOwned + ToSchema + 'static> Input for AnyBody<T> {
    fn describe(about: &mut Inputs) {
        body::<T>(about, &[JSON, FORM], Required::True);
    }
}

impl<T: DeserializeOwned + Default + ToSchema + 'static> Input for AnyOptionalBody<T> {
    fn describe(about: &mut Inputs) {
        body::<T>(about, &[JSON, FORM], Required::False);
    }
}
