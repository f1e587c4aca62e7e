//! `fabric org` and `fabric member`: organizations and who belongs to them, at the console.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::support::{PASSWORD, Site, client::text};

on_both!(
    organizations_are_listed_and_shown_by_id_and_slug,
    an_organization_is_archived_and_brought_back,
    an_export_is_what_the_route_answers,
    members_are_listed_promoted_and_removed,
    an_own_role_is_given_to_members_and_programs,
    an_organization_keeps_an_owner,
);

const EMAIL: &str = "alice@dev.local";

/// What `setup` has made: an app, and the organization that owns it.
fn set_up(site: &Site) -> Value {
    let arguments = ["setup", "--app-name", "App", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    site.run(&arguments).json()
}

/// Somebody in the app, with an organization of their own.
fn user(site: &Site, app: &str, email: &str) -> Value {
    let arguments = ["user", "create", "--email", email, "--password", PASSWORD, "--app", app, "--json"];
    site.run(&arguments).json()
}

fn items(site: &Site, arguments: &[&str]) -> Vec<Value> {
    let listed = site.run(&[arguments, &["--json"]].concat()).json();
    listed["items"].as_array().unwrap().clone()
}

fn organizations_are_listed_and_shown_by_id_and_slug(site: &Site) {
    let app = text(&set_up(site)["app"]["client_id"]);
    user(site, &app, EMAIL);
    user(site, &app, "bob@dev.local");
    assert_eq!(items(site, &["org", "list"]).len(), 1, "the developer's");
    let own = items(site, &["org", "list", "--app", &app]);
    let page = site.run(&["org", "list", "--app", &app, "--limit", "1", "--json"]).json();
    assert_eq!(page["items"], json!([own[0]]));
    let next = text(&page["next_cursor"]);
    let rest = site.run(&["org", "list", "--app", &app, "--cursor", &next, "--json"]).json();
    assert_eq!((&rest["items"], &rest["next_cursor"]), (&json!([own[1]]), &Value::Null));
    let (id, slug) = (text(&own[0]["id"]), text(&own[0]["slug"]));
    assert_eq!(site.run(&["org", "show", &id, "--json"]).json(), own[0]);
    assert_eq!(site.run(&["org", "show", &slug, "--app", &app, "--json"]).json(), own[0]);
    let shown = site.run(&["org", "show", &id]);
    assert!(shown.text().contains(&slug) && shown.text().contains("active"), "{}", shown.stdout);
    let elsewhere = site.run(&["org", "show", &slug]);
    assert_eq!(elsewhere.code, 1);
    assert!(elsewhere.stderr.contains("--app"), "{}", elsewhere.stderr);
}

fn an_organization_is_archived_and_brought_back(site: &Site) {
    let app = text(&set_up(site)["app"]["client_id"]);
    user(site, &app, EMAIL);
    let id = text(&items(site, &["org", "list", "--app", &app])[0]["id"]);
    let server = site.serve();
    let client = server.client().app(&app);
    let client = client.bearer(&text(&client.sign_in(EMAIL, PASSWORD).data()["access_token"]));
    for (arguments, archived) in [(&["org", "archive", &id][..], true), (&["org", "archive", &id, "--restore"], false)]
    {
        let done = site.run(arguments);
        assert!(done.text().contains(&id), "{}", done.stdout);
        assert_eq!(client.get(&format!("/v1/organizations/{id}")).data()["archived"], archived);
    }
}

fn an_export_is_what_the_route_answers(site: &Site) {
    let app = text(&set_up(site)["app"]["client_id"]);
    user(site, &app, EMAIL);
    let id = text(&items(site, &["org", "list", "--app", &app])[0]["id"]);
    let printed: Value = serde_json::from_str(site.run(&["org", "export", &id]).text()).unwrap();
    assert_eq!((&printed["organization"]["id"], &printed["members"][0]["email"]), (&json!(id), &json!(EMAIL)));
    let file = site.file("export.json");
    let arguments = ["org", "export", &id, "--output", "export.json"];
    assert!(site.run(&arguments).text().contains("export.json"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let mut written: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    written["exported_at"] = printed["exported_at"].clone();
    assert_eq!(written, printed);
    let again = site.run(&arguments);
    assert_eq!(again.code, 1, "nothing is overwritten");
    let nowhere = site.run(&["org", "export", "nowhere", "--output", "nowhere.json"]);
    assert!(nowhere.code == 1 && !site.file("nowhere.json").exists());
}

fn members_are_listed_promoted_and_removed(site: &Site) {
    let made = set_up(site);
    let app = text(&made["app"]["client_id"]);
    let alice = user(site, &app, EMAIL);
    let id = text(&items(site, &["org", "list", "--app", &app])[0]["id"]);
    let within = ["--organization", id.as_str()];
    let listed = items(site, &[&["member", "list"][..], &within].concat());
    assert_eq!((&listed[0]["principal_id"], &listed[0]["email"]), (&alice["id"], &json!(EMAIL)));
    let line = site.run(&[&["member", "list"][..], &within].concat());
    assert!(line.text().contains(&format!("{EMAIL}  owner")), "{}", line.stdout);

    let bob = user(site, &app, "bob@dev.local");
    let server = site.serve();
    let client = server.client().app(&app);
    let sign_in = |email: &str| client.bearer(&text(&client.sign_in(email, PASSWORD).data()["access_token"]));
    let invite = json!({ "email": "bob@dev.local", "role": "viewer" });
    let invited = sign_in(EMAIL).post(&format!("/v1/organizations/{id}/invitations"), &invite).data();
    assert_eq!(site.run(&["user", "verify", "--email", "bob@dev.local", "--app", &app]).code, 0);
    let accept = format!("/v1/invitations/{}/accept", text(&invited["id"]));
    assert_eq!(sign_in("bob@dev.local").post(&accept, &json!({})).status, 200);

    for (who, role) in [("bob@dev.local", "admin"), (&text(&bob["id"]), "owner")] {
        let arguments = [&["member", "set-role", who, role][..], &within, &["--json"]].concat();
        assert_eq!(site.run(&arguments).json()["role"], role);
    }
    let odd = site.run(&[&["member", "set-role", EMAIL, "no role"][..], &within].concat());
    assert_eq!(odd.code, 2, "{}", odd.stderr);
    let removed = site.run(&[&["member", "remove", EMAIL][..], &within].concat());
    assert!(removed.text().contains(EMAIL), "{}", removed.stdout);
    let left = items(site, &[&["member", "list"][..], &within].concat());
    assert_eq!(left.iter().map(|one| text(&one["email"])).collect::<Vec<_>>(), ["bob@dev.local"]);
}

fn an_own_role_is_given_to_members_and_programs(site: &Site) {
    let app = text(&set_up(site)["app"]["client_id"]);
    user(site, &app, EMAIL);
    let id = text(&items(site, &["org", "list", "--app", &app])[0]["id"]);
    let within = ["--organization", id.as_str()];
    let server = site.serve();
    let client = server.client().app(&app);
    let sign_in = |email: &str| client.bearer(&text(&client.sign_in(email, PASSWORD).data()["access_token"]));
    let role = json!({ "name": "builder", "actions": ["team.create"] });
    assert_eq!(sign_in(EMAIL).post(&format!("/v1/organizations/{id}/roles"), &role).status, 201);
    user(site, &app, "bob@dev.local");
    let invite = json!({ "email": "bob@dev.local", "role": "viewer" });
    let invited = sign_in(EMAIL).post(&format!("/v1/organizations/{id}/invitations"), &invite).data();
    assert_eq!(site.run(&["user", "verify", "--email", "bob@dev.local", "--app", &app]).code, 0);
    let bob = sign_in("bob@dev.local");
    assert_eq!(bob.post(&format!("/v1/invitations/{}/accept", text(&invited["id"])), &json!({})).status, 200);

    // What the console gives counts at the server that runs.
    let teams = format!("/v1/organizations/{id}/teams");
    assert_eq!(bob.post(&teams, &json!({ "name": "One" })).status, 403);
    let set_role = |who: &str, role: &str| site.run(&[&["member", "set-role", who, role][..], &within].concat());
    let given = set_role("bob@dev.local", "builder");
    assert!(given.text().contains("Made bob@dev.local builder"), "{}", given.stdout);
    assert_eq!(bob.post(&teams, &json!({ "name": "One" })).status, 201);
    let listed = items(site, &[&["member", "list"][..], &within].concat());
    assert_eq!((&listed[0]["role"], &listed[1]["role"]), (&json!("owner"), &json!("builder")));
    for (who, role) in [("bob@dev.local", "butcher"), (EMAIL, "builder")] {
        let refused = set_role(who, role);
        assert!(refused.code != 0 && refused.stdout.is_empty(), "{who} {role}: {}", refused.stdout);
    }
    let create = ["key", "create", "--service-account", "Builds", "--role", "builder", "--json"];
    let made = site.run(&[&create[..], &within].concat()).json();
    let program = server.client().bearer(&text(&made["key"]));
    assert_eq!(program.post(&teams, &json!({ "name": "Two" })).status, 201);
    assert_eq!(program.post(&format!("/v1/organizations/{id}/archive"), &json!({})).status, 403);
}

fn an_organization_keeps_an_owner(site: &Site) {
    let app = text(&set_up(site)["app"]["client_id"]);
    user(site, &app, EMAIL);
    let id = text(&items(site, &["org", "list", "--app", &app])[0]["id"]);
    for arguments in [&["member", "set-role", EMAIL, "viewer"][..], &["member", "remove", EMAIL]] {
        let refused = site.run(&[arguments, &["--organization", &id, "--json"]].concat());
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
        assert!(refused.stderr.contains("last_owner"), "{}", refused.stderr);
    }
    let nobody = site.run(&["member", "remove", "nobody@dev.local", "--organization", &id]);
    assert!(nobody.code == 1 && nobody.stderr.contains("member list"), "{}", nobody.stderr);
}
