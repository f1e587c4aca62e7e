//! How many mails somebody may ask for.

use std::time::Duration;

use futures_util::future::join_all;
use platform::MailLimits;
use serde_json::json;

use crate::support::{Answer, App, NEXT_PASSWORD, PASSWORD, World};

on_both!(
    an_address_is_mailed_once_a_minute_and_three_times_an_hour,
    each_kind_and_each_app_has_a_count_of_its_own,
    attack_31_who_asks_learns_neither_of_an_account_nor_of_a_limit,
    attack_33_whoever_keeps_asking_keeps_the_owner_from_nothing,
    attack_33_whoever_keeps_signing_up_fills_no_mailbox,
    one_network_asks_for_ten_proofs_of_addresses_in_an_hour,
    an_operator_sets_the_limits,
);

const RESET: &str = "/v1/auth/forgot-password";
const VERIFY: &str = "/v1/auth/resend-verification";
const ALL: [&str; 4] = [RESET, VERIFY, "/v1/auth/magic-link", "/v1/auth/email-code"];

/// The same with the limits that a server has.
async fn limited(world: &World) -> World {
    world.restarted_with(|plan| plan.settings.mail_limits = MailLimits::default()).await
}

async fn ask_from(world: &World, app: &App, path: &str, name: &str, peer: Option<&str>) -> Answer {
    let call = world.at_door(Some(app), path, &json!({ "email": format!("{name}@example.com") }));
    match peer {
        Some(peer) => call.from(peer).send().await,
        None => call.send().await,
    }
}

async fn ask(world: &World, app: &App, path: &str) -> usize {
    ask_from(world, app, path, "alice", None).await.ok();
    world.mails().await.len()
}

async fn an_address_is_mailed_once_a_minute_and_three_times_an_hour(world: &World) {
    let world = &limited(world).await;
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    for path in ALL {
        assert_eq!(ask(world, &app, path).await, 1, "{path}");
        assert_eq!(ask(world, &app, path).await, 0, "{path}: within a minute");
        for _ in 0..2 {
            world.advance(Duration::from_mins(1));
            assert_eq!(ask(world, &app, path).await, 1, "{path}");
        }
        world.advance(Duration::from_mins(10));
        assert_eq!(ask(world, &app, path).await, 0, "{path}: the fourth within the hour");
        world.advance(Duration::from_hours(1));
        assert_eq!(ask(world, &app, path).await, 1, "{path}");
    }
    // Side by side too.
    world.advance(Duration::from_hours(1));
    join_all((0..20).map(|_| ask_from(world, &app, RESET, "alice", None))).await;
    assert_eq!(world.mails().await.len(), 1);
}

async fn each_kind_and_each_app_has_a_count_of_its_own(world: &World) {
    let world = &limited(world).await;
    let (app, other) = (world.app("acme").await, world.app("other").await);
    for app in [&app, &other] {
        world.sign_up(Some(app), "alice").await;
        world.sign_up(Some(app), "bob").await;
    }
    world.mails().await;
    for app in [&app, &other] {
        for path in ALL {
            for name in ["alice", "bob"] {
                ask_from(world, app, path, name, None).await.ok();
            }
        }
    }
    assert_eq!(world.mails().await.len(), 16);
}

async fn attack_31_who_asks_learns_neither_of_an_account_nor_of_a_limit(world: &World) {
    let world = &limited(world).await;
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    for path in ALL {
        let mut told = Vec::new();
        for name in ["alice", "nobody"] {
            for _ in 0..6 {
                let units = world.units();
                let answer = ask_from(world, &app, path, name, Some("203.0.113.9:1")).await;
                let after = world.units();
                told.push((answer.told(), after.1 - units.1));
                world.mails().await;
                world.advance(Duration::from_secs(61));
            }
            world.advance(Duration::from_hours(1));
        }
        assert!(told.iter().all(|one| *one == told[0]) && told[0].1 == 1, "{told:#?}");
    }
}

/// Attack 33: what is in the owner's mailbox is good, whoever asked for it.
async fn attack_33_whoever_keeps_asking_keeps_the_owner_from_nothing(world: &World) {
    let world = &limited(world).await;
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    let mut last = None;
    for minute in 0..150 {
        for _ in 0..3 {
            ask_from(world, &app, "/v1/auth/magic-link", "alice", None).await.ok();
        }
        if let Some(mail) = world.mails().await.pop() {
            last = Some(mail.token());
        }
        let token = last.clone().unwrap();
        let page = world.get(&format!("/v1/auth/magic-link?token={token}")).raw().await;
        assert_eq!(page.status, 200, "minute {minute}");
        world.advance(Duration::from_mins(1));
    }
    ask_from(world, &app, RESET, "alice", None).await.ok();
    let reset = json!({ "token": world.mail().await.token(), "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.ok();
}

/// Attack 33: where sign-up tells nobody whether there is an account, whoever has the address is told; not each time.
async fn attack_33_whoever_keeps_signing_up_fills_no_mailbox(world: &World) {
    let world = &limited(world).await;
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    let body = json!({ "email": "alice@example.com", "password": PASSWORD });
    let mut mails = 0;
    for _ in 0..30 {
        assert_eq!(world.at_door(Some(&app), "/v1/auth/signup", &body).send().await.status, 201);
        mails += world.mails().await.len();
        world.advance(Duration::from_secs(30));
    }
    assert_eq!(mails, 3, "one a minute, three an hour");
}

async fn one_network_asks_for_ten_proofs_of_addresses_in_an_hour(world: &World) {
    let world = &limited(world).await;
    let app = world.app("acme").await;
    let from = async |path: &str, number: usize, peer: &str| {
        ask_from(world, &app, path, &format!("user-{number}"), Some(peer)).await
    };
    for (one, same, other) in [
        ("203.0.113.9:1", "203.0.113.9:2", "203.0.113.10:1"),
        ("[2001:db8::1]:1", "[2001:db8::2:3]:1", "[2001:db8:0:1::1]:1"),
    ] {
        for number in 0..10 {
            from(VERIFY, number, one).await.ok();
        }
        // Whoever is asked for, and whatever a header says.
        for number in 0..2 {
            let wait = from(VERIFY, number, same).await.refused(429, "too_many_requests").retry_after();
            assert!((3590..=3600).contains(&wait), "{wait}");
        }
        let spoofed = json!({ "email": "user@example.com" });
        let spoofed = world.at_door(Some(&app), VERIFY, &spoofed).from(one).header("x-forwarded-for", "198.51.100.1");
        spoofed.send().await.refused(429, "too_many_requests");
        // An office that signs in is kept from nothing.
        for (number, path) in ALL.into_iter().filter(|path| *path != VERIFY).cycle().take(30).enumerate() {
            from(path, number, one).await.ok();
        }
        from(VERIFY, 99, other).await.ok();
        world.advance(Duration::from_hours(1));
        from(VERIFY, 99, one).await.ok();
    }
    // A proxy on this machine asks for everybody.
    for number in 0..30 {
        from(VERIFY, number, "127.0.0.1:1").await.ok();
        from(VERIFY, number, "10.0.0.1:1").await.ok();
    }
}

async fn an_operator_sets_the_limits(world: &World) {
    let limits = MailLimits { per_recipient: 1, per_ip: 2 };
    let world = &world.restarted_with(|plan| plan.settings.mail_limits = limits).await;
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.mails().await;
    for (peer, mailed) in [("203.0.113.9:1", 1), ("203.0.113.9:1", 0)] {
        ask_from(world, &app, VERIFY, "alice", Some(peer)).await.ok();
        assert_eq!(world.mails().await.len(), mailed);
        world.advance(Duration::from_mins(5));
    }
    ask_from(world, &app, VERIFY, "alice", Some("203.0.113.9:1")).await.refused(429, "too_many_requests");
}
