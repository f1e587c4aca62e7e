//! `fabric migrate`, `fabric backup`, `fabric restore`.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::json;

use crate::support::{Client, PASSWORD, Site, new_email, sql};

on_both!(a_migrated_database_has_nothing_to_migrate, a_server_that_may_not_migrate_waits_for_the_command);

fn a_migrated_database_has_nothing_to_migrate(site: &Site) {
    site.run(&["migrate"]).text();
    assert_eq!(site.run(&["migrate"]).text().trim(), "The schema is up to date.");
    assert_eq!(site.run(&["migrate", "--json"]).json(), json!({ "migrations": [] }));
}

fn a_server_that_may_not_migrate_waits_for_the_command(site: &mut Site) {
    site.set("FABRIC_MIGRATE", "0");
    let url = site.database_url.clone().unwrap();
    if url.starts_with("postgres") {
        // The clone is migrated: take that back.
        sql::execute(&url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }
    let refused = site.refuse();
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("fabric migrate"), "{}", refused.stderr);
    let migrated = site.run(&["migrate", "--json"]).json();
    assert!(!migrated["migrations"].as_array().unwrap().is_empty());
    assert_eq!(site.serve().client().get("/readyz").status, 200);
}

#[test]
fn migrations_have_a_url_of_their_own_where_one_is_given() {
    let nowhere = "postgres://nobody@127.0.0.1:1/nothing";
    for others in [&[][..], &["DATABASE_DIRECT_URL"]] {
        let mut site = Site::postgres();
        let url = site.database_url.clone().unwrap();
        let name = if others.is_empty() { "DATABASE_DIRECT_URL" } else { "DATABASE_MIGRATION_URL" };
        sql::execute(&url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        site.set("DATABASE_URL", nowhere).set(name, &url);
        for other in others {
            site.set(other, nowhere);
        }
        assert!(!site.run(&["migrate", "--json"]).json()["migrations"].as_array().unwrap().is_empty(), "{name}");
        site.set("DATABASE_URL", &url);
        assert_eq!(site.serve().client().get("/readyz").status, 200);
    }
}

/// Signs users up, as fast as it goes, until it is told to stop; hands back those who were answered.
fn load(client: &Client, stop: &AtomicBool) -> Vec<String> {
    let mut answered = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let email = new_email();
        client.sign_up(&email);
        answered.push(email);
    }
    answered
}

#[test]
fn a_backup_is_taken_under_load_and_restored_to_what_it_was() {
    let site = Site::sqlite();
    let server = site.serve();
    let (client, stop) = (server.client(), AtomicBool::new(false));
    let copy = site.file("copy.db");
    let before: Vec<_> = (0..20).map(|_| new_email()).collect();
    for email in &before {
        client.sign_up(email);
    }
    let during = thread::scope(|scope| {
        let writers: Vec<_> = (0..3).map(|_| scope.spawn(|| load(&client, &stop))).collect();
        let done = site.run(&["backup", "--to", "copy.db"]);
        stop.store(true, Ordering::Relaxed);
        let said = done.text();
        assert!(said.contains("copy.db") && said.contains("OAUTH_SIGNING_SECRET"), "{said}");
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);

    let after = new_email();
    client.sign_up(&after);
    let refused = site.run(&["restore", "--from", "copy.db", "--force"]);
    assert_eq!(refused.code, 1, "while the server runs");
    assert!(refused.stderr.contains("stop the server"), "{}", refused.stderr);
    assert_eq!(client.sign_in(&after, PASSWORD).status, 200, "nothing happened to it");
    server.stop();

    let refused = site.run(&["restore", "--from", "copy.db"]);
    assert_eq!(refused.code, 1, "without force");
    assert!(refused.stderr.contains("force"), "{}", refused.stderr);
    site.run(&["restore", "--from", "copy.db", "--force"]).text();
    let server = site.serve();
    let client = server.client();
    for email in &before {
        assert_eq!(client.sign_in(email, PASSWORD).status, 200, "{email}");
    }
    assert_eq!(client.sign_in(&after, PASSWORD).status, 401, "it came after the copy");
    // Who signed up meanwhile is in it or not; but never by half.
    let url = site.database_url.clone().unwrap();
    let whole = during.iter().filter(|email| client.sign_in(email, PASSWORD).status == 200).count();
    let accounts = sql::count(&url, "SELECT count(*) AS count FROM accounts");
    assert_eq!(usize::try_from(accounts).unwrap(), before.len() + whole);
    for table in ["memberships", "organizations"] {
        let owned = sql::count(&url, &format!("SELECT count(*) AS count FROM {table}"));
        assert_eq!(owned, accounts, "{table}");
    }
}

#[test]
fn a_copy_moves_to_another_place() {
    let site = Site::sqlite();
    let setup = ["setup", "--app-name", "App", "--email", "dev@myapp.com", "--password", PASSWORD];
    site.run(&setup).text();
    let copied = site.run(&["backup", "--to", "copy.db", "--json"]).json();
    assert_eq!(copied["verified"], true);
    let again = site.run(&["backup", "--to", "copy.db"]);
    assert_eq!(again.code, 1, "a copy is not overwritten");

    let elsewhere = Site::sqlite();
    // The secrets are not in the copy: they move on their own.
    fs::copy(site.file("development.env"), elsewhere.file("development.env")).unwrap();
    let copy = site.file("copy.db");
    elsewhere.run(&["restore", "--from", copy.to_str().unwrap()]).text();
    assert_eq!(elsewhere.serve().client().sign_in("dev@myapp.com", PASSWORD).status, 200);
}

#[test]
fn what_is_no_backup_is_not_restored() {
    let site = Site::sqlite();
    let email = new_email();
    let server = site.serve();
    server.client().sign_up(&email);
    server.stop();
    site.run(&["backup", "--to", "copy.db"]).text();
    let bytes = fs::read(site.file("copy.db")).unwrap();
    site.write("text.db", "no database at all");
    fs::write(site.file("half.db"), &bytes[..bytes.len() / 2]).unwrap();
    let mut bent = bytes.clone();
    bent[4096..8192].fill(0xff);
    fs::write(site.file("bent.db"), bent).unwrap();
    for file in ["text.db", "half.db", "bent.db", "absent.db"] {
        let refused = site.run(&["restore", "--from", file, "--force"]);
        assert!(refused.code == 1 || refused.code == 2, "{file}: {}", refused.code);
        assert!(!refused.stderr.is_empty(), "{file}");
    }
    assert_eq!(site.serve().client().sign_in(&email, PASSWORD).status, 200);
}

#[test]
fn for_postgresql_the_right_tool_is_named() {
    let site = Site::postgres();
    for (arguments, tool) in
        [(["backup", "--to", "copy.dump"], "pg_dump"), (["restore", "--from", "copy.dump"], "pg_restore")]
    {
        let refused = site.run(&arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
        assert!(refused.stderr.contains(tool), "{}", refused.stderr);
    }
    assert!(!site.file("copy.dump").exists());
}
