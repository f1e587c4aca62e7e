//! What production asks for, and what it does not have.

use serde_json::json;
use testbed::sink::Sink;

use crate::support::{PASSWORD, Server, Site, client::text, new_email, secret, until};

on_both!(
    what_production_lacks_is_told_with_the_line_that_makes_it,
    the_development_header_is_no_way_in,
    strangers_make_no_platform_accounts,
    an_apps_users_sign_up_as_ever,
    the_first_administrator_shows_the_bootstrap_token,
    it_is_open_to_the_network,
    nothing_is_generated,
    attack_45_deliveries_go_nowhere_inside,
);

const PRINCIPAL: &str = "550e8400-e29b-41d4-a716-446655440000";

fn what_production_lacks_is_told_with_the_line_that_makes_it(site: &mut Site) {
    let command = "openssl rand -hex 32";
    let weak = "a".repeat(64);
    let cases = [
        ("OAUTH_SIGNING_SECRET", None, command),
        ("OAUTH_SIGNING_SECRET", Some("short"), command),
        ("OAUTH_SIGNING_SECRET", Some("changeme"), command),
        ("OAUTH_SIGNING_SECRET", Some(weak.as_str()), command),
        ("FABRIC_INVITE_TOKEN_KEY", None, command),
        ("FABRIC_INVITE_TOKEN_KEY", Some("short"), command),
        ("FABRIC_ENCRYPTION_KEY", Some("short"), command),
        ("JWT_SECRET", Some("short"), "JWT_SECRET"),
        ("PUBLIC_BASE_URL", None, "https://auth.example.com"),
    ];
    for (name, value, help) in cases {
        site.set_production();
        match value {
            Some(value) => site.set(name, value),
            None => site.unset(name),
        };
        for refused in [site.refuse(), site.run(&["user", "list"])] {
            assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{name}={value:?}: {}", refused.stderr);
            assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
            assert!(refused.stderr.contains(name) && refused.stderr.contains(help), "{}", refused.stderr);
        }
        site.unset(name);
    }
}

fn the_development_header_is_no_way_in(site: &mut Site) {
    let server = site.serve();
    let client = server.client().with("X-Principal-Id", PRINCIPAL);
    assert_eq!(client.get("/v1/me").data()["principal_id"], PRINCIPAL, "development, on this machine");
    for forwarding in ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"] {
        assert_eq!(client.with(forwarding, "203.0.113.7").get("/v1/me").status, 401, "{forwarding}");
    }
    drop(server);
    site.set_production();
    for mode in ["0", "1"] {
        site.set("FABRIC_DEV_MODE", mode);
        let server = site.serve();
        let client = server.client().with("X-Principal-Id", PRINCIPAL);
        let refused = client.get("/v1/me");
        assert_eq!((refused.status, refused.code().as_str()), (401, "unauthorized"), "FABRIC_DEV_MODE={mode}");
        assert_eq!(server.client().get("/v1/system/info").data()["environment"], "production");
    }
}

fn strangers_make_no_platform_accounts(site: &mut Site) {
    site.set_production();
    let new = json!({ "email": new_email(), "password": PASSWORD });
    let refused = site.serve().client().post("/v1/auth/signup", &new);
    assert_eq!((refused.status, refused.code().as_str()), (403, "sign_up_closed"));
    site.set("FABRIC_DEVELOPER_SIGNUP", "open");
    assert_eq!(site.serve().client().post("/v1/auth/signup", &new).status, 201);
    site.set("FABRIC_ENV", "development").set("FABRIC_DEVELOPER_SIGNUP", "closed");
    assert_eq!(site.serve().client().post("/v1/auth/signup", &new).status, 403);
}

fn an_apps_users_sign_up_as_ever(site: &mut Site) {
    site.set_production();
    let setup = ["setup", "--app-name", "App", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    let printed = site.run(&setup).json();
    assert_eq!(printed["env"]["FABRIC_API_URL"], "https://auth.example.com");
    let server = site.serve();
    let email = new_email();
    server.client().app(&text(&printed["app"]["client_id"])).sign_up(&email);
    assert_eq!(server.client().sign_in("dev@myapp.com", PASSWORD).status, 200, "developers come by the console");
}

fn the_first_administrator_shows_the_bootstrap_token(site: &mut Site) {
    site.set_production().set("FABRIC_DEVELOPER_SIGNUP", "open");
    let server = site.serve();
    let user = server.client().sign_up(&new_email());
    let bearer = text(&user["access_token"]);
    let bootstrap = |server: &Server, token: &str| {
        let answer = server.client().bearer(&bearer).post("/v1/admin/bootstrap", &json!({ "token": token }));
        (answer.status, answer.code())
    };
    let closed = (403, "bootstrap_closed".to_owned());
    assert_eq!(bootstrap(&server, ""), closed, "none is set, none is shown");
    server.stop();
    site.set("FABRIC_BOOTSTRAP_TOKEN", &secret('t'));
    let server = site.serve();
    for wrong in ["", "wrong", &secret('u')] {
        assert_eq!(bootstrap(&server, wrong), closed);
    }
    assert_eq!(bootstrap(&server, &secret('t')).0, 200);
    let me = server.client().bearer(&bearer).get("/v1/me").data();
    assert_eq!(me["platform_admin"], true);
}

fn it_is_open_to_the_network(site: &mut Site) {
    site.set_production().set("HOST", "0.0.0.0");
    assert_eq!(site.serve().client().get("/healthz").status, 200);
}

fn nothing_is_generated(site: &mut Site) {
    site.set_production();
    site.serve().stop();
    for path in ["development.env", ".fabric"] {
        assert!(!site.file(path).exists(), "{path}");
    }
}

/// Where production delivers to, by its own configuration: the public Internet, with TLS, and the networks that it names.
fn attack_45_deliveries_go_nowhere_inside(site: &mut Site) {
    site.set_production();
    let sink = Sink::content();
    let inside = sink.url();
    let setup = ["setup", "--app-name", "App", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    let made = site.run(&setup).json();
    let path = format!("/v1/organizations/{}/webhooks", text(&made["organization"]["id"]));
    let (key, name) = (text(&made["api_key"]), json!({ "name": "Renamed" }));
    let server = site.serve();
    let client = server.client().bearer(&key);
    assert_eq!(client.post(&path, &json!({ "url": inside })).code(), "invalid_url");
    let encrypted = json!({ "url": inside.replace("http://", "https://") });
    let endpoint = text(&client.post(&path, &encrypted).data()["id"]);
    client.post(&format!("/v1/webhooks/{endpoint}/test"), &name).data();
    let error = until("the attempt is noted", || {
        let deliveries = client.get(&format!("/v1/webhooks/{endpoint}/deliveries")).data();
        let id = text(&deliveries.as_array()?.first()?["id"]);
        let delivery = client.get(&format!("/v1/webhooks/{endpoint}/deliveries/{id}")).data();
        Some(text(&delivery["attempts"].as_array()?.first()?["error_message"]))
    });
    assert!(error.contains("public"), "{error}");
    assert_eq!(sink.count(), 0);
    server.stop();

    site.set("FABRIC_WEBHOOK_ALLOW_NETS", "127.0.0.0/8");
    let server = site.serve();
    let client = server.client().bearer(&key);
    let endpoint = text(&client.post(&path, &json!({ "url": inside })).data()["id"]);
    client.post(&format!("/v1/webhooks/{endpoint}/test"), &json!({})).data();
    until("it arrives", || (sink.count() == 1).then_some(()));
    server.stop();
}
