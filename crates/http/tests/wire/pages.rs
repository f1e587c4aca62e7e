//! The few pages that people see: links out of mails lead there.

use kernel::EventKind;
use serde_json::json;

use crate::support::{App, Mail, NEXT_PASSWORD, PASSWORD, Raw, World};

on_both!(
    a_followed_link_verifies_and_goes_on_to_the_site,
    an_app_may_want_a_button_in_between,
    asking_for_the_head_spends_nothing,
    a_form_sets_another_password,
    what_went_wrong_is_said_on_the_page,
    attack_49_what_stands_in_a_link_is_text_on_the_page,
    attack_49_a_page_is_framed_sniffed_and_kept_by_nobody,
    a_scanner_that_follows_a_link_is_no_owner,
);

async fn user(world: &World) -> (App, Mail) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    (app, world.mail().await)
}

/// The path and the query of a link.
fn path(link: &str) -> &str {
    link.strip_prefix("https://id.example.com").expect("a link to ourselves")
}

#[track_caller]
fn page(raw: &Raw, status: u16) -> &str {
    assert_eq!(raw.status, status, "{raw:?}");
    assert_eq!(raw.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(raw.text.starts_with("<!doctype html>"), "{}", raw.text);
    &raw.text
}

async fn is_verified(world: &World, app: &App) -> bool {
    let list = world.get("/v1/admin/users").bearer(&app.api_key).send().await;
    list.ok()["items"][0]["email_verified"] == true
}

async fn a_followed_link_verifies_and_goes_on_to_the_site(world: &World) {
    let (app, mail) = user(world).await;
    world.configure(&app, &json!({ "site_url": "https://app.example.com/welcome" })).await;
    let raw = world.get(path(mail.link())).raw().await;
    assert_eq!((raw.status, raw.header("location")), (302, Some("https://app.example.com/welcome")));
    assert_eq!(raw.header("referrer-policy"), Some("no-referrer"));
    assert!(is_verified(world, &app).await);

    // Without a site of the app's own, to the platform's; without that one, it is said.
    for (site, status) in [(Some("https://example.com/done"), 302), (None, 200)] {
        let world = &world.restarted_with(|plan| plan.settings.site_url = site.map(str::to_owned)).await;
        world.configure(&app, &json!({ "site_url": null })).await;
        world.sign_up(Some(&app), &format!("bob-{status}")).await;
        let mail = world.mail().await;
        let raw = world.get(path(mail.link())).raw().await;
        assert_eq!((raw.status, raw.header("location")), (status, site));
    }
}

async fn an_app_may_want_a_button_in_between(world: &World) {
    let (app, mail) = user(world).await;
    world.configure(&app, &json!({ "confirm_links": true, "site_url": "https://app.example.com" })).await;
    for _ in 0..3 {
        let raw = world.get(path(mail.link())).raw().await;
        let page = page(&raw, 200);
        assert!(page.contains("method=\"post\" action=\"/v1/auth/verify\"") && page.contains(&mail.token()));
        assert!(!is_verified(world, &app).await, "nothing is spent");
    }
    let pressed = world.call("POST", "/v1/auth/verify").form([("token", mail.token())]).raw().await;
    assert!(page(&pressed, 200).contains("href=\"https://app.example.com\""));
    assert!(is_verified(world, &app).await);
    let again = world.call("POST", "/v1/auth/verify").form([("token", mail.token())]).raw().await;
    assert!(page(&again, 400).contains("not valid any more"));
}

async fn asking_for_the_head_spends_nothing(world: &World) {
    let (app, mail) = user(world).await;
    for _ in 0..3 {
        let raw = world.call("HEAD", path(mail.link())).raw().await;
        assert_ne!(raw.status, 500);
        assert!(!is_verified(world, &app).await);
    }
    for method in ["OPTIONS", "PUT", "DELETE", "PATCH"] {
        assert_eq!(world.call(method, path(mail.link())).raw().await.status, 405);
    }
    assert!(!is_verified(world, &app).await);
    world.get(path(mail.link())).raw().await;
    assert!(is_verified(world, &app).await);
}

async fn reset_link(world: &World, app: &App) -> Mail {
    let forgotten = json!({ "email": "alice@example.com" });
    world.at_door(Some(app), "/v1/auth/forgot-password", &forgotten).send().await.ok();
    world.mail().await
}

async fn a_form_sets_another_password(world: &World) {
    let (app, _) = user(world).await;
    let mail = reset_link(world, &app).await;
    for _ in 0..3 {
        let raw = world.get(path(mail.link())).raw().await;
        let page = page(&raw, 200);
        assert!(page.contains("method=\"post\" action=\"/v1/auth/reset-password\"") && page.contains(&mail.token()));
    }
    let fields = |password| [("token", mail.token()), ("new_password", password)];
    let weak = world.call("POST", "/v1/auth/reset-password").form(fields("weak".to_owned())).raw().await;
    assert!(page(&weak, 400).contains("at least 8 characters"));
    let set = world.call("POST", "/v1/auth/reset-password").form(fields(NEXT_PASSWORD.to_owned())).raw().await;
    assert!(page(&set, 200).contains("The password is set"));
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.ok();
    let again = world.call("POST", "/v1/auth/reset-password").form(fields(PASSWORD.to_owned())).raw().await;
    page(&again, 400);
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.ok();
}

async fn what_went_wrong_is_said_on_the_page(world: &World) {
    for (path, fields) in [
        ("/v1/auth/verify", vec![("token", "nonsense")]),
        ("/v1/auth/reset-password", vec![("token", "nonsense"), ("new_password", PASSWORD)]),
        ("/v1/auth/reset-password", vec![("token", "nonsense"), ("new_password", "weak")]),
    ] {
        let raw = world.call("POST", path).form(fields).raw().await;
        assert!(page(&raw, 400).contains("That did not work"));
    }
    // In the language of who reads it.
    let german = world.call("POST", "/v1/auth/verify").header("accept-language", "fr, de-AT;q=0.8, en;q=0.5");
    let german = german.form([("token", "nonsense")]).raw().await;
    let said = page(&german, 400);
    for part in ["<html lang=\"de\">", "Das hat nicht geklappt", "Dieser Link oder Code gilt nicht mehr."] {
        assert!(said.contains(part), "{said}");
    }
    // A form that lacks a field is no page of ours.
    let form = world.call("POST", "/v1/auth/verify").form([("other", "x")]).send().await;
    form.refused(400, "invalid_body");
}

async fn attack_49_what_stands_in_a_link_is_text_on_the_page(world: &World) {
    for token in [
        "\"><script>alert(1)</script>",
        "'><img src=x onerror=alert(1)>",
        "</form><form action=//evil.example>",
        "\" autofocus onfocus=\"alert(1)",
        "&quot;><b>",
        "javascript:alert(1)",
        "\u{0}\r\n\r\n<script>",
    ] {
        let query = serde_urlencoded::to_string([("token", token)]).unwrap();
        let raw = world.get(&format!("/v1/auth/reset-password?{query}")).raw().await;
        let page = page(&raw, 200);
        let (_, field) = page.split_once("name=\"token\" value=\"").unwrap();
        let (value, rest) = field.split_once('"').unwrap();
        assert!(rest.starts_with('>') && !value.contains(['<', '>', '\'']), "{page}");
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("evil.example>"), "{page}");
    }
    let raw = world.get("/v1/auth/reset-password").send().await;
    raw.refused(400, "invalid_parameter");
}

async fn attack_49_a_page_is_framed_sniffed_and_kept_by_nobody(world: &World) {
    let (app, mail) = user(world).await;
    world.configure(&app, &json!({ "confirm_links": true })).await;
    for raw in [
        world.get(path(mail.link())).raw().await,
        world.get("/v1/auth/reset-password?token=x").raw().await,
        world.call("POST", "/v1/auth/verify").form([("token", "x")]).raw().await,
        world.call("POST", "/v1/auth/verify").form([("token", mail.token())]).raw().await,
    ] {
        let policy = raw.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("script-src"), "{policy}");
        assert_eq!(raw.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(raw.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(raw.header("cache-control"), Some("no-store"));
        assert!(!raw.text.contains("<script") && !raw.text.contains("src=") && !raw.text.contains("http://"));
    }
    // Nor does an answer with a token in it stay anywhere.
    let login = json!({ "email": "alice@example.com", "password": PASSWORD });
    let raw = world.at_door(Some(&app), "/v1/auth/login", &login).raw().await;
    assert_eq!((raw.status, raw.header("cache-control")), (200, Some("no-store")));
}

/// Attack 25: whoever signed up with a stranger's address, whose mail scanner then followed the link, has proven nothing:
/// the event is written again when the owner acts.
async fn a_scanner_that_follows_a_link_is_no_owner(world: &World) {
    let (app, mail) = user(world).await;
    world.get(path(mail.link())).raw().await;
    assert!(is_verified(world, &app).await);
    let kind = EventKind::AuthEmailVerified.as_str();
    assert_eq!(world.events(kind), 1);
    let by_link = "SELECT count(*) FROM accounts WHERE email_proof = 'link'";
    assert_eq!(world.number(by_link), 1);
    // The reset link is acted on by the owner of the mailbox.
    let mail = reset_link(world, &app).await;
    let body = json!({ "token": mail.token(), "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &body).send().await.ok();
    assert_eq!(world.number(by_link), 0);
}
