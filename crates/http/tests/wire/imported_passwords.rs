//! Passwords that came with hashes of another system.

use futures_util::future::join_all;
use identity::PasswordHash;
use kernel::{Email, Metadata};
use platform::ImportedUser;

use crate::support::{App, NEXT_PASSWORD, PASSWORD, World};

on_both!(of_many_who_sign_in_at_once_each_is_in_and_the_hash_is_replaced);

/// Of [`PASSWORD`], by Python's bcrypt.
const BCRYPT: &str = "$2b$06$eCG3z3El1zSIEtj53KhWv.y8plHYnXDZ8jHNnms604imOtC5psUB6";

async fn app_with_alice(world: &World) -> App {
    let app = world.app("acme").await;
    let imported = world.platform.operator_import_user(
        ImportedUser {
            app: Some(app.id),
            email: Email::parse("alice@example.com").unwrap(),
            verified: true,
            password: Some(PasswordHash::import(BCRYPT).unwrap()),
            display_name: None,
            metadata: Metadata::default(),
            disabled: false,
        },
        false,
    );
    imported.await.unwrap();
    app
}

fn kept(world: &World) -> i64 {
    world.number(&format!("SELECT count(*) FROM accounts WHERE password_hash = '{BCRYPT}'"))
}

async fn of_many_who_sign_in_at_once_each_is_in_and_the_hash_is_replaced(world: &World) {
    let app = app_with_alice(world).await;
    assert_eq!(kept(world), 1);
    let answers = join_all((0..8).map(|_| world.log_in(Some(&app), "alice", PASSWORD))).await;
    for answer in &answers {
        answer.ok();
    }
    assert_eq!(kept(world), 0);
    world.log_in(Some(&app), "alice", PASSWORD).await.ok();
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.refused(401, "invalid_credentials");
}
