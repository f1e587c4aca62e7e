//! Where settings come from, and which of them are refused.

use std::{
    ffi::OsString,
    fs,
    net::TcpListener,
    os::unix::{ffi::OsStringExt as _, fs::PermissionsExt as _},
};

use crate::support::{
    PASSWORD, PATIENCE, Server, Site,
    client::text,
    new_email,
    process::{self, Finished},
};

on_both!(
    each_source_wins_over_the_one_before,
    what_makes_no_sense_stops_the_start_and_is_named,
    a_password_in_a_database_url_is_not_repeated,
    a_port_that_is_taken_is_told,
    a_line_that_cannot_be_read_is_not_repeated,
    what_other_programs_are_told_need_not_be_text,
    a_server_on_a_free_port_calls_itself_by_it,
    development_is_open_to_this_machine_alone,
);

/// The port, as `setup` prints it: no server has to take it.
fn port(site: &Site, more: &[&str]) -> String {
    let setup = ["setup", "--app-name", "App", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    let url = text(&site.run(&[&setup[..], more].concat()).json()["env"]["FABRIC_API_URL"]);
    url.rsplit(':').next().unwrap().to_owned()
}

fn each_source_wins_over_the_one_before(site: &mut Site) {
    site.unset("PUBLIC_BASE_URL");
    assert_eq!(port(site, &[]), "3001");
    site.write("fabric.toml", "[server]\nport = 4001\n");
    assert_eq!(port(site, &[]), "4001");
    site.write(".env", "PORT=4002\n");
    assert_eq!(port(site, &[]), "4002");
    site.set("PORT", "4003");
    assert_eq!(port(site, &[]), "4003");
    assert_eq!(port(site, &["--port", "4004"]), "4004");
    site.unset("PORT");
    fs::remove_file(site.file(".env")).unwrap();

    site.write("other.toml", "[server]\nport = 4005\n");
    assert_eq!(port(site, &["--config", "other.toml"]), "4005", "instead of fabric.toml");
    site.set("FABRIC_CONFIG", "other.toml");
    assert_eq!(port(site, &[]), "4005");
    site.set("FABRIC_CONFIG", "");
    assert_eq!(port(site, &[]), "4001", "set to nothing is not set");
    site.write(".env", "FABRIC_CONFIG=other.toml\n");
    assert_eq!(port(site, &[]), "4005");
    site.write("third.toml", "[server]\nport = 4006\n");
    site.set("FABRIC_CONFIG", "third.toml");
    assert_eq!(port(site, &[]), "4006");
}

/// A server that does not start says one line, and on standard error.
fn told(refused: &Finished) -> &str {
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    &refused.stderr
}

fn what_makes_no_sense_stops_the_start_and_is_named(site: &mut Site) {
    for (toml, named) in [
        ("[server]\nprot = 1", "prot"),
        ("[sevrer]\nport = 1", "sevrer"),
        ("[server]\nshutdown_seconds = \"hunter2\"", "server.shutdown_seconds"),
        ("[auth]\noauth_signing_secret = 5", "auth.oauth_signing_secret"),
        ("[server", "fabric.toml"),
    ] {
        site.write("fabric.toml", toml);
        let refused = site.refuse();
        assert!(told(&refused).contains(named), "{toml}: {}", refused.stderr);
    }
    fs::remove_file(site.file("fabric.toml")).unwrap();
    for (name, value) in [
        ("PORT", "hunter2"),
        ("FABRIC_ENV", "hunter2"),
        ("FABRIC_DEV_MODE", "hunter2"),
        ("FABRIC_SQLITE_SYNCHRONOUS", "hunter2"),
        ("FABRIC_DEVELOPER_SIGNUP", "hunter2"),
        ("RUST_LOG", "hunter2=hunter2"),
        ("PUBLIC_BASE_URL", "hunter2"),
        ("FABRIC_HASH_MEMORY_KIB", "1"),
        ("FABRIC_HASH_LANES", "0"),
        ("FABRIC_WORKERS", "0"),
        ("DATABASE_POOL_MAX", "0"),
        ("HOST", "hunter2.invalid"),
        ("FABRIC_BOOTSTRAP_TOKEN", "hunter2"),
        ("AUTH_SITE_URL", "hunter2"),
        ("SMTP_URL", "hunter2"),
        ("FABRIC_CONFIG", "absent.toml"),
    ] {
        site.set(name, value);
        let refused = site.refuse();
        let said = told(&refused);
        assert!(said.contains(name) && !said.contains("hunter2"), "{name}: {said}");
        site.unset(name);
    }
    site.write(".env", "FABRIC_CONFIG=absent.toml\n");
    let refused = site.refuse();
    assert!(told(&refused).contains("FABRIC_CONFIG"), "{}", refused.stderr);
    fs::remove_file(site.file(".env")).unwrap();
    let refused = site.run(&["serve", "--port", "0", "--config", "absent.toml"]);
    assert!(told(&refused).contains("absent.toml"), "{}", refused.stderr);
    drop(site.serve());
}

fn a_password_in_a_database_url_is_not_repeated(site: &mut Site) {
    for url in [
        "postgres://user:hunter2hunter2@127.0.0.1:1/fabric",
        "postgres://user:hunter2/hunter2@127.0.0.1/fabric",
        "postgres://user:hunter2%zz@127.0.0.1/fabric",
        "postgres://user:hunter2@[::1/fabric",
        "mysql://user:hunter2@localhost/fabric",
        "user:hunter2@localhost",
    ] {
        site.set("DATABASE_URL", url).set("RUST_LOG", "trace");
        for refused in [site.refuse(), site.run(&["migrate"]), site.run(&["user", "list"])] {
            assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{url}: {}", refused.stderr);
            assert!(!refused.stderr.contains("hunter2"), "{url}: {}", refused.stderr);
        }
    }
}

fn a_port_that_is_taken_is_told(site: &Site) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = site.run(&["serve", "--port", &port]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains(&port) && refused.stderr.contains("PORT"), "{}", refused.stderr);
}

fn a_line_that_cannot_be_read_is_not_repeated(site: &Site) {
    site.write(".env", "PORT=1\nOAUTH_SIGNING_SECRET=hunter2 hunter2\n");
    let refused = site.refuse();
    let said = told(&refused);
    assert!(said.contains(".env: line 2 ") && !said.contains("hunter2"), "{said}");
    fs::remove_file(site.file(".env")).unwrap();
    site.write("fabric.toml", "[auth]\noauth_signing_secret = hunter2\n");
    let refused = site.refuse();
    let said = told(&refused);
    assert!(said.contains("fabric.toml: line 2, oauth_signing_secret,") && !said.contains("hunter2"), "{said}");
}

fn what_other_programs_are_told_need_not_be_text(site: &Site) {
    let bytes = || OsString::from_vec(b"hunter2\xff".to_vec());
    let list = |name: &str| process::finish(site.fabric(&["user", "list"]).env(name, bytes()), "", PATIENCE);
    assert_eq!(list("LS_COLORS").text().trim(), "There are no accounts here.");
    let refused = list("MAIL_FROM");
    let said = told(&refused);
    assert!(said.contains("MAIL_FROM") && !said.contains("hunter2"), "{said}");
}

/// One after the other: of two on one database either may send what the other one's users are waiting for.
fn a_server_on_a_free_port_calls_itself_by_it(site: &mut Site) {
    site.unset("PUBLIC_BASE_URL");
    let mut of_before: Option<(String, TcpListener)> = None;
    for host in ["127.0.0.1", "localhost"] {
        site.set("HOST", host);
        let server = site.serve();
        let (_, port) = server.address().rsplit_once(':').unwrap();
        let port: u16 = port.parse().unwrap();
        let email = new_email();
        let token = text(&server.client().sign_up(&email)["access_token"]);
        server.mailed_token(&email, "/v1/auth/verify");
        let link = format!("http://localhost:{port}/v1/auth/verify?token=");
        assert!(server.log().lines().any(|line| line.contains(&format!("to={email} ")) && line.contains(&link)));
        let me = |token: &str| server.client().bearer(token).get("/v1/me").status;
        assert_eq!(me(&token), 200);
        if let Some((token, _)) = &of_before {
            assert_eq!(me(token), 401, "the port is in what they call themselves");
        }
        server.stop();
        // Nobody takes the same port again.
        of_before = Some((token, TcpListener::bind(("127.0.0.1", port)).unwrap()));
    }
}

fn development_is_open_to_this_machine_alone(site: &mut Site) {
    for host in ["0.0.0.0", "::"] {
        site.set("HOST", host);
        let refused = site.refuse();
        let said = told(&refused);
        assert!(said.contains("FABRIC_ENV=production") && said.contains("FABRIC_DEV_MODE=1"), "{said}");
    }
    site.set("HOST", "0.0.0.0").set("FABRIC_DEV_MODE", "1");
    let server = site.serve();
    assert!(server.url.starts_with("http://0.0.0.0:"), "{}", server.url);
    assert_eq!(server.client().get("/healthz").status, 200);
}

#[test]
fn with_nothing_set_there_is_a_database_beside_and_everything_works() {
    let site = Site::bare();
    let server = site.serve();
    assert!(server.url.starts_with("http://127.0.0.1:"), "{}", server.url);
    let email = new_email();
    server.client().sign_up(&email);
    server.stop();
    for (path, mode) in [(".fabric", 0o700), (".fabric/fabric.db", 0o600), (".fabric/development.env", 0o600)] {
        let permissions = fs::metadata(site.file(path)).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{path}");
    }
    let server = Server::start(&site, &["--port", "0", "serve"]);
    assert_eq!(server.client().sign_in(&email, PASSWORD).status, 200);
}
