//! Organizations.

use kernel::Role;
use serde_json::json;

use crate::support::{App, Company, Person, World};

on_both!(
    whoever_makes_an_organization_owns_it,
    everybody_sees_those_they_belong_to,
    an_organization_is_changed_by_those_who_may,
    a_slug_is_had_or_refused,
    a_list_goes_on_where_the_last_page_ended,
    a_key_sees_its_own_organization,
    attack_38_neither_host_nor_path_chooses_a_tenant,
    an_archived_organization_is_read_and_not_changed,
    a_name_is_kept_as_it_was_given,
    nobody_owns_anything_without_an_account,
);

async fn user(world: &World) -> (App, Person) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    (app, alice)
}

async fn whoever_makes_an_organization_owns_it(world: &World) {
    let (app, alice) = user(world).await;
    let body = json!({ "name": "Sales", "metadata": { "color": "red" } });
    let made = world.post("/v1/organizations", &body).by(&alice).send().await;
    assert_eq!((made.status, made.text("role").as_str()), (201, "owner"));
    assert_eq!(made.text("app_id"), app.id.to_string());
    let words: Vec<_> = made.text("slug").split('-').map(str::to_owned).collect();
    assert_eq!(words.len(), 3, "a slug that people can say: {words:?}");
    let seen = world.get(&format!("/v1/organizations/{}", made.text("id"))).by(&alice).send().await;
    assert_eq!((seen.text("name"), &seen.ok()["metadata"]), ("Sales".to_owned(), &json!({ "color": "red" })));
    assert_eq!(seen.body["context"]["organization_id"], made.text("id"));
    let slug = json!({ "name": "Sales", "slug": "sales" });
    assert_eq!(world.post("/v1/organizations", &slug).by(&alice).send().await.text("slug"), "sales");
    assert_eq!(world.events("organization.created"), 5, "with those of the newcomers and of the app");
    assert_eq!(world.events("membership.created"), 5, "and each has its owner");
}

async fn everybody_sees_those_they_belong_to(world: &World) {
    let (app, alice) = user(world).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    let home = world.home_of(&alice).await;
    world.enroll(home, &bob, Role::Viewer).await;
    let mine = world.get("/v1/organizations").by(&bob).send().await;
    assert_eq!(mine.ok(), world.get("/v1/me/organizations").by(&bob).send().await.ok());
    let roles: Vec<_> = mine.ok().as_array().unwrap().iter().map(|one| one["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["viewer", "owner"], "oldest first");
    assert_eq!(world.organizations_of(&alice).await.len(), 1);
}

async fn an_organization_is_changed_by_those_who_may(world: &World) {
    let (app, alice) = user(world).await;
    let home = world.home_of(&alice).await;
    let path = format!("/v1/organizations/{home}");
    for (role, may) in [(Role::Viewer, false), (Role::Member, false), (Role::Admin, true), (Role::Owner, true)] {
        let person = world.sign_up(Some(&app), role.name()).await;
        world.enroll(home, &person, role).await;
        world.get(&path).by(&person).send().await.ok();
        let name = format!("Renamed by {role}");
        let changed = world.patch(&path, &json!({ "name": name })).by(&person).send().await;
        if may {
            assert_eq!(changed.text("name"), name);
        } else {
            changed.refused(403, "forbidden");
        }
    }
    let before = world.get(&path).by(&alice).send().await.ok().clone();
    let nothing = world.patch(&path, &json!({})).by(&alice).send().await;
    assert_eq!(nothing.ok()["name"], before["name"]);
    let metadata = world.patch(&path, &json!({ "metadata": { "a": 1 } })).by(&alice).send().await;
    assert_eq!((&metadata.ok()["metadata"], &metadata.ok()["slug"]), (&json!({ "a": 1 }), &before["slug"]));
}

async fn a_slug_is_had_or_refused(world: &World) {
    let (app, alice) = user(world).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    let (mine, theirs) = (world.home_of(&alice).await, world.home_of(&bob).await);
    let rename = async |person: &Person, id, slug: &str| {
        world.patch(&format!("/v1/organizations/{id}"), &json!({ "slug": slug })).by(person).send().await
    };
    assert_eq!(rename(&alice, mine, "sales").await.text("slug"), "sales");
    assert_eq!(rename(&alice, mine, "sales").await.text("slug"), "sales", "its own is not taken");
    rename(&bob, theirs, "sales").await.refused(409, "slug_taken");
    for slug in ["", "Sales", "a--b", "a.b", "a/b", "..", "a\0b", &"a".repeat(64)] {
        rename(&bob, theirs, slug).await.refused(400, "invalid_slug");
        let body = json!({ "name": "One", "slug": slug });
        world.post("/v1/organizations", &body).by(&bob).send().await.refused(400, "invalid_slug");
    }
    assert_eq!(rename(&alice, mine, "marketing").await.text("slug"), "marketing");
    assert_eq!(rename(&bob, theirs, "sales").await.text("slug"), "sales");
}

async fn a_list_goes_on_where_the_last_page_ended(world: &World) {
    let (app, alice) = user(world).await;
    world.configure(&app, &json!({ "auto_create_org": false })).await;
    let bob = world.sign_up(Some(&app), "bob").await;
    for number in 0..5 {
        world.post("/v1/organizations", &json!({ "name": format!("{number}") })).by(&bob).send().await.ok();
    }
    let mut seen = Vec::new();
    let mut path = Some("/v1/organizations?limit=2".to_owned());
    while let Some(next) = path {
        let page = world.get(&next).by(&bob).send().await;
        let items = page.ok().as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        let pagination = &page.body["meta"]["pagination"];
        path = page.body["links"]["next"].as_str().map(str::to_owned);
        assert_eq!((&pagination["limit"], &pagination["has_more"]), (&json!(2), &json!(path.is_some())));
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4"]);
    for path in ["/v1/organizations", "/v1/me/organizations"] {
        let counted = world.get(&format!("{path}?limit=1&include_total=true")).by(&bob).send().await;
        assert_eq!(counted.ok().as_array().unwrap().len(), 1);
        assert_eq!(counted.body["meta"]["pagination"]["total"], 5);
        let odd = world.get(&format!("{path}?include_total=perhaps")).by(&bob).send().await;
        odd.refused(400, "invalid_parameter");
    }
    // Another one's cursor shows another one nothing.
    let cursor = world.home_of(&alice).await;
    let page = world.get(&format!("/v1/organizations?cursor={cursor}")).by(&bob).send().await;
    assert_eq!(page.ok().as_array().unwrap().len(), 5);
}

async fn a_key_sees_its_own_organization(world: &World) {
    let (app, alice) = user(world).await;
    let other = world.post("/v1/organizations", &json!({ "name": "Other" })).by(&alice).send().await.text("id");
    let home = world.organizations_of(&alice).await[0]["id"].as_str().unwrap().parse().unwrap();
    let key = world.api_key(Some(app.id), home, &alice, |key| key).await;
    let list = world.get("/v1/organizations").bearer(&key).send().await;
    let ids: Vec<_> = list.ok().as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, [json!(home)]);
    assert_eq!(list.body["context"]["organization_id"], home.to_string());
    world.get(&format!("/v1/organizations/{home}")).bearer(&key).send().await.ok();
    world.get(&format!("/v1/organizations/{other}")).bearer(&key).send().await.refused(404, "not_found");
    world.post("/v1/organizations", &json!({ "name": "Mine" })).bearer(&key).send().await.refused(403, "user_required");
}

async fn attack_38_neither_host_nor_path_chooses_a_tenant(world: &World) {
    let (app, alice) = user(world).await;
    let other = world.app("other").await;
    let bob = world.sign_up(Some(&other), "bob").await;
    let (mine, theirs) = (world.organizations_of(&alice).await, world.home_of(&bob).await);
    let slug = mine[0]["slug"].as_str().unwrap();
    for host in ["other.example.com", &format!("{slug}.id.example.com"), "localhost", "id.example.com:1", "a b"] {
        for header in ["host", "x-forwarded-host", "forwarded", "x-original-url", "x-rewrite-url", "x-organization-id"]
        {
            let value = if header == "forwarded" { format!("host={host}") } else { host.to_owned() };
            let list = world.get("/v1/organizations").by(&alice).header(header, &value).send().await;
            assert_eq!(list.ok(), &json!(mine), "{header}: {host}");
            let path = format!("/v1/organizations/{theirs}");
            world.get(&path).by(&alice).header(header, &value).send().await.refused(404, "not_found");
            let me = world.get("/v1/me").by(&alice).header(header, &value).send().await;
            assert_eq!(me.text("app_id"), app.id.to_string());
            world.get("/v1/me").header(header, &value).send().await.refused(401, "unauthorized");
        }
    }
    for path in [
        format!("/v1/organizations/{theirs}/../{}", mine[0]["id"].as_str().unwrap()),
        format!("/v1/organizations/{theirs}%2f..%2f{theirs}"),
        format!("/v1/organizations/{theirs};x"),
        format!("/{slug}/v1/organizations"),
    ] {
        world.get(&path).by(&alice).send().await.refused(404, "not_found");
    }
}

async fn an_archived_organization_is_read_and_not_changed(world: &World) {
    let company = Company::new(world).await;
    let home = format!("/v1/organizations/{}", company.id);
    let archive = |by: &Person| world.call("POST", &format!("{home}/archive")).by(by);
    archive(&company.admin).send().await.refused(403, "forbidden");
    assert!(company.may(world, &company.owner, "team.create", None).await);
    for _ in 0..2 {
        assert_eq!(archive(&company.owner).send().await.ok()["archived"], true);
    }
    let rename = || world.patch(&home, &json!({ "name": "Acme" })).by(&company.owner).send();
    rename().await.refused(409, "conflict");
    let team = world.post(&company.path("teams"), &json!({ "name": "Crew" })).by(&company.owner);
    team.send().await.refused(409, "conflict");
    company.set_role(world, &company.owner, &company.viewer, "member").await.refused(409, "conflict");
    assert!(!company.may(world, &company.owner, "team.create", None).await);
    for who in [&company.owner, &company.viewer] {
        assert_eq!(world.get(&home).by(who).send().await.ok()["archived"], true);
        world.get(&company.path("members")).by(who).send().await.ok();
    }
    world.call("POST", &company.path("leave")).by(&company.viewer).send().await.ok();
    // To strangers nothing of it is to be seen.
    world.patch(&home, &json!({ "name": "Acme" })).by(&company.outsider).send().await.refused(404, "not_found");
    let restored = world.call("POST", &format!("{home}/restore")).by(&company.owner).send().await;
    assert_eq!(restored.ok()["archived"], false);
    rename().await.ok();
}

/// Attack 49: what is text stays text.
async fn a_name_is_kept_as_it_was_given(world: &World) {
    let (_, alice) = user(world).await;
    let home = world.home_of(&alice).await;
    let path = format!("/v1/organizations/{home}");
    for name in [
        "<script>alert(1)</script>",
        "\"'><img src=x onerror=alert(1)>",
        "Zoë & 株式会社 🦊",
        "'; DROP TABLE accounts; --",
        "{{7*7}} ${7*7} %s %00",
        "null",
        "../../etc/passwd",
    ] {
        assert_eq!(world.patch(&path, &json!({ "name": name })).by(&alice).send().await.text("name"), name);
        let shown = world.get(&path).by(&alice).send().await;
        assert_eq!(shown.text("name"), name);
        assert_eq!(shown.header("x-content-type-options"), Some("nosniff"));
    }
    let too_long = "x".repeat(201);
    for name in ["", "  ", "a\0b", "a\r\nBcc: eve@example.com", "a\u{202e}b", "a\u{200b}b", "a\tb", &too_long] {
        world.patch(&path, &json!({ "name": name })).by(&alice).send().await.refused(400, "invalid_name");
        world.post("/v1/organizations", &json!({ "name": name })).by(&alice).send().await.refused(400, "invalid_name");
    }
}

/// Memberships are for those who have an account in the organization's app: no shortcut makes another.
async fn nobody_owns_anything_without_an_account(world: &World) {
    let here = "http://localhost:3001".to_owned();
    let open = world.restarted_with(|plan| {
        plan.settings.environment = platform::Environment::Development;
        plan.settings.public_base_url = here;
    });
    let open = open.await;
    let stranger = kernel::id::PrincipalId::generate().to_string();
    let call = open.post("/v1/organizations", &json!({ "name": "Mine" })).from("127.0.0.1:1");
    call.header("x-principal-id", &stranger).send().await.refused(403, "user_required");
    let list = open.get("/v1/organizations").from("127.0.0.1:1").header("x-principal-id", &stranger).send().await;
    assert_eq!(list.ok(), &json!([]));
}
