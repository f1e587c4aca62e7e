//! What a handler reads from its request. Every error is one of ours: actix-web's own never reach a client.

mod body;

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, ResponseError, cookie::Cookie, dev::Payload, http::header::HeaderName,
    web::Data,
};
use kernel::{Code, Error, Origin, Result, Via, id::Id};
use platform::Platform;
use serde::de::DeserializeOwned;
use utoipa::{
    IntoParams,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBody,
        schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type},
    },
};

pub use self::body::{AnyBody, AnyOptionalBody, Body, LenientBody, OptionalBody};

use crate::{
    answer::About,
    gate::{Gate, X_FABRIC_APP_ID, client},
    openapi::Schemas,
};

/// Carries an error of ours through actix-web.
#[derive(Debug)]
pub struct Refused(pub Error);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Refused {}

/// What a handler may read, and what OpenAPI says of it.
pub trait Input: FromRequest {
    /// Adds itself to an operation.
    fn describe(about: &mut Inputs);
}

/// What an operation reads.
pub struct Inputs<'a> {
    /// Where named schemas go.
    pub schemas: &'a mut Schemas,
    /// In the path and in the query.
    pub parameters: Vec<Parameter>,
    /// In the body.
    pub body: Option<RequestBody>,
}

impl Inputs<'_> {
    /// Adds a header that may be sent.
    pub fn header(&mut self, name: &HeaderName, meaning: &str) {
        let parameter = ParameterBuilder::new()
            .name(name.as_str())
            .parameter_in(ParameterIn::Header)
            .description(Some(meaning))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()));
        self.parameters.push(parameter.build());
    }
}

impl Input for () {
    fn describe(_: &mut Inputs) {}
}

/// The platform, for this request: what is changed by it is noted as coming from there.
pub struct ForRequest(Platform);

impl std::ops::Deref for ForRequest {
    type Target = Platform;

    fn deref(&self) -> &Platform {
        &self.0
    }
}

impl FromRequest for ForRequest {
    type Error = Refused;
    type Future = Ready<std::result::Result<Self, Refused>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::new(http).map_err(Refused))
    }
}

impl ForRequest {
    /// For this request.
    pub fn new(http: &HttpRequest) -> Result<Self> {
        let platform = http.app_data::<Data<Platform>>();
        let platform = platform.ok_or_else(|| Error::internal("no platform was mounted"))?;
        Ok(Self(platform.coming_from(origin(http))))
    }
}

impl Input for ForRequest {
    fn describe(_: &mut Inputs) {}
}

/// Where a request comes from, as far as the way in has found out.
fn origin(http: &HttpRequest) -> Origin {
    let extensions = http.extensions();
    Origin {
        request_id: extensions.get::<About>().map(|about| about.request_id.clone()),
        client: client(http),
        via: extensions.get::<Via>().copied().unwrap_or(Via::Nothing),
    }
}

macro_rules! tuples {
    ($(($($part:ident),+)),+) => {$(
        impl<$($part: Input + 'static),+> Input for ($($part,)+) {
            fn describe(about: &mut Inputs) {
                $($part::describe(about);)+
            }
        }
    )+};
}

tuples!((A, B), (A, B, C), (A, B, C, D), (A, B, C, D, E));

/// The query.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Refused;
    type Future = Ready<std::result::Result<Self, Refused>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = serde_urlencoded::from_str(http.query_string()).map(Self);
        let why = |error| Error::because(Code::InvalidParameter, format!("The query does not fit: {error}."));
        ready(parsed.map_err(|error| Refused(why(error))))
    }
}

impl<T: DeserializeOwned + IntoParams> Input for Query<T> {
    fn describe(about: &mut Inputs) {
        about.parameters.extend(T::into_params(|| Some(ParameterIn::Query)));
    }
}

/// An id in the path, found by its type. What is no id names nothing, so it is answered like an id that names nothing.
pub struct PathId<T>(pub T);

impl<T: Id> FromRequest for PathId<T> {
    type Error = Refused;
    type Future = Ready<std::result::Result<Self, Refused>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let segment = http.match_info().get(T::PARAMETER);
        let id = segment.and_then(|text| text.parse().ok());
        ready(id.map(Self).ok_or_else(|| Refused(Error::not_found())))
    }
}

impl<T: Id> Input for PathId<T> {
    fn describe(about: &mut Inputs) {
        let format = T::IS_UUID.then_some(SchemaFormat::KnownFormat(KnownFormat::Uuid));
        let id = ObjectBuilder::new().schema_type(Type::String).format(format);
        let parameter = ParameterBuilder::new()
            .name(T::PARAMETER)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(id.build()));
        about.parameters.push(parameter.build());
    }
}

/// The app that `X-Fabric-App-Id` names, for routes that manage apps: the way in has seen to it that it exists.
pub struct Named(pub Option<String>);

impl FromRequest for Named {
    type Error = Refused;
    type Future = Ready<std::result::Result<Self, Refused>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let value = http.headers().get(X_FABRIC_APP_ID).and_then(|value| value.to_str().ok());
        ready(Ok(Self(value.map(str::to_owned))))
    }
}

impl Input for Named {
    fn describe(about: &mut Inputs) {
        about.header(&X_FABRIC_APP_ID, "The app whose accounts are meant, by its client id.");
    }
}

/// The id of the last event that a listener has got.
pub struct LastEventId(pub Option<String>);

/// As browsers send it (WHATWG HTML, 9.2.4).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

impl FromRequest for LastEventId {
    type Error = Refused;
    type Future = Ready<std::result::Result<Self, Refused>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let value = http.headers().get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?"));
        ready(Ok(Self(value.filter(|id| !id.is_empty()).map(str::to_owned))))
    }
}

impl Input for LastEventId {
    fn describe(about: &mut Inputs) {
        about.header(&LAST_EVENT_ID, "The last event that was heard: what came after it is told first.");
    }
}

/// The cookies that the browser has sent.
pub struct Cookies(Vec<Cookie<'static>>);

impl Cookies {
    /// The value of the one of that name. Of two there is none: somebody else may have set the other.
    pub fn get(&self, name: &str) -> Option<String> {
        let mut found = self.0.iter().filter(|cookie| cookie.name() == name);
        let only = found.next().filter(|_| found.next().is_none())?;
        Some(only.value().to_owned())
    }
}

impl FromRequest for Cookies {
    type Error = Refused;
    type Future = Ready<std::result::Result<Self, Refused>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(http.cookies().map(|cookies| cookies.clone()).unwrap_or_default())))
    }
}

impl Input for Cookies {
    fn describe(_: &mut Inputs) {}
}

/// Lets the same caller in once more, later: for answers that go on for long.
pub struct Again(HttpRequest);

impl Again {
    /// Lets them in with what they showed.
    ///
    /// # Errors
    /// Those of the gate.
    pub async fn admit<G: Gate>(&self) -> Result<G> {
        G::admit(&self.0).await
    }
}

impl FromRequest for Again {
    type Error = Refused;
    type Future = Ready<std::result::Result<Self, Refused>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(http.clone())))
    }
}

impl Input for Again {
    fn describe(_: &mut Inputs) {}
}

/// A field that may be absent (leave it), null (clear it) or a value (set it): RFC 7396.
pub fn present<'de, T, D>(deserializer: D) -> std::result::Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}
