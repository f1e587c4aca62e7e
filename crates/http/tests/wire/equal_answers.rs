//! Attack 31: whoever guesses addresses gets the same answer for the same work, whether there is an account or not.

use serde_json::{Value, json};

use crate::support::{App, Call, World};

on_both!(
    a_failed_sign_in_tells_nothing,
    asking_for_a_link_tells_nothing,
    signing_up_tells_nothing_where_addresses_are_proven,
);

/// An answer, how many units of work it took, and how many of those wrote.
async fn told(world: &World, call: Call<'_>) -> ((u16, Value), (usize, usize)) {
    let before = world.units();
    let told = call.send().await.told();
    let after = world.units();
    (told, (after.0 - before.0, after.1 - before.1))
}

async fn acme(world: &World) -> App {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    let admin = json!({ "email": "passwordless@example.com" });
    world.post("/v1/admin/users", &admin).app(&app.client_id).bearer(&app.api_key).send().await.ok();
    // Everything that both look at is warm.
    world.log_in(Some(&app), "warm", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    app
}

async fn a_failed_sign_in_tells_nothing(world: &World) {
    let app = acme(world).await;
    let failed = async |name: &str| {
        let body = json!({ "email": format!("{name}@example.com"), "password": "Wrong-horse-1" });
        told(world, world.at_door(Some(&app), "/v1/auth/login", &body)).await
    };
    // Up to the failure that locks, and beyond.
    for _ in 0..7 {
        let known = failed("alice").await;
        assert_eq!(failed("nobody").await, known);
        assert_eq!(failed("passwordless").await, known);
    }
}

async fn asking_for_a_link_tells_nothing(world: &World) {
    let app = acme(world).await;
    for path in ["/v1/auth/forgot-password", "/v1/auth/resend-verification"] {
        let asked = async |name: &str| {
            let body = json!({ "email": format!("{name}@example.com") });
            told(world, world.at_door(Some(&app), path, &body)).await
        };
        let known = asked("alice").await;
        assert_eq!((known.0.0, known.1), (200, (0, 1)), "{path}");
        assert_eq!(asked("nobody").await, known, "{path}");
    }
}

async fn signing_up_tells_nothing_where_addresses_are_proven(world: &World) {
    let app = acme(world).await;
    world.configure(&app, &json!({ "require_verified_email": true })).await;
    let signed_up = async |name: &str| {
        let body = json!({ "email": format!("{name}@example.com"), "password": "Correct-horse-1" });
        let ((status, body), work) = told(world, world.at_door(Some(&app), "/v1/auth/signup", &body)).await;
        (status, body.to_string().replace(name, "…"), work)
    };
    // What was mailed before is another story.
    world.mails().await;
    // The app was changed: what is known of it is read anew.
    signed_up("warm").await;
    let taken = signed_up("alice").await;
    assert_eq!((taken.0, taken.2), (201, (0, 1)));
    assert_eq!(signed_up("newcomer").await, taken);
    assert_eq!(signed_up("newcomer").await, taken, "twice");
    let mut subjects: Vec<_> = world.mails().await.into_iter().map(|mail| mail.to).collect();
    subjects.sort();
    assert_eq!(subjects, ["alice@example.com", "newcomer@example.com", "warm@example.com"]);
}
