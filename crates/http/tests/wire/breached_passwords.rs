//! Passwords that were published after a breach, where somebody is asked who knows them.

use identity::password::Password;
use kernel::{Code, Email};
use platform::OperatorUser;
use serde_json::json;

use crate::support::{Answer, App, NEXT_PASSWORD, PASSWORD, Person, World, ranges, sha1_of};

on_both!(
    a_published_password_is_chosen_nowhere,
    a_link_is_not_spent_by_a_password_that_is_refused,
    whoever_has_such_a_password_signs_in_with_it,
    padding_is_no_reason_and_neither_are_others,
    nobody_is_asked_who_is_not_named,
    attack_31_signing_up_tells_nothing_of_addresses_by_a_published_password,
    attack_53_nobody_is_told_more_than_five_digits,
);

const STOLEN: &str = "Marmalade-Sky-7";
const KNOWN: &[(&str, u32)] = &[(STOLEN, 3), (NEXT_PASSWORD, 0)];

async fn sign_up(world: &World, app: &App, email: &str, password: &str) -> Answer {
    world.at_door(Some(app), "/v1/auth/signup", &json!({ "email": email, "password": password })).send().await
}

async fn a_published_password_is_chosen_nowhere(world: &World) {
    let app = world.app("acme").await;
    let (sink, alice) = (ranges(KNOWN), world.sign_up(Some(&app), "alice").await);
    let world = &world.asking(&sink).await;
    sign_up(world, &app, "bob@example.com", STOLEN).await.refused(400, "compromised_password");
    let change = json!({ "current_password": PASSWORD, "new_password": STOLEN });
    let change = world.post("/v1/auth/change-password", &change).by(&alice).send().await;
    change.refused(400, "compromised_password");
    let made = json!({ "email": "carol@example.com", "password": STOLEN });
    let made = world.post("/v1/admin/users", &made).bearer(&app.api_key).send().await;
    made.refused(400, "compromised_password");
    let password = || Password::choose(&STOLEN.into()).unwrap();
    let made = world.platform.operator_create_user(OperatorUser {
        app: None,
        email: Email::parse("dave@example.com").unwrap(),
        password: password(),
        display_name: None,
        verified: true,
        admin: false,
    });
    assert_eq!(made.await.unwrap_err().code, Code::CompromisedPassword);
    let address = Email::parse(&alice.email).unwrap();
    let reset = world.platform.operator_reset_password(Some(app.id), address, password());
    assert_eq!(reset.await.unwrap_err().code, Code::CompromisedPassword);
    assert_eq!(sink.count(), 5);
    assert_eq!(world.number("SELECT count(*) FROM accounts WHERE email LIKE '%@example.com'"), 3);
    world.get("/v1/me").by(&alice).send().await.ok();
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
}

async fn a_link_is_not_spent_by_a_password_that_is_refused(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    let sink = ranges(KNOWN);
    let world = &world.asking(&sink).await;
    world.at_door(Some(&app), "/v1/auth/forgot-password", &json!({ "email": alice.email })).send().await.ok();
    let token = world.mail().await.token();
    let reset = async |password: &str| {
        world.post("/v1/auth/reset-password", &json!({ "token": token, "new_password": password })).send().await
    };
    reset(STOLEN).await.refused(400, "compromised_password");
    let form = world.call("POST", "/v1/auth/reset-password").form([("token", &*token), ("new_password", STOLEN)]);
    let page = form.raw().await;
    assert!(page.status == 400 && page.text.contains("Choose another one"), "{page:?}");
    reset("Battery-staple-3").await.ok();
    world.log_in(Some(&app), "alice", "Battery-staple-3").await.ok();
}

async fn whoever_has_such_a_password_signs_in_with_it(world: &World) {
    let app = world.app("acme").await;
    let alice = Person::of(&sign_up(world, &app, "alice@example.com", STOLEN).await);
    let sink = ranges(KNOWN);
    let world = &world.asking(&sink).await;
    world.log_in(Some(&app), "alice", STOLEN).await.ok();
    world.post("/v1/auth/reauthenticate", &json!({ "password": STOLEN })).by(&alice).send().await.ok();
    assert_eq!(sink.count(), 0);
    let change = json!({ "current_password": STOLEN, "new_password": PASSWORD });
    world.post("/v1/auth/change-password", &change).by(&alice).send().await.ok();
    assert_eq!(sink.count(), 1);
}

async fn padding_is_no_reason_and_neither_are_others(world: &World) {
    let app = world.app("acme").await;
    let sink = ranges(KNOWN);
    let world = &world.asking(&sink).await;
    sign_up(world, &app, "alice@example.com", NEXT_PASSWORD).await.ok();
    sign_up(world, &app, "bob@example.com", PASSWORD).await.ok();
    assert_eq!(sink.count(), 2);
    // What is no password for other reasons is told nobody.
    sign_up(world, &app, "carol@example.com", "Password1!").await.refused(400, "common_password");
    sign_up(world, &app, "carol@example.com", "weak").await.refused(400, "weak_password");
    assert_eq!(sink.count(), 2);
}

async fn nobody_is_asked_who_is_not_named(world: &World) {
    let app = world.app("acme").await;
    sign_up(world, &app, "alice@example.com", STOLEN).await.ok();
}

async fn attack_31_signing_up_tells_nothing_of_addresses_by_a_published_password(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    let sink = ranges(KNOWN);
    let world = &world.asking(&sink).await;
    for proof in [false, true] {
        world.configure(&app, &json!({ "require_verified_email": proof })).await;
        let taken = sign_up(world, &app, "alice@example.com", STOLEN).await;
        taken.refused(400, "compromised_password");
        assert_eq!(sign_up(world, &app, "nobody@example.com", STOLEN).await.told(), taken.told());
    }
    assert_eq!(sink.count(), 4);
    assert!(world.mails().await.is_empty());
    // A door that is closed asks nobody for strangers.
    world.configure(&app, &json!({ "open_sign_up": false })).await;
    sign_up(world, &app, "nobody@example.com", STOLEN).await.refused(403, "sign_up_closed");
    assert_eq!(sink.count(), 4);
}

async fn attack_53_nobody_is_told_more_than_five_digits(world: &World) {
    let app = world.app("acme").await;
    let sink = ranges(KNOWN);
    let world = &world.asking(&sink).await;
    sign_up(world, &app, "alice@example.com", PASSWORD).await.ok();
    let asked = sink.take().remove(0);
    let digest = sha1_of(PASSWORD);
    assert_eq!(asked.path, format!("/range/{}", &digest[..5]));
    assert_eq!((asked.header("add-padding"), asked.body.as_str()), (Some("true"), ""));
    let all = format!("{asked:?}").to_uppercase();
    for secret in [PASSWORD, "alice", "acme", &app.client_id, &digest[5..]] {
        assert!(!all.contains(&secret.to_uppercase()), "{asked:?}");
    }
}
