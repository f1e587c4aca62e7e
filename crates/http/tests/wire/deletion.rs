//! How organizations end.

use std::time::Duration;

use futures_util::future::join;
use kernel::{Role, Timestamp};
use serde_json::{Value, json};

use crate::support::{Answer, Company, Person, World};

on_both!(
    an_organization_is_gone_when_its_time_has_come,
    what_waits_is_read_and_not_changed,
    what_waits_is_not_changed_by_programs_either,
    who_thinks_better_of_it_gets_back_what_was,
    what_was_archived_before_is_archived_after,
    asking_again_changes_nothing,
    the_settings_say_how_long_it_waits,
    an_organization_that_owns_apps_is_not_deleted,
    one_that_has_come_by_an_app_since_is_kept,
    an_owner_alone_ends_it,
    nobody_joins_what_is_about_to_go,
    attack_39_a_link_into_what_is_gone_is_a_wrong_one,
    everything_of_it_is_forgotten_at_once,
    undoing_and_deleting_at_once_are_one_of_the_two,
);

const DAY: Duration = Duration::from_hours(24);

async fn request(world: &World, company: &Company, by: &Person) -> Answer {
    world.call("POST", &company.path("request-deletion")).by(by).send().await
}

async fn cancel(world: &World, company: &Company, by: &Person) -> Answer {
    world.call("POST", &company.path("cancel-deletion")).by(by).send().await
}

async fn shown(world: &World, company: &Company, by: &Person) -> Answer {
    world.get(&format!("/v1/organizations/{}", company.id)).by(by).send().await
}

/// Does what the worker does; tells how many are gone, or kept for good.
async fn work(world: &World) -> usize {
    let mut done = 0;
    while world.platform.delete_due_organization().await.unwrap() > 0 {
        done += 1;
    }
    done
}

fn delete_at(answer: &Answer) -> Timestamp {
    serde_json::from_value(answer.ok()["delete_at"].clone()).unwrap()
}

async fn an_organization_is_gone_when_its_time_has_come(world: &World) {
    let company = Company::new(world).await;
    assert_eq!(shown(world, &company, &company.owner).await.ok()["delete_at"], Value::Null);
    let before = world.now();
    let requested = request(world, &company, &company.owner).await;
    let wait = before.until(delete_at(&requested));
    assert!(wait >= DAY * 7 && wait < DAY * 7 + Duration::from_secs(1), "{wait:?}");
    assert_eq!(requested.ok()["archived"], false, "that is another story");
    let slug = requested.text("slug");
    world.advance(DAY * 6 + Duration::from_hours(23));
    assert_eq!(work(world).await, 0);
    let owner = world.sign_in(Some(&company.app), "owner").await;
    let viewer = world.sign_in(Some(&company.app), "viewer").await;
    shown(world, &company, &viewer).await.ok();
    world.advance(Duration::from_mins(90));
    assert_eq!(work(world).await, 1);
    for (who, left) in [(&owner, 0), (&viewer, 1)] {
        shown(world, &company, who).await.refused(404, "not_found");
        assert_eq!(world.organizations_of(who).await.len(), left);
        world.get("/v1/me").by(who).send().await.ok();
    }
    cancel(world, &company, &owner).await.refused(404, "not_found");
    let [requested, deleted, cancelled] =
        ["organization.deletion_requested", "organization.deleted", "organization.deletion_cancelled"]
            .map(|kind| world.events(kind));
    assert_eq!((requested, deleted, cancelled), (1, 1, 0));
    let told = "SELECT count(*) FROM events WHERE kind = 'organization.deleted' AND payload LIKE '%slug%'";
    assert_eq!(world.number(told), 1);
    // Its slug is free again.
    let again = json!({ "name": "Acme", "slug": slug });
    assert_eq!(world.post("/v1/organizations", &again).by(&owner).send().await.text("slug"), slug);
}

async fn what_waits_is_read_and_not_changed(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    request(world, &company, &company.owner).await.ok();
    for path in ["members", "teams", "roles", "permissions", "secrets", "settings", "budget", "export", "invitations"] {
        world.get(&company.path(path)).by(&company.owner).send().await.ok();
    }
    let home = format!("/v1/organizations/{}", company.id);
    let named = json!({ "name": "Acme" });
    for call in [
        world.patch(&home, &named),
        world.post(&company.path("teams"), &named),
        world.patch(&format!("/v1/teams/{team}"), &named),
        world.patch(&company.path("settings"), &json!({ "deletion_grace_days": 90 })),
        world.post(&company.path("secrets"), &json!({ "name": "KEY", "value": "x" })),
        world.patch(&company.member_path(&company.viewer), &json!({ "role": "member" })),
    ] {
        call.by(&company.owner).send().await.refused(409, "conflict");
    }
    assert!(!company.may(world, &company.owner, "team.create", None).await);
    assert!(company.may(world, &company.owner, "team.read", None).await);
    // Nobody has to stay until the end.
    world.call("POST", &company.path("leave")).by(&company.viewer).send().await.ok();
}

async fn what_waits_is_not_changed_by_programs_either(world: &World) {
    let company = Company::new(world).await;
    let account = json!({ "name": "Deploys", "organization_id": company.id, "role": "owner" });
    let account = world.post("/v1/service-accounts", &account).by(&company.owner).send().await.text("id");
    let path = format!("/v1/service-accounts/{account}/api-keys");
    let key = world.post(&path, &json!({})).by(&company.owner).send().await.text("key");
    world.post(&company.path("teams"), &json!({ "name": "Before" })).bearer(&key).send().await.ok();
    request(world, &company, &company.owner).await.ok();
    let team = json!({ "name": "After" });
    world.post(&company.path("teams"), &team).bearer(&key).send().await.refused(409, "conflict");
    world.get(&company.path("teams")).bearer(&key).send().await.ok();
}

async fn who_thinks_better_of_it_gets_back_what_was(world: &World) {
    let company = Company::new(world).await;
    let before = shown(world, &company, &company.owner).await;
    request(world, &company, &company.owner).await.ok();
    let cancelled = cancel(world, &company, &company.owner).await;
    for field in ["id", "name", "slug", "archived", "metadata", "delete_at"] {
        assert_eq!(cancelled.ok()[field], before.ok()[field], "{field}");
    }
    let rename = world.patch(&format!("/v1/organizations/{}", company.id), &json!({ "name": "Acme" }));
    rename.by(&company.owner).send().await.ok();
    world.advance(DAY * 30);
    assert_eq!(work(world).await, 0);
}

async fn what_was_archived_before_is_archived_after(world: &World) {
    let company = Company::new(world).await;
    world.call("POST", &company.path("archive")).by(&company.owner).send().await.ok();
    let waiting = request(world, &company, &company.owner).await;
    assert_eq!(waiting.ok()["archived"], true);
    let cancelled = cancel(world, &company, &company.owner).await;
    assert_eq!((&cancelled.ok()["archived"], &cancelled.ok()["delete_at"]), (&json!(true), &Value::Null));
    // Bringing it back does not undo what is to come.
    request(world, &company, &company.owner).await.ok();
    let restored = world.call("POST", &company.path("restore")).by(&company.owner).send().await;
    assert!(restored.ok()["archived"] == false && restored.ok()["delete_at"].is_string(), "{restored:?}");
    let rename = world.patch(&format!("/v1/organizations/{}", company.id), &json!({ "name": "Acme" }));
    rename.by(&company.owner).send().await.refused(409, "conflict");
}

async fn asking_again_changes_nothing(world: &World) {
    let company = Company::new(world).await;
    let first = request(world, &company, &company.owner).await;
    world.advance(DAY / 24);
    let again = request(world, &company, &company.owner).await;
    assert_eq!(first.ok(), again.ok());
    assert_eq!(world.events("organization.deletion_requested"), 1);
    for _ in 0..2 {
        assert_eq!(cancel(world, &company, &company.owner).await.ok()["delete_at"], Value::Null);
    }
    assert_eq!(world.events("organization.deletion_cancelled"), 1);
}

async fn the_settings_say_how_long_it_waits(world: &World) {
    let company = Company::new(world).await;
    for days in [90_u32, 0] {
        let settings = json!({ "deletion_grace_days": days });
        world.patch(&company.path("settings"), &settings).by(&company.owner).send().await.ok();
        let before = world.now();
        let wait = before.until(delete_at(&request(world, &company, &company.owner).await));
        assert!(wait >= DAY * days && wait < DAY * days + Duration::from_secs(1), "{wait:?}");
        if days > 0 {
            cancel(world, &company, &company.owner).await.ok();
        }
    }
    assert_eq!(work(world).await, 1, "there was nothing to wait for");
}

async fn an_organization_that_owns_apps_is_not_deleted(world: &World) {
    let app = world.app("acme").await;
    let path = format!("/v1/organizations/{}/request-deletion", app.organization);
    world.call("POST", &path).by(&app.owner).send().await.refused(409, "conflict");
    assert_eq!(world.events("organization.deletion_requested"), 0);
    world.delete(&format!("/v1/apps/{}", app.id)).by(&app.owner).send().await.ok();
    world.call("POST", &path).by(&app.owner).send().await.ok();
    world.advance(DAY * 8);
    assert_eq!(work(world).await, 1);
    // Keys of it are nobody's any more.
    world.get("/v1/me").bearer(&app.api_key).send().await.refused(401, "unauthorized");
    let owner = world.sign_in(None, "acme-owner").await;
    world.get("/v1/me").by(&owner).send().await.ok();
}

/// An app that was being registered while the deletion was asked for.
async fn one_that_has_come_by_an_app_since_is_kept(world: &World) {
    let [keeper, other] = [world.app("keeper").await, world.set_up("other").await];
    let made = world.post("/v1/organizations", &json!({ "name": "Old" })).by(&other.owner).send().await;
    let id: kernel::id::OrganizationId = made.text("id").parse().unwrap();
    world.call("POST", &format!("/v1/organizations/{id}/request-deletion")).by(&other.owner).send().await.ok();
    let app = keeper.id;
    world
        .write(move |tx| {
            let found = tx.app(app)?.unwrap();
            let another = apps::App {
                id: kernel::id::AppId::generate(),
                owner: id,
                client_id: apps::ClientId::from_random([7; 24]),
                ..found
            };
            tx.insert_app(&kernel::Unchecked(id), &another)
        })
        .await;
    world.advance(DAY * 8);
    assert_eq!(work(world).await, 1, "it is dealt with once, not again and again");
    let owner = world.sign_in(None, "other-owner").await;
    let kept = world.get(&format!("/v1/organizations/{id}")).by(&owner).send().await;
    assert_eq!(kept.ok()["delete_at"], Value::Null);
    assert_eq!((world.events("organization.deleted"), world.events("organization.deletion_cancelled")), (0, 1));
    assert_eq!(world.number("SELECT count(*) FROM events WHERE payload LIKE '%owns_apps%'"), 1);
}

async fn an_owner_alone_ends_it(world: &World) {
    let company = Company::new(world).await;
    for (who, status, code) in [
        (&company.admin, 403, "forbidden"),
        (&company.member, 403, "forbidden"),
        (&company.viewer, 403, "forbidden"),
        (&company.outsider, 404, "not_found"),
    ] {
        request(world, &company, who).await.refused(status, code);
        cancel(world, &company, who).await.refused(status, code);
    }
    request(world, &company, &company.owner).await.ok();
    for who in [&company.admin, &company.viewer] {
        cancel(world, &company, who).await.refused(403, "forbidden");
    }
    cancel(world, &company, &company.outsider).await.refused(404, "not_found");
    assert!(shown(world, &company, &company.admin).await.ok()["delete_at"].is_string());
}

async fn nobody_joins_what_is_about_to_go(world: &World) {
    let company = Company::new(world).await;
    let invite = json!({ "email": company.outsider.email, "role": "member" });
    let invited = world.post(&company.path("invitations"), &invite).by(&company.owner).send().await.text("id");
    let (app, email) = (company.app.id, company.outsider.email.clone());
    // The address is proven, so that nothing else is in the way.
    world
        .platform
        .operator_manage_user(Some(app), kernel::Email::parse(&email).unwrap(), platform::Deed::Verify)
        .await
        .unwrap();
    let outsider = world.sign_in(Some(&company.app), "outsider").await;
    let waiting = || world.get("/v1/me/invitations").by(&outsider).send();
    assert_eq!(waiting().await.ok().as_array().map(Vec::len), Some(1));
    request(world, &company, &company.owner).await.ok();
    assert_eq!(waiting().await.ok(), &json!([]));
    let accept = || world.call("POST", &format!("/v1/invitations/{invited}/accept")).by(&outsider).send();
    accept().await.refused(409, "conflict");
    let again = world.call("POST", &format!("/v1/invitations/{invited}/resend")).by(&company.owner).send().await;
    again.refused(409, "conflict");
    cancel(world, &company, &company.owner).await.ok();
    accept().await.ok();
}

async fn attack_39_a_link_into_what_is_gone_is_a_wrong_one(world: &World) {
    let company = Company::new(world).await;
    world.mails().await;
    let invite = json!({ "email": company.outsider.email, "role": "member" });
    let invited = world.post(&company.path("invitations"), &invite).by(&company.owner).send().await.text("id");
    let token = world.mail().await.token();
    // It would wait for longer than the organization does.
    let settings = json!({ "deletion_grace_days": 1 });
    world.patch(&company.path("settings"), &settings).by(&company.owner).send().await.ok();
    request(world, &company, &company.owner).await.ok();
    world.advance(DAY + Duration::from_hours(1));
    assert_eq!(work(world).await, 1);
    let outsider = world.sign_in(Some(&company.app), "outsider").await;
    let body = json!({ "token": token });
    let calls = |id: &str| {
        let path = |deed: &str| format!("/v1/invitations/{id}/{deed}");
        let with_token = [
            world.get(&format!("{}?token={token}", path("accept"))),
            world.post(&path("accept"), &body),
            world.post(&path("accept"), &body).by(&outsider),
            world.post(&path("decline"), &body),
        ];
        let without = ["accept", "decline"].map(|deed| world.post(&path(deed), &json!({})).by(&outsider));
        (with_token, without)
    };
    let nowhere = kernel::id::InvitationId::generate().to_string();
    let (gone, absent) = (calls(&invited), calls(&nowhere));
    for (gone, absent) in gone.0.into_iter().zip(absent.0) {
        let told = gone.send().await;
        assert_eq!(told.refused(400, "invalid_token").told(), absent.send().await.told(), "{}", told.at);
    }
    for (gone, absent) in gone.1.into_iter().zip(absent.1) {
        let told = gone.send().await;
        assert_eq!(told.refused(404, "not_found").told(), absent.send().await.told(), "{}", told.at);
    }
    assert_eq!(world.organizations_of(&outsider).await.len(), 1, "their own");
    assert_eq!(world.get("/v1/me/invitations").by(&outsider).send().await.ok(), &json!([]));
}

async fn everything_of_it_is_forgotten_at_once(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let key = world.api_key(Some(company.app.id), company.id, &company.owner, |key| key).await;
    let resource = format!("team:{team}");
    // What is asked is kept in memory.
    assert!(company.may(world, &company.owner, "team.read", Some(&resource)).await);
    world.get("/v1/organizations").bearer(&key).send().await.ok();
    let settings = json!({ "deletion_grace_days": 0 });
    world.patch(&company.path("settings"), &settings).by(&company.owner).send().await.ok();
    request(world, &company, &company.owner).await.ok();
    assert_eq!(work(world).await, 1);
    assert!(!company.may(world, &company.owner, "team.read", Some(&resource)).await);
    assert!(!company.may(world, &company.owner, "organization.read", None).await);
    world.get("/v1/organizations").bearer(&key).send().await.refused(401, "unauthorized");
    world.get(&format!("/v1/teams/{team}")).by(&company.owner).send().await.refused(404, "not_found");
    let roles = world.get("/v1/me/permissions").by(&company.owner).send().await;
    assert_eq!(roles.ok(), &json!([]), "it was their only one, and their account stays");
}

async fn undoing_and_deleting_at_once_are_one_of_the_two(world: &World) {
    let company = Company::new(world).await;
    for round in 0..8 {
        let made = world.post("/v1/organizations", &json!({ "name": "Old" })).by(&company.owner).send().await;
        let id: kernel::id::OrganizationId = made.text("id").parse().unwrap();
        world.enroll(id, &company.viewer, Role::Viewer).await;
        let path = |rest: &str| format!("/v1/organizations/{id}/{rest}");
        let settings = json!({ "deletion_grace_days": 0 });
        world.patch(&path("settings"), &settings).by(&company.owner).send().await.ok();
        world.call("POST", &path("request-deletion")).by(&company.owner).send().await.ok();
        let undo = world.call("POST", &path("cancel-deletion")).by(&company.owner).send();
        let delete = world.platform.delete_due_organization();
        let (undone, deleted) = if round % 2 == 0 {
            join(undo, delete).await
        } else {
            let (deleted, undone) = join(delete, undo).await;
            (undone, deleted)
        };
        let there = world.get(&format!("/v1/organizations/{id}")).by(&company.owner).send().await.is_success();
        assert_eq!((undone.is_success(), deleted.unwrap() == 0), (there, there), "{undone:?}");
        world.platform.delete_due_organization().await.unwrap();
        assert_eq!(world.get(&path("members")).by(&company.viewer).send().await.is_success(), there);
    }
}
