//! What is measured, and what is not.

use serde_json::json;

use crate::{
    counted,
    support::{PASSWORD, World},
};

on_both!(
    what_happens_is_counted,
    a_refused_sign_in_is_counted_by_what_was_refused,
    a_route_is_measured_under_its_name_and_a_stranger_makes_no_new_one,
    attack_53_nothing_that_is_measured_names_anybody,
    a_warm_request_asks_the_database_nothing,
    a_warm_check_asks_the_database_nothing,
);

async fn scrape(world: &World) -> String {
    let guarded = world.restarted_with(|plan| plan.options.metrics_token = Some("scrape-0123456789".into())).await;
    let raw = guarded.get("/metrics").bearer("scrape-0123456789").raw().await;
    assert_eq!((raw.status, raw.header("content-type")), (200, Some("text/plain; version=0.0.4")));
    raw.text
}

async fn what_happens_is_counted(world: &World) {
    let names = ["fabric_sign_ups_total", "fabric_sign_ins_total", "fabric_password_failures_total"];
    let before = names.map(counted);
    world.sign_up(None, "alice").await;
    world.log_in(None, "alice", PASSWORD).await.ok();
    world.log_in(None, "alice", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    world.log_in(None, "nobody", PASSWORD).await.refused(401, "invalid_credentials");
    let happened: Vec<_> = names.iter().zip(before).map(|(name, before)| counted(name) - before).collect();
    assert_eq!(happened, [1, 1, 2]);
}

async fn a_refused_sign_in_is_counted_by_what_was_refused(world: &World) {
    let refusals = |path: &str, code: &str| {
        counted(&format!(r#"fabric_sign_in_refusals_total{{route="/v1/auth/{path}",code="{code}"}}"#))
    };
    let kinds = [
        ("login", "invalid_credentials"),
        ("login", "account_locked"),
        ("magic-link/verify", "invalid_token"),
        ("token/refresh", "unauthorized"),
        ("login", "mfa_required"),
    ];
    let before = kinds.map(|(path, code)| refusals(path, code));
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    world.configure(&app, &json!({ "mfa": "optional" })).await;
    world.enable_totp(&alice).await;
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(403, "mfa_required");
    for _ in 0..5 {
        world.log_in(Some(&app), "alice", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    }
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(429, "account_locked");
    let link = json!({ "token": "0".repeat(64) });
    world.post("/v1/auth/magic-link/verify", &link).send().await.refused(400, "invalid_token");
    let refresh = json!({ "refresh_token": "made up" });
    world.post("/v1/auth/token/refresh", &refresh).send().await.refused(401, "unauthorized");
    // Elsewhere nobody signs in.
    world.get("/v1/me").send().await.refused(401, "unauthorized");
    let after: Vec<_> = kinds.iter().zip(before).map(|((path, code), before)| refusals(path, code) - before).collect();
    assert_eq!(after, [5, 1, 1, 1, 0]);
}

async fn a_route_is_measured_under_its_name_and_a_stranger_makes_no_new_one(world: &World) {
    let app = world.app("acme").await;
    world.get(&format!("/v1/apps/{}", app.id)).by(&app.owner).send().await.ok();
    world.get("/v1/nowhere").send().await.refused(404, "not_found");
    let before = scrape(world).await;
    assert!(before.contains(r#"method="GET",route="/v1/apps/{app_id}",status="2xx""#), "{before}");
    for number in 0..50 {
        world.get(&format!("/v1/nowhere/{number}")).send().await.refused(404, "not_found");
        world.get(&format!("/v1/apps/{number}")).by(&app.owner).send().await.refused(404, "not_found");
        world.call(&format!("METHOD{number}"), "/v1/me").send().await.refused(405, "method_not_allowed");
    }
    let names = |text: &str| text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    let new: Vec<_> = names(&scrape(world).await).into_iter().filter(|name| !names(&before).contains(name)).collect();
    // At most what those three kinds of answer are counted under.
    let routes: std::collections::BTreeSet<_> =
        new.iter().filter_map(|name| name.split("route=\"").nth(1)?.split('"').next()).collect();
    assert!(routes.len() <= 3, "{routes:?}");
}

async fn attack_53_nothing_that_is_measured_names_anybody(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let home = world.home_of(&alice).await;
    world.get(&format!("/v1/organizations/{home}?secret=in-the-query")).by(&alice).send().await.ok();
    world.log_in(Some(&app), "alice", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    world.post("/v1/auth/forgot-password", &json!({ "email": alice.email })).send().await.ok();
    world.mails().await;
    let text = scrape(world).await;
    let (organization, person, id) = (home.to_string(), alice.id.to_string(), app.id.to_string());
    for secret in [
        "alice",
        "example.com",
        "Wrong-horse",
        "in-the-query",
        &organization,
        &person,
        &id,
        &app.client_id,
        &app.client_secret,
        &app.api_key,
        &alice.token,
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

async fn a_warm_check_asks_the_database_nothing(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let home = world.home_of(&alice).await;
    let path = format!("/v1/organizations/{home}/teams");
    let team = world.post(&path, &json!({ "name": "Crew" })).by(&alice).send().await.text("id");
    for body in [
        json!({ "action": "organization.update" }),
        json!({ "action": "organization.update", "organization_id": home }),
        json!({ "action": "read", "resource": format!("organization:{home}") }),
        json!({ "action": "admin", "resource": format!("team:{team}") }),
        json!({ "action": "invoice.approve", "organization_id": home }),
        json!({ "action": "read", "resource": format!("organization:{}", app.organization) }),
    ] {
        let ask = || world.post("/v1/authz/check", &body).by(&alice).send();
        ask().await.ok();
        let before = world.units();
        for _ in 0..3 {
            ask().await.ok();
        }
        let batch = json!({ "checks": vec![body.clone(); 50] });
        world.post("/v1/authz/check-batch", &batch).by(&alice).send().await.ok();
        assert_eq!(world.units(), before, "{body}");
    }
}

async fn a_warm_request_asks_the_database_nothing(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let exchanged = world.exchange(&app, alice.id).await.text("access_token");
    let itself = world.app_token(&app).await;
    let client = json!({ "name": "Reports", "organization_id": app.organization, "redirect_uris": [] });
    let client = world.post("/v1/oauth/clients", &client).by(&app.owner).send().await;
    let body = json!({
        "grant_type": "client_credentials", "client_id": client.text("client_id"),
        "client_secret": client.text("client_secret"),
    });
    let program = world.post("/v1/oauth/token", &body).send().await.text("access_token");
    let path = format!("/v1/service-accounts/{}/api-keys", client.text("service_account_id"));
    let key = world.post(&path, &json!({})).by(&app.owner).send().await.text("key");
    for token in [&alice.token, &app.owner.token, &app.api_key, &exchanged, &itself, &program, &key] {
        world.get("/v1/me").bearer(token).send().await.ok();
        let before = world.units();
        for _ in 0..3 {
            world.get("/v1/me").bearer(token).send().await.ok();
        }
        assert_eq!(world.units(), before);
    }
}
