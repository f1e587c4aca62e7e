//! Attacks 36, 38 and 49: pages of other origins learn nothing, names that a request gives itself choose nothing, and
//! what people wrote is text wherever it shows.

use serde_json::json;

use crate::support::{App, Call, PASSWORD, Raw, World};

on_both!(
    attack_36_a_preflight_is_granted_to_an_apps_own_origins,
    attack_36_no_other_origin_is_granted_anything,
    an_origin_is_its_own_apps_alone,
    an_origin_that_is_taken_away_is_gone,
    attack_36_a_client_gives_itself_no_leave,
    attack_38_no_name_of_the_host_chooses_anything,
    attack_49_links_lead_where_the_operator_said,
    attack_49_no_markup_and_no_line_gets_out,
    attack_49_a_page_is_safe_from_others,
);

const OURS: &str = "https://app.example.com";

/// An app whose pages live at [`OURS`].
async fn app_at_home(world: &World) -> App {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "allowed_origins": [OURS, "http://localhost:3000"] })).await;
    app
}

fn preflight<'a>(world: &'a World, origin: &str) -> Call<'a> {
    let call = world.call("OPTIONS", "/v1/auth/login").header("origin", origin);
    let call = call.header("access-control-request-method", "POST");
    call.header("access-control-request-headers", "authorization,content-type,x-fabric-app-id")
}

/// Makes sure that no browser shows this answer to a page of this origin, cookies or not.
#[track_caller]
fn withheld(raw: &Raw, origin: &str) {
    let granted = raw.header("access-control-allow-origin");
    assert!(
        granted.is_none_or(|granted| granted != origin && granted != "*" && granted != "null"),
        "{origin}: {raw:?}"
    );
    assert!(raw.header("access-control-allow-credentials").is_none(), "{raw:?}");
    assert!(raw.status < 500, "{raw:?}");
}

#[track_caller]
fn granted(raw: &Raw, origin: &str) {
    assert_eq!(raw.header("access-control-allow-origin"), Some(origin), "{raw:?}");
    assert!(raw.header("access-control-allow-credentials").is_none(), "{raw:?}");
    let vary: Vec<_> = raw.headers.get_all("vary").map(|value| value.to_str().unwrap().to_lowercase()).collect();
    assert!(vary.join(",").contains("origin"), "a cache would mix origins up: {raw:?}");
}

async fn attack_36_a_preflight_is_granted_to_an_apps_own_origins(world: &World) {
    let app = app_at_home(world).await;
    for origin in [OURS, "http://localhost:3000"] {
        let answer = preflight(world, origin).raw().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        granted(&answer, origin);
        let headers = answer.header("access-control-allow-headers").unwrap().to_lowercase();
        for wanted in ["authorization", "content-type", "x-fabric-app-id"] {
            assert!(headers.contains(wanted), "{headers}");
        }
        assert!(!headers.contains("x-principal-id") && !headers.contains("x-fabric-app-secret"), "{headers}");
        // And what comes after it can be read, be it good news or bad, from any route or none.
        let me = world.get("/v1/me").by(&app.owner).header("origin", origin).raw().await;
        granted(&me, origin);
        assert_eq!(me.status, 200);
        for path in ["/v1/me", "/v1/nowhere", "/v1/auth/login"] {
            let failed = world.get(path).header("origin", origin).raw().await;
            assert!((400..500).contains(&failed.status), "{failed:?}");
            granted(&failed, origin);
            assert!(failed.header("access-control-expose-headers").unwrap().contains("retry-after"));
        }
    }
}

async fn attack_36_no_other_origin_is_granted_anything(world: &World) {
    let app = app_at_home(world).await;
    for origin in [
        "https://evil.example",
        "null",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://evilapp.example.com",
        "https://app.example.co",
        "https://app.example.com@evil.example",
        "https://evil.example#https://app.example.com",
        "https://evil.example/https://app.example.com",
        "https://x.app.example.com",
        "https://example.com",
        "https://app.example.com, https://evil.example",
        "https://app.example.com https://evil.example",
        "https://app\u{3002}example.com.evil.example",
        "https://xn--pp-eka.example.com",
        "https://id.example.com",
        "http://localhost",
        "http://127.0.0.1:3000",
        "ftp://app.example.com",
        "file://",
        "*",
        "",
        "https://*.example.com",
    ] {
        withheld(&preflight(world, origin).raw().await, origin);
        withheld(&preflight(world, origin).app(&app.client_id).raw().await, origin);
        let seen = world.get("/v1/me").by(&app.owner).header("origin", origin).raw().await;
        withheld(&seen, origin);
        assert_eq!(seen.status, 200, "who is no browser is answered: {seen:?}");
    }
    let bytes = world.get("/v1/health").header("origin", b"https://\xff\xfe").raw().await;
    assert!(bytes.status == 200 && bytes.header("access-control-allow-origin").is_none(), "{bytes:?}");
    for header in ["x-principal-id", "x-fabric-origin-leave", "cookie", "x-forwarded-for"] {
        let asked = preflight(world, OURS).header("access-control-request-headers", header).raw().await;
        let allowed = asked.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
        assert!(!allowed.contains(header), "{asked:?}");
    }
}

async fn an_origin_is_its_own_apps_alone(world: &World) {
    let app = app_at_home(world).await;
    let other = world.set_up("other").await;
    world.configure(&other, &json!({ "allowed_origins": ["https://other.example.com"] })).await;
    let login = |app: &App, origin: &'static str| {
        let body = json!({ "email": "nobody@example.com", "password": PASSWORD });
        world.post("/v1/auth/login", &body).app(&app.client_id).header("origin", origin).raw()
    };
    granted(&login(&app, OURS).await, OURS);
    withheld(&login(&other, OURS).await, OURS);
    granted(&login(&other, "https://other.example.com").await, "https://other.example.com");
    withheld(&login(&app, "https://other.example.com").await, "https://other.example.com");
    for nobody in ["", "foc_", "foc_aaaaaaaaaaaaaaaaaaaaaaaa", "*"] {
        let answer = world.get("/v1/health").header("x-fabric-app-id", nobody).header("origin", OURS).raw().await;
        withheld(&answer, OURS);
    }
}

async fn an_origin_that_is_taken_away_is_gone(world: &World) {
    let app = app_at_home(world).await;
    granted(&preflight(world, OURS).raw().await, OURS);
    world.configure(&app, &json!({ "allowed_origins": [] })).await;
    withheld(&preflight(world, OURS).raw().await, OURS);
    world.configure(&app, &json!({ "allowed_origins": [OURS] })).await;
    granted(&preflight(world, OURS).raw().await, OURS);
    for wild in ["*", "https://*", "https://*.example.com", "null", "https://app.example.com/path", "javascript:1"] {
        let change = world.patch(&format!("/v1/apps/{}", app.id), &json!({ "allowed_origins": [wild] }));
        change.bearer(&app.api_key).send().await.refused(400, "invalid_origin");
    }
    world.delete(&format!("/v1/apps/{}", app.id)).by(&app.owner).send().await.ok();
    withheld(&preflight(world, OURS).raw().await, OURS);
}

async fn attack_36_a_client_gives_itself_no_leave(world: &World) {
    let app = app_at_home(world).await;
    for name in ["x-fabric-origin-leave", "X-Fabric-Origin-Leave"] {
        let origin = "https://evil.example";
        withheld(&preflight(world, origin).header(name, "yes").another(name, "yes").raw().await, origin);
        let seen = world.get("/v1/me").by(&app.owner).header("origin", origin).header(name, "yes").raw().await;
        withheld(&seen, origin);
        let bare = world.get("/v1/me").by(&app.owner).header(name, "yes").raw().await;
        assert!(bare.header("access-control-allow-origin").is_none(), "{bare:?}");
    }
}

/// What a request may say of where it thinks it goes and comes from.
const NAMES: [(&str, &str); 10] = [
    ("host", "evil.example"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-original-url", "/v1/health"),
    ("x-rewrite-url", "/v1/health"),
    ("x-http-method-override", "DELETE"),
    ("forwarded", "for=127.0.0.1;host=evil.example;proto=http"),
    ("x-app-id", "acme"),
    ("x-tenant-id", "acme"),
];

async fn attack_38_no_name_of_the_host_chooses_anything(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let told = world.get("/v1/me").by(&alice).send().await.told();
    for (name, value) in NAMES {
        for value in [value, "acme", "acme.id.example.com", &app.client_id] {
            assert_eq!(world.get("/v1/me").by(&alice).header(name, value).send().await.told(), told, "{name}: {value}");
            world.get("/v1/me").header(name, value).send().await.refused(401, "unauthorized");
            // Alice is known at her app's door, and only there.
            let body = json!({ "email": alice.email, "password": PASSWORD });
            let elsewhere = world.post("/v1/auth/login", &body).header(name, value).send().await;
            assert!([401, 429].contains(&elsewhere.status), "{elsewhere:?}");
        }
    }
}

async fn attack_49_links_lead_where_the_operator_said(world: &World) {
    let app = world.app("acme").await;
    let bodies = [
        ("/v1/auth/signup", json!({ "email": "alice@example.com", "password": PASSWORD })),
        ("/v1/auth/forgot-password", json!({ "email": "alice@example.com" })),
        ("/v1/auth/resend-verification", json!({ "email": "alice@example.com" })),
    ];
    for (path, body) in &bodies {
        let call = world.at_door(Some(&app), path, body);
        NAMES.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await.ok();
        let mail = world.mail().await;
        assert!(mail.link().starts_with("https://id.example.com/v1/auth/"), "{}", mail.link());
        assert!(!mail.link().contains("evil"), "{}", mail.link());
    }
}

async fn attack_49_no_markup_and_no_line_gets_out(world: &World) {
    let app = world.app("acme").await;
    let path = format!("/v1/apps/{}", app.id);
    for line in
        ["Acme\r\nBcc: eve@example.com", "Acme\nX: y", "Acme\u{2028}x", "Acme\u{85}x", "Acme\u{202e}emca", "\u{0}"]
    {
        let name = json!({ "name": line, "display_name": line });
        world.patch(&path, &name).bearer(&app.api_key).send().await.refused(400, "invalid_name");
        world.patch("/v1/me", &name).by(&app.owner).send().await.refused(400, "invalid_name");
        let body = json!({ "email": "eve@example.com", "password": PASSWORD, "display_name": line });
        world.at_door(Some(&app), "/v1/auth/signup", &body).send().await.refused(400, "invalid_name");
        let body = json!({ "email": format!("eve@example.com{line}x"), "password": PASSWORD });
        world.at_door(Some(&app), "/v1/auth/signup", &body).send().await.refused(400, "invalid_email");
    }
    // Markup is a name like any other. It goes out as it is, for whoever writes HTML to escape; the letter has no other
    // text of anybody's.
    let markup = "<script>alert(1)</script>\"'><img src=x>";
    world.patch(&path, &json!({ "name": markup })).bearer(&app.api_key).send().await.ok();
    let body = json!({ "email": "alice@example.com", "password": PASSWORD, "display_name": markup });
    let signed_up = world.at_door(Some(&app), "/v1/auth/signup", &body).send().await;
    assert_eq!(signed_up.ok()["user"]["display_name"], markup);
    assert_eq!(signed_up.header("x-content-type-options"), Some("nosniff"));
    let mail = world.mail().await;
    assert_eq!(mail.letter.brand.name, markup);
    assert!(!mail.link().contains('<'), "{}", mail.link());
    world.configure(&app, &json!({ "confirm_links": true })).await;
    let page = world.get(mail.link().strip_prefix("https://id.example.com").unwrap()).raw().await;
    assert!(page.text.contains("<form") && !page.text.contains("alert"), "{page:?}");
}

async fn attack_49_a_page_is_safe_from_others(world: &World) {
    let query =
        serde_urlencoded::to_string([("token", "\"><script>alert('1')</script>&lt;\r\nSet-Cookie: a=b")]).unwrap();
    let form = world.get(&format!("/v1/auth/reset-password?{query}")).raw().await;
    assert_eq!(form.status, 200);
    let escaped = "value=\"&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;lt;";
    assert!(form.text.contains(escaped) && !form.text.contains("<script"), "{}", form.text);
    assert!(form.header("set-cookie").is_none());
    let fields = [("token", "<script>"), ("new_password", PASSWORD)];
    let failed = world.call("POST", "/v1/auth/reset-password").form(fields).raw().await;
    let verified = world.call("POST", "/v1/auth/verify").form([("token", "<b>")]).raw().await;
    assert_eq!((failed.status, verified.status), (400, 400));
    for page in [form, failed, verified] {
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        let policy = page.header("content-security-policy").unwrap();
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("script-src") && !page.text.contains("<script"), "{}", page.text);
        assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{}", page.text);
    }
}
