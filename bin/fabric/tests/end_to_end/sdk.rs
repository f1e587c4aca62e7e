//! The published Python client, unmodified, against the built binary. The stories are Python: each function of a script
//! is one.

use std::time::Duration;

use crate::support::{Mailbox, Server, Site, client::text, process, until};

on_both!(
    all_of_auth_and_me_is_had,
    users_sign_up_in_and_out,
    passwords_are_changed_forgotten_and_reset,
    authenticator_apps_are_enrolled_and_removed,
    addresses_are_verified,
    failures_lock_an_account_and_tell_how_long,
    developers_manage_apps,
    apps_act_for_their_users,
    tokens_are_granted_refreshed_and_revoked,
    organizations_are_made_and_changed,
    organizations_are_kept_exported_and_ended,
    what_organizations_have_and_use_is_counted_and_limited,
    teams_grants_and_checks_are_had,
    people_are_invited_and_join,
    programs_act_with_keys_and_clients,
    endpoints_are_managed,
    deliveries_are_verified,
    what_happened_is_read,
    what_happens_is_heard,
    administrators_manage_users,
    errors_arrive_as_their_classes,
);

/// Whole: the script fails when the client has a method there that it does not call.
fn all_of_auth_and_me_is_had(site: &Site) {
    run(site, "auth_and_me.py");
}

fn users_sign_up_in_and_out(site: &Site) {
    run(site, "sign_in.py");
}

fn passwords_are_changed_forgotten_and_reset(site: &Site) {
    run(site, "passwords.py");
}

fn authenticator_apps_are_enrolled_and_removed(site: &Site) {
    run(site, "totp.py");
}

fn addresses_are_verified(site: &Site) {
    run(site, "verification.py");
}

fn failures_lock_an_account_and_tell_how_long(site: &Site) {
    run(site, "lockout.py");
}

fn developers_manage_apps(site: &Site) {
    run(site, "apps.py");
}

fn apps_act_for_their_users(site: &Site) {
    run(site, "as_user.py");
}

fn tokens_are_granted_refreshed_and_revoked(site: &Site) {
    run(site, "tokens.py");
}

fn organizations_are_made_and_changed(site: &Site) {
    run(site, "organizations.py");
}

/// A deletion that is due is done by the worker of a server that has just started.
fn organizations_are_kept_exported_and_ended(site: &Site) {
    run(site, "keepings.py");
    let left = site.serve();
    let gone = site.folder.path().join("deleted");
    let deleted: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(gone).unwrap()).unwrap();
    let client = left.client().bearer(&text(&deleted["token"]));
    let path = format!("/v1/organizations/{}", text(&deleted["organization"]));
    until("the organization is gone", || (client.get(&path).status == 404).then_some(()));
    assert_eq!(client.get("/v1/me").status, 200, "its owner stays");
}

fn what_organizations_have_and_use_is_counted_and_limited(site: &Site) {
    run(site, "usage.py");
}

fn teams_grants_and_checks_are_had(site: &Site) {
    run(site, "authorization.py");
}

/// With mails that go out: the links are those that arrive.
fn people_are_invited_and_join(site: &mut Site) {
    let mailbox = Mailbox::open(site);
    site.set("FABRIC_INVITE_REDIRECT_URL", "https://app.example.com/join");
    site.set("FABRIC_MAILS", mailbox.path().to_str().unwrap());
    run(site, "invitations.py");
}

fn programs_act_with_keys_and_clients(site: &Site) {
    run(site, "keys.py");
}

fn endpoints_are_managed(site: &Site) {
    run(site, "webhooks.py");
}

fn deliveries_are_verified(site: &Site) {
    run(site, "deliveries.py");
}

fn what_happened_is_read(site: &Site) {
    run(site, "audit.py");
}

fn what_happens_is_heard(site: &Site) {
    run(site, "events.py");
}

fn administrators_manage_users(site: &Site) {
    run(site, "admin.py");
}

fn errors_arrive_as_their_classes(site: &Site) {
    run(site, "errors.py");
}

/// Runs a script against a server of its own.
fn run(site: &Site, script: &str) {
    let server = site.serve();
    let done = python(site, &server, script);
    assert_eq!(done.code, 0, "{script}:\n{}{}\nthe server:\n{}", done.stdout, done.stderr, server.log());
    server.stop();
}

fn python(site: &Site, server: &Server, script: &str) -> process::Finished {
    let mut command = site.python(&format!("sdk/{script}"));
    command.env("FABRIC_URL", &server.url).env("FABRIC_LOG", server.log_path());
    process::finish(&mut command, "", Duration::from_mins(2))
}
