//! `fabric user`: accounts, of the platform and of an app.

use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, PATIENCE, Server, Site, client::text, process, until};

on_both!(
    the_commands_of_the_documentation_work_as_printed,
    an_account_is_made_with_what_is_asked_for,
    accounts_are_listed_page_by_page,
    a_lock_is_lifted,
    an_address_is_vouched_for,
    another_password_ends_every_session,
    a_deleted_account_is_gone,
    an_account_of_an_app_is_none_of_the_platform,
    an_administrator_runs_the_platform_and_no_app,
    a_running_server_sees_what_the_console_did,
);

const BINARY: &str = env!("CARGO_BIN_EXE_fabric");
const EMAIL: &str = "alice@dev.local";
const OTHER_PASSWORD: &str = "Battery-Staple-2";

fn create(site: &Site, more: &[&str]) -> Value {
    let arguments = ["user", "create", "--email", EMAIL, "--password", PASSWORD, "--json"];
    site.run(&[&arguments[..], more].concat()).json()
}

/// An app's client id.
fn app(site: &Site) -> String {
    let arguments = ["setup", "--app-name", "App", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    text(&site.run(&arguments).json()["app"]["client_id"])
}

fn lock(client: &Client) {
    for _ in 0..5 {
        assert_eq!(client.sign_in(EMAIL, "Wrong-Guess-1").status, 401);
    }
    assert_eq!(client.sign_in(EMAIL, PASSWORD).status, 429);
}

/// How a sign-in ends, once the server that runs has seen what changed.
fn sign_in(server: &Server, password: &str) -> u16 {
    server.client().sign_in(EMAIL, password).status
}

fn the_commands_of_the_documentation_work_as_printed(site: &Site) {
    let commands = [
        "fabric user create --email alice@dev.local --password 'Test1234!' --skip-verification",
        "fabric user list",
        "fabric user unlock --email alice@dev.local",
        "fabric user verify --email alice@dev.local",
        "fabric user reset-mfa --email alice@dev.local",
        "fabric user reset-password --email alice@dev.local --new-password 'NewPass1!'",
        "fabric user delete --email alice@dev.local",
    ];
    for command in commands {
        let mut shell = site.program("/bin/sh");
        shell.args(["-c", &format!("fabric() {{ '{BINARY}' \"$@\"; }}; {command}")]);
        let done = process::finish(&mut shell, "", PATIENCE);
        assert!(done.text().contains(EMAIL), "{command}: {}", done.stdout);
        assert_eq!(done.stderr, "", "{command}");
    }
    assert_eq!(site.run(&["user", "list"]).text().trim(), "There are no accounts here.");
}

fn an_account_is_made_with_what_is_asked_for(site: &Site) {
    let made = create(site, &["--display-name", "Alice", "--skip-verification", "--admin"]);
    for (field, value) in [("email_verified", true), ("platform_admin", true), ("disabled", false)] {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!((&made["email"], &made["display_name"]), (&EMAIL.into(), &"Alice".into()));
    let server = site.serve();
    let signed_in = server.client().sign_in(EMAIL, PASSWORD).data();
    let me = server.client().bearer(&text(&signed_in["access_token"])).get("/v1/me").data();
    assert_eq!((&me["principal_id"], &me["platform_admin"]), (&made["id"], &true.into()));

    let arguments = ["user", "create", "--email", "bob@dev.local", "--password-stdin", "--json"];
    let plain = site.run_with(&arguments, &format!("{PASSWORD}\n")).json();
    for (field, value) in [("email_verified", false), ("platform_admin", false)] {
        assert_eq!(plain[field], value, "{field}");
    }
    assert_eq!(server.client().sign_in("bob@dev.local", PASSWORD).status, 200);
}

fn accounts_are_listed_page_by_page(site: &Site) {
    for name in ["a", "b", "c"] {
        let email = format!("{name}@dev.local");
        assert_eq!(site.run(&["user", "create", "--email", &email, "--password", PASSWORD]).code, 0);
    }
    let all = site.run(&["user", "list"]);
    let lines: Vec<_> = all.text().lines().collect();
    assert_eq!(lines.len(), 3, "{}", all.stdout);
    assert!(lines[0].contains("a@dev.local  unverified"), "{}", lines[0]);
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut arguments = vec!["user", "list", "--limit", "2", "--json"];
        if let Some(cursor) = &cursor {
            arguments.extend(["--cursor", cursor]);
        }
        let page = site.run(&arguments).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|user| text(&user["email"])));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, ["a@dev.local", "b@dev.local", "c@dev.local"]);
}

fn a_lock_is_lifted(site: &Site) {
    create(site, &[]);
    let server = site.serve();
    lock(&server.client());
    assert_eq!(site.run(&["user", "unlock", "--email", EMAIL]).code, 0);
    assert_eq!(sign_in(&server, PASSWORD), 200);
}

fn an_address_is_vouched_for(site: &Site) {
    create(site, &[]);
    let verified = site.run(&["user", "verify", "--email", EMAIL, "--json"]).json();
    assert_eq!(verified["email_verified"], true);
    assert_eq!(site.serve().client().sign_in(EMAIL, PASSWORD).data()["user"]["email_verified"], true);
}

fn another_password_ends_every_session(site: &Site) {
    create(site, &[]);
    let server = site.serve();
    let before = server.client().sign_in(EMAIL, PASSWORD).data();
    lock(&server.client());
    let arguments = ["user", "reset-password", "--email", EMAIL, "--password-stdin"];
    assert_eq!(site.run_with(&arguments, &format!("{OTHER_PASSWORD}\n")).code, 0);
    assert_eq!(sign_in(&server, PASSWORD), 401);
    assert_eq!(sign_in(&server, OTHER_PASSWORD), 200, "the lock is lifted too");
    let spent = json!({ "refresh_token": before["refresh_token"] });
    assert_eq!(server.client().post("/v1/auth/token/refresh", &spent).status, 401);
}

fn a_deleted_account_is_gone(site: &Site) {
    create(site, &[]);
    assert_eq!(site.run(&["user", "delete", "--email", EMAIL]).code, 0);
    let again = site.run(&["user", "delete", "--email", EMAIL]);
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("no account"), "{}", again.stderr);
    assert_eq!(sign_in(&site.serve(), PASSWORD), 401);
}

fn an_account_of_an_app_is_none_of_the_platform(site: &Site) {
    let app = app(site);
    let made = create(site, &["--app", &app]);
    assert!(made["app_id"].is_string());
    for (more, found) in [(&["--app", &app][..], true), (&[], false)] {
        let listed = site.run(&[&["user", "list"], more].concat());
        assert_eq!(listed.text().contains(EMAIL), found, "{}", listed.stdout);
    }
    let server = site.serve();
    let inside = server.client().app(&app);
    assert_eq!(inside.sign_in(EMAIL, PASSWORD).status, 200);
    assert_eq!(sign_in(&server, PASSWORD), 401);

    for command in ["unlock", "verify", "delete"] {
        let outside = site.run(&["user", command, "--email", EMAIL]);
        assert_eq!((outside.code, outside.stdout.as_str()), (1, ""), "{command}");
        assert!(outside.stderr.contains("--app"), "{}", outside.stderr);
    }
    lock(&inside);
    assert_eq!(site.run(&["user", "unlock", "--email", EMAIL, "--app", &app]).code, 0);
    assert_eq!(inside.sign_in(EMAIL, PASSWORD).status, 200);
    let verified = site.run(&["user", "verify", "--email", EMAIL, "--app", &app, "--json"]).json();
    assert_eq!(verified["email_verified"], true);
    let reset = ["user", "reset-password", "--email", EMAIL, "--app", &app, "--new-password", OTHER_PASSWORD];
    assert_eq!(site.run(&reset).code, 0);
    assert_eq!(inside.sign_in(EMAIL, OTHER_PASSWORD).status, 200);
    assert_eq!(site.run(&["user", "delete", "--email", EMAIL, "--app", &app]).code, 0);
    assert_eq!(inside.sign_in(EMAIL, OTHER_PASSWORD).status, 401);
    let unknown = site.run(&["user", "list", "--app", "foc_unknown"]);
    assert_eq!(unknown.code, 1, "{}", unknown.stderr);
}

fn an_administrator_runs_the_platform_and_no_app(site: &Site) {
    let app = app(site);
    let arguments = ["user", "create", "--email", EMAIL, "--password", PASSWORD, "--admin", "--app", &app];
    let refused = site.run(&arguments);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("--admin"), "{}", refused.stderr);
}

/// Two processes share a database; what one of them keeps in memory must not outlive what the other writes for long.
fn a_running_server_sees_what_the_console_did(site: &Site) {
    create(site, &[]);
    let server = site.serve();
    let token = text(&server.client().sign_in(EMAIL, PASSWORD).data()["access_token"]);
    let signed_in = server.client().bearer(&token);
    assert_eq!(signed_in.get("/v1/me").status, 200);
    assert_eq!(site.run(&["user", "delete", "--email", EMAIL]).code, 0);
    until("the server notices that the account is gone", || (signed_in.get("/v1/me").status == 401).then_some(()));
}
