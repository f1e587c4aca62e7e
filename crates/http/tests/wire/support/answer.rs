use actix_web::http::header::HeaderMap;
use kernel::Code;
use serde_json::{Map, Value, json};

/// An answer that is no envelope.
#[derive(Debug)]
pub struct Raw {
    pub at: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Raw {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// An answer whose envelope was checked.
#[derive(Debug)]
pub struct Answer {
    pub at: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// Reads the envelope, and makes sure that it is one.
    pub fn open(raw: Raw) -> Self {
        let Raw { at, status, headers, text } = raw;
        let media = headers.get("content-type").map(|value| value.to_str().unwrap());
        assert_eq!(media, Some("application/json"), "{at}: {status} {text}");
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{at}: {error}: {text}"));
        let answer = Self { at, status, headers, body };
        answer.check_meta();
        if answer.is_success() {
            answer.check_success();
        } else {
            answer.check_failure();
        }
        answer
    }

    /// A file, as if it were all that an envelope has in it.
    pub fn file(raw: Raw) -> Self {
        let Raw { at, status, headers, text } = raw;
        Self { at, status, headers, body: json!({ "data": text }) }
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What a call that went well hands back.
    #[track_caller]
    pub fn ok(&self) -> &Value {
        assert!(self.is_success(), "{self:?}");
        &self.body["data"]
    }

    /// A field of that, which is text.
    #[track_caller]
    pub fn text(&self, field: &str) -> String {
        let value = &self.ok()[field];
        value.as_str().unwrap_or_else(|| panic!("{}: no text {field} in {}", self.at, self.body)).to_owned()
    }

    /// The error's code; empty when there is none.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// Makes sure that the call was refused like this.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.code()), (status, code), "{self:?}");
        self
    }

    /// Status and body but for `meta`, which differs in every answer.
    pub fn told(&self) -> (u16, Value) {
        let mut body = self.body.clone();
        body.as_object_mut().unwrap().remove("meta");
        (self.status, body)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The seconds of `Retry-After`.
    #[track_caller]
    pub fn retry_after(&self) -> u64 {
        let header = self.header("retry-after").unwrap_or_else(|| panic!("no Retry-After: {self:?}"));
        header.parse().unwrap()
    }

    fn object(&self, value: &Value) -> Map<String, Value> {
        value.as_object().unwrap_or_else(|| panic!("{}: no object: {}", self.at, self.body)).clone()
    }

    fn check_meta(&self) {
        let meta = self.object(&self.body["meta"]);
        let text = |name: &str| meta[name].as_str().filter(|text| !text.is_empty()).unwrap();
        assert_eq!(self.header("x-request-id"), Some(text("request_id")), "{}", self.at);
        assert!(!text("trace_id").is_empty() && !text("version").is_empty(), "{}", self.at);
        assert!(text("timestamp").ends_with('Z') && text("timestamp").contains('T'), "{}", self.at);
        assert_eq!(meta["status"], self.status, "{}", self.at);
    }

    fn check_success(&self) {
        let known = ["meta", "context", "data", "links"];
        for name in self.object(&self.body).keys() {
            assert!(known.contains(&name.as_str()), "{}: {name} in {}", self.at, self.body);
        }
        assert!(self.body.get("data").is_some(), "{}: {}", self.at, self.body);
        let context = self.object(&self.body["context"]);
        let complete = ["principal_id", "organization_id", "team_id"].iter().all(|name| context.contains_key(*name));
        assert!(complete && context.len() == 3, "{}: {}", self.at, self.body);
    }

    /// Nothing but what a client may know, in the one form there is.
    fn check_failure(&self) {
        let body = self.object(&self.body);
        assert!(body.len() == 3 && body["data"].is_null(), "{}: {}", self.at, self.body);
        for name in self.object(&body["error"]).keys() {
            assert!(["code", "message", "details"].contains(&name.as_str()), "{}: {}", self.at, self.body);
        }
        let known = Code::ALL.iter().any(|code| code.as_str() == self.code());
        assert!(known, "{}: an unknown code in {}", self.at, self.body);
        let message = body["error"]["message"].as_str().unwrap();
        assert!(!message.is_empty(), "{}", self.at);
        for inside in ["SELECT ", "INSERT ", "UPDATE ", "constraint", "diesel", "panicked", "/src/", ".rs:", "argon2"] {
            assert!(!message.contains(inside), "{} tells {inside:?}: {}", self.at, self.body);
        }
        let details = &body["error"]["details"]["retry_after"];
        assert_eq!(details.as_u64().map(|seconds| seconds.to_string()).as_deref(), self.header("retry-after"));
        assert_eq!(self.status == 401, self.header("www-authenticate") == Some("Bearer"), "{}", self.at);
    }
}
