//! Attack 36: pages elsewhere. An app's own pages read our answers, no other do, and nobody's cookies are ever asked for.

use serde_json::json;

use crate::support::{Answer, App, Raw, World};

on_both!(
    a_page_of_an_app_may_read,
    a_page_of_nobody_may_not,
    no_origin_is_nearly_right,
    a_page_of_one_app_reads_nothing_of_another,
    leave_ends_with_the_setting_and_the_app,
    a_preflight_says_what_may_be_sent,
    no_client_gives_itself_leave,
    nobody_is_asked_for_cookies,
);

const PAGE: &str = "https://app.example.com";

async fn acme(world: &World) -> App {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "allowed_origins": [PAGE, "http://localhost:3000"] })).await;
    app
}

async fn preflight(world: &World, origin: &str, path: &str) -> Raw {
    let call = world.call("OPTIONS", path).header("origin", origin);
    let call = call.header("access-control-request-method", "POST");
    call.header("access-control-request-headers", "authorization, content-type, x-fabric-app-id").raw().await
}

async fn read(world: &World, origin: &str, app: Option<&App>) -> Raw {
    let call = world.get("/v1/health").header("origin", origin);
    let call = if let Some(app) = app { call.app(&app.client_id) } else { call };
    call.raw().await
}

/// To which page an answer may be shown.
fn shown_to(raw: &Raw) -> Option<&str> {
    assert_eq!(raw.header("access-control-allow-credentials"), None, "{raw:?}");
    // No cache keeps what OPTIONS was answered (RFC 9110, 9.3.7).
    if !raw.at.starts_with("OPTIONS") {
        let vary = raw.header("vary").unwrap_or_default().to_lowercase();
        assert!(vary.contains("origin"), "what a cache may mix up: {raw:?}");
    }
    let allowed = raw.header("access-control-allow-origin");
    assert_ne!(allowed, Some("*"), "{raw:?}");
    allowed
}

/// In the envelope, like every other refusal.
fn refused(preflight: Raw) {
    Answer::open(preflight).refused(403, "cors_refused");
}

async fn a_page_of_an_app_may_read(world: &World) {
    let app = acme(world).await;
    for origin in [PAGE, "http://localhost:3000"] {
        for app in [Some(&app), None] {
            let raw = read(world, origin, app).await;
            assert_eq!((raw.status, shown_to(&raw)), (200, Some(origin)));
            let exposed = raw.header("access-control-expose-headers").unwrap();
            assert!(exposed.contains("x-request-id") && exposed.contains("retry-after"));
        }
        let raw = preflight(world, origin, "/v1/auth/login").await;
        assert_eq!((raw.status, shown_to(&raw)), (200, Some(origin)));
    }
    // A refusal is read too, or no page could tell its user why.
    let raw = world.get("/v1/me").header("origin", PAGE).raw().await;
    assert_eq!((raw.status, shown_to(&raw)), (401, Some(PAGE)));
    let raw = world.get("/v1/nowhere").header("origin", PAGE).raw().await;
    assert_eq!((raw.status, shown_to(&raw)), (404, Some(PAGE)));
}

async fn a_page_of_nobody_may_not(world: &World) {
    let app = acme(world).await;
    for origin in ["https://evil.example", "null", "", "*", "file://", "chrome-extension://abc", "https://a b", "é"] {
        let raw = read(world, origin, Some(&app)).await;
        assert_eq!((raw.status, shown_to(&raw)), (200, None), "{origin}");
        let raw = preflight(world, origin, "/v1/auth/login").await;
        assert_eq!(shown_to(&raw), None, "{origin}");
        refused(raw);
    }
    // Who is no browser says nothing, and hears nothing.
    let raw = world.get("/v1/health").raw().await;
    assert_eq!(raw.header("access-control-allow-origin"), None);
    let twice = world.get("/v1/health").header("origin", "https://evil.example").another("origin", PAGE).raw().await;
    assert_ne!(twice.header("access-control-allow-origin"), Some("https://evil.example"));
}

async fn no_origin_is_nearly_right(world: &World) {
    let app = acme(world).await;
    for origin in [
        "http://app.example.com",
        "https://app.example.com:444",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://evilapp.example.com",
        "https://sub.app.example.com",
        "https://example.com",
        "https://app.example.comevil",
        "https://user@app.example.com",
        "https://app.example.com@evil.example",
        "https://app.example.com/path",
        "https://app.example.com?x",
        "https://app.example.com#x",
        "https://app_example.com",
        "http://localhost",
        "http://localhost:30000",
        "http://127.0.0.1:3000",
        "https://app.example.com https://evil.example",
        "https://app.example.com,null",
        "https://аpp.example.com",
    ] {
        for app in [Some(&app), None] {
            assert_eq!(shown_to(&read(world, origin, app).await), None, "{origin}");
        }
        assert_eq!(shown_to(&preflight(world, origin, "/v1/me").await), None, "{origin}");
    }
}

async fn a_page_of_one_app_reads_nothing_of_another(world: &World) {
    let app = acme(world).await;
    let other = world.app("other").await;
    assert_eq!(shown_to(&read(world, PAGE, Some(&app)).await), Some(PAGE));
    assert_eq!(shown_to(&read(world, PAGE, Some(&other)).await), None);
    let unknown = world.get("/v1/health").header("origin", PAGE).app("foc_aaaaaaaaaaaaaaaaaaaaaaaa").raw().await;
    assert_eq!(shown_to(&unknown), None);
}

async fn leave_ends_with_the_setting_and_the_app(world: &World) {
    let app = acme(world).await;
    assert_eq!(shown_to(&read(world, PAGE, None).await), Some(PAGE));
    world.configure(&app, &json!({ "allowed_origins": ["https://new.example.com"] })).await;
    assert_eq!(shown_to(&read(world, PAGE, None).await), None);
    assert_eq!(shown_to(&read(world, "https://new.example.com", None).await), Some("https://new.example.com"));
    world.delete(&format!("/v1/apps/{}", app.id)).bearer(&app.api_key).send().await.ok();
    assert_eq!(shown_to(&read(world, "https://new.example.com", None).await), None);
}

async fn a_preflight_says_what_may_be_sent(world: &World) {
    acme(world).await;
    for path in ["/v1/auth/signup", "/v1/me", "/v1/organizations/x", "/v1/nowhere"] {
        let raw = preflight(world, PAGE, path).await;
        assert_eq!((raw.status, shown_to(&raw)), (200, Some(PAGE)), "{path}");
        let methods = raw.header("access-control-allow-methods").unwrap();
        assert!(["GET", "POST", "PUT", "PATCH", "DELETE"].iter().all(|method| methods.contains(method)), "{methods}");
        let headers = raw.header("access-control-allow-headers").unwrap();
        assert!(["authorization", "content-type", "x-fabric-app-id"].iter().all(|name| headers.contains(name)));
        assert!(!headers.contains("x-principal-id"), "no page plays the development header");
        assert_eq!(raw.header("access-control-max-age"), Some("600"));
    }
    for (name, value) in
        [("access-control-request-headers", "x-principal-id"), ("access-control-request-method", "TRACE")]
    {
        let call =
            world.call("OPTIONS", "/v1/me").header("origin", PAGE).header("access-control-request-method", "GET");
        refused(call.header(name, value).raw().await);
    }
}

async fn no_client_gives_itself_leave(world: &World) {
    acme(world).await;
    let call = || world.get("/v1/health").header("x-fabric-origin-leave", "yes");
    let raw = call().header("origin", "https://evil.example").raw().await;
    assert_eq!(shown_to(&raw), None);
    assert_eq!(call().raw().await.header("access-control-allow-origin"), None);
}

async fn nobody_is_asked_for_cookies(world: &World) {
    let app = acme(world).await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let login = json!({ "email": "alice@example.com", "password": crate::support::PASSWORD });
    for raw in [
        world.at_door(Some(&app), "/v1/auth/login", &login).header("origin", PAGE).raw().await,
        world.get("/v1/me").by(&alice).header("origin", PAGE).raw().await,
        world.post("/v1/auth/logout", &json!({ "access_token": alice.token })).raw().await,
    ] {
        assert_eq!((raw.status, raw.header("set-cookie")), (200, None));
    }
    // And one that is sent is nobody's.
    let bob = world.sign_up(Some(&app), "bob").await;
    for name in ["access_token", "token", "session", "authorization"] {
        let call = world.get("/v1/me").header("cookie", format!("{name}={}", bob.token));
        call.send().await.refused(401, "unauthorized");
        let in_query = world.get(&format!("/v1/me?{name}={}", bob.token));
        in_query.send().await.refused(401, "unauthorized");
    }
}
