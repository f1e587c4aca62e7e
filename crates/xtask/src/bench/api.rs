//! Fabric's API, as far as the load needs it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{
    Outcome,
    bench::{
        authenticator::{Authenticator, DOMAIN, ORIGIN},
        client::Connection,
        server::App,
    },
};

/// What every account of the load signs in with.
const PASSWORD: &str = "A password for 1 benchmark!";

/// Writes requests, and sends the few that prepare the load.
#[derive(Clone, Copy)]
pub struct Api {
    address: SocketAddr,
}

/// Someone who has signed up.
pub struct Account {
    /// Their address.
    pub email: String,
    /// Their principal.
    pub user: String,
    /// An access token.
    pub access_token: String,
    /// Their own organization.
    pub organization: String,
}

impl Api {
    /// The API of the server there.
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// A GET, with headers that each end in CR LF.
    pub fn get(self, path: &str, headers: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.address).into_bytes()
    }

    /// A POST of a JSON document.
    pub fn post(self, path: &str, headers: &str, body: &Value) -> Vec<u8> {
        self.with_body("POST", path, headers, body)
    }

    fn with_body(self, method: &str, path: &str, headers: &str, body: &Value) -> Vec<u8> {
        let (host, body) = (self.address, body.to_string());
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             {headers}\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// `GET /v1/me` with an access token or an API key.
    pub fn me(self, bearer: &str) -> Vec<u8> {
        self.get("/v1/me", &authorization(bearer))
    }

    /// Whether the bearer may change the organization.
    pub fn check(self, bearer: &str, organization: &str) -> Vec<u8> {
        self.post("/v1/authz/check", &authorization(bearer), &question(organization))
    }

    /// The same, so many times at once.
    pub fn check_batch(self, bearer: &str, organization: &str, count: usize) -> Vec<u8> {
        let checks = vec![question(organization); count];
        self.post("/v1/authz/check-batch", &authorization(bearer), &json!({ "checks": checks }))
    }

    /// So many of those who belong to the organization.
    pub fn members(self, bearer: &str, organization: &str, limit: usize) -> Vec<u8> {
        self.get(&format!("/v1/organizations/{organization}/members?limit={limit}"), &authorization(bearer))
    }

    /// Where the bearer belongs.
    pub fn own_organizations(self, bearer: &str) -> Vec<u8> {
        self.get("/v1/me/organizations", &authorization(bearer))
    }

    /// A new account in the app.
    pub fn sign_up(self, app: &App, email: &str) -> Vec<u8> {
        self.post("/v1/auth/signup", &of(app), &json!({ "email": email, "password": PASSWORD }))
    }

    /// A new session of an account of the app.
    pub fn sign_in(self, app: &App, email: &str) -> Vec<u8> {
        self.post("/v1/auth/login", &of(app), &json!({ "email": email, "password": PASSWORD }))
    }

    /// A sign-in with a password that nobody has.
    pub fn wrong_sign_in(self, app: &App, email: &str) -> Vec<u8> {
        let shown = json!({ "email": email, "password": "Another password for 1 benchmark!" });
        self.post("/v1/auth/login", &of(app), &shown)
    }

    /// Makes an account without a password.
    pub fn new_user(self, app: &App, email: &str) -> Vec<u8> {
        self.post("/v1/admin/users", &authorization(&app.api_key), &json!({ "email": email }))
    }

    /// A refresh token for the next pair of tokens.
    pub fn refresh(self, refresh_token: &str) -> Vec<u8> {
        self.post("/v1/auth/token/refresh", "", &json!({ "refresh_token": refresh_token }))
    }

    /// The app's credentials for a token of one of its users.
    pub fn exchange(self, app: &App, user: &str) -> Vec<u8> {
        let body = json!({
            "grant_type": "token_exchange",
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "subject_token": user,
            "subject_token_type": "urn:fabric:user_id",
        });
        self.post("/v1/oauth/token", "", &body)
    }

    /// The app's credentials for a token of its own.
    pub fn client_credentials(self, app: &App) -> Vec<u8> {
        let body = json!({
            "grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret,
        });
        self.post("/v1/oauth/token", "", &body)
    }

    /// The keys that verify access tokens.
    pub fn key_set(self) -> Vec<u8> {
        self.get("/.well-known/jwks.json", "")
    }

    /// Signs someone up, now.
    pub fn new_account(self, app: &App, email: String) -> Outcome<Account> {
        let said = self.call(&self.sign_up(app, &email))?;
        let access_token = text(&said, "/data/access_token")?;
        let own = self.call(&self.own_organizations(&access_token))?;
        let (user, organization) = (text(&said, "/data/user/id")?, text(&own, "/data/0/id")?);
        Ok(Account { email, user, access_token, organization })
    }

    /// Makes everybody a member of the first one's organization, now.
    pub fn gather(self, app: &App, accounts: &[Account]) -> Outcome {
        let Some((host, guests)) = accounts.split_first() else { return Ok(()) };
        let host_headers = authorization(&host.access_token);
        let path = format!("/v1/organizations/{}", host.organization);
        let settings = json!({ "max_invitations_per_hour": guests.len() });
        let settings = self.with_body("PATCH", &format!("{path}/settings"), &host_headers, &settings);
        self.call(&settings)?;
        for guest in guests {
            // Who has proven their address needs no link.
            let verify = format!("/v1/admin/users/{}/verify", guest.user);
            self.call(&self.post(&verify, &authorization(&app.api_key), &json!({})))?;
            let body = json!({ "email": guest.email, "role": "member" });
            let invited = self.call(&self.post(&format!("{path}/invitations"), &host_headers, &body))?;
            let accept = format!("/v1/invitations/{}/accept", text(&invited, "/data/id")?);
            self.call(&self.post(&accept, &authorization(&guest.access_token), &json!({})))?;
        }
        Ok(())
    }

    /// Makes a team in the owner's organization, now; hands back its id.
    pub fn new_team(self, app: &App, name: &str) -> Outcome<String> {
        let path = format!("/v1/organizations/{}/teams", app.organization);
        let said = self.call(&self.post(&path, &authorization(&app.api_key), &json!({ "name": name })))?;
        text(&said, "/data/id")
    }

    /// Another name for a team.
    pub fn rename_team(self, app: &App, team: &str, name: &str) -> Vec<u8> {
        self.with_body("PATCH", &format!("/v1/teams/{team}"), &authorization(&app.api_key), &json!({ "name": name }))
    }

    /// Makes an endpoint of the owner's organization, now; hands back its id, and what it is signed with.
    pub fn new_webhook(self, app: &App, url: &str, event: &str) -> Outcome<(String, String)> {
        let path = format!("/v1/organizations/{}/webhooks", app.organization);
        let body = json!({ "url": url, "event_filter": [event] });
        let said = self.call(&self.post(&path, &authorization(&app.api_key), &body))?;
        Ok((text(&said, "/data/id")?, text(&said, "/data/secret")?))
    }

    /// Pauses or resumes an endpoint.
    pub fn switch_webhook(self, app: &App, id: &str, what: &str) -> Vec<u8> {
        self.post(&format!("/v1/webhooks/{id}/{what}"), &authorization(&app.api_key), &json!({}))
    }

    /// Signs someone in, now, for the first link of a chain of refresh tokens.
    pub fn new_refresh_token(self, app: &App, account: &Account) -> Outcome<String> {
        let said = self.call(&self.sign_in(app, &account.email))?;
        text(&said, "/data/refresh_token")
    }

    /// Lets the app's users sign in with passkeys, now.
    pub fn allow_passkeys(self, app: &App) -> Outcome {
        let bearer = authorization(&app.api_key);
        let id = text(&self.call(&self.get("/v1/apps", &bearer))?, "/data/0/id")?;
        let body = json!({ "passkeys": { "enabled": true, "rp_id": DOMAIN, "origins": [ORIGIN] } });
        self.call(&self.with_body("PATCH", &format!("/v1/apps/{id}"), &bearer, &body)).map(drop)
    }

    /// Adds a passkey to an account, now.
    pub fn new_passkey(self, account: &Account, number: usize) -> Outcome<Authenticator> {
        let bearer = authorization(&account.access_token);
        let body = json!({ "password": PASSWORD });
        let challenge = self.call(&self.post("/v1/me/passkeys/challenge", &bearer, &body))?;
        let (passkey, made) = Authenticator::new(number, &challenge)?;
        self.call(&self.post("/v1/me/passkeys", &bearer, &made)).map(|_| passkey)
    }

    /// A challenge for whichever passkey.
    pub fn passkey_challenge(self, app: &App) -> Vec<u8> {
        self.post("/v1/auth/passkey/challenge", &of(app), &json!({}))
    }

    /// What a passkey says to a challenge.
    pub fn passkey(self, app: &App, answer: &Value) -> Vec<u8> {
        self.post("/v1/auth/passkey", &of(app), answer)
    }

    /// A link to sign in with, by mail.
    pub fn ask_for_link(self, app: &App, email: &str) -> Vec<u8> {
        self.post("/v1/auth/magic-link", &of(app), &json!({ "email": email }))
    }

    /// A session for the token of such a link.
    pub fn use_link(self, app: &App, token: &str) -> Vec<u8> {
        self.post("/v1/auth/magic-link/verify", &of(app), &json!({ "token": token }))
    }

    /// A seed for the bearer's authenticator app.
    pub fn enroll_totp(self, bearer: &str) -> Vec<u8> {
        self.post("/v1/auth/totp/enroll", &authorization(bearer), &json!({}))
    }

    /// What the app shows.
    pub fn verify_totp(self, bearer: &str, code: &str) -> Vec<u8> {
        self.post("/v1/auth/totp/verify", &authorization(bearer), &json!({ "code": code }))
    }

    /// Sends a request now, and gives the answer.
    pub fn call(self, request: &[u8]) -> Outcome<Value> {
        let mut connection = Connection::open(self.address).map_err(|error| error.to_string())?;
        let response = connection.send(request).map_err(|error| error.to_string())?;
        let body = String::from_utf8_lossy(response.body);
        if !response.is_success() {
            return Err(format!("the server answers {}: {body}", response.status));
        }
        serde_json::from_str(&body).map_err(|error| format!("{body}: {error}"))
    }
}

fn authorization(bearer: &str) -> String {
    format!("Authorization: Bearer {bearer}\r\n")
}

fn question(organization: &str) -> Value {
    json!({ "action": "organization.update", "organization_id": organization })
}

fn of(app: &App) -> String {
    format!("X-Fabric-App-Id: {}\r\n", app.client_id)
}

/// The text at a place of a JSON document.
pub fn text(document: &Value, place: &str) -> Outcome<String> {
    document
        .pointer(place)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| format!("the answer has no {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api() -> Api {
        Api::new(SocketAddr::from(([127, 0, 0, 1], 80)))
    }

    #[test]
    fn requests_are_whole() {
        let me = String::from_utf8(api().me("fab_x")).unwrap();
        assert_eq!(me, "GET /v1/me HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAuthorization: Bearer fab_x\r\n\r\n");
        let refresh = String::from_utf8(api().refresh("r")).unwrap();
        let (head, body) = refresh.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, r#"{"refresh_token":"r"}"#);
        assert!(head.ends_with("Content-Length: 21"), "{head}");
    }

    #[test]
    fn text_is_found_by_its_place_or_missed_by_name() {
        let answer = json!({ "data": { "user": { "id": "u" } } });
        assert_eq!(text(&answer, "/data/user/id").unwrap(), "u");
        assert_eq!(text(&answer, "/data/access_token").unwrap_err(), "the answer has no /data/access_token");
    }
}
