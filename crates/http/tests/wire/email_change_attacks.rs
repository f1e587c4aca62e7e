//! Another address for an account, and who would have it changed.

use std::time::Duration;

use futures_util::future::join_all;
use identity::EmailProof;
use platform::MailLimits;
use serde_json::json;

use crate::{
    email_change::{NEW, address, ask, change, confirm, log_in, undo, user, wanted},
    support::{NEXT_PASSWORD, PASSWORD, Person, World},
};

on_both!(
    attack_6_of_many_who_confirm_or_undo_at_once_one_wins,
    attack_14_links_that_change_an_address_are_good_for_nothing_else,
    attack_25_nobody_gives_their_address_to_a_strangers_account,
    attack_25_nobody_takes_the_address_that_somebody_may_come_back_to,
    attack_27_another_address_needs_a_sign_in_of_a_moment_ago,
    attack_27_whoever_moves_on_twice_stops_nobody_from_coming_back,
    attack_27_whoever_goes_back_leaves_the_thief_no_link,
    attack_27_who_proved_an_address_by_a_fetched_link_is_told_too,
    attack_33_nobody_is_kept_from_an_address_by_who_asks_for_it_too,
    attack_29_a_closed_account_changes_no_address,
    attack_27_who_left_an_address_is_told_though_the_account_is_disabled,
    attack_30_what_ends_sessions_voids_a_change,
);

/// The owner, whom a thief has signed in as, and who is still signed in too.
async fn attack_27_whoever_goes_back_leaves_the_thief_no_link(world: &World) {
    let (app, alice) = user(world).await;
    let thief = world.sign_in(Some(&app), "alice").await;
    let owners = change(world, &thief, "thief@one.example").await;
    let thiefs = change(world, &thief, "thief@two.example").await;
    let token = wanted(world, &alice, "alice@example.com").await;
    confirm(world, &alice, &token).await.ok();
    assert_eq!(address(world, &alice).await, "alice@example.com");
    // Nobody is told, and nobody has a link: neither at the first mailbox nor at the second one.
    assert!(world.mails().await.is_empty());
    for link in [&owners, &thiefs] {
        undo(world, link).await.refused(400, "invalid_token");
    }
    assert_eq!(world.number("SELECT count(*) FROM former_addresses"), 0);
}

/// In its default settings an app has addresses proven by links that are merely fetched.
async fn attack_27_who_proved_an_address_by_a_fetched_link_is_told_too(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let verify = format!("/v1/auth/verify?token={}", world.mail().await.token());
    world.get(&verify).send().await.ok();
    let undoing = change(world, &alice, NEW).await;
    undo(world, &undoing).await.ok();
    assert_eq!(world.mail().await.to, "alice@example.com");
}

/// Others may want the same address, and ask for it until no more mails go there.
async fn attack_33_nobody_is_kept_from_an_address_by_who_asks_for_it_too(world: &World) {
    let world = &world.restarted_with(|plan| plan.settings.mail_limits = MailLimits::default()).await;
    let (app, alice) = user(world).await;
    let mallory = world.sign_up(Some(&app), "mallory").await;
    world.mails().await;
    for _ in 0..4 {
        ask(world, &mallory, NEW).await.ok();
        world.advance(Duration::from_mins(1));
    }
    assert_eq!(world.mails().await.len(), 3);
    let token = wanted(world, &alice, NEW).await;
    confirm(world, &alice, &token).await.ok();
    assert_eq!(address(world, &alice).await, NEW);
}

async fn attack_6_of_many_who_confirm_or_undo_at_once_one_wins(world: &World) {
    let (app, mut alice) = user(world).await;
    for tries in [200, 20] {
        let token = wanted(world, &alice, NEW).await;
        let answers = join_all((0..tries).map(|_| confirm(world, &alice, &token))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
        let token = world.mail().await.token();
        let answers = join_all((0..tries).map(|_| undo(world, &token))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
        for late in answers.iter().filter(|answer| !answer.is_success()) {
            late.refused(400, "invalid_token");
        }
        let reset = json!({ "token": world.mail().await.token(), "new_password": PASSWORD });
        world.post("/v1/auth/reset-password", &reset).send().await.ok();
        // As late as another mail may be asked for.
        world.advance(Duration::from_hours(2));
        alice = world.sign_in(Some(&app), "alice").await;
    }
}

async fn attack_14_links_that_change_an_address_are_good_for_nothing_else(world: &World) {
    let (_, alice) = user(world).await;
    let wanted = wanted(world, &alice, NEW).await;
    let everywhere = async |token: &str| {
        let body = json!({ "token": token, "new_password": NEXT_PASSWORD });
        for path in ["/v1/auth/verify", "/v1/auth/reset-password", "/v1/auth/magic-link/verify"] {
            world.post(path, &body).send().await.refused(400, "invalid_token");
        }
    };
    everywhere(&wanted).await;
    undo(world, &wanted).await.refused(400, "invalid_token");
    confirm(world, &alice, &wanted).await.ok();
    let undoing = world.mail().await.token();
    everywhere(&undoing).await;
    confirm(world, &alice, &undoing).await.refused(400, "invalid_token");
    undo(world, &undoing).await.ok();
}

/// Whoever follows a link that a stranger had sent to them would share the stranger's account.
async fn attack_25_nobody_gives_their_address_to_a_strangers_account(world: &World) {
    let (app, mallory) = user(world).await;
    let victim = world.sign_up(Some(&app), "victim").await;
    world.mails().await;
    let token = wanted(world, &mallory, "victim@new.example").await;
    world.post("/v1/me/email/confirm", &json!({ "token": token })).send().await.refused(401, "unauthorized");
    confirm(world, &victim, &token).await.refused(400, "invalid_token");
    let exchanged = world.exchange(&app, mallory.id).await.text("access_token");
    let confirmed = world.post("/v1/me/email/confirm", &json!({ "token": token })).bearer(&exchanged).send().await;
    confirmed.refused(403, "session_required");
    assert_eq!(address(world, &mallory).await, "alice@example.com");
    assert_eq!(address(world, &victim).await, "victim@example.com");
}

async fn attack_25_nobody_takes_the_address_that_somebody_may_come_back_to(world: &World) {
    let (app, alice) = user(world).await;
    let mallory = world.sign_up(Some(&app), "mallory").await;
    world.mails().await;
    let undoing = change(world, &alice, NEW).await;
    let sign_up = json!({ "email": "alice@example.com", "password": PASSWORD });
    world.at_door(Some(&app), "/v1/auth/signup", &sign_up).send().await.refused(409, "email_taken");
    let social = json!({ "provider": "google", "provider_user_id": "g-1", "email": "alice@example.com" });
    let social = world.at_door(Some(&app), "/v1/auth/social-login", &social);
    social.bearer(&app.api_key).send().await.refused(409, "email_taken");
    let made =
        world.post("/v1/admin/users", &json!({ "email": "alice@example.com" })).bearer(&app.api_key).send().await;
    made.refused(409, "email_taken");
    ask(world, &mallory, "alice@example.com").await.ok();
    assert!(world.mails().await.is_empty());
    // Where the answer tells nobody who has an account, it does not tell of this either.
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    let told = world.at_door(Some(&app), "/v1/auth/signup", &sign_up).send().await;
    assert_eq!(told.ok()["verification_required"], true);
    world.mails().await;
    undo(world, &undoing).await.ok();
    assert_eq!(world.number("SELECT count(*) FROM accounts WHERE email = 'alice@example.com'"), 1);
}

async fn attack_27_another_address_needs_a_sign_in_of_a_moment_ago(world: &World) {
    let (app, alice) = user(world).await;
    world.advance(Duration::from_mins(10));
    ask(world, &alice, NEW).await.refused(403, "reauthentication_required");
    let shown = async |password: &str| {
        world.post("/v1/me/email", &json!({ "email": NEW, "password": password })).by(&alice).send().await
    };
    shown(NEXT_PASSWORD).await.refused(401, "invalid_credentials");
    assert!(world.mails().await.is_empty());
    shown(PASSWORD).await.ok();
    assert_eq!(world.mail().await.to, NEW);
    for token in [app.api_key.clone(), world.exchange(&app, alice.id).await.text("access_token")] {
        let asked = world.post("/v1/me/email", &json!({ "email": NEW })).bearer(&token).send().await;
        asked.refused(403, "session_required");
    }
}

/// With a stolen session: on to a second mailbox of the thief's, and back from there, so that the owner's link is none.
async fn attack_27_whoever_moves_on_twice_stops_nobody_from_coming_back(world: &World) {
    let (app, stolen) = user(world).await;
    let owners = change(world, &stolen, "thief@one.example").await;
    let thiefs = change(world, &stolen, "thief@two.example").await;
    undo(world, &thiefs).await.ok();
    let reset = json!({ "token": world.mail().await.token(), "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.ok();
    let stolen = Person::of(&log_in(world, &app, "thief@one.example", NEXT_PASSWORD).await);
    let again = change(world, &stolen, "thief@three.example").await;
    undo(world, &owners).await.ok();
    undo(world, &again).await.refused(400, "invalid_token");
    world.get("/v1/me").by(&stolen).send().await.refused(401, "token_revoked");
    let mail = world.mail().await;
    assert_eq!((mail.to.as_str(), mail.letter.about()), ("alice@example.com", "reset_password"));
    assert_eq!(world.number("SELECT count(*) FROM accounts WHERE email LIKE 'thief%'"), 0);
    assert_eq!(world.number("SELECT count(*) FROM former_addresses"), 0);
}

async fn attack_29_a_closed_account_changes_no_address(world: &World) {
    let (app, alice) = user(world).await;
    let user = format!("/v1/admin/users/{}", alice.id);
    let switch = async |path: &str| world.call("POST", path).bearer(&app.api_key).send().await.ok().clone();
    let undoing = change(world, &alice, NEW).await;
    ask(world, &alice, "alice@third.example").await.ok();
    switch(&format!("{user}/disable")).await;
    assert!(world.mails().await.is_empty());
    undo(world, &undoing).await.refused(400, "invalid_token");
    switch(&format!("{user}/enable")).await;
    switch(&format!("/v1/apps/{}/disable", app.id)).await;
    undo(world, &undoing).await.refused(400, "invalid_token");
    switch(&format!("/v1/apps/{}/enable", app.id)).await;
    undo(world, &undoing).await.ok();
    let proof =
        world.read(move |tx| tx.account_by_email(Some(app.id), &kernel::Email::parse("alice@example.com")?)).await;
    assert_eq!(proof.unwrap().proof, Some(EmailProof::Confirmed));
}

/// The thief, or whoever notices them, has the account disabled before the mail has gone out.
async fn attack_27_who_left_an_address_is_told_though_the_account_is_disabled(world: &World) {
    let (app, alice) = user(world).await;
    let user = format!("/v1/admin/users/{}", alice.id);
    let switch = async |to: &str| {
        world.call("POST", &format!("{user}/{to}")).bearer(&app.api_key).send().await.ok();
    };
    let token = wanted(world, &alice, NEW).await;
    confirm(world, &alice, &token).await.ok();
    switch("disable").await;
    let mail = world.mail().await;
    assert_eq!((mail.to.as_str(), mail.letter.about()), ("alice@example.com", "email_changed"));
    undo(world, &mail.token()).await.refused(400, "invalid_token");
    switch("enable").await;
    undo(world, &mail.token()).await.ok();
    assert_eq!(world.events("auth.email_change_announced"), 1);
}

async fn attack_30_what_ends_sessions_voids_a_change(world: &World) {
    let (app, alice) = user(world).await;
    let token = wanted(world, &alice, NEW).await;
    // Asked for by whoever had the session, and not mailed yet.
    ask(world, &alice, "alice@third.example").await.ok();
    world.call("POST", "/v1/auth/logout-all").by(&alice).send().await.ok();
    assert!(world.mails().await.is_empty());
    let alice = world.sign_in(Some(&app), "alice").await;
    confirm(world, &alice, &token).await.refused(400, "invalid_token");
    assert_eq!(address(world, &alice).await, "alice@example.com");
}
