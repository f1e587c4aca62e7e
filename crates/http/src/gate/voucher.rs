//! How an app shows that it is the app, where it vouches for who its users are elsewhere: whoever could say so without
//! proof could be any of them.

use actix_web::{
    HttpRequest,
    http::header::{AUTHORIZATION, HeaderName},
};
use authz::{Acting, Caller, Credential};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use kernel::{Client, Code, Error, Result, Secret};
use platform::{AppHint, ClientCredentials, Voucher};

use super::{Access, Gate, X_FABRIC_APP_ID, client, header, identify, is_local, known, platform};
use crate::request::Inputs;

/// The secret of the app that `X-Fabric-App-Id` names.
const X_FABRIC_APP_SECRET: HeaderName = HeaderName::from_static("x-fabric-app-secret");

/// An app that vouches for one of its users.
pub struct Vouching {
    pub voucher: Voucher,
    pub client: Client,
}

impl Gate for Vouching {
    const ACCESS: Access = Access::Vouching;

    fn describe(about: &mut Inputs) {
        about.header(&X_FABRIC_APP_ID, "The app, by its client id.");
        about.header(&X_FABRIC_APP_SECRET, "Its client secret, where it is not shown by HTTP Basic.");
    }

    async fn admit(http: &HttpRequest) -> Result<Self> {
        let (platform, client) = (platform(http)?, client(http));
        let named = header(http, &X_FABRIC_APP_ID)?;
        let shown = match shown(http, named)? {
            Some(credentials) => platform.app_itself(credentials).await,
            None => identify(http).await.and_then(program),
        };
        let voucher = match shown {
            Ok(caller) => {
                let hint = named.map(AppHint::parse).transpose()?;
                known(http, &caller);
                Voucher::App(Acting::new(caller)?, hint)
            }
            // Clients send the token of whoever was signed in before; it is no worse than none.
            Err(_) if platform.settings().shortcuts() && is_local(http) && !shows_a_secret(http) => {
                Voucher::Development(platform.door(named).await?)
            }
            Err(error) => return Err(error),
        };
        Ok(Self { voucher, client })
    }
}

/// The client credentials that a request shows, once.
fn shown(http: &HttpRequest, named: Option<&str>) -> Result<Option<ClientCredentials>> {
    let by_basic = header(http, &AUTHORIZATION)?.and_then(basic);
    let by_header = header(http, &X_FABRIC_APP_SECRET)?;
    match (by_basic, by_header, named) {
        (None, None, _) => Ok(None),
        (Some(basic), None, named) if named.is_none_or(|named| named == basic.client_id) => Ok(Some(basic)),
        (None, Some(secret), Some(named)) => {
            Ok(Some(ClientCredentials { client_id: named.to_owned(), client_secret: secret.to_owned().into() }))
        }
        _ => Err(Error::new(Code::InvalidClient)),
    }
}

fn shows_a_secret(http: &HttpRequest) -> bool {
    let basic = http.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(basic);
    basic.is_some() || http.headers().contains_key(X_FABRIC_APP_SECRET)
}

/// # Errors
/// `forbidden` for people: an administrator manages an app's users, and does not become them.
fn program(caller: Caller) -> Result<Caller> {
    match caller.credential {
        Credential::App | Credential::ApiKey(_) | Credential::Client(_) => Ok(caller),
        _ => Err(Error::because(Code::Forbidden, "An app vouches for its users, or a key of its owner's.")),
    }
}

/// Client credentials in an `Authorization: Basic` header (RFC 7617). `None` for anything else.
pub fn basic(value: &str) -> Option<ClientCredentials> {
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = BASE64.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(decoded).ok()?;
    let (client_id, client_secret) = text.split_once(':')?;
    Some(ClientCredentials { client_id: client_id.to_owned(), client_secret: Secret::from(client_secret.to_owned()) })
}
