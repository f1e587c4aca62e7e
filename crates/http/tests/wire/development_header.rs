//! `X-Principal-Id`: whoever sits at the machine may be anybody, in development; and nobody else may, anywhere.

use kernel::id::PrincipalId;
use platform::{Environment, Settings};
use serde_json::json;

use crate::support::{Call, PASSWORD, Plan, World};

on_both!(
    at_ones_own_machine_one_is_whom_one_says,
    the_header_knows_the_app_too,
    whoever_is_elsewhere_is_nobody,
    attack_38_whoever_forwards_is_elsewhere,
    a_page_from_elsewhere_is_nobody,
    a_header_that_names_nobody_is_refused,
    where_the_server_is_known_by_a_name_the_header_is_nothing,
    a_bearer_comes_first,
    the_header_is_no_account,
);

/// A server on somebody's own machine.
async fn development(world: &World) -> World {
    known_as(world, Environment::Development, "http://localhost:3001").await
}

async fn known_as(world: &World, environment: Environment, url: &str) -> World {
    let change = |plan: &mut Plan| {
        plan.settings = Settings { environment, public_base_url: url.to_owned(), ..plan.settings.clone() };
    };
    world.restarted_with(change).await
}

fn claim<'a>(world: &'a World, principal: &str) -> Call<'a> {
    let call = world.get("/v1/me").header("x-principal-id", principal).header("host", "localhost:3001");
    call.from("127.0.0.1:50000")
}

fn anybody() -> String {
    PrincipalId::generate().to_string()
}

async fn at_ones_own_machine_one_is_whom_one_says(world: &World) {
    let world = &development(world).await;
    let someone = anybody();
    let me = claim(world, &someone).send().await;
    let told = (&me.ok()["principal_id"], &me.ok()["email"], &me.ok()["platform_admin"]);
    assert_eq!(told, (&json!(someone), &json!(null), &json!(false)));
    assert_eq!(me.body["context"]["principal_id"], json!(someone));
    for peer in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        for host in ["localhost", "LOCALHOST:3001", "127.0.0.1:3001", "[::1]:3001", "[::1]"] {
            claim(world, &someone).from(peer).header("host", host).send().await.ok();
        }
    }
    for origin in ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:3000"] {
        claim(world, &someone).header("origin", origin).header("sec-fetch-site", "same-site").send().await.ok();
    }
    let alice = world.sign_up(None, "alice").await;
    let me = claim(world, &alice.id.to_string()).send().await;
    assert_eq!(me.ok()["email"], alice.email);
}

async fn the_header_knows_the_app_too(world: &World) {
    let world = &development(world).await;
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let me = claim(world, &alice.id.to_string()).app(&app.client_id).send().await;
    assert_eq!((&me.ok()["email"], &me.ok()["app_id"]), (&json!(alice.email), &json!(app.id.to_string())));
    // At the platform's own door she has no account.
    assert_eq!(claim(world, &alice.id.to_string()).send().await.ok()["email"], json!(null));
    claim(world, &anybody()).app("foc_aaaaaaaaaaaaaaaaaaaaaaaa").send().await.refused(400, "unknown_app");
}

async fn whoever_is_elsewhere_is_nobody(world: &World) {
    let world = &development(world).await;
    for peer in
        ["10.0.0.1:1", "192.168.1.2:1", "203.0.113.7:1", "0.0.0.0:1", "[::]:1", "[fe80::1]:1", "[::ffff:10.0.0.1]:1"]
    {
        claim(world, &anybody()).from(peer).send().await.refused(401, "unauthorized");
    }
    let unseen = world.get("/v1/me").header("x-principal-id", anybody()).header("host", "localhost");
    unseen.send().await.refused(401, "unauthorized");
    // A name that was made to lead here (DNS rebinding) is not this machine's.
    for host in
        ["evil.example", "evil.example:3001", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0"]
    {
        claim(world, &anybody()).header("host", host).send().await.refused(401, "unauthorized");
    }
}

async fn attack_38_whoever_forwards_is_elsewhere(world: &World) {
    let world = &development(world).await;
    for name in [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-anything",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "fly-client-ip",
        "x-original-forwarded-for",
        "x-envoy-external-address",
        "true-client-ip",
        "cf-connecting-ip",
        "via",
    ] {
        for value in ["127.0.0.1", "localhost", "", "for=127.0.0.1"] {
            claim(world, &anybody()).header(name, value).send().await.refused(401, "unauthorized");
        }
    }
}

async fn a_page_from_elsewhere_is_nobody(world: &World) {
    let world = &development(world).await;
    for origin in
        ["https://evil.example", "null", "", "http://localhost.evil.example", "http://localhost@evil.example", "x"]
    {
        claim(world, &anybody()).header("origin", origin).send().await.refused(401, "unauthorized");
    }
    claim(world, &anybody()).header("sec-fetch-site", "cross-site").send().await.refused(401, "unauthorized");
    claim(world, &anybody()).header("origin", b"http://\xff").send().await.refused(401, "unauthorized");
}

async fn a_header_that_names_nobody_is_refused(world: &World) {
    let world = &development(world).await;
    for nobody in ["", "alice", "1", "' OR '1'='1", "00000000-0000-0000-0000-00000000000g", "*", &"a".repeat(5000)] {
        claim(world, nobody).send().await.refused(401, "unauthorized");
    }
    let call = world.get("/v1/me").header("x-principal-id", b"\xff\xfe").from("127.0.0.1:1");
    call.send().await.refused(401, "unauthorized");
    let id = anybody();
    claim(world, &id).another("x-principal-id", &id).send().await.refused(401, "unauthorized");
}

async fn where_the_server_is_known_by_a_name_the_header_is_nothing(world: &World) {
    claim(world, &anybody()).send().await.refused(401, "unauthorized");
    for (environment, url) in [
        (Environment::Production, "http://localhost:3001"),
        (Environment::Development, "https://id.example.com"),
        (Environment::Development, "http://localhost.example.com"),
        (Environment::Development, "http://localhost@example.com"),
        (Environment::Development, "http://10.0.0.1:3001"),
    ] {
        let world = known_as(world, environment, url).await;
        claim(&world, &anybody()).send().await.refused(401, "unauthorized");
    }
}

async fn a_bearer_comes_first(world: &World) {
    let world = &development(world).await;
    let alice = world.sign_up(None, "alice").await;
    let me = claim(world, &anybody()).by(&alice).send().await;
    assert_eq!(me.ok()["principal_id"], alice.id.to_string());
    for bad in ["Bearer x", "Bearer ", "Bearer", "Basic YTpi", "", &format!("Bearer {}x", alice.token), "fab_x"] {
        claim(world, &alice.id.to_string()).header("authorization", bad).send().await.refused(401, "unauthorized");
    }
}

/// Whoever has an account may do with it what they like, but for what takes their password; nobody else has one.
async fn the_header_is_no_account(world: &World) {
    let world = &development(world).await;
    let alice = world.sign_up(None, "alice").await;
    let call = |path: &str, id: &str| {
        let body = json!({ "current_password": "Wrong-secret-1", "new_password": "Another-secret-1" });
        let call = world.post(path, &body).header("x-principal-id", id).header("host", "localhost");
        call.from("127.0.0.1:1").send()
    };
    for path in ["/v1/auth/change-password", "/v1/auth/logout-all", "/v1/admin/bootstrap"] {
        call(path, &anybody()).await.refused(403, "session_required");
    }
    call("/v1/auth/change-password", &alice.id.to_string()).await.refused(401, "invalid_credentials");
    call("/v1/auth/logout-all", &alice.id.to_string()).await.ok();
    world.get("/v1/me").by(&alice).send().await.refused(401, "token_revoked");
    world.log_in(None, "alice", PASSWORD).await.ok();
}
