use std::net::SocketAddr;

use actix_web::{body::BoxBody, dev::ServiceResponse, http::Method, test::TestRequest};
use serde::Serialize;
use serde_json::Value;

use super::{Answer, Person, Raw, World};

/// A request on its way.
#[must_use = "a call is made by sending it"]
pub struct Call<'a> {
    world: &'a World,
    request: TestRequest,
    at: String,
}

impl<'a> Call<'a> {
    pub fn new(world: &'a World, method: &str, path: &str) -> Self {
        let method: Method = method.parse().unwrap();
        let request = TestRequest::with_uri(path).method(method.clone());
        // Every SDK sends it, with a body and without.
        let request = request.insert_header(("content-type", "application/json"));
        Self { world, request, at: format!("{method} {path}") }
    }

    fn with(self, change: impl FnOnce(TestRequest) -> TestRequest) -> Self {
        Self { request: change(self.request), ..self }
    }

    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        self.header("authorization", format!("Bearer {}", token.as_ref()))
    }

    pub fn by(self, person: &Person) -> Self {
        self.bearer(&person.token)
    }

    /// At the door of the app with this client id.
    pub fn app(self, client_id: impl AsRef<str>) -> Self {
        self.header("x-fabric-app-id", client_id.as_ref())
    }

    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = actix_web::http::header::HeaderValue::from_bytes(value.as_ref()).unwrap();
        self.with(|request| request.insert_header((name, value)))
    }

    /// The same header once more.
    pub fn another(self, name: &str, value: impl AsRef<str>) -> Self {
        self.with(|request| request.append_header((name, value.as_ref())))
    }

    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        let body: Vec<u8> = body.into();
        self.with(|request| request.set_payload(body))
    }

    pub fn form(self, fields: impl Serialize) -> Self {
        let body = serde_urlencoded::to_string(fields).unwrap();
        self.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// The machine at the other end.
    pub fn from(self, peer: &str) -> Self {
        let peer: SocketAddr = peer.parse().unwrap();
        self.with(|request| request.peer_addr(peer))
    }

    /// Sends it for an answer in the envelope.
    pub async fn send(self) -> Answer {
        let raw = self.raw().await;
        assert_ne!(raw.status, 500, "{raw:?}");
        Answer::open(raw)
    }

    /// Sends it, and waits for the beginning of the answer alone.
    pub async fn begin(self) -> ServiceResponse<BoxBody> {
        self.world.begin(self.request).await
    }

    /// Sends it for an answer in the envelope, for a file, or for a stream.
    pub async fn any(self) -> Answer {
        let raw = self.raw().await;
        let streams = raw.header("content-type") == Some("text/event-stream");
        if streams || raw.header("content-disposition").is_some() { Answer::file(raw) } else { Answer::open(raw) }
    }

    /// Sends it for whatever comes.
    pub async fn raw(self) -> Raw {
        self.world.answer(self.request, self.at).await
    }
}
