use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use identity::{SigningAlgorithm, signing_key::KeyPair};
use openssl::sha::sha256;
use outbound::Networks;
use platform::Environment;
use serde_json::{Value, json};
use testbed::sink::{Received, Reply, Sink};

use super::{Answer, App, Raw, World, header_of, sign_with};

/// Where people go in the end.
pub const BACK: &str = "https://shop.example/back";
/// What an app keeps, and what it makes of it.
pub const VERIFIER: &str = "a-verifier-of-an-app-which-is-long-enough-for-this";
/// The client secret that Fabric has at a stand-in.
pub const CLIENT_SECRET: &str = "client-secret-of-the-stand-in";

pub fn challenge() -> String {
    challenge_of(VERIFIER)
}

/// What S256 makes of a verifier (RFC 7636, 4.2).
pub fn challenge_of(verifier: &str) -> String {
    BASE64.encode(sha256(verifier.as_bytes()))
}

/// An issuer of OpenID Connect, which says what a story wants it to.
#[derive(Clone)]
pub struct Provider {
    pub sink: Arc<Sink>,
    pub pair: Arc<KeyPair>,
    says: Arc<Mutex<Says>>,
}

#[derive(Clone, Default)]
struct Says {
    id_token: String,
    keys: Value,
    /// What its documents say beside, or instead of, what they say.
    more: Value,
    user_info: Value,
}

impl Provider {
    pub fn new() -> Self {
        let pair = Arc::new(KeyPair::generate(SigningAlgorithm::Es256, 2048).unwrap());
        let keys = json!({ "keys": [pair.public().jwk()] });
        let says = Arc::new(Mutex::new(Says { keys, ..Says::default() }));
        let script = Arc::clone(&says);
        let sink = Arc::new(Sink::new(move |request| script.lock().unwrap().clone().answer(request)));
        Self { sink, pair, says }
    }

    pub fn issuer(&self) -> String {
        format!("http://{}", self.sink.address)
    }

    /// Its documents say this as well.
    pub fn declares(&self, more: Value) {
        self.says.lock().unwrap().more = more;
    }

    /// Its keys are these from now on.
    pub fn has_keys(&self, pairs: &[&KeyPair]) {
        let keys: Vec<_> = pairs.iter().map(|pair| pair.public().jwk()).collect();
        self.says.lock().unwrap().keys = json!({ "keys": keys });
    }

    pub fn informs(&self, user_info: Value) {
        self.says.lock().unwrap().user_info = user_info;
    }

    pub fn hands_out(&self, id_token: String) {
        self.says.lock().unwrap().id_token = id_token;
    }

    /// What it says of somebody whose flow this is; with changes, of which null takes away.
    pub fn claims(&self, trip: &Trip, changes: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims = json!({
            "iss": self.issuer(), "aud": "client", "sub": "alice-there", "nonce": trip.asked("nonce"), "iat": now,
            "exp": now + 300, "email": "alice@example.com", "email_verified": true, "name": "Alice",
        });
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        claims
    }

    /// What it is for Fabric.
    pub fn place(&self) -> apps::SocialProvider {
        let issuer = self.issuer();
        let place = apps::ProviderPlace { issuer: Some(&issuer), ..apps::ProviderPlace::default() };
        apps::SocialProvider::new(apps::ProviderKind::Oidc, place, "client", &[]).unwrap()
    }

    /// Identifies somebody, with changes.
    pub fn identifies(&self, trip: &Trip, changes: &Value) {
        let header = json!({ "alg": header_of(&self.pair)["alg"], "kid": header_of(&self.pair)["kid"] });
        self.hands_out(sign_with(&self.pair, &header, &self.claims(trip, changes)));
    }

    /// The requests to one of its addresses.
    pub fn asked(&self, path: &str) -> Vec<Received> {
        self.sink.received().into_iter().filter(|request| request.path == path).collect()
    }
}

impl Says {
    fn answer(self, request: &Received) -> Reply {
        let here = format!("http://{}", request.header("host").unwrap());
        let body = match request.path.as_str() {
            // Microsoft's have a tenant before it.
            path if path.ends_with("/.well-known/openid-configuration") => {
                let mut document = json!({
                    "issuer": here, "authorization_endpoint": format!("{here}/authorize"),
                    "token_endpoint": format!("{here}/token"), "jwks_uri": format!("{here}/keys"),
                    "response_types_supported": ["code"], "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
                });
                let more = self.more.as_object().cloned().unwrap_or_default();
                document.as_object_mut().unwrap().extend(more);
                document
            }
            "/keys" => self.keys,
            "/token" => json!({ "access_token": "token-there", "token_type": "Bearer", "id_token": self.id_token }),
            "/userinfo" => self.user_info,
            _ => return Reply::Status(404, String::new()),
        };
        Reply::With(200, vec!["content-type: application/json".to_owned()], body.to_string())
    }
}

/// Somebody's way to a provider.
#[derive(Clone, Debug)]
pub struct Trip {
    pub to: String,
    /// `name=value`
    pub cookie: String,
    /// Where they come back.
    pub callback: String,
}

impl Trip {
    /// What goes along.
    #[track_caller]
    pub fn asked(&self, name: &str) -> String {
        query_of(&self.to).remove(name).unwrap_or_else(|| panic!("no {name} in {}", self.to))
    }
}

/// What stands in the query of a URL.
pub fn query_of(url: &str) -> HashMap<String, String> {
    let (_, query) = url.split_once('?').unwrap_or_default();
    serde_urlencoded::from_str(query).unwrap()
}

impl Raw {
    /// Where somebody is sent.
    #[track_caller]
    pub fn leads_to(&self) -> String {
        assert_eq!(self.status, 303, "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("referrer-policy"), Some("no-referrer"));
        self.header("location").unwrap().to_owned()
    }

    /// What an app is told that went wrong.
    #[track_caller]
    pub fn told_app(&self) -> String {
        let to = self.leads_to();
        assert!(to.starts_with(BACK), "{to}");
        let mut query = query_of(&to);
        assert_eq!(query.remove("code"), None);
        query.remove("error").unwrap_or_else(|| panic!("no error in {to}"))
    }

    /// The code that an app is handed.
    #[track_caller]
    pub fn code(&self) -> String {
        let to = self.leads_to();
        assert!(to.starts_with(&format!("{BACK}?")), "{to}");
        let mut query = query_of(&to);
        assert_eq!(query.remove("state").as_deref(), Some("state-of-the-app"));
        query.remove("code").unwrap_or_else(|| panic!("no code in {to}"))
    }
}

impl World {
    /// The same in development, with who speaks with providers on this machine.
    pub async fn with_providers(&self) -> Self {
        let here = |plan: &mut super::Plan| {
            plan.settings.environment = Environment::Development;
            plan.settings.public_base_url = "http://localhost:3001".into();
            plan.providers = Some(Arc::new(oidc::Providers::new(Networks::loopback(), true).unwrap()));
        };
        self.restarted_with(here).await
    }

    /// An app that people come back to.
    pub async fn app_with_pages(&self, name: &str) -> App {
        let app = self.app(name).await;
        self.configure(&app, &json!({ "redirect_urls": [BACK, "https://shop.example/other"] })).await;
        app
    }

    pub async fn name_provider(&self, app: &App, name: &str, body: &Value) -> Answer {
        let path = format!("/v1/apps/{}/social-providers/{name}", app.id);
        self.call("PUT", &path).bearer(&app.api_key).json(body).send().await
    }

    /// Names a stand-in.
    pub async fn name_issuer(&self, app: &App, name: &str, provider: &Provider) -> Answer {
        let body = json!({
            "kind": "oidc", "issuer": provider.issuer(), "client_id": "client", "client_secret": CLIENT_SECRET,
        });
        let named = self.name_provider(app, name, &body).await;
        named.ok();
        named
    }

    /// The same server with these among the platform's own providers.
    pub async fn with_own_providers(&self, own: &[(&str, apps::SocialProvider)]) -> Self {
        let own = own.iter().cloned().map(|(name, provider)| {
            let (name, secret) = (name.to_owned(), CLIENT_SECRET.into());
            platform::OwnProvider { name, provider, secret }
        });
        let own = own.collect();
        let set = |plan: &mut super::Plan| {
            plan.settings.social_providers = own;
            plan.settings.callback_redirect_url = Some(kernel::WebUrl::parse(BACK).unwrap());
        };
        self.restarted_with(set).await
    }

    /// Takes an app's provider away.
    pub async fn remove_provider(&self, app: &App, name: &str) -> Answer {
        let path = format!("/v1/apps/{}/social-providers/{name}", app.id);
        self.delete(&path).bearer(&app.api_key).send().await
    }

    /// Sends somebody to a provider, with changes to what an app usually says, of which an empty one takes away.
    pub async fn send_to(&self, app: Option<&App>, provider: &str, changes: &[(&str, &str)]) -> Raw {
        let challenge = challenge();
        let client_id = app.map_or("", |app| app.client_id.as_str());
        let mut asked = vec![
            ("client_id", client_id),
            ("redirect_uri", BACK),
            ("state", "state-of-the-app"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in changes {
            asked.retain(|(known, _)| known != name);
            asked.push((name, value));
        }
        asked.retain(|(_, value)| !value.is_empty());
        let query = serde_urlencoded::to_string(asked).unwrap();
        self.get(&format!("/v1/auth/social/{provider}?{query}")).raw().await
    }

    /// Somebody who is at a provider.
    pub async fn away(&self, app: Option<&App>, provider: &str) -> Trip {
        let sent = self.send_to(app, provider, &[]).await;
        let to = sent.leads_to();
        let cookie = sent.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {sent:?}"));
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let callback = query_of(&to).remove("redirect_uri").unwrap();
        let callback = callback.strip_prefix(&self.plan.settings.public_base_url).unwrap().to_owned();
        Trip { to, cookie, callback }
    }

    /// Somebody who comes back, with these in the query.
    pub async fn come_back_with(&self, trip: &Trip, query: &[(&str, &str)]) -> Raw {
        let query = serde_urlencoded::to_string(query).unwrap();
        self.get(&format!("{}?{query}", trip.callback)).header("cookie", &trip.cookie).raw().await
    }

    /// Somebody who comes back.
    pub async fn come_back(&self, trip: &Trip) -> Raw {
        self.come_back_with(trip, &[("code", "code-there"), ("state", &trip.asked("state"))]).await
    }

    /// Shows the code that an app was handed.
    pub async fn redeem(&self, app: Option<&App>, code: &str) -> Answer {
        self.redeem_with(app, code, VERIFIER, BACK).await
    }

    pub async fn redeem_with(&self, app: Option<&App>, code: &str, verifier: &str, redirect_uri: &str) -> Answer {
        let body = json!({ "code": code, "code_verifier": verifier, "redirect_uri": redirect_uri });
        self.at_door(app, "/v1/auth/social/token", &body).send().await
    }

    /// The whole way of somebody of whom a provider says this.
    pub async fn sign_in_at(&self, app: &App, provider: &Provider, changes: &Value) -> Answer {
        let trip = self.away(Some(app), "acme").await;
        provider.identifies(&trip, changes);
        let code = self.come_back(&trip).await.code();
        self.redeem(Some(app), &code).await
    }
}
