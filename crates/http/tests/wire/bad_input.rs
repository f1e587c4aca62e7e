//! Attacks 32 and 50: whatever is sent, the answer is one of ours, and never that something went wrong here.

use identity::ServiceAccount;
use kernel::{Name, Role, Slug, Unchecked};
use serde_json::{Value, json};
use tenancy::Team;

use crate::{
    operations::{self, Operation},
    support::{Answer, App, PASSWORD, World},
    sweep::made,
};

on_both!(
    attack_50_what_is_no_json_is_refused,
    attack_50_a_field_of_another_type_is_refused,
    a_missing_field_is_named,
    unknown_fields_are_ignored_and_double_ones_refused,
    attack_50_nul_is_no_text_anywhere,
    attack_50_a_bent_path_query_or_header_is_refused,
    attack_32_a_body_has_an_end,
    attack_32_what_is_too_long_is_refused,
    a_body_is_json_or_says_what_it_is,
    no_body_is_fine_where_none_is_needed,
    attack_43_a_page_has_a_size_and_a_place,
);

/// Refused for what it is, in the envelope, with a sentence; and not by chance.
#[track_caller]
fn refused(answer: &Answer, what: &str) {
    let known = ["malformed_json", "invalid_body", "invalid_metadata", "invalid_setting"];
    assert!(answer.status == 400 && known.contains(&answer.code()), "{what}: {answer:?}");
}

fn with(operation: &Operation, name: &str, value: Value) -> Value {
    let mut body = operation.body();
    body[name] = value;
    body
}

async fn attack_50_what_is_no_json_is_refused(world: &World) {
    let app = world.app("acme").await;
    let deep = |open: &str, close: &str| [open.repeat(10_000), "1".to_owned(), close.repeat(10_000)].concat();
    let bodies: Vec<Vec<u8>> = vec![
        b"{\"name\": ".into(),
        b"{\"email\": \"\xff\xfe@example.com\", \"name\": \"\xc3\x28\"}".into(),
        b"\xef\xbb\xbf{}".into(),
        b"\xff\xfe{\0}\0".into(),
        b"\0".into(),
        b"{} {}".into(),
        b"{'email': 'a'}".into(),
        b"{\"a\": NaN}".into(),
        b"null".into(),
        b"1".into(),
        b"\"text\"".into(),
        b"[]".into(),
        b"[\"nobody@example.com\", \"Correct-horse-1\", \"Nobody\", null, null, null, null]".into(),
        deep("[", "]").into(),
    ];
    for operation in operations::reading() {
        for body in &bodies {
            let answer = operation.call(world, &app, "").body(body.clone()).send().await;
            let shown: String = String::from_utf8_lossy(body).chars().take(40).collect();
            refused(&answer, &shown);
        }
    }
    // What is kept has an end in depth; what nobody keeps may be as deep as it likes.
    let keeping = |operation: &Operation| operation.fields.iter().any(|field| field.name == "metadata");
    for operation in operations::reading().filter(keeping) {
        let deep = format!("{{\"metadata\": {}, {}", deep("[", "]"), &operation.body().to_string()[1..]);
        operation.call(world, &app, "").body(deep).send().await.refused(400, "malformed_json");
    }
    let half = r#"{"email": "\ud800@example.com", "password": "Correct-horse-1"}"#;
    world.call("POST", "/v1/auth/login").body(half).send().await.refused(400, "malformed_json");
    // Logout makes the best of it.
    for body in bodies {
        world.call("POST", "/v1/auth/logout").body(body).send().await.ok();
    }
}

async fn attack_50_a_field_of_another_type_is_refused(world: &World) {
    let app = world.app("acme").await;
    let types = [
        ("string", json!("yes")),
        ("boolean", json!(true)),
        ("integer", json!(1)),
        ("integer", json!(-1)),
        ("integer", json!(1.5)),
        ("integer", json!(u64::MAX)),
        ("array", json!([1])),
        ("object", json!({ "a": 1 })),
    ];
    for operation in operations::reading() {
        for field in &operation.fields {
            for (kind, value) in &types {
                let counts = value.as_u64().is_some_and(|number| number < 1000);
                let fits = field.is(kind) && (*kind != "integer" || counts) && *kind != "array";
                // What a number may be is its own story's.
                if fits || field.is("number") && value.is_number() {
                    continue;
                }
                let body = with(&operation, &field.name, value.clone());
                let answer = operation.call(world, &app, "").json(&body).send().await;
                refused(&answer, &format!("{} {value}", field.name));
            }
        }
    }
}

async fn a_missing_field_is_named(world: &World) {
    let app = world.app("acme").await;
    let mut needed = 0;
    for operation in operations::reading() {
        for field in operation.fields.iter().filter(|field| field.required) {
            let mut body = operation.body();
            body.as_object_mut().unwrap().remove(&field.name);
            let answer = operation.call(world, &app, "").json(&body).send().await;
            refused(&answer, &field.name);
            let message = answer.body["error"]["message"].as_str().unwrap();
            assert!(message.contains(&format!("`{}`", field.name)), "{answer:?}");
            needed += 1;
        }
    }
    assert!(needed > 10, "{needed} fields are needed in all");
}

async fn unknown_fields_are_ignored_and_double_ones_refused(world: &World) {
    let app = world.app("acme").await;
    // Attack 28: nobody is what they say they are.
    let deep = ["[".repeat(10_000), "]".repeat(10_000)].concat();
    let body = format!(
        r#"{{"email": "alice@example.com", "password": "{PASSWORD}", "email_verified": true, "platform_admin": true,
            "role": "owner", "id": 1, "deep": {deep}}}"#
    );
    let answer = world.call("POST", "/v1/auth/signup").app(&app.client_id).body(body).send().await;
    assert_eq!(answer.ok()["user"]["email_verified"], false);
    let me = world.get("/v1/me").bearer(answer.text("access_token")).send().await;
    assert_eq!((&me.ok()["platform_admin"], &me.ok()["email_verified"]), (&json!(false), &json!(false)));

    for operation in operations::reading() {
        let body = operation.body();
        for field in &operation.fields {
            let value = &body[&field.name];
            let twice = format!("{{\"{0}\": {value}, \"{0}\": {value}, {1}", field.name, &body.to_string()[1..]);
            let answer = operation.call(world, &app, "").body(twice).send().await;
            refused(&answer, &field.name);
        }
    }
    let form = format!("email=a&token=x&token=y&new_password={PASSWORD}");
    let form = world.call("POST", "/v1/auth/reset-password").body(form);
    form.header("content-type", "application/x-www-form-urlencoded").send().await.refused(400, "invalid_body");
    world.get("/v1/auth/verify?token=a&token=b").send().await.refused(400, "invalid_parameter");
}

async fn attack_50_nul_is_no_text_anywhere(world: &World) {
    let app = world.app("acme").await;
    for operation in operations::reading() {
        // A password is any text (what is hashed of it is all of it, see below), and so is a secret.
        let free = |name: &str| name.ends_with("password") || name == "value";
        let texts = operation.fields.iter().filter(|field| field.is("string") && !free(&field.name));
        for field in texts {
            let text = operation.body()[&field.name].as_str().unwrap().to_owned();
            for text in [format!("{text}\0"), format!("\0{text}"), format!("a{text}\0b"), "\0".to_owned()] {
                let body = with(&operation, &field.name, text.clone().into());
                let answer = operation.call(world, &app, "").json(&body).send().await;
                // Revoking answers the same for every token.
                let fits = operation.path == "/v1/oauth/revoke" && answer.status == 200;
                assert!(fits || (400..500).contains(&answer.status), "{} {text:?}: {answer:?}", field.name);
            }
        }
    }
    let body = json!({ "email": "alice@example.com", "password": format!("{PASSWORD}\0{PASSWORD}") });
    world.post("/v1/auth/signup", &body).app(&app.client_id).send().await.ok();
    for cut in [PASSWORD.to_owned(), format!("{PASSWORD}\0"), format!("{PASSWORD}\0{PASSWORD}\0")] {
        world.log_in(Some(&app), "alice", &cut).await.refused(401, "invalid_credentials");
    }
    world.log_in(Some(&app), "alice", &format!("{PASSWORD}\0{PASSWORD}")).await.ok();
    // In what we only keep it is as good as any letter.
    let kept = json!({ "metadata": { "a\0": "\0" } });
    let changed = world.patch(&format!("/v1/apps/{}", app.id), &kept).by(&app.owner).send().await;
    assert_eq!(changed.ok()["metadata"], kept["metadata"]);
}

/// They answer with a page, not in the envelope.
const PAGES: [&str; 3] = ["/v1/auth/magic-link", "/v1/auth/email-change", "/v1/auth/email-change/undo"];

async fn attack_50_a_bent_path_query_or_header_is_refused(world: &World) {
    let app = world.app("acme").await;
    let bent = ["%00", "%ff%fe", "%", "%zz", "%2e%2e%2f", "%c0%ae", "'%20OR%201=1", "%0d%0aX-Evil:%201", "%E2%80%AE"];
    for operation in operations::all() {
        for bent in bent {
            if let Some(begin) = operation.path.find('{') {
                let end = operation.path.find('}').unwrap();
                let path = [&operation.path[..begin], bent, &operation.path[end + 1..]].concat();
                let call = world.call(operation.method.as_str(), &path).json(&operation.body()).by(&app.owner);
                call.send().await.refused(404, "not_found");
            }
            for name in &operation.query {
                let raw = operation.call(world, &app, &format!("?{name}={bent}")).raw().await;
                let page = operation.path == "/v1/auth/reset-password";
                // Only a prefix of an address may be anything that an address could begin with.
                let fits = page || name == "email" && bent != "%00";
                assert_eq!(raw.status == 200, fits, "{bent}: {raw:?}");
                assert!(fits || (400..500).contains(&raw.status), "{bent}: {raw:?}");
                assert!(!raw.headers.contains_key("x-evil"), "{raw:?}");
                if !page && !PAGES.contains(&operation.path) {
                    Answer::open(raw);
                }
            }
        }
    }
    for (name, code) in [("x-fabric-app-id", (400, "unknown_app")), ("authorization", (401, "unauthorized"))] {
        for bytes in [&b"\xff\xfe"[..], b"", b"foc_", b"Bearer", b"Bearer \xc3\xa9", b"Basic OjpcMA==", &[b'a'; 9000]] {
            let call = world.get("/v1/me").by(&app.owner).header(name, bytes);
            call.send().await.refused(code.0, code.1);
        }
    }
    // What names a request in logs is plain, or ours.
    for bytes in [&b"\xff"[..], b"", b"a b", b"<script>", &[b'a'; 129], "é".as_bytes(), b"{\"a\":1}"] {
        let call = world.get("/v1/health").header("x-request-id", bytes).header("traceparent", bytes);
        let answer = call.send().await;
        assert!(answer.ok().is_object());
        assert_ne!(answer.header("x-request-id").unwrap().as_bytes(), bytes);
    }
    let named = world.get("/v1/health").header("x-request-id", "a-B_1.2:3").send().await;
    assert_eq!(named.header("x-request-id"), Some("a-B_1.2:3"));
}

async fn attack_32_a_body_has_an_end(world: &World) {
    let app = world.app("acme").await;
    for operation in operations::all().into_iter().filter(|operation| operation.body.is_some()) {
        let mut large = operation.body();
        large["filler"] = "a".repeat(256 * 1024).into();
        operation.call(world, &app, "").json(&large).send().await.refused(413, "body_too_large");
        // Who announces more is not waited for.
        let call = operation.call(world, &app, "").json(&operation.body()).header("content-length", "999999999");
        call.send().await.refused(413, "body_too_large");
    }
    let mut fits = json!({ "email": "alice@example.com", "password": PASSWORD, "filler": "" });
    let room = 256 * 1024 - fits.to_string().len();
    fits["filler"] = "a".repeat(room).into();
    world.post("/v1/auth/signup", &fits).send().await.ok();
    // Nobody reads a body of somebody they do not know.
    let stranger = world.call("POST", "/v1/organizations").body(vec![b'a'; 1 << 20]);
    stranger.send().await.refused(401, "unauthorized");
}

async fn attack_32_what_is_too_long_is_refused(world: &World) {
    let app = world.app("acme").await;
    let long = |length: usize| "aA1!".repeat(length / 4);
    for path in ["/v1/auth/signup", "/v1/auth/login"] {
        let body = |email: &str, password: &str| json!({ "email": email, "password": password });
        for (length, status, code) in [(1 << 20, 413, "body_too_large"), (1028, 400, "password_too_long")] {
            world.post(path, &body("a@example.com", &long(length))).send().await.refused(status, code);
        }
        let email = format!("{}@example.com", "a".repeat(10_000));
        world.post(path, &body(&email, PASSWORD)).send().await.refused(400, "invalid_email");
        let email = format!("a@{}", "a.".repeat(50_000));
        world.post(path, &body(&email, PASSWORD)).send().await.refused(400, "invalid_email");
    }
    // 1024 bytes count to the last one.
    let password = long(1024);
    let body = json!({ "email": "alice@example.com", "password": password });
    world.post("/v1/auth/signup", &body).app(&app.client_id).send().await.ok();
    let almost = format!("{}?", &password[..1023]);
    world.log_in(Some(&app), "alice", &almost).await.refused(401, "invalid_credentials");
    world.log_in(Some(&app), "alice", &password).await.ok();
    let name = json!({ "display_name": "a".repeat(201) });
    world.patch("/v1/me", &name).by(&app.owner).send().await.refused(400, "invalid_name");
    let metadata = json!({ "metadata": { "a": "b".repeat(17 * 1024) } });
    world.patch("/v1/me", &metadata).by(&app.owner).send().await.refused(400, "invalid_metadata");
}

async fn a_body_is_json_or_says_what_it_is(world: &World) {
    let app = world.app("acme").await;
    let others =
        [&b"text/plain"[..], b"text/html", b"application/xml", b"multipart/form-data; boundary=a", b"*/*", b""];
    for operation in operations::reading() {
        for other in others.into_iter().chain([&b"\xff"[..]]) {
            let call = operation.call(world, &app, "").json(&operation.body()).header("content-type", other);
            call.send().await.refused(415, "unsupported_media_type");
        }
    }
    let body = json!({ "email": "nobody@example.com", "password": PASSWORD });
    for json in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"] {
        let call = world.post("/v1/auth/login", &body).header("content-type", json);
        call.send().await.refused(401, "invalid_credentials");
    }
    world
        .call("POST", "/v1/auth/login")
        .form([("email", "a@example.com")])
        .send()
        .await
        .refused(415, "unsupported_media_type");
}

async fn no_body_is_fine_where_none_is_needed(world: &World) {
    let app = world.app("acme").await;
    for operation in operations::reading().filter(|operation| operation.body == Some(true)) {
        operation.call(world, &app, "").send().await.refused(400, "malformed_json");
    }
    for path in ["/v1/auth/logout", "/v1/admin/bootstrap"] {
        for body in ["", "{}"] {
            let answer = world.call("POST", path).by(&app.owner).body(body).send().await;
            assert!(answer.status == 200 || answer.code() == "bootstrap_closed", "{answer:?}");
        }
    }
    for path in ["disable", "enable", "rotate-secret"] {
        for body in ["", "{}"] {
            let path = format!("/v1/apps/{}/{path}", app.id);
            world.call("POST", &path).by(&app.owner).body(body).send().await.ok();
        }
    }
    world.call("POST", "/v1/auth/logout-all").by(&app.owner).send().await.ok();
}

async fn attack_43_a_page_has_a_size_and_a_place(world: &World) {
    let app: App = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    let (organization, now) = (app.organization, world.now());
    let team = Team {
        id: operations::NOTHING.parse().unwrap(),
        organization,
        slug: Slug::from_name("team"),
        name: Name::constant("Team"),
        archived_at: None,
        created_at: now,
        updated_at: now,
    };
    let account = ServiceAccount {
        id: operations::NOTHING.parse().unwrap(),
        organization,
        team: None,
        name: Name::constant("Deploys"),
        description: None,
        role: Role::Viewer,
        custom_role: None,
        created_by: None,
        disabled_at: None,
        created_at: now,
        updated_at: now,
    };
    let endpoint = made::endpoint(operations::NOTHING.parse().unwrap(), organization, now).unwrap();
    world
        .write(move |tx| {
            tx.insert_team(&Unchecked(organization), &team)?;
            tx.insert_service_account(&Unchecked(organization), &account)?;
            tx.insert_endpoint(&Unchecked(organization), &endpoint)
        })
        .await;
    let lists = operations::all().into_iter().filter(|operation| operation.query.iter().any(|name| name == "limit"));
    let lists: Vec<_> = lists.collect();
    // Who runs the platform sees every list.
    world.tamper("UPDATE accounts SET platform_admin = true WHERE app_id IS NULL");
    assert!(lists.len() >= 4);
    for list in lists {
        let call = |query: &str| list.call(world, &app, query).send();
        let mut bad = vec!["limit=0", "limit=-1", "limit=1.5", "limit=x", "limit=", "limit=4294967296", "cursor="];
        bad.extend(["cursor=%27%20OR%201=1", "limit=1&limit=2"]);
        // Secrets are listed by name, and so go on behind one.
        if !list.path.ends_with("/secrets") {
            bad.push("cursor=x");
        }
        if list.query.iter().any(|name| name == "offset") {
            bad.extend(["offset=10001", "offset=-1", "offset=99999999999999999999"]);
            call("?offset=10000").await.ok();
        }
        for query in bad {
            call(&format!("?{query}")).await.refused(400, "invalid_parameter");
        }
        let all = call("?limit=4294967295").await;
        let pagination = if all.ok().is_array() { &all.body["meta"]["pagination"] } else { &all.ok()["pagination"] };
        assert_eq!((&pagination["limit"], &pagination["has_more"]), (&json!(200), &json!(false)), "{all:?}");
        // A cursor is a place, not a key: what it leads to is the caller's own.
        let newest_first = list.path.ends_with("audit-logs") || list.path == "/v1/me/sessions";
        let end = if newest_first { "00000000-0000" } else { "ffffffff-ffff" };
        let past = call(&format!("?cursor={end}-7fff-bfff-ffffffffffff")).await;
        let items = if past.ok().is_array() { past.ok() } else { &past.ok()["items"] };
        assert_eq!(*items, json!([]), "{past:?}");
    }
}
