//! What every command has in common: how it ends, and where it says what.

use serde_json::Value;

use crate::support::{PASSWORD, PATIENCE, Server, Site, process};

on_both!(
    wrong_usage_ends_with_two_and_says_what_is_right,
    what_does_not_work_out_ends_with_one,
    failures_are_json_too_where_json_is_asked_for,
    wrong_usage_is_json_too_where_json_is_asked_for,
    where_a_server_listens_is_json_too_where_json_is_asked_for,
    a_password_that_is_not_text_is_wrong_usage,
    a_password_is_never_repeated,
    at_a_terminal_a_password_is_asked_for_twice_and_not_shown,
);

/// Standard output stays empty where there is nothing to say, so that nobody takes a complaint for a result.
fn refused(site: &Site, arguments: &[&str], code: i32) -> String {
    let done = site.run(arguments);
    assert_eq!((done.code, done.stdout.as_str()), (code, ""), "{arguments:?}: {}", done.stderr);
    assert!(!done.stderr.is_empty(), "{arguments:?}");
    done.stderr
}

fn wrong_usage_ends_with_two_and_says_what_is_right(site: &Site) {
    let setup = ["setup", "--app-name", "App", "--email", "dev@myapp.com"];
    let cases: [(&[&str], &str); 15] = [
        (&[], "Usage"),
        (&["sreve"], "serve"),
        (&["serve", "--prot", "1"], "--port"),
        (&["serve", "--port", "many"], "--port"),
        (&["serve", "--host", "no address"], "--host"),
        (&["serve", "--fabric-env", "prod"], "--fabric-env: give development or production"),
        (&["serve", "--database-url", "foo"], "--database-url: give postgres://"),
        (&["user", "list", "--database-url", "sqlite://"], "--database-url"),
        (&["user", "create", "--password", PASSWORD], "--email"),
        (&["user", "create", "--email", "no address", "--password", PASSWORD], "e-mail"),
        (&["user", "create", "--email", "a@b.example", "--password", "password"], "8 characters"),
        (&["user", "create", "--email", "a@b.example"], "--password-stdin"),
        (&["user", "create", "--email", "a@b.example", "--password", PASSWORD, "--password-stdin"], "--password"),
        (&[&setup[..], &["--password", "weak"]].concat(), "8 characters"),
        (&[&setup[..], &["--password", PASSWORD, "--webhook-url", "no url"]].concat(), "URL"),
    ];
    for (arguments, hint) in cases {
        let said = refused(site, arguments, 2);
        assert!(said.contains(hint), "{arguments:?}: {said}");
    }
    assert_eq!(site.run(&["user", "list"]).text().trim(), "There are no accounts here.");
}

fn what_does_not_work_out_ends_with_one(site: &mut Site) {
    let create = ["user", "create", "--email", "a@b.example", "--password", PASSWORD];
    assert_eq!(site.run(&create).code, 0);
    assert!(refused(site, &create, 1).contains("already exists"));
    assert!(refused(site, &["user", "verify", "--email", "c@d.example"], 1).contains("no account"));
    assert!(refused(site, &["user", "list", "--app", "nonsense"], 1).contains("foc_"));
    let unreachable = "postgres://nobody@127.0.0.1:1/nothing";
    assert!(refused(site, &["user", "list", "--database-url", unreachable], 1).contains("PostgreSQL"));
    site.set("DATABASE_URL", "mysql://localhost/fabric");
    assert!(refused(site, &["user", "list"], 1).contains("sqlite://"));
}

fn failures_are_json_too_where_json_is_asked_for(site: &Site) {
    let said = refused(site, &["user", "verify", "--email", "c@d.example", "--json"], 1);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["error"]["code"], "not_found");
    assert!(said["error"]["message"].as_str().unwrap().contains("no account"), "{said}");
}

fn wrong_usage_is_json_too_where_json_is_asked_for(site: &Site) {
    let cases: [(&[&str], &str); 7] = [
        (&["--json"], "subcommand"),
        (&["user", "--json"], "subcommand"),
        (&["--json", "user"], "--help"),
        (&["--json", "sreve"], "serve"),
        (&["serve", "--json", "--port", "many"], "--port"),
        (&["user", "create", "--json"], "--email"),
        (&["serve", "--json", "--fabric-env", "prod"], "--fabric-env"),
    ];
    for (arguments, hint) in cases {
        let said: Value = serde_json::from_str(&refused(site, arguments, 2)).unwrap();
        assert_eq!(said["error"]["code"], "invalid_request", "{arguments:?}: {said}");
        let message = said["error"]["message"].as_str().unwrap();
        assert!(message.contains(hint) && !message.contains('\n'), "{arguments:?}: {message}");
    }
    assert!(site.run(&["--help", "--json"]).text().contains("Usage"), "help is for people");
    // Behind two hyphens there are no flags.
    assert!(refused(site, &["serve", "--", "--json"], 2).contains("Usage"));
}

fn where_a_server_listens_is_json_too_where_json_is_asked_for(site: &mut Site) {
    site.set("HOST", "localhost");
    let server = Server::start(site, &["serve", "--json", "--port", "0"]);
    assert_eq!(server.client().get("/healthz").status, 200);
    let said = server.said();
    for line in said.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line.as_object().unwrap().len(), 1, "{line}");
        assert!(line["listening"].as_str().unwrap().starts_with("http://"), "{line}");
    }
    assert!(said.contains(&server.url), "{said}");
}

fn a_password_that_is_not_text_is_wrong_usage(site: &Site) {
    let create = ["user", "create", "--email", "a@b.example", "--password-stdin"];
    let done = process::finish(&mut site.fabric(&create), b"hunter2\xff\n", PATIENCE);
    assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{}", done.stderr);
    assert!(done.stderr.contains("UTF-8") && !done.stderr.contains("hunter2"), "{}", done.stderr);
}

fn a_password_is_never_repeated(site: &Site) {
    let weak = "hunter2-hunter2";
    for arguments in [
        &["user", "create", "--email", "a@b.example", "--password", weak][..],
        &["user", "create", "--email", "a@b.example", "--password", weak, "--json"],
        &["setup", "--app-name", "App", "--email", "a@b.example", "--password", weak],
    ] {
        assert!(!refused(site, arguments, 2).contains(weak), "{arguments:?}");
    }
}

fn at_a_terminal_a_password_is_asked_for_twice_and_not_shown(site: &Site) {
    let ask = |answers: &str| {
        let mut terminal = site.python("cli/terminal.py");
        terminal.args([answers, env!("CARGO_BIN_EXE_fabric"), "user", "create", "--email", "a@b.example"]);
        process::finish(&mut terminal, "", PATIENCE)
    };
    let differing = ask(&format!("{PASSWORD},Another-One-3"));
    assert_eq!(differing.code, 2, "{}", differing.stdout);
    assert!(differing.stdout.contains("differ"), "{}", differing.stdout);
    let made = ask(&format!("{PASSWORD},{PASSWORD}"));
    assert!(made.text().contains("Created a@b.example"), "{}", made.stdout);
    for told in [differing.stdout, made.stdout] {
        assert!(told.contains("Password: ") && !told.contains(PASSWORD), "{told}");
    }
    assert_eq!(site.serve().client().sign_in("a@b.example", PASSWORD).status, 200);
}
