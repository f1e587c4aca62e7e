//! `fabric audit`: what happened, and whether somebody has changed the record.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Site, client::text, sql, until};

on_both!(
    a_record_that_nobody_touched_holds,
    an_entry_that_was_changed_is_named,
    the_end_that_the_log_told_of_has_to_be_there,
    entries_are_written_down,
    the_console_leaves_its_name,
    what_makes_no_sense_is_refused,
);

/// An app, an organization and some things that happened; tells the organization.
fn story(site: &Site) -> String {
    let arguments = ["setup", "--app-name", "Acme", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    let made = site.run(&arguments).json();
    let organization = text(&made["organization"]["id"]);
    let server = site.serve();
    let client = server.client().bearer(&text(&made["api_key"]));
    for number in 0..3 {
        let team = json!({ "name": format!("Team {number}"), "organization_id": organization });
        assert_eq!(client.post("/v1/teams", &team).status, 201);
    }
    let path = format!("/v1/organizations/{organization}/audit-logs");
    until("all entries have their places", || {
        let entries = client.get(&path).data();
        entries.as_array().unwrap().iter().all(|entry| entry["position"].is_i64()).then_some(())
    });
    server.stop();
    organization
}

fn a_record_that_nobody_touched_holds(site: &Site) {
    story(site);
    let found = site.run(&["audit", "verify", "--json"]).json();
    assert_eq!((&found["holds"], &found["broken"]), (&json!(true), &json!([])));
    assert!(found["entries"].as_i64().unwrap() >= 5 && found["chains"].as_i64().unwrap() >= 1, "{found}");
    assert!(site.run(&["audit", "verify"]).text().contains("nobody has changed them"));
    // What was done at the console gets its place, though no server runs.
    site.run(&["user", "create", "--email", "late@example.com", "--password", PASSWORD]);
    let later = site.run(&["audit", "verify", "--json"]).json();
    assert!(later["holds"] == true && later["entries"].as_i64() > found["entries"].as_i64(), "{later}");
}

fn an_entry_that_was_changed_is_named(site: &Site) {
    let organization = story(site);
    let changed = "UPDATE events SET payload = '{}' WHERE kind = 'team.created' AND payload LIKE '%Team 1%'";
    sql::execute(site.database_url.as_deref().unwrap(), changed);
    let done = site.run(&["audit", "verify", "--json"]);
    assert_eq!(done.code, 1);
    let found: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&found["holds"], &found["broken"][0]["chain"]), (&json!(false), &json!(organization)));
    assert!(found["broken"][0]["entry"].is_string(), "{found}");
    let told = site.run(&["audit", "verify"]);
    assert!(told.stdout.contains("was changed") && told.stderr.contains("does not hold"), "{}", told.stdout);
}

fn the_end_that_the_log_told_of_has_to_be_there(site: &Site) {
    let organization = story(site);
    let server = site.serve();
    let email = "late@example.com";
    server.client().sign_up(email);
    let line = until("the log tells of an end", || {
        server
            .log()
            .lines()
            .rev()
            .find(|line| line.contains("fabric::audit") && line.contains("link="))
            .map(str::to_owned)
    });
    server.stop();
    let field = |name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=")).unwrap();
        rest.split_whitespace().next().unwrap().trim_matches('"').to_owned()
    };
    let end = format!("{}:{}:{}", field("chain"), field("position"), field("link"));
    assert_eq!(site.run(&["audit", "verify", "--end", &end]).code, 0);
    let other = format!("{organization}:9999:{}", field("link"));
    let done = site.run(&["audit", "verify", "--end", &other]);
    assert_eq!(done.code, 1);
    assert!(done.stdout.contains("written down elsewhere"), "{}", done.stdout);
}

fn entries_are_written_down(site: &Site) {
    let organization = story(site);
    let lines = site.run(&["audit", "export", "--organization", &organization]).text().to_owned();
    let entries: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(entries.len() >= 4, "{lines}");
    assert!(entries.iter().all(|entry| entry["organization_id"] == organization.as_str()));
    let teams = ["audit", "export", "--organization", &organization, "--action", "team.*", "--format", "csv"];
    let table = site.run(&teams).text().to_owned();
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.starts_with("created_at,id,position,organization_id,"), "{table}");
    let file = site.file("audit.ndjson");
    let file = file.to_str().unwrap();
    let said = site.run(&["audit", "export", "--output", file, "--json"]).json();
    let written = std::fs::read_to_string(file).unwrap();
    assert_eq!(said["entries"], written.lines().count());
    // Nothing that is there is lost.
    assert_eq!(site.run(&["audit", "export", "--output", file]).code, 1);
    assert_eq!(std::fs::read_to_string(file).unwrap(), written);
}

fn the_console_leaves_its_name(site: &Site) {
    let create = ["user", "create", "--email", "new@example.com", "--password", PASSWORD, "--json"];
    let made = site.run(&create).json();
    let lines = site.run(&["audit", "export", "--action", "user.created"]).text().to_owned();
    let entry: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&entry["actor_type"], &entry["resource_id"]), (&json!("operator"), &made["id"]));
}

fn what_makes_no_sense_is_refused(site: &Site) {
    for arguments in [
        &["audit"][..],
        &["audit", "export", "--format", "xml"],
        &["audit", "export", "--since", "yesterday"],
        &["audit", "export", "--organization", "acme"],
        &["audit", "verify", "--end", "1:2:3"],
    ] {
        assert_eq!(site.run(arguments).code, 2, "{arguments:?}");
    }
}
