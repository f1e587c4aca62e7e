//! Who calls. A handler's first argument is its caller, and its type is what the route asks for: the route table reads
//! it from the signature, so the two cannot disagree, and a handler without one cannot be mounted.

mod voucher;

use std::{future::Future, net::IpAddr, str::FromStr};

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, AcceptLanguage, Header, HeaderName, Quality, USER_AGENT},
    web::Data,
};
use authz::{Acting, Action, Caller, SignedIn};
use kernel::{Client, Code, Error, Locale, Result, id::OrganizationId, secret::is_same};
use platform::{Door, Platform, Presented};

pub use self::voucher::{Vouching, basic};
use crate::{Options, answer::Context, request::Inputs};

/// Names the app that a request is for, by its client id.
pub const X_FABRIC_APP_ID: HeaderName = HeaderName::from_static("x-fabric-app-id");
/// Stands in every delivery, and in nothing that anybody sends to us.
const X_FABRIC_DELIVERY: HeaderName = HeaderName::from_static("x-fabric-delivery");
/// The development header.
const X_PRINCIPAL_ID: HeaderName = HeaderName::from_static("x-principal-id");

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: `Authorization` is not even looked at.
    Public,
    /// That it shows the scraper's token; in development without one, that it is on this machine.
    Scraper,
    /// That somebody calls.
    Authenticated,
    /// That a person calls with a token of their own sign-in.
    SignedIn,
    /// That a person calls with a token of their own sign-in, or shows a challenge.
    SignedInOrChallenged,
    /// That somebody calls, or shows what was mailed to them.
    Invited,
    /// That an app shows that it is the app, or a server of its owner's that it may speak for it.
    Vouching,
    /// That somebody calls with a credential that covers this action; whether they may, the use case decides.
    Action(&'static str),
}

/// The way in: a handler runs, and the request's body is read, only after `admit`.
pub trait Gate: Sized + 'static {
    /// What it asks of a caller.
    const ACCESS: Access;

    /// What it reads besides a credential.
    fn describe(_: &mut Inputs) {}

    /// Lets a caller in.
    fn admit(http: &HttpRequest) -> impl Future<Output = Result<Self>>;
}

/// Nobody in particular, who wants to know how the server is.
pub struct Passerby;

impl Gate for Passerby {
    const ACCESS: Access = Access::Public;

    async fn admit(_: &HttpRequest) -> Result<Self> {
        Ok(Self)
    }
}

/// Nobody in particular, at the door of one app or of the platform itself.
pub struct Anyone {
    pub door: Door,
    pub client: Client,
}

impl Gate for Anyone {
    const ACCESS: Access = Access::Public;

    fn describe(about: &mut Inputs) {
        about.header(&X_FABRIC_APP_ID, "The app, by its client id; none is the platform itself.");
    }

    async fn admit(http: &HttpRequest) -> Result<Self> {
        let door = platform(http)?.door(header(http, &X_FABRIC_APP_ID)?).await?;
        Ok(Self { door, client: client(http) })
    }
}

/// Whoever reads the metrics.
pub struct Scraper;

impl Gate for Scraper {
    const ACCESS: Access = Access::Scraper;

    async fn admit(http: &HttpRequest) -> Result<Self> {
        let options = http.app_data::<Data<Options>>();
        let token = options.and_then(|options| options.metrics_token.as_ref());
        let admitted = match token {
            None => platform(http)?.settings().development() && is_local(http),
            Some(token) => {
                let presented = header(http, &AUTHORIZATION)?.and_then(|value| value.strip_prefix("Bearer "));
                presented.is_some_and(|presented| is_same(token, presented))
            }
        };
        if admitted { Ok(Self) } else { Err(Error::new(Code::Unauthorized)) }
    }
}

/// Somebody who is invited: with a credential, or with nothing but what was mailed to them.
pub struct Invited(pub Option<Caller>);

impl Gate for Invited {
    const ACCESS: Access = Access::Invited;

    async fn admit(http: &HttpRequest) -> Result<Self> {
        if shows_credential(http) { authenticate(http).await.map(|caller| Self(Some(caller))) } else { Ok(Self(None)) }
    }
}

/// Somebody.
pub struct Authenticated(pub Caller);

impl Gate for Authenticated {
    const ACCESS: Access = Access::Authenticated;

    async fn admit(http: &HttpRequest) -> Result<Self> {
        authenticate(http).await.map(Self)
    }
}

impl Gate for SignedIn {
    const ACCESS: Access = Access::SignedIn;

    async fn admit(http: &HttpRequest) -> Result<Self> {
        Self::new(&authenticate(http).await?)
    }
}

/// A person with a token of their own sign-in; or somebody who has none yet, and shows the challenge of a sign-in in the
/// body.
pub enum Enrolling {
    /// With a token.
    SignedIn(SignedIn),
    /// With nothing but what the body says.
    Challenged { door: Door, client: Client },
}

impl Gate for Enrolling {
    const ACCESS: Access = Access::SignedInOrChallenged;

    fn describe(about: &mut Inputs) {
        about.header(&X_FABRIC_APP_ID, "The app of the challenge, by its client id; none is the platform itself.");
    }

    async fn admit(http: &HttpRequest) -> Result<Self> {
        if shows_credential(http) {
            return SignedIn::new(&authenticate(http).await?).map(Self::SignedIn);
        }
        let Anyone { door, client } = Anyone::admit(http).await?;
        Ok(Self::Challenged { door, client })
    }
}

impl<A: Action> Gate for Acting<A> {
    const ACCESS: Access = Access::Action(A::NAME);

    async fn admit(http: &HttpRequest) -> Result<Self> {
        Self::new(authenticate(http).await?)
    }
}

/// A delivery of ours is for somebody else: whoever makes an endpoint of this very server, with a credential among its
/// headers, would have each event cause the next one.
///
/// # Errors
/// `forbidden` for a request that says it is a delivery, whatever it shows besides.
pub fn refuse_own_deliveries(http: &HttpRequest) -> Result<()> {
    if http.headers().contains_key(X_FABRIC_DELIVERY) {
        return Err(Error::because(Code::Forbidden, "Fabric takes no deliveries of webhooks."));
    }
    Ok(())
}

/// Whether there is a header in which somebody might show who they are.
fn shows_credential(http: &HttpRequest) -> bool {
    [AUTHORIZATION, X_PRINCIPAL_ID].iter().any(|name| http.headers().contains_key(name))
}

async fn authenticate(http: &HttpRequest) -> Result<Caller> {
    let caller = identify(http).await?;
    known(http, &caller);
    Ok(caller)
}

/// Who calls.
async fn identify(http: &HttpRequest) -> Result<Caller> {
    let development_principal = header(http, &X_PRINCIPAL_ID)?;
    let presented = Presented {
        authorization: header(http, &AUTHORIZATION)?,
        development_principal,
        client_id: header(http, &X_FABRIC_APP_ID)?,
        local: development_principal.is_some() && is_local(http),
        ip: peer(http),
    };
    platform(http)?.authenticate(presented).await
}

/// Notes who calls, for the answer and for the ledger.
fn known(http: &HttpRequest, caller: &Caller) {
    let path = http.match_info().get("organization_id").and_then(|id| OrganizationId::from_str(id).ok());
    let organization_id = path.or_else(|| caller.key().map(|key| key.organization));
    let context = Context { principal_id: Some(caller.principal), organization_id, team_id: None };
    http.extensions_mut().insert(context);
    http.extensions_mut().insert(caller.via());
}

fn platform(http: &HttpRequest) -> Result<&Data<Platform>> {
    http.app_data().ok_or_else(|| Error::internal("no platform was mounted"))
}

/// `None` when the header is absent. One that is there twice, or is no text, is refused, never ignored: another party
/// might have read the other.
fn header<'a>(http: &'a HttpRequest, name: &HeaderName) -> Result<Option<&'a str>> {
    let mut values = http.headers().get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).ok().filter(|_| values.next().is_none());
    let refused = if *name == X_FABRIC_APP_ID { Code::UnknownApp } else { Code::Unauthorized };
    text.map(Some).ok_or_else(|| Error::new(refused))
}

/// Whether the peer is on this machine, for all we see: one that forwards for others says so. And whether it meant to
/// call this machine: a page from elsewhere says where it comes from, and one whose name was made to lead here has
/// another host in its requests.
fn is_local(http: &HttpRequest) -> bool {
    let forwards = |name: &str| {
        // `X-Real-IP`, `CF-Connecting-IP`, `Fly-Client-IP`, `X-Envoy-External-Address` and whatever comes next.
        name == "via" || name.contains("forwarded") || name.ends_with("-ip") || name.ends_with("-external-address")
    };
    let text = |name: &str| http.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let from_here =
        text("origin").is_none_or(|origin| origin.split_once("://").is_some_and(|(_, host)| names_this_machine(host)));
    http.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback())
        && !http.headers().keys().any(|name| forwards(name.as_str()))
        && from_here
        && text("sec-fetch-site") != Some("cross-site")
        && names_this_machine(http.connection_info().host())
        // A target that names its host counts more than the header (RFC 9112, 3.2.2).
        && http.uri().host().is_none_or(names_this_machine)
}

fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Where the request comes from, for all we see: behind a proxy that is not trusted, the proxy.
pub fn peer(http: &HttpRequest) -> Option<IpAddr> {
    let peer = http.peer_addr()?.ip();
    match http.app_data::<Data<Options>>() {
        Some(options) => Some(options.trusted_proxies.caller(http, peer)),
        None => Some(peer.to_canonical()),
    }
}

/// The device at the other end.
pub fn client(http: &HttpRequest) -> Client {
    let agent = http.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let user_agent = agent.map(|agent| agent.chars().take(256).collect());
    Client { ip: peer(http), user_agent, language: language(http) }
}

/// The first of the languages that are asked for that we write (RFC 9110, 12.5.4).
pub fn language(http: &HttpRequest) -> Option<Locale> {
    if !http.headers().contains_key(ACCEPT_LANGUAGE) {
        return None;
    }
    let mut wished = AcceptLanguage::parse(http).ok()?;
    wished.retain(|item| item.quality > Quality::ZERO);
    wished.ranked().iter().find_map(|tag| Locale::of_tag(&tag.to_string()))
}
