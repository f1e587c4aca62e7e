//! What is mailed, to whom, and where its links lead.

use platform::mailer::About;
use serde_json::json;

use crate::support::{App, Mail, PASSWORD, World, token_in};

on_both!(
    a_newcomer_gets_a_link_to_prove_the_address,
    a_forgotten_password_gets_a_link,
    a_link_to_reset_leads_to_the_apps_own_site,
    attack_49_links_come_from_the_configuration_and_from_no_header,
    attack_49_a_name_is_a_line_of_text,
    nobody_is_written_to_who_has_no_account,
    a_taken_address_is_told_so_by_mail_alone,
    whoever_asks_ten_times_at_once_gets_one_mail,
    a_mail_that_waits_survives_a_restart,
    nothing_is_mailed_where_nobody_carries_mail,
    no_token_lies_in_the_queue_or_in_the_ledger,
    a_mail_for_what_is_gone_is_not_sent,
);

async fn ask(world: &World, app: &App, path: &str, name: &str) {
    let body = json!({ "email": format!("{name}@example.com") });
    world.at_door(Some(app), path, &body).send().await.ok();
}

async fn forgot(world: &World, app: &App, name: &str) {
    ask(world, app, "/v1/auth/forgot-password", name).await;
}

async fn a_newcomer_gets_a_link_to_prove_the_address(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    let mail = world.mail().await;
    assert_eq!(mail.to, "alice@example.com");
    let About::VerifyEmail { link } = &mail.letter.about else { panic!("{mail:?}") };
    assert_eq!(mail.letter.brand.name, "acme");
    let token = token_in(link);
    assert_eq!(*link, format!("https://id.example.com/v1/auth/verify?token={token}&type=signup"));
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    // Developers hear from the platform itself.
    world.sign_up(None, "developer").await;
    assert_eq!(world.mail().await.letter.brand.name, "Fabric");
}

async fn a_forgotten_password_gets_a_link(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    forgot(world, &app, "alice").await;
    let mail = world.mail().await;
    let About::ResetPassword { link, .. } = &mail.letter.about else { panic!("{mail:?}") };
    assert_eq!(*link, format!("https://id.example.com/v1/auth/reset-password?token={}", mail.token()));
    forgot(world, &app, "alice").await;
    assert_ne!(world.mail().await.token(), mail.token());
}

async fn a_link_to_reset_leads_to_the_apps_own_site(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    for site in ["https://app.example.com", "https://app.example.com/", "https://app.example.com/auth"] {
        world.configure(&app, &json!({ "site_url": site })).await;
        forgot(world, &app, "alice").await;
        let mail = world.mail().await;
        let expected = format!("{}/reset-password?token={}", site.trim_end_matches('/'), mail.token());
        assert_eq!(mail.link(), expected);
    }
    // A query would swallow what is added to it.
    let path = format!("/v1/apps/{}", app.id);
    let query = json!({ "site_url": "https://app.example.com/?x=1" });
    world.patch(&path, &query).bearer(&app.api_key).send().await.refused(400, "invalid_url");
}

async fn attack_49_links_come_from_the_configuration_and_from_no_header(world: &World) {
    let app = world.app("acme").await;
    for (header, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-prefix", "/evil"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
        ("x-original-url", "https://evil.example"),
    ] {
        let name = format!("user-{header}");
        let body = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        world.at_door(Some(&app), "/v1/auth/signup", &body).header(header, value).send().await.ok();
        let verify = world.mail().await;
        for path in ["/v1/auth/resend-verification", "/v1/auth/forgot-password"] {
            world.at_door(Some(&app), path, &body).header(header, value).send().await.ok();
            let mail = world.mail().await;
            assert!(mail.link().starts_with("https://id.example.com/v1/auth/"), "{header}: {}", mail.link());
        }
        assert!(verify.link().starts_with("https://id.example.com/v1/auth/"), "{header}: {}", verify.link());
        // Nor does following it under another name lead elsewhere.
        let path = verify.link().strip_prefix("https://id.example.com").unwrap();
        let raw = world.get(path).header(header, value).raw().await;
        assert!(raw.header("location").is_none() && !raw.text.contains("evil"), "{raw:?}");
    }
}

async fn attack_49_a_name_is_a_line_of_text(world: &World) {
    let app = world.app("acme").await;
    let path = format!("/v1/apps/{}", app.id);
    for name in ["Acme\r\nBcc: eve@example.com", "Acme\nX", "Acme\0", "Acme\u{2028}X", "Acme\u{202e}emcA"] {
        let told = world.patch(&path, &json!({ "name": name })).bearer(&app.api_key).send().await;
        told.refused(400, "invalid_name");
        let body = json!({ "email": "x@example.com", "password": PASSWORD, "display_name": name });
        world.at_door(Some(&app), "/v1/auth/signup", &body).send().await.refused(400, "invalid_name");
    }
    let name = "<b>Acme</b> & \"Söhne\" <script>alert(1)</script>";
    world.configure(&app, &json!({ "name": name })).await;
    world.sign_up(Some(&app), "alice").await;
    // As it was given: whoever puts it into HTML escapes it there.
    assert_eq!(world.mail().await.letter.brand.name, name);
}

async fn nobody_is_written_to_who_has_no_account(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(None, "developer").await;
    world.mails().await;
    for path in ["/v1/auth/forgot-password", "/v1/auth/resend-verification"] {
        for name in ["nobody", "developer"] {
            ask(world, &app, path, name).await;
        }
    }
    assert!(world.mails().await.is_empty());
    assert_eq!(world.number("SELECT count(*) FROM one_time_tokens"), 1, "the developer's own");
}

async fn a_taken_address_is_told_so_by_mail_alone(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    let body = |name: &str| json!({ "email": format!("{name}@example.com"), "password": "Another-secret-1" });
    let taken = world.at_door(Some(&app), "/v1/auth/signup", &body("alice")).send().await;
    assert_eq!((taken.status, taken.ok()["verification_required"].clone()), (201, json!(true)));
    let mail = world.mail().await;
    assert!(matches!(mail.letter.about, About::AlreadySignedUp) && mail.to == "alice@example.com", "{mail:?}");
    world.log_in(Some(&app), "alice", "Another-secret-1").await.refused(401, "invalid_credentials");
    world.at_door(Some(&app), "/v1/auth/signup", &body("bob")).send().await.ok();
    let mail = world.mail().await;
    assert!(matches!(mail.letter.about, About::VerifyEmail { .. }) && mail.to == "bob@example.com", "{mail:?}");
}

async fn whoever_asks_ten_times_at_once_gets_one_mail(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    futures_util::future::join_all((0..10).map(|_| forgot(world, &app, "alice"))).await;
    forgot(world, &app, "alice").await;
    let mails: Vec<Mail> = world.mails().await;
    assert!(!mails.is_empty() && mails.len() < 11, "{}", mails.len());
}

async fn a_mail_that_waits_survives_a_restart(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    let world = &world.restarted().await;
    let token = world.mail().await.token();
    assert!(world.restarted().await.mails().await.is_empty(), "and is sent once");
    world.post("/v1/auth/verify", &json!({ "token": token })).send().await.ok();
}

async fn nothing_is_mailed_where_nobody_carries_mail(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    forgot(world, &app, "alice").await;
    // What the mails stand for is done all the same: whoever listens to the app's events gets the links.
    assert_eq!(world.platform.send_mails(None).await.unwrap(), 2);
    assert_eq!(world.number("SELECT count(*) FROM mail_queue"), 0);
    assert_eq!(world.number("SELECT count(*) FROM one_time_tokens"), 2);
    assert!(world.mails().await.is_empty());
}

/// Attack 53: what opens an account is nowhere but in the mail.
async fn no_token_lies_in_the_queue_or_in_the_ledger(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    forgot(world, &app, "alice").await;
    let tokens: Vec<String> = world.mails().await.iter().map(Mail::token).collect();
    assert_eq!(tokens.len(), 2);
    for secret in tokens.iter().chain([&alice.token, &alice.refresh, &app.client_secret, &app.api_key]) {
        for (table, column) in [("events", "payload"), ("accounts", "metadata"), ("sessions", "user_agent")] {
            let found = format!("SELECT count(*) FROM {table} WHERE CAST({column} AS text) LIKE '%{secret}%'");
            assert_eq!(world.number(&found), 0, "{table}");
        }
    }
    let passwords = "SELECT count(*) FROM events WHERE CAST(payload AS text) LIKE '%argon2%'";
    assert_eq!(world.number(passwords), 0);
    let listed = world.get("/v1/admin/users").bearer(&app.api_key).send().await;
    assert!(tokens.iter().all(|token| !listed.body.to_string().contains(token)));
}

async fn a_mail_for_what_is_gone_is_not_sent(world: &World) {
    let app = world.app("acme").await;
    let switch = async |verb: &str| {
        world.call("POST", &format!("/v1/apps/{}/{verb}", app.id)).bearer(&app.api_key).send().await.ok();
    };
    world.sign_up(Some(&app), "alice").await;
    switch("disable").await;
    assert!(world.mails().await.is_empty());
    switch("enable").await;
    world.sign_up(Some(&app), "bob").await;
    world.delete(&format!("/v1/apps/{}", app.id)).bearer(&app.api_key).send().await.ok();
    assert!(world.mails().await.is_empty());
}
