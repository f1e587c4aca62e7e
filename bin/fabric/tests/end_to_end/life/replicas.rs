//! What one server takes away is gone on the other: two processes on one database, each with a memory of its own.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    Server, Site,
    client::{Answer, Client, text},
    new_email, sql, until,
};

on_both!(what_one_server_takes_away_is_gone_on_the_other_within_the_bound,);

/// The bound of the documentation, and what it takes to ask: PostgreSQL tells at once, and nobody tells on SQLite.
fn bound(site: &Site) -> Duration {
    if is_postgres(site) { Duration::from_secs(1) } else { Duration::from_millis(5_500) }
}

fn is_postgres(site: &Site) -> bool {
    url(site).starts_with("postgres")
}

fn url(site: &Site) -> &str {
    site.database_url.as_deref().unwrap()
}

/// The connections on which servers hear each other.
const LISTENERS: &str = "FROM pg_stat_activity WHERE datname = current_database() \
                         AND (query LIKE 'LISTEN %' OR query LIKE 'SELECT pg_listening_channels%')";

fn listen(site: &Site, servers: i64) {
    let listeners = || sql::count(url(site), &format!("SELECT count(*) AS count {LISTENERS}"));
    until("the servers listen", || (listeners() == servers).then_some(()));
}

fn send(client: &Client, method: &str, path: &str, body: &Value) -> Answer {
    let answer = client.try_send(method, path, Some(body)).unwrap();
    assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.body);
    answer
}

/// Whether somebody may make teams, as a server answers them.
fn may(client: &Client, organization: &str) -> bool {
    let question = json!({ "action": "team.create", "organization_id": organization });
    client.post("/v1/authz/check", &question).data()["allowed"] == true
}

/// Takes something away at the first server: there it is gone before the answer, at the second within the bound.
fn gone_everywhere(what: &str, bound: Duration, take: impl FnOnce(), there: [&dyn Fn() -> bool; 2]) {
    assert!(there.iter().all(|there| there()), "{what} is there, and in both memories");
    take();
    let begun = Instant::now();
    assert!(!there[0](), "{what} is gone at once where it was taken away");
    until(what, || (!there[1]()).then_some(()));
    assert!(begun.elapsed() < bound, "{what} was there for {:?}", begun.elapsed());
}

fn what_one_server_takes_away_is_gone_on_the_other_within_the_bound(site: &mut Site) {
    let first = site.serve();
    // The first one sends all mails, so that its log has them.
    site.set("FABRIC_MODE", "request-only");
    let second = site.serve();
    let bound = bound(site);
    if is_postgres(site) {
        listen(site, 2);
    }
    let servers = [&first, &second];
    let by = |token: &str| servers.map(|server: &Server| server.client().bearer(token));

    let owner = text(&first.client().sign_up(&new_email())["access_token"]);
    let owner = first.client().bearer(&owner);
    let organization = text(&owner.get("/v1/organizations").data()[0]["id"]);
    let place = organization.as_str();
    let path = |rest: &str| format!("/v1/organizations/{organization}/{rest}");
    let email = new_email();
    let person = first.client().sign_up(&email);
    let (principal, token) = (text(&person["user"]["id"]), text(&person["access_token"]));
    let invited = send(&owner, "POST", &path("invitations"), &json!({ "email": email, "role": "admin" })).data();
    let accept = format!("/v1/invitations/{}/accept", text(&invited["id"]));
    let mailed = first.mailed_token(&email, &accept);
    send(&first.client().bearer(&token), "POST", &accept, &json!({ "token": mailed }));
    let here = by(&token);
    let allowed = here.each_ref().map(|client| move || may(client, place));
    let allowed: [&dyn Fn() -> bool; 2] = allowed.each_ref().map(|allowed| allowed as &dyn Fn() -> bool);
    let member = path(&format!("members/{principal}"));

    let lower = || drop(send(&owner, "PATCH", &member, &json!({ "role": "viewer" })));
    gone_everywhere("a higher role", bound, lower, allowed);

    let grant = json!({ "organization_id": organization, "principal_id": principal, "action": "team.create" });
    let grant = text(&send(&owner, "POST", "/v1/permissions", &grant).data()["id"]);
    until("the grant is known everywhere", || allowed.iter().all(|allowed| allowed()).then_some(()));
    let revoke = || drop(send(&owner, "DELETE", &format!("/v1/permissions/{grant}"), &json!({})));
    gone_everywhere("a grant", bound, revoke, allowed);

    send(&owner, "PATCH", &member, &json!({ "role": "admin" }));
    until("the role is known everywhere", || allowed.iter().all(|allowed| allowed()).then_some(()));
    let person = first.client().bearer(&token);
    let key = json!({ "name": "Key", "organization_id": organization });
    for (what, who, method, deed) in [
        ("a key", &owner, "POST", "/disable"),
        ("a key that is deleted", &owner, "DELETE", ""),
        ("the old secret of a key", &person, "POST", "/rotate"),
    ] {
        let key = send(&person, "POST", "/v1/api-keys", &key).data();
        let keys = by(&text(&key["key"]));
        let works = keys.each_ref().map(|client| move || client.get("/v1/me").status == 200);
        let works: [&dyn Fn() -> bool; 2] = works.each_ref().map(|works| works as &dyn Fn() -> bool);
        let path = format!("/v1/api-keys/{}{deed}", text(&key["id"]));
        gone_everywhere(what, bound, || drop(send(who, method, &path, &json!({}))), works);
    }

    // First nothing, so that the own role is what both remember.
    send(&owner, "PATCH", &member, &json!({ "role": "viewer" }));
    until("the lower role is known everywhere", || allowed.iter().all(|allowed| !allowed()).then_some(()));
    let role = json!({ "name": "builder", "actions": ["team.create"] });
    let role = path(&format!("roles/{}", text(&send(&owner, "POST", &path("roles"), &role).data()["id"])));
    send(&owner, "PATCH", &member, &json!({ "role": "builder" }));
    until("the own role is known everywhere", || allowed.iter().all(|allowed| allowed()).then_some(()));
    let change = || drop(send(&owner, "PATCH", &role, &json!({ "actions": ["invoice.read"] })));
    gone_everywhere("an action of an own role", bound, change, allowed);

    send(&owner, "PATCH", &member, &json!({ "role": "admin" }));
    until("the role is known everywhere", || allowed.iter().all(|allowed| allowed()).then_some(()));
    let remove = || drop(send(&owner, "DELETE", &member, &json!({})));
    gone_everywhere("a member", bound, remove, allowed);
}

#[test]
fn on_postgres_alone_a_server_whose_ears_were_cut_off_forgets_everything_and_hears_again() {
    let site = Site::postgres();
    let (first, second) = (site.serve(), site.serve());
    listen(&site, 2);
    let email = new_email();
    let signed_up = first.client().sign_up(&email);
    let [here, there] = [&first, &second].map(|server| server.client().bearer(&text(&signed_up["access_token"])));
    let name = |client: &Client| text(&client.get("/v1/me").data()["display_name"]);
    let rename = |to: &str| drop(send(&here, "PATCH", "/v1/me", &json!({ "display_name": to })));
    let known = |what: &str, to: &str| {
        let begun = Instant::now();
        until(what, || (name(&there) == to).then_some(()));
        assert!(begun.elapsed() < bound(&site), "{what}: {:?}", begun.elapsed());
    };
    rename("First");
    known("the first name", "First");
    rename("Told");
    known("a name that was told", "Told");

    // Behind everybody's back: nobody tells of it.
    sql::execute(url(&site), &format!("UPDATE accounts SET display_name = 'Untold' WHERE email = '{email}'"));
    assert_eq!(name(&there), "Told", "it is in memory");
    sql::execute(url(&site), &format!("SELECT pg_terminate_backend(pid) {LISTENERS}"));
    known("what changed while nobody heard", "Untold");

    listen(&site, 2);
    rename("Told again");
    known("a name that was told on another connection", "Told again");
    let metrics = second.client().get("/metrics").body;
    let count = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in:\n{metrics}")).parse::<u64>().unwrap()
    };
    assert_eq!(count("fabric_change_reconnections_total"), 1);
    assert!(count("fabric_change_notices_total") >= 1);
    assert!(second.log().contains("changes of other servers are heard again"));
    assert_eq!(second.client().get("/readyz").status, 200);
    second.stop();
}
