//! Goes there.

use std::{error::Error, iter, net::IpAddr, sync::Arc, time::Duration};

use kernel::{Code, Result};
use platform::courier::{Carrying, Courier, Parcel, Receipt, Undelivered};
use reqwest::{
    Response,
    header::{
        CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, TE,
        TRANSFER_ENCODING,
    },
    redirect::Policy,
};
use url::{Host, Url};

use crate::{
    Guard, Networks,
    resolver::{Forbidden, Names, Resolver, SystemNames},
};

/// How long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From looking the name up to the last byte of the answer that is read.
    pub whole: Duration,
    /// Until there is a connection, TLS included.
    pub connect: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { whole: Duration::from_secs(10), connect: Duration::from_secs(5) }
    }
}

/// A question, whose answer matters. Its headers and its body may carry secrets, so that `Debug` prints none of them.
pub struct Enquiry {
    /// Whether it is a `POST`; else a `GET`.
    pub post: bool,
    /// Where to.
    pub url: String,
    /// Of two with the same name the later one counts.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Enquiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enquiry").field("url", &self.url).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// An answer, as a whole.
pub struct Told {
    /// The HTTP status.
    pub status: u16,
    /// What the body is, where that is said.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// The door. It follows no redirects, asks no proxy, unpacks nothing, and speaks HTTP/1.1 alone.
pub struct Client {
    encrypted: Door,
    /// What is sent there can be read on the way.
    plain: Door,
    limits: Limits,
}

struct Door {
    client: reqwest::Client,
    guard: Guard,
    /// What who wants to go elsewhere is told.
    refusal: &'static str,
}

impl Client {
    /// Reaches what is public, and the networks that are allowed besides. Without TLS only the latter, unless the open is
    /// no worse a place (`plain`): then everything.
    ///
    /// # Errors
    /// `invalid_setting` when TLS does not start, or the name servers of this machine are not known.
    pub fn new(allowed: Networks, plain: bool, limits: Limits) -> Result<Self> {
        Self::asking(&(Arc::new(SystemNames::new()?) as Arc<dyn Names>), allowed, plain, limits)
    }

    /// The same, and somebody else is asked what names stand for.
    ///
    /// # Errors
    /// `invalid_setting` when TLS does not start.
    pub fn asking(names: &Arc<dyn Names>, allowed: Networks, plain: bool, limits: Limits) -> Result<Self> {
        const NOT_PUBLIC: &str = "this address is not on the public Internet";
        let door = |guard, refusal| Door::new(Resolver { names: Arc::clone(names), guard }, limits, refusal);
        let encrypted = door(Guard::public_and(allowed.clone()), NOT_PUBLIC)?;
        let plain = if plain {
            door(Guard::public_and(allowed), NOT_PUBLIC)?
        } else {
            door(Guard::only(allowed), "this address is reached by https only")?
        };
        Ok(Self { encrypted, plain, limits })
    }

    /// Asks, and takes an answer that is whole and no longer than this, in bytes.
    ///
    /// # Errors
    /// Why there is none, in words for whoever chose the address.
    pub async fn ask(&self, enquiry: Enquiry, longest: usize) -> std::result::Result<Told, Undelivered> {
        let (door, url) = self.door(&enquiry.url)?;
        let request = if enquiry.post { door.client.post(url).body(enquiry.body) } else { door.client.get(url) };
        let request = request.headers(headers(&enquiry.headers));
        let mut answer = request.send().await.map_err(|error| self.told(error, door))?;
        let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.told(error, door))? {
            if body.len() + chunk.len() > longest {
                return Err(undelivered("the answer is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Told { status: answer.status().as_u16(), content_type, body })
    }

    /// The way to a URL, if there may be one.
    fn door(&self, url: &str) -> std::result::Result<(&Door, Url), Undelivered> {
        let url = Url::parse(url).map_err(|_| undelivered("this is no URL"))?;
        let door = match url.scheme() {
            "https" => &self.encrypted,
            "http" => &self.plain,
            _ => return Err(undelivered("only http and https are spoken here")),
        };
        // No resolver is asked about what is an address already, in whatever way it is written.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(undelivered("this URL has no host")),
        };
        if literal.is_some_and(|address| !door.guard.admits(address)) {
            return Err(undelivered(door.refusal));
        }
        Ok((door, url))
    }

    async fn deliver(&self, parcel: Parcel, keep: usize) -> std::result::Result<Receipt, Undelivered> {
        let (door, url) = self.door(&parcel.url)?;
        let request = door.client.post(url).headers(headers(&parcel.headers)).body(parcel.body.to_vec());
        let mut answer = request.send().await.map_err(|error| self.told(error, door))?;
        let (status, retry_after) = (answer.status().as_u16(), answer.headers().get(RETRY_AFTER));
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Receipt { status, retry_after, answer: beginning(&mut answer, keep).await })
    }

    /// In words for whoever owns the address, and without anything about this side.
    fn told(&self, error: reqwest::Error, door: &Door) -> Undelivered {
        // What is asked for may stand in it, and this is written to logs.
        let error = error.without_url();
        if chain(&error).any(<dyn Error>::is::<Forbidden>) {
            return undelivered(door.refusal);
        }
        if error.is_timeout() {
            return if error.is_connect() {
                undelivered("no connection in time")
            } else {
                undelivered(format!("no answer within {} seconds", self.limits.whole.as_secs()))
            };
        }
        let cause = chain(&error).last().map(ToString::to_string).unwrap_or_default();
        let what = if error.is_connect() { "no connection" } else { "no answer" };
        undelivered(format!("{what}: {cause}"))
    }
}

impl Courier for Client {
    fn carry(&self, parcel: Parcel, keep: usize) -> Carrying<'_> {
        Box::pin(self.deliver(parcel, keep))
    }
}

impl Door {
    fn new(resolver: Resolver, limits: Limits, refusal: &'static str) -> Result<Self> {
        let guard = resolver.guard.clone();
        // reqwest takes the process's provider and has none of its own. It does not matter who installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .dns_resolver(resolver)
            .timeout(limits.whole)
            .connect_timeout(limits.connect)
            // As many as one endpoint gets at once, twice: connections are dearer than requests.
            .pool_max_idle_per_host(128)
            .pool_idle_timeout(Duration::from_secs(20))
            .build();
        let client = client.map_err(|error| {
            let why = "TLS does not start: install ca-certificates, or set SSL_CERT_FILE.";
            kernel::Error::because(Code::InvalidSetting, why).caused_by(error)
        })?;
        Ok(Self { client, guard, refusal })
    }
}

/// What is no header is left out, and so is what says where a request ends and whose it is.
fn headers(given: &[(String, String)]) -> HeaderMap {
    const FRAMING: [HeaderName; 5] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, TE];

    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let (name, value) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
        if let (Ok(name), Ok(mut value)) = (name, value)
            && !FRAMING.contains(&name)
        {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers
}

/// So much of the body as is kept, if it comes in time. What is left of it is never read: the connection goes with it.
async fn beginning(answer: &mut Response, keep: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    while kept.len() < keep
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        kept.extend_from_slice(&chunk[..chunk.len().min(keep - kept.len())]);
    }
    kept
}

fn undelivered(why: impl Into<String>) -> Undelivered {
    Undelivered(why.into())
}

/// An error with all that lies behind it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}
