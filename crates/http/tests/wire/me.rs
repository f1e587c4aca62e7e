//! What callers see and change about themselves.

use kernel::Role;
use serde_json::{Value, json};

use crate::support::{App, NEXT_PASSWORD, PASSWORD, Person, World};

on_both!(
    a_profile_is_changed_field_by_field,
    a_profile_that_makes_no_sense_is_refused,
    a_password_is_changed_by_who_knows_it,
    leaving_takes_the_password,
    whoever_leaves_is_gone_and_their_organization_archived,
    the_last_owner_of_others_does_not_leave,
    whoever_owns_an_app_does_not_leave,
    of_two_owners_who_leave_at_once_one_stays,
    ones_roles_are_listed_organization_by_organization,
);

async fn user(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    (app, alice)
}

async fn leave(world: &World, person: &Person, body: &Value) -> crate::support::Answer {
    world.delete("/v1/me").json(body).by(person).send().await
}

async fn a_profile_is_changed_field_by_field(world: &World) {
    let (_, alice) = user(world).await;
    let mut expected = json!({
        "principal_id": alice.id, "email": alice.email, "email_verified": false, "display_name": null, "metadata": {},
    });
    for change in [
        json!({ "display_name": "Alice" }),
        json!({ "metadata": { "plan": "pro", "nul": "\0", "n": 1.5, "deep": [[[[{}]]]] } }),
        json!({}),
        json!({ "display_name": " Zoë 🦊 " }),
        json!({ "display_name": null }),
        json!({ "metadata": {} }),
    ] {
        let changed = world.patch("/v1/me", &change).by(&alice).send().await;
        for (name, value) in change.as_object().unwrap() {
            expected[name] = match value.as_str() {
                Some(text) => json!(text.trim()),
                None => value.clone(),
            };
        }
        assert_eq!(*changed.ok(), expected, "{change}");
        let me = world.get("/v1/me").by(&alice).send().await;
        assert_eq!(me.ok()["display_name"], expected["display_name"], "at once");
    }
}

async fn a_profile_that_makes_no_sense_is_refused(world: &World) {
    let (_, alice) = user(world).await;
    for (body, code) in [
        (json!({ "display_name": "" }), "invalid_name"),
        (json!({ "display_name": "a\0b" }), "invalid_name"),
        (json!({ "display_name": "a\nb" }), "invalid_name"),
        (json!({ "display_name": "x".repeat(201) }), "invalid_name"),
        (json!({ "display_name": 7 }), "invalid_body"),
        (json!({ "metadata": [] }), "invalid_metadata"),
        (json!({ "metadata": "text" }), "invalid_metadata"),
        (json!({ "metadata": { "big": "x".repeat(17_000) } }), "invalid_metadata"),
    ] {
        world.patch("/v1/me", &body).by(&alice).send().await.refused(400, code);
    }
}

async fn a_password_is_changed_by_who_knows_it(world: &World) {
    let (app, alice) = user(world).await;
    let change = async |person: &Person, current: &str, new: &str| {
        let body = json!({ "current_password": current, "new_password": new });
        world.post("/v1/auth/change-password", &body).by(person).send().await
    };
    change(&alice, "Wrong-horse-1", NEXT_PASSWORD).await.refused(401, "invalid_credentials");
    change(&alice, PASSWORD, "weak").await.refused(400, "weak_password");
    change(&alice, PASSWORD, &"Aa1!".repeat(257)).await.refused(400, "password_too_long");
    world.get("/v1/me").by(&alice).send().await.ok();
    change(&alice, PASSWORD, NEXT_PASSWORD).await.ok();
    change(&alice, NEXT_PASSWORD, PASSWORD).await.refused(401, "token_revoked");
    world.log_in(Some(&app), "alice", NEXT_PASSWORD).await.ok();

    // At once, one of them wins, and it is that one's password.
    let sessions = [Person::of(&world.log_in(Some(&app), "alice", NEXT_PASSWORD).await)];
    let passwords: Vec<_> = (0..5).map(|number| format!("Winner-takes-{number}")).collect();
    let changes = passwords.iter().map(|password| change(&sessions[0], NEXT_PASSWORD, password));
    let answers = futures_util::future::join_all(changes).await;
    let won: Vec<_> = answers.iter().zip(&passwords).filter(|(answer, _)| answer.is_success()).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    world.log_in(Some(&app), "alice", won[0].1).await.ok();
}

async fn leaving_takes_the_password(world: &World) {
    let (_, alice) = user(world).await;
    for body in [json!({}), json!({ "current_password": "Wrong-horse-1" }), json!({ "current_password": "" })] {
        leave(world, &alice, &body).await.refused(401, "invalid_credentials");
    }
    world.delete("/v1/me").by(&alice).send().await.refused(401, "invalid_credentials");
    world.get("/v1/me").by(&alice).send().await.ok();
    leave(world, &alice, &json!({ "password": PASSWORD })).await.ok();
    world.get("/v1/me").by(&alice).send().await.refused(401, "token_revoked");
}

async fn whoever_leaves_is_gone_and_their_organization_archived(world: &World) {
    let (app, alice) = user(world).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    let home = world.home_of(&alice).await;
    let theirs = world.home_of(&bob).await;
    world.enroll(theirs, &alice, Role::Admin).await;
    leave(world, &alice, &json!({ "current_password": PASSWORD })).await.ok();
    world.log_in(Some(&app), "alice", PASSWORD).await.refused(401, "invalid_credentials");
    let path = format!("/v1/admin/users/{}", alice.id);
    world.get(&path).bearer(&app.api_key).send().await.refused(404, "not_found");
    let archived = world.number("SELECT count(*) FROM organizations WHERE archived_at IS NOT NULL");
    assert_eq!(archived, 1, "{home}");
    assert_eq!(world.get(&format!("/v1/organizations/{theirs}")).by(&bob).send().await.ok()["archived"], false);
    assert_eq!((world.events("user.deleted"), world.events("membership.removed")), (1, 2));
}

async fn the_last_owner_of_others_does_not_leave(world: &World) {
    let (app, alice) = user(world).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    let home = world.home_of(&alice).await;
    world.enroll(home, &bob, Role::Admin).await;
    let meant = json!({ "current_password": PASSWORD });
    leave(world, &alice, &meant).await.refused(409, "last_owner");
    world.get("/v1/me").by(&alice).send().await.ok();
    world.expel(home, &bob).await;
    world.enroll(home, &bob, Role::Owner).await;
    leave(world, &alice, &meant).await.ok();
    assert_eq!(world.get(&format!("/v1/organizations/{home}")).by(&bob).send().await.ok()["archived"], false);
}

async fn whoever_owns_an_app_does_not_leave(world: &World) {
    let app = world.app("acme").await;
    let meant = json!({ "current_password": PASSWORD });
    leave(world, &app.owner, &meant).await.refused(409, "conflict");
    world.delete(&format!("/v1/apps/{}", app.id)).by(&app.owner).send().await.ok();
    leave(world, &app.owner, &meant).await.ok();
    world.get("/v1/me").bearer(&app.api_key).send().await.refused(401, "unauthorized");
}

/// Attack 10: an organization with members is never without an owner.
async fn of_two_owners_who_leave_at_once_one_stays(world: &World) {
    let app = world.app("acme").await;
    world.configure(&app, &json!({ "auto_create_org": false })).await;
    for round in 0..200 {
        let [one, two, member] = ["one", "two", "member"].map(|name| format!("{name}-{round}"));
        let (one, two) = (world.sign_up(Some(&app), &one).await, world.sign_up(Some(&app), &two).await);
        let member = world.sign_up(Some(&app), &member).await;
        let body = json!({ "name": "Shared" });
        let made = world.post("/v1/organizations", &body).by(&one).send().await.text("id");
        let organization = made.parse().unwrap();
        world.enroll(organization, &two, Role::Owner).await;
        world.enroll(organization, &member, Role::Member).await;
        let meant = json!({ "current_password": PASSWORD });
        let left = futures_util::future::join(leave(world, &one, &meant), leave(world, &two, &meant)).await;
        let [left, stayed] = if left.0.is_success() { [left.0, left.1] } else { [left.1, left.0] };
        left.ok();
        stayed.refused(409, "last_owner");
    }
    let owners = world.number(
        "SELECT count(*) FROM memberships WHERE role = 'owner' AND organization_id IN \
        (SELECT id FROM organizations WHERE app_id IS NOT NULL)",
    );
    assert_eq!(owners, 200);
}

/// A page is of so many organizations, whatever there is in each: no role is cut off, and none comes twice.
async fn ones_roles_are_listed_organization_by_organization(world: &World) {
    let (_, alice) = user(world).await;
    let mut homes = vec![world.home_of(&alice).await.to_string()];
    for name in ["Second", "Third"] {
        homes.push(world.post("/v1/organizations", &json!({ "name": name })).by(&alice).send().await.text("id"));
    }
    for (home, name) in [(&homes[0], "Crew"), (&homes[1], "Crew"), (&homes[1], "Staff")] {
        let path = format!("/v1/organizations/{home}/teams");
        let team = world.post(&path, &json!({ "name": name })).by(&alice).send().await.text("id");
        let path = format!("/v1/teams/{team}/members/{}", alice.id);
        world.call("PUT", &path).json(&json!({ "role": "viewer" })).by(&alice).send().await.ok();
    }
    let whole = world.get("/v1/me/permissions").by(&alice).send().await;
    let whole = whole.ok().as_array().unwrap().clone();
    assert_eq!(whole.len(), 6);
    let (mut seen, mut places, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let path = format!("/v1/me/permissions?limit=1&include_total=true{cursor}");
        let page = world.get(&path).by(&alice).send().await;
        let rows = page.ok().as_array().unwrap();
        assert!(rows.iter().all(|row| row["organization_id"] == rows[0]["organization_id"]), "{page:?}");
        places.push(rows[0]["organization_id"].as_str().unwrap().to_owned());
        seen.extend(rows.clone());
        let pagination = &page.body["meta"]["pagination"];
        assert_eq!((&pagination["limit"], &pagination["total"]), (&json!(1), &json!(3)));
        match pagination["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, whole);
    places.sort();
    homes.sort();
    assert_eq!(places, homes);
}
