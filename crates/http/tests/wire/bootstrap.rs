//! How the first administrator comes to be.

use futures_util::future::join_all;
use platform::Environment;
use serde_json::json;

use crate::support::{Answer, Person, Plan, World};

on_both!(
    the_first_administrator_comes_to_be_once,
    the_first_administrator_shows_a_token_in_production,
    of_many_who_would_be_the_first_administrator_at_once_one_is,
    nobody_stands_in_the_way_of_the_first_administrator,
    somebody_runs_the_platform,
);

fn at_home(plan: &mut Plan) {
    plan.settings.environment = Environment::Development;
}

async fn bootstrap(world: &World, person: &Person, token: Option<&str>) -> Answer {
    let call = world.call("POST", "/v1/admin/bootstrap").by(person);
    match token {
        Some(token) => call.json(&json!({ "token": token })).send().await,
        None => call.send().await,
    }
}

async fn the_first_administrator_comes_to_be_once(world: &World) {
    let world = &world.restarted_with(at_home).await;
    let (alice, bob) = (world.sign_up(None, "alice").await, world.sign_up(None, "bob").await);
    for _ in 0..2 {
        let first = bootstrap(world, &alice, None).await;
        assert_eq!(first.text("principal_id"), alice.id.to_string());
        // The organization that the Python SDK names when nobody says which.
        assert_eq!(first.text("organization_id"), "00000000-0000-0000-0000-000000000010");
    }
    assert_eq!(world.get("/v1/me").by(&alice).send().await.ok()["platform_admin"], true, "at once");
    assert_eq!(world.organizations_of(&alice).await.len(), 2);
    bootstrap(world, &bob, None).await.refused(403, "bootstrap_closed");
    world.get("/v1/admin/users").by(&alice).send().await.ok();
    world.get("/v1/admin/users").by(&bob).send().await.refused(403, "forbidden");
}

async fn the_first_administrator_shows_a_token_in_production(world: &World) {
    let alice = world.sign_up(None, "alice").await;
    for token in [None, Some(""), Some("guess")] {
        bootstrap(world, &alice, token).await.refused(403, "bootstrap_closed");
    }
    let token = "bootstrap 0123456789abcdef";
    let world = &world.restarted_with(|plan| plan.settings.bootstrap_token = Some(token.into())).await;
    let (cut, stretched) = (&token[..token.len() - 1], format!("{token} "));
    for wrong in [None, Some(""), Some("guess"), Some(cut), Some(&stretched)] {
        bootstrap(world, &alice, wrong).await.refused(403, "bootstrap_closed");
    }
    let first = bootstrap(world, &alice, Some(token)).await;
    assert!(first.ok()["organization_id"].is_null(), "nothing of development in production");
    let bob = world.sign_up(None, "bob").await;
    bootstrap(world, &bob, Some(token)).await.refused(403, "bootstrap_closed");
}

async fn of_many_who_would_be_the_first_administrator_at_once_one_is(world: &World) {
    let world = &world.restarted_with(at_home).await;
    let app = world.set_up("acme").await;
    // Whoever set an app up first of all runs the platform: nobody else does by asking.
    let carol = world.sign_up(Some(&app), "carol").await;
    bootstrap(world, &carol, None).await.refused(403, "bootstrap_closed");
    let owner = app.owner.id;
    world
        .write(move |tx| {
            let account = tx.account_of(None, owner)?.unwrap();
            tx.update_account(&identity::Account { platform_admin: false, ..account })
        })
        .await;
    // A user of an app never does, whether there is one or not.
    bootstrap(world, &carol, None).await.refused(403, "bootstrap_closed");
    let mut people = Vec::new();
    for number in 0..8 {
        people.push(world.sign_up(None, &format!("person-{number}")).await);
    }
    let answers = join_all(people.iter().map(|person| bootstrap(world, person, None))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1, "{answers:?}");
    assert_eq!(world.number("SELECT count(*) FROM accounts WHERE platform_admin"), 1);
}

async fn nobody_stands_in_the_way_of_the_first_administrator(world: &World) {
    let world = &world.restarted_with(at_home).await;
    let (alice, bob) = (world.sign_up(None, "alice").await, world.sign_up(None, "bob").await);
    let body = json!({ "name": "Development", "slug": "development" });
    world.post("/v1/organizations", &body).by(&bob).send().await.ok();
    bootstrap(world, &alice, None).await.ok();
    assert_eq!(world.organizations_of(&alice).await.len(), 2);
}

async fn somebody_runs_the_platform(world: &World) {
    let administrator = world.administrator().await;
    let disable = |who: &Person| world.call("POST", &format!("/v1/admin/users/{}/disable", who.id)).by(&administrator);
    disable(&administrator).send().await.refused(409, "conflict");
    let second = world.sign_up(None, "second").await;
    let id = second.id;
    world
        .write(move |tx| {
            let account = tx.account_of(None, id)?.unwrap();
            tx.update_account(&identity::Account { platform_admin: true, ..account })
        })
        .await;
    disable(&second).send().await.ok();
    // One who is disabled runs nothing.
    disable(&administrator).send().await.refused(409, "conflict");
    world
        .delete("/v1/me")
        .json(&json!({ "current_password": crate::support::PASSWORD }))
        .by(&administrator)
        .send()
        .await
        .refused(409, "conflict");
}
