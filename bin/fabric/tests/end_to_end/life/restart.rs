//! What outlives a process, and what two processes know of each other.

use serde_json::json;

use crate::support::{PASSWORD, Server, Site, client::text, new_email, until};

on_both!(
    a_lock_survives_a_restart,
    a_revoked_token_stays_revoked,
    a_mail_that_was_ordered_is_sent_by_whoever_comes,
    a_second_server_notices_what_the_first_revoked,
);

fn a_lock_survives_a_restart(site: &Site) {
    let (known, unknown) = (new_email(), new_email());
    let server = site.serve();
    server.client().sign_up(&known);
    for email in [&known, &unknown] {
        for _ in 0..5 {
            assert_eq!(server.client().sign_in(email, "Wrong-Guess-1").status, 401);
        }
    }
    server.stop();
    let server = site.serve();
    for email in [&known, &unknown] {
        let locked = server.client().sign_in(email, PASSWORD);
        assert_eq!((locked.status, locked.code().as_str()), (429, "account_locked"));
        let wait: u32 = locked.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=15 * 60).contains(&wait), "{wait}");
    }
}

/// Tokens without a session are revoked one by one: that must be kept as well.
fn a_revoked_token_stays_revoked(site: &Site) {
    let setup = ["setup", "--app-name", "App", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    let app = site.run(&setup).json()["app"].clone();
    let server = site.serve();
    let grant = json!({
        "grant_type": "client_credentials", "client_id": app["client_id"], "client_secret": app["client_secret"],
    });
    let grant = || server.client().post("/v1/oauth/token", &grant).data()["access_token"].clone();
    let (revoked, kept) = (grant(), grant());
    server.client().post("/v1/oauth/revoke", &json!({ "token": revoked })).data();
    server.stop();
    let server = site.serve();
    let status = |token| server.client().bearer(&text(token)).get("/v1/me").status;
    assert_eq!((status(&revoked), status(&kept)), (401, 200));
}

fn a_mail_that_was_ordered_is_sent_by_whoever_comes(site: &mut Site) {
    let email = new_email();
    site.set("FABRIC_MODE", "request-only");
    let mut server = site.serve();
    server.client().sign_up(&email);
    assert_eq!(server.client().get("/v1/system/info").data()["mode"], "request-only");
    server.kill();
    assert!(!server.log().contains(&email), "nobody sends here");
    site.unset("FABRIC_MODE");
    let server = site.serve();
    let token = server.mailed_token(&email, "/v1/auth/verify");
    assert_eq!(server.client().post("/v1/auth/verify", &json!({ "token": token })).status, 200);
}

fn a_second_server_notices_what_the_first_revoked(site: &Site) {
    let servers = [site.serve(), site.serve()];
    let email = new_email();
    let user = servers[0].client().sign_up(&email);
    let token = text(&user["access_token"]);
    let me = |server: &Server| server.client().bearer(&token).get("/v1/me").status;
    assert_eq!(servers.each_ref().map(me), [200, 200]);
    assert_eq!(servers[0].client().bearer(&token).post("/v1/auth/logout-all", &json!({})).status, 200);
    assert_eq!(me(&servers[0]), 401, "at once");
    until("the other server notices", || (me(&servers[1]) == 401).then_some(()));
    // What is spent is spent everywhere at once.
    let again = servers[1].client().sign_in(&email, PASSWORD).data();
    let spend = |server: &Server| {
        server.client().post("/v1/auth/token/refresh", &json!({ "refresh_token": again["refresh_token"] })).status
    };
    assert_eq!(servers.each_ref().map(spend), [200, 401]);
}
