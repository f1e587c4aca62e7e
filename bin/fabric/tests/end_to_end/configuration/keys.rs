//! The server's secrets: made, kept, replaced, lost.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::support::{PASSWORD, Server, Site, client::text, new_email, secret};

on_both!(
    development_makes_its_secrets_once_and_tokens_survive_a_restart,
    secrets_that_cannot_be_read_stop_the_start,
    the_secret_of_before_still_verifies,
    the_encryption_key_of_before_still_opens,
    a_database_that_is_sealed_with_an_unknown_key_stops_the_start,
    a_database_with_nothing_sealed_takes_any_secret,
    two_issuers_never_share_a_secret,
);

const SETUP: [&str; 8] = ["setup", "--app-name", "App", "--email", "dev@myapp.com", "--password", PASSWORD, "--json"];

/// How the access token and the refresh token of a sign-in fare.
fn statuses(server: &Server, tokens: &Value) -> (u16, u16) {
    let me = server.client().bearer(&text(&tokens["access_token"])).get("/v1/me").status;
    let spent = json!({ "refresh_token": tokens["refresh_token"] });
    (me, server.client().post("/v1/auth/token/refresh", &spent).status)
}

fn development_makes_its_secrets_once_and_tokens_survive_a_restart(site: &Site) {
    let server = site.serve();
    let tokens = server.client().sign_up(&new_email());
    server.stop();
    let files = ["development.env", ".fabric/development.env"].map(|name| site.file(name));
    let [file] = files.into_iter().filter(|file| file.exists()).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let made = fs::read_to_string(&file).unwrap();
    assert!(made.contains("\nOAUTH_SIGNING_SECRET=") && made.contains("\nFABRIC_INVITE_TOKEN_KEY="), "{made}");

    let server = site.serve();
    assert_eq!(statuses(&server, &tokens), (200, 200));
    assert_eq!(fs::read_to_string(&file).unwrap(), made);
    server.stop();

    fs::remove_file(&file).unwrap();
    assert_eq!(statuses(&site.serve(), &tokens), (401, 401), "other secrets, other tokens");
    assert_ne!(fs::read_to_string(&file).unwrap(), made);
}

fn secrets_that_cannot_be_read_stop_the_start(site: &Site) {
    site.serve().stop();
    let files = ["development.env", ".fabric/development.env"].map(|name| site.file(name));
    let file = files.iter().find(|file| file.exists()).unwrap();
    fs::write(file, "OAUTH_SIGNING_SECRET=\n").unwrap();
    let refused = site.refuse();
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("development.env"), "{}", refused.stderr);
}

fn the_secret_of_before_still_verifies(site: &mut Site) {
    site.set_production().set("FABRIC_DEVELOPER_SIGNUP", "open").set("OAUTH_SIGNING_SECRET", &secret('c'));
    let printed = site.run(&SETUP).json();
    let server = site.serve();
    let tokens: Vec<_> = (0..2).map(|_| server.client().sign_up(&new_email())).collect();
    server.stop();

    site.set("OAUTH_SIGNING_SECRET", &secret('d')).set("OAUTH_SIGNING_SECRET_PREVIOUS", &secret('c'));
    let server = site.serve();
    assert_eq!(statuses(&server, &tokens[0]), (200, 200));
    let fresh = server.client().sign_up(&new_email());
    server.stop();
    // What was sealed with the secret of before is still read.
    assert_eq!(site.run(&SETUP).json()["webhook_secret"], printed["webhook_secret"]);

    site.set("OAUTH_SIGNING_SECRET_PREVIOUS", &secret('e')).set("FABRIC_ENCRYPTION_KEY", &secret('c'));
    let server = site.serve();
    assert_eq!(statuses(&server, &tokens[1]), (401, 401), "rotated out");
    assert_eq!(statuses(&server, &fresh), (200, 200));
}

fn the_encryption_key_of_before_still_opens(site: &mut Site) {
    site.set_production().set("FABRIC_ENCRYPTION_KEY", &secret('f'));
    let printed = site.run(&SETUP).json();
    site.set("FABRIC_ENCRYPTION_KEY", &secret('g')).set("FABRIC_ENCRYPTION_KEY_PREVIOUS", &secret('f'));
    assert_eq!(site.run(&SETUP).json()["webhook_secret"], printed["webhook_secret"]);
    site.serve().stop();
    site.unset("FABRIC_ENCRYPTION_KEY_PREVIOUS");
    refuses_unknown_key(site);
}

fn refuses_unknown_key(site: &Site) {
    for refused in [site.refuse(), site.run(&SETUP), site.run(&["user", "list"])] {
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
        let said = &refused.stderr;
        assert!(said.contains("OAUTH_SIGNING_SECRET") && said.contains("PREVIOUS"), "{said}");
    }
}

/// An attack, or a mistake: `setup` with one signing secret, `serve` with another.
fn a_database_that_is_sealed_with_an_unknown_key_stops_the_start(site: &mut Site) {
    site.set_production().set("OAUTH_SIGNING_SECRET", &secret('h'));
    assert_eq!(site.run(&SETUP).json()["created"], true);
    site.set("OAUTH_SIGNING_SECRET", &secret('i'));
    refuses_unknown_key(site);
    site.set("OAUTH_SIGNING_SECRET_PREVIOUS", &secret('h'));
    site.serve().stop();
}

fn a_database_with_nothing_sealed_takes_any_secret(site: &mut Site) {
    site.set_production();
    site.serve().stop();
    site.set("OAUTH_SIGNING_SECRET", &secret('j'));
    site.serve().stop();
}

fn two_issuers_never_share_a_secret(site: &mut Site) {
    site.set_production();
    for (ours, supabase) in [('k', 'k'), ('l', 'm')] {
        site.set("OAUTH_SIGNING_SECRET", &secret(ours)).set("OAUTH_SIGNING_SECRET_PREVIOUS", &secret('m'));
        site.set("JWT_SECRET", &secret(supabase));
        let refused = site.refuse();
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
        assert!(refused.stderr.contains("JWT_SECRET"), "{}", refused.stderr);
        assert!(refused.stderr.contains("OAUTH_SIGNING_SECRET"), "{}", refused.stderr);
    }
    site.set("JWT_SECRET", &secret('n'));
    site.serve().stop();
}
