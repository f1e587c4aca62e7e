//! What somebody who signed up with a stranger's address made there, when the owner of the address comes.

use serde_json::{Value, json};

use crate::support::{Answer, App, NEXT_PASSWORD, Person, World};

on_both!(
    attack_25_what_a_squatter_made_acts_no_more,
    attack_25_what_a_squatter_made_hears_and_invites_no_more,
    attack_34_a_link_that_was_fetched_keeps_the_second_factor,
);

/// The owner of the address, who comes by a link in a mail of their own.
async fn owner(world: &World, app: &App, email: &str) -> Person {
    world.mails().await;
    world.at_door(Some(app), "/v1/auth/magic-link", &json!({ "email": email })).send().await.ok();
    let token = json!({ "token": world.mail().await.token() });
    Person::of(&world.at_door(Some(app), "/v1/auth/magic-link/verify", &token).send().await)
}

async fn service_account(world: &World, bearer: &str, home: &str, name: &str) -> String {
    let body = json!({ "name": name, "organization_id": home, "role": "owner" });
    world.post("/v1/service-accounts", &body).bearer(bearer).send().await.text("id")
}

async fn key_of(world: &World, bearer: &str, account: &str) -> String {
    let path = format!("/v1/service-accounts/{account}/api-keys");
    world.post(&path, &json!({ "name": "Quiet" })).bearer(bearer).send().await.text("secret")
}

async fn client_token(world: &World, made: &Answer) -> Answer {
    let body = json!({
        "grant_type": "client_credentials", "client_id": made.ok()["client_id"], "client_secret": made.ok()["client_secret"],
    });
    world.post("/v1/oauth/token", &body).send().await
}

/// Also what a service account made that the squatter had made: by a chain, nobody would be rid of them.
async fn attack_25_what_a_squatter_made_acts_no_more(world: &World) {
    let app = world.app("acme").await;
    let squatter = world.sign_up(Some(&app), "alice").await;
    let home = world.home_of(&squatter).await.to_string();
    let first = service_account(world, &squatter.token, &home, "First").await;
    let first_key = key_of(world, &squatter.token, &first).await;
    let second = service_account(world, &first_key, &home, "Second").await;
    let second_key = key_of(world, &first_key, &second).await;
    let client = json!({ "name": "Client", "organization_id": home, "redirect_uris": [] });
    let client = world.post("/v1/oauth/clients", &client).by(&squatter).send().await;
    let token = client_token(world, &client).await.text("access_token");
    let keys = [&first_key, &second_key, &token];
    for key in keys {
        world.get("/v1/me/organizations").bearer(key).send().await.ok();
    }
    let alice = owner(world, &app, "alice@example.com").await;
    assert_eq!((alice.id, world.home_of(&alice).await.to_string()), (squatter.id, home.clone()));
    for key in keys {
        let organization = format!("/v1/organizations/{home}");
        let told = world.get(&organization).bearer(key).send().await;
        assert!(matches!(told.status, 401 | 403 | 404), "{told:?}");
    }
    assert!(!client_token(world, &client).await.is_success());
    // She sees them, and may let them act again: it may have been she who made them.
    let list = format!("/v1/service-accounts?organization_id={home}");
    let listed = world.get(&list).by(&alice).send().await;
    let listed: &Vec<Value> = listed.ok().as_array().unwrap();
    assert!(listed.len() == 3 && listed.iter().all(|account| account["disabled"] == true), "{listed:?}");
    assert_eq!(world.events("service_account.disabled"), 3);
    world.post(&format!("/v1/service-accounts/{first}/enable"), &json!({})).by(&alice).send().await.ok();
    world.get("/v1/me/organizations").bearer(&first_key).send().await.ok();
    // Nothing of hers is touched when she comes again.
    let mine = service_account(world, &alice.token, &home, "Mine").await;
    let mine = key_of(world, &alice.token, &mine).await;
    owner(world, &app, "alice@example.com").await;
    world.get("/v1/me/organizations").bearer(&mine).send().await.ok();
}

async fn attack_25_what_a_squatter_made_hears_and_invites_no_more(world: &World) {
    let app = world.app("acme").await;
    let squatter = world.sign_up(Some(&app), "alice").await;
    let home = world.home_of(&squatter).await;
    let hook = json!({ "url": "https://squatter.example.net/hook", "event_filter": ["*"] });
    let hooks = format!("/v1/organizations/{home}/webhooks");
    let hook = world.post(&hooks, &hook).by(&squatter).send().await.text("id");
    let invitation = json!({ "email": "confederate@example.com", "role": "owner" });
    let invitations = format!("/v1/organizations/{home}/invitations");
    let invitation = world.post(&invitations, &invitation).by(&squatter).send().await.text("id");
    let alice = owner(world, &app, "alice@example.com").await;
    let hook = world.get(&format!("/v1/webhooks/{hook}")).by(&alice).send().await;
    assert_eq!(hook.ok()["active"], false, "{hook:?}");
    let waiting = world.get(&format!("/v1/invitations?organization_id={home}&status=pending")).by(&alice).send().await;
    assert_eq!(*waiting.ok(), json!([]), "{invitation}");
    assert_eq!((world.events("webhook.updated"), world.events("invitation.revoked")), (1, 1));
}

/// Who reads somebody's mail has one factor of two: the link in the first letter, which most follow and nobody has to
/// confirm, is no reason to forget the other one.
async fn attack_34_a_link_that_was_fetched_keeps_the_second_factor(world: &World) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "mfa": "optional" })).await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let link = world.mail().await.link().to_owned();
    world.get(link.strip_prefix("https://id.example.com").unwrap()).send().await;
    let phone = world.enable_totp(&alice).await;

    let ask = json!({ "email": alice.email });
    world.at_door(Some(&app), "/v1/auth/magic-link", &ask).send().await.ok();
    let token = json!({ "token": world.mail().await.token() });
    let told = world.at_door(Some(&app), "/v1/auth/magic-link/verify", &token).send().await;
    told.refused(403, "mfa_required");
    let code = json!({ "code": phone.next(world) });
    world.second_step(Some(&app), &told.challenge(), &code).await.ok();

    world.at_door(Some(&app), "/v1/auth/forgot-password", &ask).send().await.ok();
    let reset = json!({ "token": world.mail().await.token(), "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.ok();
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.refused(403, "mfa_required");
}
