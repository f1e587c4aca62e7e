//! Attack 53: what the log tells, even at its most talkative.

use std::fs;

use serde_json::{Value, json};
use testbed::sink::Sink;

use crate::support::{Client, Server, Site, client::text, new_email, secret, until};

on_both!(nothing_that_opens_a_door_is_in_the_log, production_does_not_log_links_either);

/// Every secret that the story has met.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn keep(&mut self, what: &str, value: &Value) -> String {
        let value = text(value);
        assert!(value.len() >= 8, "{what}");
        self.0.push((what.to_owned(), value.clone()));
        value
    }

    fn password(&mut self, number: u32) -> String {
        let password = format!("Hunter2-never-logged-{number}");
        self.keep("password", &json!(password))
    }

    /// A token is as secret in parts: whoever has its signature has it all.
    fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(what, value)| {
            let longest = value.split(['.', '_']).max_by_key(|part| part.len()).unwrap_or(value);
            let part = if longest.len() >= 16 { longest } else { value };
            let signature = value.rsplit('.').next().filter(|part| part.len() >= 16).unwrap_or(part);
            [(what.as_str(), part), (what.as_str(), signature)]
        })
    }
}

fn nothing_that_opens_a_door_is_in_the_log(site: &mut Site) {
    let mut secrets = Secrets::default();
    site.set("RUST_LOG", "trace");
    // Trust asks for no password, so that one can be added that the server has to carry along.
    let url = site.database_url.clone().unwrap();
    if url.contains("postgres@") {
        let password = secrets.password(0);
        site.set("DATABASE_URL", &url.replace("postgres@", &format!("postgres:{password}@")));
    }
    let developer = secrets.password(1);
    let arguments = ["setup", "--app-name", "App", "--email", "dev@myapp.com", "--password-stdin", "--json"];
    let done = site.run_with(&arguments, &developer);
    let set_up = done.json();
    assert_eq!(done.stderr, "");
    for field in ["api_key", "webhook_secret"] {
        secrets.keep(field, &set_up[field]);
    }
    secrets.keep("client secret", &set_up["app"]["client_secret"]);
    let kept = fs::read_to_string(site.file("development.env")).ok();
    let kept = kept.or_else(|| fs::read_to_string(site.file(".fabric/development.env")).ok()).unwrap();
    for line in kept.lines().filter_map(|line| line.split_once('=')) {
        secrets.keep(line.0, &json!(line.1));
    }

    let server = site.serve();
    live(&server, &set_up, &mut secrets);
    let log = {
        let path = server.log_path().to_owned();
        server.stop();
        fs::read_to_string(path).unwrap()
    };
    assert!(log.contains("TRACE") && log.contains("DEBUG"), "the log was talkative");
    let lines: Vec<_> = log.lines().filter(|line| !line.contains("mail: not sent")).collect();
    for (what, part) in secrets.parts() {
        for line in &lines {
            assert!(!line.contains(part), "{what} is in the log: {line}");
        }
    }
    for hash in ["$argon2", "argon2id"] {
        assert!(!log.contains(hash), "{hash} is in the log");
    }
}

/// Everything that hands out a secret or takes one.
fn live(server: &Server, set_up: &Value, secrets: &mut Secrets) {
    let client = server.client();
    let inside = client.app(&text(&set_up["app"]["client_id"]));
    let (email, mut number) = (new_email(), 1);
    let mut next = |secrets: &mut Secrets| {
        number += 1;
        secrets.password(number)
    };
    let mut keep = |secrets: &mut Secrets, answer: &Value| {
        for token in ["access_token", "refresh_token"] {
            if answer[token].is_string() {
                secrets.keep(token, &answer[token]);
            }
        }
    };
    let first = next(secrets);
    let user = inside.post("/v1/auth/signup", &json!({ "email": email, "password": first })).data();
    keep(secrets, &user);
    let refreshed = client.post("/v1/auth/token/refresh", &json!({ "refresh_token": user["refresh_token"] })).data();
    keep(secrets, &refreshed);
    let wrong = next(secrets);
    assert_eq!(inside.sign_in(&email, &wrong).status, 401);
    let second = next(secrets);
    let signed_in = client.bearer(&text(&refreshed["access_token"]));
    let change = json!({ "current_password": first, "new_password": second });
    signed_in.post("/v1/auth/change-password", &change).data();
    assert_eq!(signed_in.get("/v1/me").status, 401);
    keep(secrets, &inside.sign_in(&email, &second).data());

    inside.post("/v1/auth/forgot-password", &json!({ "email": email })).data();
    for path in ["/v1/auth/verify", "/v1/auth/reset-password"] {
        let token = server.mailed_token(&email, path);
        secrets.keep(path, &json!(token));
        assert_eq!(client.get(&format!("{path}?token={token}")).status, 200);
        let third = next(secrets);
        drop(client.post(path, &json!({ "token": token, "new_password": third })));
    }
    assert_eq!(client.get("/v1/auth/verify?token=0123456789abcdef0123").status, 400);
    deliveries(&client, set_up, secrets);
    apps(&client, set_up, &user, secrets, &mut keep);
}

/// What goes to an endpoint, and what it is signed with: a header and a URL with a secret, a token that the app is told.
fn deliveries(client: &Client, set_up: &Value, secrets: &mut Secrets) {
    let sink = Sink::content();
    let key = client.bearer(&text(&set_up["api_key"]));
    let header = secrets.keep("a header of an endpoint", &json!("receiver-hunter2-neverlogged"));
    let query = secrets.keep("the query of an endpoint", &json!("query-hunter2-neverlogged"));
    let path = format!("/v1/organizations/{}/webhooks", text(&set_up["organization"]["id"]));
    let body = json!({
        "url": format!("{}?key={query}", sink.url()), "app_id": set_up["app"]["id"], "headers": { "x-api-key": header },
    });
    let endpoint = key.post(&path, &body).data();
    let rotate = format!("/v1/webhooks/{}/rotate-secret", text(&endpoint["id"]));
    secrets.keep("an endpoint's secret", &key.post(&rotate, &json!({})).data()["secret"]);
    secrets.keep("the next one", &key.post(&rotate, &json!({ "overlap_seconds": 3600 })).data()["secret"]);
    client.app(&text(&set_up["app"]["client_id"])).sign_up(&new_email());
    let token = until("the app is told the link", || {
        sink.received().iter().find_map(|received| {
            let event: Value = serde_json::from_str(&received.body).unwrap();
            event["payload"]["verify_token"].as_str().map(str::to_owned)
        })
    });
    secrets.keep("a token that was delivered", &json!(token));
    let signature = until("it is signed", || {
        sink.received().iter().find_map(|received| received.header("x-fabric-signature").map(str::to_owned))
    });
    secrets.keep("a signature", &json!(signature));
}

fn apps(
    client: &Client,
    set_up: &Value,
    user: &Value,
    secrets: &mut Secrets,
    keep: &mut impl FnMut(&mut Secrets, &Value),
) {
    let key = client.bearer(&text(&set_up["api_key"]));
    key.get("/v1/me").data();
    let app = &set_up["app"];
    let grant = |kind: &str| {
        json!({
            "grant_type": kind, "client_id": app["client_id"], "client_secret": app["client_secret"],
            "subject_token": user["user"]["id"], "subject_token_type": "urn:fabric:user_id",
        })
    };
    for kind in ["client_credentials", "token_exchange"] {
        let token = client.post("/v1/oauth/token", &grant(kind)).data();
        keep(secrets, &token);
        client.bearer(&text(&token["access_token"])).get("/v1/organizations").data();
        client.post("/v1/oauth/revoke", &json!({ "token": token["access_token"] })).data();
    }
    let wrong = json!({ "grant_type": "client_credentials", "client_id": app["client_id"],
        "client_secret": secrets.keep("a wrong client secret", &json!("focs_neverloggedneverlogged")) });
    assert_eq!(client.post("/v1/oauth/token", &wrong).status, 401);
    let rotated = key.post(&format!("/v1/apps/{}/rotate-secret", text(&app["id"])), &json!({})).data();
    secrets.keep("rotated client secret", &rotated["client_secret"]);
    let malformed = secrets.password(99);
    let body = json!({ "email": 1, "password": malformed });
    assert_eq!(client.post("/v1/auth/login", &body).status, 400);
    let made_up = format!("fab_12345678_{}", secret('k'));
    secrets.keep("a key that is none", &json!(made_up));
    assert_eq!(client.bearer(&made_up).get("/v1/me").status, 401);
}

fn production_does_not_log_links_either(site: &mut Site) {
    site.set_production().set("RUST_LOG", "trace").set("FABRIC_DEVELOPER_SIGNUP", "open");
    let server = site.serve();
    let (client, email) = (server.client(), new_email());
    client.sign_up(&email);
    client.post("/v1/auth/forgot-password", &json!({ "email": email })).data();
    let path = server.log_path().to_owned();
    server.stop();
    let log = fs::read_to_string(path).unwrap();
    assert!(log.contains("\"TRACE\""), "production logs JSON");
    for line in log.lines() {
        assert!(!line.contains("?token="), "{line}");
        assert!(!line.contains(&secret('a')) && !line.contains(&secret('b')), "{line}");
    }
}
