//! `fabric key`: keys of service accounts, and an end to every other.

use serde_json::Value;

use crate::support::{PASSWORD, PATIENCE, Site, client::text, process, until};

on_both!(
    the_commands_of_the_documentation_work_as_printed,
    a_key_is_made_with_what_is_asked_for,
    keys_are_listed_page_by_page,
    a_running_server_sees_what_the_console_did,
    what_makes_no_sense_is_refused,
);

const BINARY: &str = env!("CARGO_BIN_EXE_fabric");

/// What `setup` made: the organization's id, its slug, and its key.
fn set_up(site: &Site) -> (String, String, String) {
    let arguments = ["setup", "--app-name", "Acme", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    let made = site.run(&arguments).json();
    let organization = &made["organization"];
    (text(&organization["id"]), text(&organization["slug"]), text(&made["api_key"]))
}

fn create(site: &Site, organization: &str, more: &[&str]) -> Value {
    let arguments = ["key", "create", "--organization", organization, "--service-account", "Deploys", "--json"];
    site.run(&[&arguments[..], more].concat()).json()
}

fn the_commands_of_the_documentation_work_as_printed(site: &Site) {
    let (_, slug, _) = set_up(site);
    let made = create(site, &slug, &[]);
    let prefix = text(&made["prefix"]);
    let commands = [
        format!("fabric key create --organization {slug} --service-account Deploys"),
        format!("fabric key list --organization {slug}"),
        format!("fabric key rotate --key {prefix} --overlap-seconds 3600"),
        format!("fabric key revoke --key {prefix}"),
    ];
    for command in commands {
        let mut shell = site.program("/bin/sh");
        shell.args(["-c", &format!("fabric() {{ '{BINARY}' \"$@\"; }}; {command}")]);
        let done = process::finish(&mut shell, "", PATIENCE);
        assert!(done.text().contains("fab_"), "{command}: {}", done.stdout);
        assert_eq!(done.stderr, "", "{command}");
    }
}

fn a_key_is_made_with_what_is_asked_for(site: &Site) {
    let (id, slug, _) = set_up(site);
    let more = [
        "--name",
        "Nightly",
        "--role",
        "admin",
        "--scope",
        "members:read",
        "--scope",
        "apps:read",
        "--expires-in-days",
        "30",
        "--allowed-ip",
        "127.0.0.0/8",
    ];
    let made = create(site, &id, &more);
    assert_eq!((text(&made["organization_id"]), text(&made["name"])), (id.clone(), "Nightly".to_owned()));
    assert_eq!(made["scopes"].as_array().unwrap().len(), 2);
    assert!(made["expires_at"].is_string() && made["allowed_ips"][0] == "127.0.0.0/8");
    // Another one of the same service account, found by its name.
    let again = create(site, &slug, &[]);
    assert_eq!(again["service_account_id"], made["service_account_id"]);
    let server = site.serve();
    let program = server.client().bearer(&text(&made["key"]));
    assert_eq!(program.get("/v1/me").data()["principal_id"], made["service_account_id"]);
    assert_eq!(program.get(&format!("/v1/organizations/{id}/members")).status, 200);
    assert_eq!(program.get(&format!("/v1/organizations/{id}/roles")).status, 403, "its scopes");
    let account = text(&made["service_account_id"]);
    let program = server.client().bearer(&text(&again["key"]));
    assert_eq!(program.get(&format!("/v1/service-accounts/{account}")).data()["role"], "admin");
}

fn keys_are_listed_page_by_page(site: &Site) {
    let (id, slug, _) = set_up(site);
    for _ in 0..2 {
        create(site, &id, &[]);
    }
    let all = site.run(&["key", "list", "--organization", &slug]);
    assert_eq!(all.text().lines().count(), 3, "and that of the set-up: {}", all.stdout);
    let first = site.run(&["key", "list", "--organization", &slug, "--limit", "2", "--json"]).json();
    let cursor = text(&first["next_cursor"]);
    let rest = site.run(&["key", "list", "--organization", &slug, "--cursor", &cursor, "--json"]).json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    assert!(!all.text().contains("_Z") && rest["items"][0].get("key").is_none(), "no secret");
}

fn a_running_server_sees_what_the_console_did(site: &Site) {
    let (id, _, key) = set_up(site);
    let server = site.serve();
    let status = |key: &str| server.client().bearer(key).get("/v1/me").status;
    let made = create(site, &id, &[]);
    assert_eq!((status(&key), status(&text(&made["key"]))), (200, 200));
    let rotated = site.run(&["key", "rotate", "--key", &text(&made["id"]), "--json"]).json();
    until("the old secret is refused", || (status(&text(&made["key"])) == 401).then_some(()));
    assert_eq!(status(&text(&rotated["key"])), 200);
    assert_eq!(site.run(&["key", "revoke", "--key", &key]).code, 0, "all of it names it, too");
    until("the key is refused", || (status(&key) == 401).then_some(()));
}

fn what_makes_no_sense_is_refused(site: &Site) {
    let (id, _, _) = set_up(site);
    let create = ["key", "create", "--service-account", "Deploys", "--organization"];
    for (arguments, code) in [
        (&[&create[..], &["nowhere"]].concat(), 1),
        (&[&create[..], &[id.as_str(), "--role", "boss"]].concat(), 2),
        (&[&create[..], &[id.as_str(), "--scope", "everything"]].concat(), 2),
        (&[&create[..], &[id.as_str(), "--expires-in-days", "0"]].concat(), 2),
        (&[&create[..], &[id.as_str(), "--allowed-ip", "home"]].concat(), 2),
        (&vec!["key", "revoke", "--key", "fab_aaaaaaaa"], 1),
        (&vec!["key", "rotate", "--key", "no key"], 1),
        (&vec!["key", "create", "--organization", id.as_str()], 2),
    ] {
        let done = site.run(arguments);
        assert_eq!(done.code, code, "{arguments:?}: {}", done.stderr);
    }
}
