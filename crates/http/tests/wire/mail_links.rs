//! Mails and what their links do: from the order to the page that the link opens.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kernel::Email;
use platform::mailer::{Letter, MailError, Mailer, Sending};
use serde_json::json;

use crate::support::{App, NEXT_PASSWORD, PASSWORD, Raw, World, token_in};

on_both!(
    each_letter_says_who_sends_it_and_where_to_go,
    an_apps_own_site_comes_before_the_platforms,
    a_link_goes_on_to_the_site,
    a_button_stands_between_link_and_effect_where_the_app_wants_one,
    a_form_sets_another_password,
    nobody_is_sent_what_is_not_for_them,
    the_same_order_twice_is_one_mail,
    a_mail_that_does_not_go_out_is_tried_again,
    a_mail_that_is_refused_is_dropped,
    a_newcomer_stays_one_when_the_mail_fails,
);

const BASE: &str = "https://id.example.com";

async fn ask(world: &World, app: Option<&App>, path: &str, email: &str) {
    world.at_door(app, path, &json!({ "email": email })).send().await.ok();
}

async fn forgot(world: &World, app: &App) {
    ask(world, Some(app), "/v1/auth/forgot-password", "alice@example.com").await;
}

async fn resend(world: &World, app: &App) {
    ask(world, Some(app), "/v1/auth/resend-verification", "alice@example.com").await;
}

/// What a browser gets that follows a link to us.
async fn follow(world: &World, link: &str) -> Raw {
    world.get(link.strip_prefix(BASE).unwrap()).raw().await
}

async fn is_verified(world: &World, token: &str) -> bool {
    world.get("/v1/me").bearer(token).send().await.ok()["email_verified"] == true
}

async fn each_letter_says_who_sends_it_and_where_to_go(world: &World) {
    let app = world.app("acme").await;
    for (door, sender) in [(Some(&app), "acme"), (None, "Fabric")] {
        world.sign_up(door, "alice").await;
        let mut tokens = Vec::new();
        for (path, page, about) in [
            ("", "/v1/auth/verify", "verify_email"),
            ("/v1/auth/resend-verification", "/v1/auth/verify", "verify_email"),
            ("/v1/auth/forgot-password", "/v1/auth/reset-password", "reset_password"),
        ] {
            if !path.is_empty() {
                ask(world, door, path, " Alice@EXAMPLE.com").await;
            }
            let mail = world.mail().await;
            assert_eq!(
                (mail.to.as_str(), mail.letter.brand.name.as_str(), mail.letter.about()),
                ("alice@example.com", sender, about)
            );
            let query = if page.ends_with("verify") { "&type=signup" } else { "" };
            assert_eq!(mail.link(), format!("{BASE}{page}?token={}{query}", mail.token()));
            assert!(mail.token().len() == 64 && !format!("{mail:?}").contains(&mail.token()), "{mail:?}");
            tokens.push(mail.token());
        }
        assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2], "each mail has a token of its own");
    }
}

async fn an_apps_own_site_comes_before_the_platforms(world: &World) {
    let world =
        &world.restarted_with(|plan| plan.settings.site_url = Some("https://platform.example/".to_owned())).await;
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    for (site, leads) in [
        (json!(null), "https://platform.example/reset-password?token="),
        (json!("https://acme.example/app/"), "https://acme.example/app/reset-password?token="),
    ] {
        world.configure(&app, &json!({ "site_url": site })).await;
        world.mails().await;
        forgot(world, &app).await;
        let mail = world.mail().await;
        assert!(mail.link().starts_with(leads), "{}", mail.link());
    }
}

async fn a_link_goes_on_to_the_site(world: &World) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "site_url": "https://acme.example/welcome" })).await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let link = world.mail().await.link().to_owned();
    // Who only looks spends nothing.
    for method in ["HEAD", "OPTIONS", "PUT"] {
        let looked = world.call(method, link.strip_prefix(BASE).unwrap()).raw().await;
        assert!((400..500).contains(&looked.status), "{looked:?}");
    }
    assert!(!is_verified(world, &alice.token).await);
    let followed = follow(world, &link).await;
    assert_eq!((followed.status, followed.header("location")), (302, Some("https://acme.example/welcome")));
    assert_eq!(followed.header("referrer-policy"), Some("no-referrer"));
    assert!(is_verified(world, &alice.token).await);
    assert_eq!(follow(world, &link).await.status, 400);
    // Nobody chooses where it goes on to.
    world.sign_up(Some(&app), "bob").await;
    let link = format!("{}&redirect_to=https://evil.example&site=https://evil.example", world.mail().await.link());
    assert_eq!(follow(world, &link).await.header("location"), Some("https://acme.example/welcome"));
}

async fn a_button_stands_between_link_and_effect_where_the_app_wants_one(world: &World) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "confirm_links": true, "site_url": "https://acme.example/a&b\"'><i>" })).await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let mail = world.mail().await;
    for _ in 0..3 {
        let page = follow(world, mail.link()).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page:?}");
        let token = format!("name=\"token\" value=\"{}\"", mail.token());
        assert!(
            page.text.contains("method=\"post\" action=\"/v1/auth/verify\"") && page.text.contains(&token),
            "{page:?}"
        );
    }
    assert!(!is_verified(world, &alice.token).await);
    assert_eq!(world.events("auth.email_verified"), 0);
    let press = || world.call("POST", "/v1/auth/verify").form([("token", mail.token())]).raw();
    let pressed = press().await;
    assert_eq!(pressed.status, 200);
    assert!(pressed.text.contains("href=\"https://acme.example/a&amp;b&quot;&#39;&gt;&lt;i&gt;\""), "{pressed:?}");
    assert!(is_verified(world, &alice.token).await);
    let again = press().await;
    assert_eq!(again.status, 400);
    assert!(again.text.contains("not valid any more") && again.text.contains("<h1>"), "{again:?}");
    assert_eq!(follow(world, mail.link()).await.status, 400);
}

async fn a_form_sets_another_password(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    forgot(world, &app).await;
    let mail = world.mail().await;
    for _ in 0..3 {
        let page = follow(world, mail.link()).await;
        assert!(page.status == 200 && page.text.contains("name=\"new_password\""), "{page:?}");
    }
    let press = |password: &str| {
        let fields = [("token", mail.token()), ("new_password", password.to_owned())];
        world.call("POST", "/v1/auth/reset-password").form(fields).raw()
    };
    for weak in ["weak", "", &"aA1!".repeat(300)] {
        let refused = press(weak).await;
        assert!(refused.status == 400 && refused.text.contains("<p>Choose a password"), "{refused:?}");
    }
    assert_eq!(press(NEXT_PASSWORD).await.status, 200);
    assert_eq!(press(PASSWORD).await.status, 400);
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.ok();
}

async fn nobody_is_sent_what_is_not_for_them(world: &World) {
    let app = world.app("acme").await;
    let other = world.set_up("other").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let token = world.mail().await.token();
    for door in [None, Some(&other)] {
        for path in ["/v1/auth/forgot-password", "/v1/auth/resend-verification"] {
            ask(world, door, path, &alice.email).await;
            ask(world, door, path, "nobody@example.com").await;
        }
    }
    assert!(world.mails().await.is_empty(), "she has an account in one app alone");
    world.post("/v1/auth/verify", &json!({ "token": token })).send().await.ok();
    resend(world, &app).await;
    assert!(world.mails().await.is_empty(), "she is verified");
    let user = format!("/v1/admin/users/{}", alice.id);
    // What happens between order and letter counts too.
    forgot(world, &app).await;
    world.call("POST", &format!("{user}/disable")).bearer(&app.api_key).send().await.ok();
    assert!(world.mails().await.is_empty(), "she is disabled");
    world.call("POST", &format!("{user}/enable")).bearer(&app.api_key).send().await.ok();
    forgot(world, &app).await;
    let path = format!("/v1/apps/{}", app.id);
    world.call("POST", &format!("{path}/disable")).by(&app.owner).send().await.ok();
    assert!(world.mails().await.is_empty(), "the app is disabled");
    world.call("POST", &format!("{path}/enable")).by(&app.owner).send().await.ok();
    forgot(world, &app).await;
    world.delete(&user).bearer(&app.api_key).send().await.ok();
    assert!(world.mails().await.is_empty(), "she is gone");
    assert_eq!(world.number("SELECT count(*) FROM mail_queue"), 0);
}

async fn the_same_order_twice_is_one_mail(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.sign_up(None, "alice").await;
    world.mails().await;
    for _ in 0..10 {
        forgot(world, &app).await;
        resend(world, &app).await;
        ask(world, None, "/v1/auth/forgot-password", "alice@example.com").await;
    }
    futures_util::future::join_all((0..20).map(|_| forgot(world, &app))).await;
    assert_eq!(world.number("SELECT count(*) FROM mail_queue"), 3);
    let mails = world.mails().await;
    let mut told: Vec<_> = mails.iter().map(|mail| (mail.letter.brand.name.as_str(), mail.letter.about())).collect();
    told.sort_unstable();
    assert_eq!(told, [("Fabric", "reset_password"), ("acme", "reset_password"), ("acme", "verify_email")]);
    forgot(world, &app).await;
    world.mail().await;
}

/// A mailer with a bad day, which remembers what it was given.
struct Broken {
    refuses: bool,
    links: Mutex<Vec<String>>,
}

impl Broken {
    fn new(refuses: bool) -> Self {
        Self { refuses, links: Mutex::default() }
    }

    fn links(&self) -> Vec<String> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Mailer for Broken {
    fn send<'a>(&'a self, _: &'a Email, letter: &'a Letter) -> Sending<'a> {
        let link = letter.link().unwrap_or("already signed up").to_owned();
        self.links.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        let why = "the dog ate it".to_owned();
        Box::pin(std::future::ready(Err(if self.refuses { MailError::Refused(why) } else { MailError::NotNow(why) })))
    }
}

async fn a_mail_that_does_not_go_out_is_tried_again(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let broken = Broken::new(false);
    assert_eq!(world.platform.send_mails(Some(&broken)).await.unwrap(), 1);
    assert_eq!(world.platform.send_mails(Some(&broken)).await.unwrap(), 0, "not at once");
    assert!(world.mails().await.is_empty());
    world.advance(Duration::from_secs(16));
    let mail = world.mail().await;
    // It is the same link, for who knows whether the first mail arrived; and it is good once.
    assert_eq!(token_in(&broken.links()[0]), mail.token());
    assert_eq!(world.events("auth.email_verification_required"), 1);
    world.post("/v1/auth/verify", &json!({ "token": mail.token() })).send().await.ok();
    assert!(is_verified(world, &alice.token).await);
    world.post("/v1/auth/verify", &json!({ "token": mail.token() })).send().await.refused(400, "invalid_token");

    // And given up some day, each pause longer than the one before.
    forgot(world, &app).await;
    let broken = Broken::new(false);
    let mut hours = 0;
    while world.number("SELECT count(*) FROM mail_queue") > 0 {
        world.platform.send_mails(Some(&broken)).await.unwrap();
        world.advance(Duration::from_hours(2));
        hours += 2;
        assert!(hours < 100);
    }
    assert_eq!(broken.links().len(), 8);
    assert!(world.mails().await.is_empty());
}

async fn a_mail_that_is_refused_is_dropped(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.sign_up(Some(&app), "bob").await;
    let broken = Broken::new(true);
    assert_eq!(world.platform.send_mails(Some(&broken)).await.unwrap(), 2, "one that fails holds up none behind it");
    assert_eq!(broken.links().len(), 2);
    assert_eq!(world.number("SELECT count(*) FROM mail_queue"), 0);
    world.advance(Duration::from_hours(2));
    assert!(world.mails().await.is_empty());
    resend(world, &app).await;
    world.mail().await;
}

async fn a_newcomer_stays_one_when_the_mail_fails(world: &World) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    let body = json!({ "email": "alice@example.com", "password": PASSWORD });
    world.at_door(Some(&app), "/v1/auth/signup", &body).send().await.ok();
    let broken = Broken::new(false);
    world.platform.send_mails(Some(&broken)).await.unwrap();
    assert_eq!(world.events("auth.signup"), 1);
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(403, "email_not_verified");
    world.advance(Duration::from_secs(16));
    let mail = world.mail().await;
    assert_eq!(mail.letter.about(), "verify_email");
    world.post("/v1/auth/verify", &json!({ "token": mail.token() })).send().await.ok();
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
    // Who comes with the address again is told apart, but only in the mailbox.
    world.at_door(Some(&app), "/v1/auth/signup", &body).send().await.ok();
    assert_eq!(world.mail().await.letter.about(), "already_signed_up");
}
