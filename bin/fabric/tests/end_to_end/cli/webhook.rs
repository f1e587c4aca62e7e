//! `fabric webhook`: endpoints that hear of events.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use testbed::sink::{Reply, Sink};

use crate::support::{PASSWORD, PATIENCE, Site, client::text, process, until};

on_both!(
    the_commands_of_the_documentation_work_as_printed,
    an_endpoint_is_made_with_what_is_asked_for,
    endpoints_are_listed_page_by_page_and_tell_no_secret,
    a_secret_is_rotated_with_an_overlap,
    an_endpoint_is_tried_out_and_a_server_does_the_sending,
    what_has_been_delivered_is_sent_anew,
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
        (format!("fabric webhook test --webhook {id}"), "webhook.test"),
        (
            format!("fabric webhook replay --webhook {id} --from 2026-04-05T12:00:00Z --event 'team.*'"),
            "0 deliveries are sent anew.",
        ),
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

/// An endpoint that hears of teams, at a sink that is there.
fn create_at(site: &Site, organization: &str, sink: &Sink) -> String {
    let arguments = ["webhook", "create", "--organization", organization, "--event", "team.*", "--max-retries", "0"];
    text(&site.run(&[&arguments[..], &["--url", &sink.url(), "--json"]].concat()).json()["id"])
}

fn an_endpoint_is_tried_out_and_a_server_does_the_sending(site: &Site) {
    let made = set_up(site);
    let organization = text(&made["organization"]["id"]);
    let (sink, other) = (Sink::content(), Sink::content());
    let endpoint = create_at(site, &organization, &sink);
    create_at(site, &organization, &other);
    let delivery = site.run(&["webhook", "test", "--webhook", &endpoint, "--json"]).json();
    assert_eq!((&delivery["event_kind"], &delivery["status"]), (&json!("webhook.test"), &json!("pending")));
    assert_eq!(sink.count(), 0, "nobody is there to send it");
    let server = site.serve();
    until("it arrives", || (sink.count() == 1).then_some(()));
    let id = text(&delivery["id"]);
    assert_eq!(sink.received()[0].header("x-fabric-delivery"), Some(id.as_str()));
    // Beside a server that runs.
    let said = site.run(&["webhook", "test", "--webhook", &endpoint]);
    assert!(said.text().contains("waits for a server to send it"), "{}", said.stdout);
    until("the next one arrives", || (sink.count() == 2).then_some(()));
    let client = server.client().bearer(&text(&made["api_key"]));
    let log = client.get(&format!("/v1/organizations/{organization}/audit-logs?action=webhook.test")).data();
    assert_eq!((log.as_array().unwrap().len(), &log[0]["actor_id"]), (2, &Value::Null));
    client.post(&format!("/v1/webhooks/{endpoint}/pause"), &json!({})).data();
    assert_eq!(site.run(&["webhook", "test", "--webhook", &endpoint]).code, 1, "who is paused is not tried out");
    server.stop();
    assert_eq!((sink.count(), other.count()), (2, 0));
}

fn what_has_been_delivered_is_sent_anew(site: &Site) {
    let made = set_up(site);
    let organization = text(&made["organization"]["id"]);
    let refusing = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&refusing);
    let sink = Sink::new(move |_| {
        let status = if switch.load(Ordering::SeqCst) { 500 } else { 200 };
        Reply::Status(status, String::new())
    });
    let endpoint = create_at(site, &organization, &sink);
    let server = site.serve();
    let client = server.client().bearer(&text(&made["api_key"]));
    let teams = format!("/v1/organizations/{organization}/teams");
    for name in ["first", "second"] {
        let team = text(&client.post(&teams, &json!({ "name": name })).data()["id"]);
        client.post(&format!("/v1/teams/{team}/archive"), &json!({})).data();
    }
    let deliveries = |status: &str| {
        let found = client.get(&format!("/v1/webhooks/{endpoint}/deliveries?status={status}")).data();
        found.as_array().unwrap().clone()
    };
    until("all are given up", || (deliveries("failed").len() == 4).then_some(()));
    refusing.store(false, Ordering::SeqCst);
    let replay = |more: &[&str]| site.run(&[&["webhook", "replay", "--webhook", &endpoint, "--json"], more].concat());
    let replayed = |more: &[&str]| replay(more).json()["replayed"].as_u64().unwrap();

    let one = text(&deliveries("failed")[0]["id"]);
    assert_eq!(replay(&["--delivery", &one]).json()["id"], json!(one));
    until("the one arrives", || (deliveries("success").len() == 1).then_some(()));
    assert_eq!(deliveries("success")[0]["id"], json!(one));
    assert_eq!(replayed(&["--event", "team.created"]), 2);
    until("those of the kind arrive", || (deliveries("success").len() == 3).then_some(()));
    assert_eq!(replayed(&["--to", "2026-04-05T12:00:00Z"]) + replayed(&["--from", "2999-01-01T00:00:00Z"]), 0);
    assert_eq!(replayed(&["--from", "2026-04-05T12:00:00Z", "--to", "2999-01-01T00:00:00Z"]), 1, "what is left");
    until("all have arrived", || (deliveries("success").len() == 4).then_some(()));
    assert_eq!((replayed(&[]), replayed(&["--status", "success", "--event", "team.archived"])), (0, 2));
    until("two have arrived again", || (sink.count() == 4 + 4 + 2).then_some(()));
    assert_eq!(replayed(&["--status", "any"]), 4);
    until("all have arrived again", || (sink.count() == 4 + 4 + 2 + 4).then_some(()));
    let path = format!("/v1/organizations/{organization}/audit-logs?action=webhook.replayed");
    let log = client.get(&path).data();
    assert!(log.as_array().unwrap().iter().all(|entry| entry["actor_id"].is_null()));
    assert_eq!(log.as_array().unwrap().len(), 8, "each is written down, whatever it came to");
    server.stop();
}

fn what_makes_no_sense_is_refused(site: &Site) {
    let organization = text(&set_up(site)["organization"]["id"]);
    let create = ["webhook", "create", "--url", URL, "--organization"];
    let nobody = uuid::Uuid::nil().to_string();
    let endpoint = text(&self::create(site, &organization, &[])["id"]);
    let replay = ["webhook", "replay", "--webhook", endpoint.as_str()];
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
        (&vec!["webhook", "test", "--webhook", nobody.as_str()], 1),
        (&vec!["webhook", "test", "--webhook", "no id"], 2),
        (&vec!["webhook", "replay", "--webhook", nobody.as_str()], 1),
        (&[&replay[..], &["--delivery", nobody.as_str()]].concat(), 1),
        (&[&replay[..], &["--delivery", "no id"]].concat(), 2),
        (&[&replay[..], &["--delivery", nobody.as_str(), "--event", "team.*"]].concat(), 2),
        (&[&replay[..], &["--from", "yesterday"]].concat(), 2),
        (&[&replay[..], &["--status", "pending"]].concat(), 2),
        (&[&replay[..], &["--event", "everything"]].concat(), 2),
    ] {
        let done = site.run(arguments);
        assert_eq!(done.code, code, "{arguments:?}: {}", done.stderr);
    }
}
