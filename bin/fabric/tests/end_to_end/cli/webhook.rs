//! `fabric webhook`: endpoints that hear of events.

use serde_json::{Value, json};

use crate::support::{PASSWORD, PATIENCE, Site, client::text, process};

on_both!(
    the_commands_of_the_documentation_work_as_printed,
    an_endpoint_is_made_with_what_is_asked_for,
    endpoints_are_listed_page_by_page_and_tell_no_secret,
    a_secret_is_rotated_with_an_overlap,
    what_makes_no_sense_is_refused,
);

const BINARY: &str = env!("CARGO_BIN_EXE_fabric");
const URL: &str = "https://hooks.myapp.com/fabric";

/// What `setup` made.
fn set_up(site: &Site) -> Value {
    site.run(&["setup", "--app-name", "Acme", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"]).json()
}

fn create(site: &Site, organization: &str, more: &[&str]) -> Value {
    let arguments = ["webhook", "create", "--organization", organization, "--url", URL, "--json"];
    site.run(&[&arguments[..], more].concat()).json()
}

fn the_commands_of_the_documentation_work_as_printed(site: &Site) {
    let slug = text(&set_up(site)["organization"]["slug"]);
    let id = text(&create(site, &slug, &[])["id"]);
    for (command, wanted) in [
        (format!("fabric webhook list --organization {slug}"), URL),
        (
            format!("fabric webhook create --organization {slug} --url {URL} --event 'auth.*' --bind-app $CLIENT_ID"),
            "whsec_",
        ),
        (format!("fabric webhook rotate-secret --webhook {id} --overlap-seconds 86400"), "whsec_"),
    ] {
        let client = text(&set_up(site)["app"]["client_id"]);
        let mut shell = site.program("/bin/sh");
        shell.env("CLIENT_ID", client).args(["-c", &format!("fabric() {{ '{BINARY}' \"$@\"; }}; {command}")]);
        let done = process::finish(&mut shell, "", PATIENCE);
        assert!(done.text().contains(wanted), "{command}: {}", done.stdout);
        assert_eq!(done.stderr, "", "{command}");
    }
}

fn an_endpoint_is_made_with_what_is_asked_for(site: &Site) {
    let made = set_up(site);
    let (organization, app) = (text(&made["organization"]["id"]), &made["app"]);
    let client_id = text(&app["client_id"]);
    let more = [
        "--event",
        "auth.*",
        "--event",
        "team.created",
        "--description",
        "Sign-in",
        "--bind-app",
        &client_id,
        "--max-retries",
        "7",
        "--rate-limit-per-minute",
        "60",
        "--ordered",
    ];
    let endpoint = create(site, &organization, &more);
    assert_eq!(endpoint["secret"], made["webhook_secret"], "the organization's one secret");
    let server = site.serve();
    let client = server.client().bearer(&text(&made["api_key"]));
    let shown = client.get(&format!("/v1/webhooks/{}", text(&endpoint["id"]))).data();
    for (field, value) in [
        ("organization_id", made["organization"]["id"].clone()),
        ("app_id", app["id"].clone()),
        ("url", json!(URL)),
        ("event_filter", json!(["auth.*", "team.created"])),
        ("description", json!("Sign-in")),
        ("max_retries", json!(7)),
        ("rate_limit_per_minute", json!(60)),
        ("ordered", json!(true)),
        ("active", json!(true)),
    ] {
        assert_eq!((&shown[field], &endpoint[field]), (&value, &value), "{field}");
    }
    let log = client.get(&format!("/v1/organizations/{organization}/audit-logs?action=webhook.created")).data();
    assert_eq!((log[0]["actor_id"].clone(), &log[0]["resource_id"]), (Value::Null, &endpoint["id"]));
}

fn endpoints_are_listed_page_by_page_and_tell_no_secret(site: &Site) {
    let organization = text(&set_up(site)["organization"]["id"]);
    let list = |more: &[&str]| site.run(&[&["webhook", "list", "--organization", &organization], more].concat());
    assert!(list(&[]).text().contains("no webhook endpoints"));
    for _ in 0..3 {
        create(site, &organization, &[]);
    }
    let all = list(&[]);
    assert_eq!(all.text().lines().filter(|line| line.contains("active") && line.ends_with('*')).count(), 3);
    let first = list(&["--limit", "2", "--json"]);
    assert!(!all.stdout.contains("whsec_") && !first.stdout.contains("whsec_"));
    let rest = list(&["--cursor", &text(&first.json()["next_cursor"]), "--json"]).json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
}

fn a_secret_is_rotated_with_an_overlap(site: &Site) {
    let made = set_up(site);
    let endpoint = create(site, &text(&made["organization"]["id"]), &[]);
    let rotate = ["webhook", "rotate-secret", "--webhook", &text(&endpoint["id"]), "--json"];
    let rotated = site.run(&[&rotate[..], &["--overlap-seconds", "60"]].concat()).json();
    assert!(rotated["secret"] != endpoint["secret"] && rotated["previous_secret_until"].is_string());
    let again = site.run(&rotate).json();
    assert!(again["secret"] != rotated["secret"] && again["previous_secret_until"].is_null());
}

fn what_makes_no_sense_is_refused(site: &Site) {
    let organization = text(&set_up(site)["organization"]["id"]);
    let create = ["webhook", "create", "--url", URL, "--organization"];
    let nobody = uuid::Uuid::nil().to_string();
    for (arguments, code) in [
        (&[&create[..], &["nowhere"]].concat(), 1),
        (&[&create[..], &[organization.as_str(), "--event", "everything"]].concat(), 2),
        (&[&create[..], &[organization.as_str(), "--max-retries", "21"]].concat(), 2),
        (&[&create[..], &[organization.as_str(), "--rate-limit-per-minute", "0"]].concat(), 2),
        (&[&create[..], &[organization.as_str(), "--bind-app", "foc_nobody"]].concat(), 1),
        (&vec!["webhook", "create", "--organization", organization.as_str(), "--url", "ftp://myapp.com"], 2),
        (&vec!["webhook", "create", "--organization", organization.as_str()], 2),
        (&vec!["webhook", "rotate-secret", "--webhook", nobody.as_str()], 1),
        (&vec!["webhook", "rotate-secret", "--webhook", "no id"], 2),
    ] {
        let done = site.run(arguments);
        assert_eq!(done.code, code, "{arguments:?}: {}", done.stderr);
    }
}
