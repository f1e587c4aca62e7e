//! Another address for an account, and how that is taken back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, App, NEXT_PASSWORD, PASSWORD, Person, World, token_in};

on_both!(
    an_address_is_changed_by_who_reads_its_mail_and_is_signed_in,
    whoever_had_the_address_takes_the_change_back,
    the_page_that_takes_it_back_spends_nothing,
    a_taken_address_is_answered_as_a_free_one_and_mailed_nothing,
    the_address_that_one_has_is_no_change,
    a_link_lives_for_an_hour,
    an_address_that_nobody_proved_is_told_and_gets_no_link,
    a_principal_is_known_by_the_address_of_its_account,
    an_app_gets_the_links_too,
    who_is_deleted_is_forgotten_by_every_address,
    who_runs_the_platform_changes_an_address_likewise,
);

const UNDO: &str = "/v1/auth/email-change/undo";
pub(super) const NEW: &str = "alice@new.example";

/// Alice, who has proven her address.
pub(super) async fn user(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let path = format!("/v1/admin/users/{}/verify", alice.id);
    world.call("POST", &path).bearer(&app.api_key).send().await.ok();
    world.mails().await;
    (app, alice)
}

pub(super) async fn ask(world: &World, person: &Person, email: &str) -> Answer {
    world.post("/v1/me/email", &json!({ "email": email })).by(person).send().await
}

pub(super) async fn confirm(world: &World, person: &Person, token: &str) -> Answer {
    world.post("/v1/me/email/confirm", &json!({ "token": token })).by(person).send().await
}

pub(super) async fn undo(world: &World, token: &str) -> Answer {
    world.post(UNDO, &json!({ "token": token })).send().await
}

/// The token that is mailed there.
pub(super) async fn wanted(world: &World, person: &Person, email: &str) -> String {
    ask(world, person, email).await.ok();
    let mail = world.mail().await;
    assert_eq!((mail.to.as_str(), mail.letter.about()), (email, "change_email"));
    mail.token()
}

/// Gives somebody another address, and hands back what takes that back.
pub(super) async fn change(world: &World, person: &Person, email: &str) -> String {
    let token = wanted(world, person, email).await;
    confirm(world, person, &token).await.ok();
    let mail = world.mail().await;
    assert_eq!(mail.letter.about(), "email_changed");
    mail.token()
}

pub(super) async fn address(world: &World, person: &Person) -> Value {
    world.get("/v1/me").by(person).send().await.ok()["email"].clone()
}

pub(super) async fn log_in(world: &World, app: &App, email: &str, password: &str) -> Answer {
    world.at_door(Some(app), "/v1/auth/login", &json!({ "email": email, "password": password })).send().await
}

async fn an_address_is_changed_by_who_reads_its_mail_and_is_signed_in(world: &World) {
    let (app, alice) = user(world).await;
    world.configure(&app, &json!({ "site_url": "https://acme.example/app/" })).await;
    let forgot = json!({ "email": alice.email });
    world.at_door(Some(&app), "/v1/auth/forgot-password", &forgot).send().await.ok();
    let reset = world.mail().await.token();
    ask(world, &alice, " Alice@NEW.example").await.ok();
    assert_eq!(address(world, &alice).await, "alice@example.com", "it waits to be confirmed");
    let mail = world.mail().await;
    assert_eq!((mail.to.as_str(), mail.letter.about()), (NEW, "change_email"));
    let token = mail.token();
    assert_eq!(mail.link(), format!("https://acme.example/app/email-change#token={token}"));
    assert!(world.mails().await.is_empty());
    confirm(world, &alice, &token).await.ok();
    assert_eq!(address(world, &alice).await, NEW);
    let me = world.get("/v1/me").by(&alice).send().await;
    assert_eq!(me.ok()["email_verified"], true);
    let told = world.mail().await;
    assert_eq!((told.to.as_str(), told.letter.about()), ("alice@example.com", "email_changed"));
    assert!(told.link().starts_with("https://id.example.com/v1/auth/email-change/undo?token="), "{}", told.link());
    log_in(world, &app, NEW, PASSWORD).await.ok();
    log_in(world, &app, "alice@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    confirm(world, &alice, &token).await.refused(400, "invalid_token");
    let reset = json!({ "token": reset, "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.refused(400, "invalid_token");
    let kinds = ["auth.email_change_requested", "auth.email_changed", "auth.email_change_announced"];
    assert_eq!(kinds.map(|kind| world.events(kind)), [1, 1, 1]);
    for secret in [&token, &told.token()] {
        assert_eq!(world.columns_with(secret), [""; 0]);
    }
}

async fn whoever_had_the_address_takes_the_change_back(world: &World) {
    let (app, alice) = user(world).await;
    let home = world.home_of(&alice).await;
    let key = world.api_key(Some(app.id), home, &alice, |key| key).await;
    let phone = world.enable_totp(&alice).await;
    let token = change(world, &alice, NEW).await;
    undo(world, &token).await.ok();
    // Nothing that opened the account does any more, but the mailbox.
    world.get("/v1/me").by(&alice).send().await.refused(401, "token_revoked");
    world.get("/v1/me").bearer(&key).send().await.refused(401, "unauthorized");
    for email in [NEW, "alice@example.com"] {
        log_in(world, &app, email, PASSWORD).await.refused(401, "invalid_credentials");
    }
    assert_eq!(world.number("SELECT count(*) FROM totp_enrollments"), 0, "{}", phone.code(world));
    let mail = world.mail().await;
    assert_eq!((mail.to.as_str(), mail.letter.about()), ("alice@example.com", "reset_password"));
    let reset = json!({ "token": mail.token(), "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.ok();
    let back = Person::of(&log_in(world, &app, "alice@example.com", NEXT_PASSWORD).await);
    assert_eq!((back.id, address(world, &back).await), (alice.id, json!("alice@example.com")));
    undo(world, &token).await.refused(400, "invalid_token");
    assert_eq!(world.events("auth.email_change_undone"), 1);
}

async fn the_page_that_takes_it_back_spends_nothing(world: &World) {
    let (_, alice) = user(world).await;
    let token = change(world, &alice, NEW).await;
    let path = format!("{UNDO}?token={token}");
    for _ in 0..3 {
        let page = world.get(&path).raw().await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page:?}");
        assert!(page.text.contains(&format!("action=\"{UNDO}\"")) && page.text.contains(&token), "{page:?}");
    }
    assert_eq!(address(world, &alice).await, NEW);
    let pressed = world.call("POST", UNDO).form([("token", &token)]).raw().await;
    assert!(pressed.status == 200 && pressed.text.contains("The change is taken back"), "{pressed:?}");
    for late in [world.get(&path).raw().await, world.call("POST", UNDO).form([("token", &token)]).raw().await] {
        assert!(late.status == 400 && late.text.contains("not valid any more"), "{late:?}");
    }
    // Without a site there is no page that confirms.
    let page = world.get("/v1/auth/email-change?token=abc").raw().await;
    assert_eq!((page.status, page.header("content-type")), (409, Some("text/html; charset=utf-8")));
}

async fn a_taken_address_is_answered_as_a_free_one_and_mailed_nothing(world: &World) {
    let (app, alice) = user(world).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    world.mails().await;
    let taken = ask(world, &alice, &bob.email).await.told();
    assert!(world.mails().await.is_empty());
    assert_eq!(ask(world, &alice, NEW).await.told(), taken);
    let token = world.mail().await.token();
    // Somebody is faster.
    let sign_up = json!({ "email": NEW, "password": PASSWORD });
    world.at_door(Some(&app), "/v1/auth/signup", &sign_up).send().await.ok();
    confirm(world, &alice, &token).await.refused(409, "email_taken");
    assert_eq!(address(world, &alice).await, "alice@example.com");
}

async fn the_address_that_one_has_is_no_change(world: &World) {
    let (_, alice) = user(world).await;
    ask(world, &alice, "ALICE@example.com").await.refused(400, "invalid_request");
    ask(world, &alice, "nonsense").await.refused(400, "invalid_email");
    assert!(world.mails().await.is_empty());
}

async fn a_link_lives_for_an_hour(world: &World) {
    let (app, alice) = user(world).await;
    let token = wanted(world, &alice, NEW).await;
    world.advance(Duration::from_hours(1));
    confirm(world, &alice, &token).await.refused(400, "invalid_token");
    let alice = world.sign_in(Some(&app), "alice").await;
    let token = change(world, &alice, NEW).await;
    world.advance(Duration::from_hours(3 * 24).checked_sub(Duration::from_secs(1)).unwrap());
    let sign_up = json!({ "email": alice.email, "password": PASSWORD });
    let sign_up = async || world.at_door(Some(&app), "/v1/auth/signup", &sign_up).send().await;
    sign_up().await.refused(409, "email_taken");
    world.advance(Duration::from_secs(1));
    undo(world, &token).await.refused(400, "invalid_token");
    assert_ne!(Person::of(&sign_up().await).id, alice.id, "whoever has the address now is somebody else");
}

async fn an_address_that_nobody_proved_is_told_and_gets_no_link(world: &World) {
    let app = world.app("acme").await;
    let typo = world.sign_up(Some(&app), "alcie").await;
    world.mails().await;
    let token = wanted(world, &typo, NEW).await;
    confirm(world, &typo, &token).await.ok();
    // Whose it is would get the account by a link.
    let told = world.mail().await;
    assert_eq!(
        (told.to.as_str(), told.letter.about(), told.letter.link()),
        ("alcie@example.com", "address_left", None)
    );
    assert_eq!(world.number("SELECT count(*) FROM former_addresses"), 0);
    world.sign_up(Some(&app), "alcie").await;
}

async fn a_principal_is_known_by_the_address_of_its_account(world: &World) {
    let (_, alice) = user(world).await;
    let other = world.app("other").await;
    change(world, &alice, NEW).await;
    let known = |email: &str| world.number(&format!("SELECT count(*) FROM principals WHERE email = '{email}'"));
    assert_eq!((known("alice@example.com"), known(NEW)), (0, 1));
    // Whoever comes with the address of before is somebody else; whoever comes with that of now is she.
    let stranger = world.sign_up(Some(&other), "alice").await;
    assert_ne!(stranger.id, alice.id);
    let sign_up = json!({ "email": NEW, "password": PASSWORD });
    let again = Person::of(&world.at_door(Some(&other), "/v1/auth/signup", &sign_up).send().await);
    assert_eq!(again.id, alice.id);
}

async fn an_app_gets_the_links_too(world: &World) {
    let (app, alice) = user(world).await;
    let delivered = async |kind: &'static str| {
        let id = app.id;
        let page = kernel::Page::new(None, 0, 200).unwrap();
        let entries =
            world.read(move |tx| tx.entries_of(&kernel::Unchecked(Some(id)), &audit::Filter::default(), &page));
        let entry = entries.await.items.into_iter().find(|entry| entry.kind == kind).unwrap();
        world.platform.payload_with_token(&entry).await.unwrap()
    };
    ask(world, &alice, NEW).await.ok();
    let mail = world.mail().await;
    let told = delivered("auth.email_change_requested").await.unwrap();
    assert_eq!((&told["email_change_token"], &told["email_change_url"]), (&json!(mail.token()), &json!(mail.link())));
    assert_eq!(told["email"], NEW);
    confirm(world, &alice, &mail.token()).await.ok();
    assert_eq!(delivered("auth.email_change_requested").await, None);
    let mail = world.mail().await;
    let told = delivered("auth.email_change_announced").await.unwrap();
    assert_eq!((&told["undo_token"], &told["undo_url"]), (&json!(mail.token()), &json!(mail.link())));
    assert_eq!((&told["email"], token_in(mail.link())), (&json!("alice@example.com"), mail.token()));
}

async fn who_is_deleted_is_forgotten_by_every_address(world: &World) {
    let (app, alice) = user(world).await;
    let token = change(world, &alice, NEW).await;
    world.platform.sequence().await.unwrap();
    let traces = "SELECT count(*) FROM events WHERE payload LIKE '%alice@%' OR personal LIKE '%alice@%'";
    assert!(world.number(traces) > 0);
    world.delete(&format!("/v1/admin/users/{}", alice.id)).bearer(&app.api_key).send().await.ok();
    while world.platform.erase_persons().await.unwrap() > 0 {}
    assert_eq!(world.number(traces), 0);
    assert_eq!(world.platform.verify_audit_log(Vec::new()).await.unwrap().broken, []);
    assert_eq!(world.number("SELECT count(*) FROM former_addresses"), 0);
    undo(world, &token).await.refused(400, "invalid_token");
}

async fn who_runs_the_platform_changes_an_address_likewise(world: &World) {
    let admin = world.administrator().await;
    world.mails().await;
    let token = wanted(world, &admin, "root@new.example").await;
    confirm(world, &admin, &token).await.ok();
    assert_eq!(address(world, &admin).await, "root@new.example");
}
