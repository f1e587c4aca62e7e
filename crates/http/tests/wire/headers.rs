//! Headers that come with a request: what is read of them, and what is not.

use serde_json::json;

use crate::support::World;

on_both!(
    a_request_keeps_the_id_it_came_with,
    an_id_that_makes_no_sense_is_replaced,
    a_trace_goes_on,
    the_scheme_of_a_token_is_written_in_any_case,
    a_header_that_is_there_twice_is_refused,
    a_header_that_is_no_text_is_refused,
    an_app_that_does_not_exist_is_refused,
    a_good_header_saves_no_bad_token,
    attack_41_a_key_in_the_url_is_none,
    a_path_of_rubbish_is_not_found,
    errors_speak_the_language_that_is_asked_for,
);

async fn errors_speak_the_language_that_is_asked_for(world: &World) {
    let me = async |language: &str| world.get("/v1/me").header("accept-language", language).send().await;
    for (asked, spoken, said) in [
        ("de", "de", "Melden Sie sich zuerst an."),
        ("de-AT,de;q=0.9,en;q=0.8", "de", "Melden Sie sich zuerst an."),
        ("fr, de;q=0.5", "de", "Melden Sie sich zuerst an."),
        ("en, de;q=0.5", "en", "Sign in first."),
        ("de;q=0, en", "en", "Sign in first."),
        ("fr", "en", "Sign in first."),
        ("<script>", "en", "Sign in first."),
    ] {
        let answer = me(asked).await;
        answer.refused(401, "unauthorized");
        assert_eq!(answer.header("content-language"), Some(spoken), "{asked}");
        assert_eq!(answer.body["error"]["message"], said, "{asked}");
    }
    let plain = world.get("/v1/me").send().await;
    assert_eq!(
        (&plain.body["error"]["message"], plain.header("content-language")),
        (&json!("Sign in first."), Some("en"))
    );
    // What there is to say beyond the code's sentence is not lost.
    let nowhere = world.call("PUT", "/v1/health").header("accept-language", "de").send().await;
    nowhere.refused(405, "method_not_allowed");
    assert_eq!(nowhere.body["error"]["message"], "Diese Methode nimmt der Pfad nicht an.");
    assert_eq!(nowhere.body["error"]["details"]["reason"], "Use GET.");
}

async fn a_request_keeps_the_id_it_came_with(world: &World) {
    for id in ["abc", "01a200b9-dcc0-7577-aab3-4f9bbb9e98a2", "a-b_c.d:e", &"x".repeat(128)] {
        for path in ["/v1/health", "/v1/me", "/v1/nowhere"] {
            let answer = world.get(path).header("x-request-id", id).send().await;
            assert_eq!(answer.header("x-request-id"), Some(id));
            assert_eq!(answer.body["meta"]["request_id"], id);
        }
    }
    let [one, two] = [world.get("/v1/health").send().await, world.get("/v1/health").send().await];
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

async fn an_id_that_makes_no_sense_is_replaced(world: &World) {
    let long = "x".repeat(129);
    for id in ["", " ", "a b", "<script>", "a\"b", "é", "a;b", "${jndi:ldap://evil.example}", &long] {
        let answer = world.get("/v1/health").header("x-request-id", id).send().await;
        assert_ne!(answer.header("x-request-id"), Some(id));
    }
}

async fn a_trace_goes_on(world: &World) {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let answer = world.get("/v1/health").header("traceparent", &parent).send().await;
    assert_eq!(answer.body["meta"]["trace_id"], trace);
    for parent in ["", "garbage", "00--00f067aa0ba902b7-01", "00-xyz-1-01", "00-<script>-1-01"] {
        let answer = world.get("/v1/health").header("traceparent", parent).send().await;
        assert_eq!(answer.body["meta"]["trace_id"], answer.body["meta"]["request_id"], "{parent}");
    }
}

async fn the_scheme_of_a_token_is_written_in_any_case(world: &World) {
    let app = world.app("acme").await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        for token in [&app.owner.token, &app.api_key] {
            let value = format!("{scheme} {token}");
            world.get("/v1/me").header("authorization", &value).send().await.ok();
        }
    }
}

async fn a_header_that_is_there_twice_is_refused(world: &World) {
    let app = world.app("acme").await;
    let other = world.app("other").await;
    let bearer = |token: &str| format!("Bearer {token}");
    for (one, two) in [(&app.owner.token, &app.owner.token), (&app.owner.token, &other.owner.token)] {
        let call = world.get("/v1/me").another("authorization", bearer(one)).another("authorization", bearer(two));
        call.send().await.refused(401, "unauthorized");
    }
    let call = world.get("/v1/me").by(&app.owner).app(&app.client_id).another("x-fabric-app-id", &other.client_id);
    call.send().await.refused(400, "unknown_app");
    let body = json!({ "email": "a@example.com", "password": crate::support::PASSWORD });
    for path in ["/v1/auth/signup", "/v1/auth/login", "/v1/auth/forgot-password"] {
        let call = world.post(path, &body).app(&app.client_id).another("x-fabric-app-id", &other.client_id);
        call.send().await.refused(400, "unknown_app");
    }
}

async fn a_header_that_is_no_text_is_refused(world: &World) {
    let app = world.app("acme").await;
    let bytes: &[u8] = b"Bearer \xff\xfe";
    world.get("/v1/me").header("authorization", bytes).send().await.refused(401, "unauthorized");
    let call = world.get("/v1/me").by(&app.owner).header("x-fabric-app-id", b"foc_\xff");
    call.send().await.refused(400, "unknown_app");
    // What nobody reads may be anything.
    for name in ["user-agent", "x-request-id", "traceparent", "accept-language", "origin", "host", "cookie", "referer"]
    {
        world.get("/v1/me").by(&app.owner).header(name, b"\xff\xfe\x80").send().await.ok();
        let body = json!({ "email": format!("{name}@example.com"), "password": crate::support::PASSWORD });
        world.post("/v1/auth/signup", &body).header(name, b"\xff\xfe\x80").send().await.ok();
    }
    let long = "x".repeat(5000);
    let body = json!({ "email": "long@example.com", "password": crate::support::PASSWORD });
    world.post("/v1/auth/signup", &body).header("user-agent", &long).send().await.ok();
    assert_eq!(world.number("SELECT max(length(user_agent)) FROM sessions"), 256);
}

async fn an_app_that_does_not_exist_is_refused(world: &World) {
    let app = world.app("acme").await;
    let upper = app.client_id.to_uppercase();
    let id = app.id.to_string();
    for unknown in ["foc_aaaaaaaaaaaaaaaaaaaaaaaa", "foc_", "", " ", "nonsense", "*", &upper, &id, "' OR 1=1"] {
        for path in ["/v1/me", "/v1/organizations", "/v1/apps"] {
            world.get(path).by(&app.owner).app(unknown).send().await.refused(400, "unknown_app");
        }
        let body = json!({ "email": "acme-owner@example.com", "password": crate::support::PASSWORD });
        for path in ["signup", "login", "forgot-password", "resend-verification"] {
            let call = world.post(&format!("/v1/auth/{path}"), &body).app(unknown);
            call.send().await.refused(400, "unknown_app");
        }
    }
    // Who is nobody is told that first.
    world.get("/v1/me").app("nonsense").send().await.refused(401, "unauthorized");
}

async fn a_good_header_saves_no_bad_token(world: &World) {
    let app = world.app("acme").await;
    let call = world.get("/v1/me").bearer("garbage").from("127.0.0.1:1");
    let call = call.app(&app.client_id).header("x-principal-id", app.owner.id.to_string());
    let call = call.header("x-fabric-app-secret", &app.client_secret).header("x-api-key", &app.api_key);
    call.send().await.refused(401, "unauthorized");
    for (name, value) in [("x-api-key", &app.api_key), ("x-auth-token", &app.owner.token), ("api-key", &app.api_key)] {
        world.get("/v1/me").header(name, value).send().await.refused(401, "unauthorized");
    }
}

async fn attack_41_a_key_in_the_url_is_none(world: &World) {
    let app = world.app("acme").await;
    for name in ["api_key", "access_token", "token", "key", "authorization", "bearer"] {
        let path = format!("/v1/me?{name}={}", app.api_key);
        world.get(&path).send().await.refused(401, "unauthorized");
    }
}

async fn a_path_of_rubbish_is_not_found(world: &World) {
    let app = world.app("acme").await;
    for rubbish in
        ["%00", "%ff%fe", "%", "%zz", "%F0%9F%A6%8A", "..", ".", "%2e%2e%2f", "a%20b", "'--", &"a".repeat(8000)]
    {
        for path in ["/v1/organizations/", "/v1/apps/", "/v1/admin/users/"] {
            let answer = world.get(&format!("{path}{rubbish}")).by(&app.owner).send().await;
            answer.refused(404, "not_found");
        }
    }
}
