//! A receiver of deliveries that keeps counts, latencies and ids, and of some looks whether the signature is right.

use std::{
    collections::HashSet,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use hdrhistogram::Histogram;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::{Outcome, bench::load::microseconds};

/// One in so many signatures is verified: what that takes, the server under test does not have.
const SAMPLE: u64 = 50;
/// Where requests go to that are no deliveries: they are answered, and not counted.
pub const BARE: &str = "/bare";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// The receiver. It listens until the task ends.
pub struct Sink {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    /// What all endpoints are signed with.
    secret: Mutex<String>,
    counts: Mutex<Counts>,
}

/// What has arrived since the last [`Sink::take`].
pub struct Counts {
    /// How many deliveries.
    pub arrived: u64,
    /// When the last of them did.
    pub last: Option<Instant>,
    /// From the event's timestamp to the arrival, in microseconds.
    pub lags: Histogram<u64>,
    /// How many signatures were verified.
    pub verified: u64,
    /// What should not be: wrong signatures, deliveries that came twice, requests that make no sense.
    pub errors: u64,
    /// What the first of them was.
    pub first_error: Option<String>,
    ids: HashSet<String>,
}

impl Default for Counts {
    fn default() -> Self {
        // From a microsecond to an hour: what waited for long in a backlog is measured as well.
        let lags = Histogram::new_with_bounds(1, 3_600_000_000, 3);
        Self {
            arrived: 0,
            last: None,
            lags: lags.unwrap_or_else(|error| unreachable!("constant bounds: {error}")),
            verified: 0,
            errors: 0,
            first_error: None,
            ids: HashSet::new(),
        }
    }
}

impl Counts {
    fn complain(&mut self, what: impl Into<String>) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| what.into());
    }
}

impl Sink {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub fn start() -> Outcome<Self> {
        let explain = |error: io::Error| format!("the sink does not start: {error}");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(explain)?;
        let address = listener.local_addr().map_err(explain)?;
        let state = Arc::new(State { secret: Mutex::default(), counts: Mutex::default() });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&serving);
                // A broken connection is the sender's to notice.
                let serve = move || drop(serve(&state, stream));
                drop(thread::Builder::new().stack_size(256 * 1024).spawn(serve));
            }
        });
        Ok(Self { address, state })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What deliveries are signed with.
    pub fn set_secret(&self, secret: &str) {
        secret.clone_into(&mut self.state.secret.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes what was counted, and begins anew.
    pub fn take(&self) -> Counts {
        std::mem::take(&mut self.state.counts())
    }
}

impl State {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, request: &Request<'_>) {
        let (at, now) = (Instant::now(), Utc::now());
        let event: Option<Value> = serde_json::from_slice(request.body).ok();
        let created = event.as_ref().and_then(|event| DateTime::parse_from_rfc3339(event["timestamp"].as_str()?).ok());
        let mut counts = self.counts();
        counts.arrived += 1;
        counts.last = Some(at);
        match created.map(|created| now.signed_duration_since(created).to_std()) {
            // Clocks have a millisecond's play.
            Some(lag) => counts.lags.saturating_record(microseconds(lag.unwrap_or(Duration::from_micros(1)))),
            None => counts.complain("a delivery without a timestamp"),
        }
        if !counts.ids.insert(request.id.to_owned()) {
            counts.complain("a delivery that had arrived before");
        }
        if counts.arrived % SAMPLE != 1 {
            return;
        }
        drop(counts);
        let genuine = self.is_genuine(request);
        let mut counts = self.counts();
        counts.verified += 1;
        if !genuine {
            counts.complain("a wrong signature");
        }
    }

    fn is_genuine(&self, request: &Request<'_>) -> bool {
        let secret = self.secret.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
        let hex = request.signature.strip_prefix("sha256=").unwrap_or_default();
        let byte = |digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok();
        let given: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
        given.is_some_and(|given| mac.chain_update(request.body).verify_slice(&given).is_ok())
    }
}

/// What is looked at of a request.
struct Request<'a> {
    id: &'a str,
    signature: &'a str,
    body: &'a [u8],
}

fn serve(state: &State, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut received, mut chunk) = (Vec::with_capacity(4096), [0; 8192]);
    loop {
        let length = loop {
            if let Some(length) = read(state, &received)? {
                break length;
            }
            match stream.read(&mut chunk)? {
                0 => return Ok(()),
                some => received.extend_from_slice(&chunk[..some]),
            }
        };
        stream.write_all(ANSWER)?;
        received.drain(..length);
    }
}

/// Notes a request that is there as a whole; tells how long it is.
fn read(state: &State, received: &[u8]) -> io::Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(received).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let is_bare = request.path == Some(BARE);
    let value = |name: &str| {
        let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| str::from_utf8(header.value).ok()).unwrap_or_default()
    };
    let end = head + value("content-length").parse().unwrap_or(0);
    let Some(body) = received.get(head..end) else { return Ok(None) };
    if !is_bare {
        state.note(&Request { id: value("webhook-id"), signature: value("x-fabric-signature"), body });
    }
    Ok(Some(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::client::Connection;

    fn delivery(id: &str, signature: &str, at: &str) -> Vec<u8> {
        let body = format!(r#"{{"timestamp":"{at}"}}"#);
        format!(
            "POST /hook HTTP/1.1\r\nWebhook-Id: {id}\r\nX-Fabric-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    #[test]
    fn what_arrives_is_counted_and_what_is_wrong_is_noticed() {
        let sink = Sink::start().unwrap();
        sink.set_secret("whsec_x");
        let mut connection = Connection::open(sink.address()).unwrap();
        let at = (Utc::now() - Duration::from_millis(250)).to_rfc3339();
        for (id, status) in [("a", 200), ("b", 200), ("a", 200)] {
            assert_eq!(connection.send(&delivery(id, "sha256=00", &at)).unwrap().status, status);
        }
        let bare = format!("POST {BARE} HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
        assert!(connection.send(bare.as_bytes()).unwrap().is_success());
        let counts = sink.take();
        assert_eq!((counts.arrived, counts.verified, counts.errors), (3, 1, 2), "{:?}", counts.first_error);
        assert_eq!(counts.first_error.as_deref(), Some("a wrong signature"));
        assert!(counts.lags.value_at_quantile(0.5) >= 250_000);
        assert_eq!(sink.take().arrived, 0);
    }

    #[test]
    fn the_right_signature_is_known() {
        let state = State { secret: Mutex::new("key".to_owned()), counts: Mutex::default() };
        // The well-known example of HMAC-SHA256.
        let body = b"The quick brown fox jumps over the lazy dog";
        let signature = "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        assert!(state.is_genuine(&Request { id: "a", signature, body }));
        assert!(!state.is_genuine(&Request { id: "a", signature, body: b"The" }));
    }
}
