//! Keys that sign access tokens: at the console, on two servers of one database, and as others verify with them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{PASSWORD, PATIENCE, Server, Site, client::text, new_email, process, until};

on_both!(
    the_console_lists_and_rotates_keys,
    a_rotation_on_one_server_counts_on_the_other_within_five_seconds,
    others_verify_tokens_by_the_key_set_alone,
);

fn kids(items: &Value, state: &str) -> Vec<String> {
    let items = items["items"].as_array().unwrap().iter();
    items.filter(|key| key["state"] == state).map(|key| text(&key["kid"])).collect()
}

fn published(server: &Server) -> Vec<String> {
    let set = server.client().get("/.well-known/jwks.json").json();
    set["keys"].as_array().unwrap().iter().map(|key| text(&key["kid"])).collect()
}

fn sign_up(server: &Server) -> String {
    text(&server.client().sign_up(&new_email())["access_token"])
}

fn status(server: &Server, token: &str) -> u16 {
    server.client().bearer(token).get("/v1/me").status
}

fn the_console_lists_and_rotates_keys(site: &mut Site) {
    let by_secret = site.run(&["keys", "list"]);
    assert_eq!(by_secret.text(), "There are no keys: OAUTH_SIGNING_SECRET signs.\n");
    let refused = site.run(&["keys", "rotate"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("FABRIC_TOKEN_ALGORITHM"), "{}", refused.stderr);

    site.set("FABRIC_TOKEN_ALGORITHM", "ES256");
    let first = site.run(&["keys", "rotate", "--json"]).json();
    let (current, next) = (kids(&first, "current"), kids(&first, "next"));
    assert_eq!((current.len(), next.len()), (1, 1));
    let key = &first["items"][0];
    assert_eq!(key["algorithm"], "ES256");
    assert!(key["created_at"].is_string() && key["expires_at"].is_null());

    let rotated = site.run(&["keys", "rotate", "--json"]).json();
    assert_eq!((kids(&rotated, "current"), kids(&rotated, "retired")), (next, current));
    let listed = site.run(&["keys", "list", "--json"]).json();
    assert_eq!(listed, rotated);
    let retired = listed["items"].as_array().unwrap().iter().find(|key| key["state"] == "retired").unwrap();
    assert!(retired["expires_at"].is_string());
    let printed = site.run(&["keys", "list"]);
    assert_eq!(printed.text().lines().count(), 3, "{}", printed.stdout);
    assert!(!printed.stdout.contains("PRIVATE") && !listed.to_string().contains("private"));

    let before = site.run(&["keys", "list", "--json"]).json();
    let ended = site.run(&["keys", "rotate", "--compromised", "--json"]).json();
    assert_eq!((kids(&ended, "current").len(), kids(&ended, "next").len()), (1, 1));
    assert!(kids(&ended, "retired").is_empty());
    for state in ["current", "next"] {
        assert_ne!(kids(&ended, state), kids(&before, "next"), "nothing of before is left");
    }
    site.set("FABRIC_TOKEN_ALGORITHM", "none");
    assert_eq!(site.run(&["keys", "list"]).code, 1);
}

fn a_rotation_on_one_server_counts_on_the_other_within_five_seconds(site: &mut Site) {
    let bound = Duration::from_millis(5_500);
    site.set("FABRIC_TOKEN_ALGORITHM", "EdDSA");
    let first = site.serve();
    site.set("FABRIC_MODE", "request-only");
    let second = site.serve();
    let old = sign_up(&first);
    assert_eq!((status(&first, &old), status(&second, &old)), (200, 200));

    let rotated = site.run(&["keys", "rotate", "--json"]).json();
    let begun = Instant::now();
    let current = kids(&rotated, "current");
    for server in [&first, &second] {
        until("the server signs with the other key", || (published(server)[0] == current[0]).then_some(()));
    }
    assert!(begun.elapsed() < bound, "{:?}", begun.elapsed());
    let new = sign_up(&second);
    for token in [&old, &new] {
        assert_eq!((status(&first, token), status(&second, token)), (200, 200));
    }

    site.run(&["keys", "rotate", "--compromised"]).text();
    let begun = Instant::now();
    for server in [&first, &second] {
        for token in [&old, &new] {
            until("the token is refused", || (status(server, token) == 401).then_some(()));
        }
    }
    assert!(begun.elapsed() < bound, "{:?}", begun.elapsed());
    // A token of a key that the other one has not heard of is good there at once.
    let newest = sign_up(&first);
    assert_eq!(status(&second, &newest), 200);
    first.stop();
    second.stop();
}

fn others_verify_tokens_by_the_key_set_alone(site: &mut Site) {
    // Then tokens name the address that the server has: what verifies finds the key set by it.
    site.unset("PUBLIC_BASE_URL");
    let setup = ["setup", "--app-name", "Acme", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];
    let client_id = text(&site.run(&setup).json()["app"]["client_id"]);
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        site.set("FABRIC_TOKEN_ALGORITHM", algorithm).set("FABRIC_TOKEN_RSA_BITS", "2048");
        site.run(&["keys", "rotate", "--compromised"]).text();
        let server = site.serve();
        let of_app = || server.client().app(&client_id).sign_up(&new_email());
        let ended = text(&of_app()["access_token"]);
        site.run(&["keys", "rotate", "--compromised"]).text();
        until("the key is ended", || (status(&server, &ended) == 401).then_some(()));
        let before = text(&of_app()["access_token"]);
        let rotated = site.run(&["keys", "rotate", "--json"]).json();
        until("another key signs", || (published(&server)[0] == kids(&rotated, "current")[0]).then_some(()));
        let person = of_app();
        let token = text(&person["access_token"]);
        let (message, _) = token.rsplit_once('.').unwrap();
        let (_, signature_of_another) = before.rsplit_once('.').unwrap();
        let told = json!({
            "issuer": format!("http://localhost:{}", server.address().rsplit_once(':').unwrap().1),
            "clientId": client_id,
            "algorithms": [algorithm],
            "good": [before, token],
            "bad": [
                ended,
                text(&person["refresh_token"]),
                sign_up(&server),
                format!("{message}."),
                format!("{message}.{signature_of_another}"),
            ],
        });
        verify(site, &told);
        server.stop();
    }
}

/// Runs the sample of the guide with what others publish for it.
fn verify(site: &Site, told: &Value) {
    let modules = std::env::var_os("FABRIC_TEST_NODE_MODULES").unwrap_or_else(|| {
        panic!("FABRIC_TEST_NODE_MODULES is not set: run `cargo xtask test`, or name a node_modules with jose in it.")
    });
    let folder = site.file("verifier");
    if !folder.exists() {
        fs::create_dir(&folder).unwrap();
        // A module finds others beside itself alone.
        symlink(PathBuf::from(modules), folder.join("node_modules")).unwrap();
        fs::copy(documentation().join("samples/verify_token.mjs"), folder.join("verify_token.mjs")).unwrap();
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/signing_keys");
        fs::copy(tests.join("receiver.mjs"), folder.join("receiver.mjs")).unwrap();
    }
    fs::write(folder.join("told.json"), told.to_string()).unwrap();
    let mut node = site.program("node");
    node.arg(folder.join("receiver.mjs")).arg(folder.join("told.json"));
    let done = process::finish(&mut node, "", PATIENCE);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
}

#[test]
fn the_guide_shows_the_sample_that_is_tested() {
    let guide = fs::read_to_string(documentation().join("signing-keys.md")).unwrap();
    let sample = fs::read_to_string(documentation().join("samples/verify_token.mjs")).unwrap();
    let code: Vec<_> = sample.lines().skip_while(|line| line.starts_with("//")).collect();
    let shown = format!("\n```js\n{}\n```\n", code.join("\n"));
    assert!(guide.contains(&shown), "docs/samples/verify_token.mjs is not in docs/signing-keys.md");
}

fn documentation() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}
