//! How often an address may try, and how often a caller may call.

use std::time::Duration;

use fabric_http::TrustedProxies;
use limits::{Category, Limits, Quota, Quotas};
use serde_json::{Value, json};

use crate::support::{Answer, Company, NEXT_PASSWORD, PASSWORD, World};

on_both!(
    attack_33_an_address_tries_so_often_and_no_more,
    attack_33_only_a_trusted_proxy_says_who_calls,
    attack_33_a_network_of_64_bits_is_one_address,
    what_mails_and_what_takes_codes_is_counted_by_address,
    a_limit_is_told_before_it_is_reached,
    one_kind_of_call_uses_up_nothing_of_another,
    people_and_programs_have_quotas_of_their_own,
    a_call_counts_as_what_it_is_by_whoever_calls,
    what_is_public_counts_by_address,
    what_is_refused_costs_nothing,
    without_quotas_nothing_is_counted,
);

const EVERYTHING: [Category; 2] = [Category::SignIn, Category::SignUp];

async fn limited(world: &World, categories: &[Category], limit: u32) -> World {
    let quotas = categories
        .iter()
        .fold(Quotas::default(), |quotas, category| quotas.with(*category, Quota::new(limit, Duration::from_hours(1))));
    world.restarted_with(|plan| plan.options.limits = Limits::in_memory(quotas)).await
}

async fn sign_in(world: &World, peer: &str, forwarded: Option<&str>) -> Answer {
    let body = json!({ "email": "alice@example.com", "password": NEXT_PASSWORD });
    let call = world.post("/v1/auth/login", &body).from(peer);
    let call = forwarded.into_iter().fold(call, |call, address| call.header("x-forwarded-for", address));
    call.send().await
}

async fn attack_33_an_address_tries_so_often_and_no_more(world: &World) {
    let world = &limited(world, &EVERYTHING, 3).await;
    for port in 1..=3 {
        sign_in(world, &format!("192.0.2.1:{port}"), None).await.refused(401, "invalid_credentials");
    }
    let refused = sign_in(world, "192.0.2.1:9", None).await;
    refused.refused(429, "too_many_requests");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1200).contains(&wait), "{wait}");
    assert_eq!(refused.body["error"]["details"]["retry_after"], json!(wait));
    // The right password makes no difference, and another address none to this one.
    let body = json!({ "email": "alice@example.com", "password": PASSWORD });
    world.post("/v1/auth/login", &body).from("192.0.2.1:9").send().await.refused(429, "too_many_requests");
    sign_in(world, "192.0.2.2:1", None).await.refused(401, "invalid_credentials");
}

async fn attack_33_only_a_trusted_proxy_says_who_calls(world: &World) {
    let plain = &limited(world, &EVERYTHING, 2).await;
    for caller in ["1.1.1.1", "1.1.1.2"] {
        sign_in(plain, "192.0.2.1:1", Some(caller)).await.refused(401, "invalid_credentials");
    }
    sign_in(plain, "192.0.2.1:1", Some("1.1.1.3")).await.refused(429, "too_many_requests");
    let trusted = TrustedProxies::parse(["10.0.0.0/8"]).unwrap();
    let behind = limited(world, &EVERYTHING, 2).await;
    let behind = &behind.restarted_with(|plan| plan.options.trusted_proxies = trusted).await;
    for _ in 0..2 {
        sign_in(behind, "10.0.0.1:1", Some("1.1.1.1")).await.refused(401, "invalid_credentials");
    }
    sign_in(behind, "10.0.0.2:1", Some("1.1.1.1")).await.refused(429, "too_many_requests");
    // What a caller writes in front of it is not looked at.
    sign_in(behind, "10.0.0.2:1", Some("7.7.7.7, 1.1.1.1")).await.refused(429, "too_many_requests");
    sign_in(behind, "10.0.0.1:1", Some("1.1.1.2")).await.refused(401, "invalid_credentials");
    // The session has the caller, not the proxy.
    let alice = json!({ "email": "alice@example.com", "password": PASSWORD });
    let made = behind.post("/v1/auth/signup", &alice).from("10.0.0.1:1").header("x-forwarded-for", "1.1.1.9");
    made.send().await.ok();
    assert_eq!(behind.number("SELECT count(*) FROM sessions WHERE ip = '1.1.1.9'"), 1);
}

async fn attack_33_a_network_of_64_bits_is_one_address(world: &World) {
    let world = &limited(world, &EVERYTHING, 2).await;
    for host in ["1", "2"] {
        sign_in(world, &format!("[2001:db8:1:2::{host}]:1"), None).await.refused(401, "invalid_credentials");
    }
    sign_in(world, "[2001:db8:1:2:ffff::3]:1", None).await.refused(429, "too_many_requests");
    sign_in(world, "[2001:db8:1:3::1]:1", None).await.refused(401, "invalid_credentials");
}

/// Each of these is worth something to whoever guesses or floods, whatever it is answered, and those of a kind are one
/// quota: else there would be as many tries again for each of its routes.
async fn what_mails_and_what_takes_codes_is_counted_by_address(world: &World) {
    let address = json!({ "email": "alice@example.com" });
    let code = json!({ "challenge_token": "none", "code": "000000" });
    for (category, body, paths) in [
        (Category::ForgotPassword, &address, &["/v1/auth/forgot-password", "/v1/auth/resend-verification"][..]),
        (Category::MagicLink, &address, &["/v1/auth/magic-link", "/v1/auth/email-code"]),
        (
            Category::SecondFactor,
            &code,
            &["/v1/auth/mfa", "/v1/auth/totp/enroll", "/v1/auth/totp/verify", "/v1/auth/totp/recovery"],
        ),
    ] {
        let limit = u32::try_from(paths.len()).unwrap();
        let world = &limited(world, &[category], limit).await;
        let call = |path: &str, peer: &str| world.post(path, body).from(peer).send();
        for (path, remaining) in paths.iter().zip((0..limit).rev()) {
            let answer = call(path, "192.0.2.1:1").await;
            assert_ne!(answer.status, 429, "{answer:?}");
            assert_eq!(answer.header("ratelimit-remaining"), Some(remaining.to_string().as_str()), "{path}");
        }
        for path in paths {
            let refused = call(path, "192.0.2.1:2").await;
            let wait = refused.refused(429, "too_many_requests").retry_after();
            assert!((1..=u64::from(3600 / limit)).contains(&wait), "{path}: {wait}");
        }
        for path in paths {
            let answer = call(path, "192.0.2.2:1").await;
            assert_ne!(answer.status, 429, "{answer:?}");
        }
        // Nor does it use up anything of another kind.
        sign_in(world, "192.0.2.1:1", None).await.refused(401, "invalid_credentials");
    }
}

async fn a_limit_is_told_before_it_is_reached(world: &World) {
    let world = &limited(world, &EVERYTHING, 3).await;
    for remaining in ["2", "1", "0"] {
        let answer = sign_in(world, "192.0.2.1:1", None).await;
        assert_eq!(answer.header("ratelimit-limit"), Some("3"));
        assert_eq!(answer.header("ratelimit-remaining"), Some(remaining));
        assert_eq!(answer.header("ratelimit-policy"), Some("3;w=3600"));
        let reset: u64 = answer.header("ratelimit-reset").unwrap().parse().unwrap();
        assert!((1..=3600).contains(&reset), "{reset}");
        assert_eq!(answer.header("retry-after"), None);
    }
    let refused = sign_in(world, "192.0.2.1:1", None).await;
    assert_eq!((refused.header("ratelimit-remaining"), refused.status), (Some("0"), 429));
    assert_eq!(refused.header("ratelimit-reset"), refused.header("retry-after"));
}

async fn one_kind_of_call_uses_up_nothing_of_another(world: &World) {
    let world = &limited(world, &EVERYTHING, 1).await;
    sign_in(world, "192.0.2.1:1", None).await.refused(401, "invalid_credentials");
    let body = json!({ "email": "bob@example.com", "password": PASSWORD });
    world.post("/v1/auth/signup", &body).from("192.0.2.1:1").send().await.ok();
    world.post("/v1/auth/signup", &body).from("192.0.2.1:1").send().await.refused(429, "too_many_requests");
    let forgot = json!({ "email": "bob@example.com" });
    for _ in 0..3 {
        world.post("/v1/auth/forgot-password", &forgot).from("192.0.2.1:1").send().await.ok();
        world.get("/healthz").from("192.0.2.1:1").raw().await;
    }
}

async fn people_and_programs_have_quotas_of_their_own(world: &World) {
    let app = world.app("acme").await;
    let (alice, bob) = (world.sign_up(Some(&app), "alice").await, world.sign_up(Some(&app), "bob").await);
    let world = &limited(world, &[Category::Standard, Category::Agent], 2).await;
    let me = |token: &str| world.get("/v1/me").bearer(token).send();
    for token in [&alice.token, &app.api_key] {
        for remaining in ["1", "0"] {
            let answer = me(token).await;
            answer.ok();
            assert_eq!(answer.header("ratelimit-remaining"), Some(remaining));
        }
        me(token).await.refused(429, "too_many_requests");
    }
    me(&bob.token).await.ok();
    // Whoever is nobody uses nothing up, and is told nothing else than before.
    for _ in 0..4 {
        me("nobody").await.refused(401, "unauthorized");
    }
}

/// Whose quota it is, is told by how large it is.
async fn a_call_counts_as_what_it_is_by_whoever_calls(world: &World) {
    let company = Company::new(world).await;
    let (app, owner) = (&company.app, &company.owner);
    let client = json!({ "name": "Client", "organization_id": company.id, "role": "admin", "redirect_uris": [] });
    let client = world.post("/v1/oauth/clients", &client).by(owner).send().await;
    let shown = json!({
        "grant_type": "client_credentials", "client_id": client.ok()["client_id"],
        "client_secret": client.ok()["client_secret"],
    });
    let of_a_client = world.post("/v1/oauth/token", &shown).send().await.text("access_token");
    let of_the_app = world.app_token(app).await;
    let exchanged = world.exchange(app, company.viewer.id).await.text("access_token");
    let key = json!({ "name": "Key", "organization_id": company.id });
    let key = world.post("/v1/api-keys", &key).by(owner).send().await.text("key");
    let quotas = [(Category::Standard, 7), (Category::Agent, 9), (Category::Workflow, 11)];
    let quotas = quotas.into_iter().fold(Quotas::default(), |quotas, (category, limit)| {
        quotas.with(category, Quota::new(limit, Duration::from_hours(1)))
    });
    let world = &world.restarted_with(|plan| plan.options.limits = Limits::in_memory(quotas)).await;
    for (bearer, path, limit) in [
        (&owner.token, "/v1/me", "7"),
        (&exchanged, "/v1/me", "7"),
        (&key, "/v1/me", "9"),
        (&of_a_client, "/v1/me", "9"),
        (&of_the_app, "/v1/admin/users", "9"),
    ] {
        let answer = world.get(path).bearer(bearer).send().await;
        answer.ok();
        assert_eq!(answer.header("ratelimit-limit"), Some(limit), "{path}");
    }
    let left = async |bearer: &str| -> u32 {
        let answer = world.get("/v1/me").bearer(bearer).send().await;
        answer.header("ratelimit-remaining").unwrap().parse().unwrap()
    };
    for (number, bearer) in [&owner.token, &key, &of_a_client].into_iter().enumerate() {
        let before = left(bearer).await;
        let run = json!({ "idempotency_key": format!("run-{number}"), "cost_usd": 0.1 });
        let answer = world.post(&company.path("usage/records"), &run).bearer(bearer).send().await;
        answer.ok();
        assert_eq!(answer.header("ratelimit-limit"), Some("11"));
        // It uses up nothing of what the same caller may do besides.
        assert_eq!(left(bearer).await, before - 1);
    }
}

async fn what_is_public_counts_by_address(world: &World) {
    let world = &limited(world, &[Category::Public], 2).await;
    let refresh = || world.post("/v1/auth/token/refresh", &json!({ "refresh_token": "frt_none" }));
    for remaining in ["1", "0"] {
        let answer = refresh().from("192.0.2.1:1").send().await;
        assert_eq!((answer.status, answer.header("ratelimit-remaining")), (401, Some(remaining)));
    }
    refresh().from("192.0.2.1:2").send().await.refused(429, "too_many_requests");
    // All that is public is one quota, whatever it is; but for what has one of its own, and for the server itself.
    let verify = json!({ "token": "none" });
    world.post("/v1/auth/verify", &verify).from("192.0.2.1:1").send().await.refused(429, "too_many_requests");
    assert_eq!(sign_in(world, "192.0.2.1:1", None).await.header("ratelimit-limit"), None);
    world.get("/v1/health").from("192.0.2.1:1").send().await.ok();
    assert_eq!(refresh().from("192.0.2.2:1").send().await.status, 401);
}

async fn what_is_refused_costs_nothing(world: &World) {
    let world = &limited(world, &EVERYTHING, 1).await;
    sign_in(world, "192.0.2.1:1", None).await.refused(401, "invalid_credentials");
    let before = (world.units(), world.queries());
    for _ in 0..5 {
        // Not even the body is read.
        let answer = world.post("/v1/auth/login", &Value::Null).body("{").from("192.0.2.1:1").send().await;
        answer.refused(429, "too_many_requests");
    }
    assert_eq!((world.units(), world.queries()), before);
}

async fn without_quotas_nothing_is_counted(world: &World) {
    for _ in 0..4 {
        let answer = sign_in(world, "192.0.2.1:1", None).await;
        assert_eq!((answer.status, answer.header("ratelimit-limit")), (401, None));
    }
}
