//! PostgreSQL goes and comes back; the server stays.

use serde_json::json;

use super::streams::{listen, listen_on, make_team, next_made, next_team, story};
use crate::support::{PASSWORD, Site, client::text, cluster::Cluster, new_email, until};

#[test]
fn an_outage_of_postgresql_is_told_and_survived() {
    let mut cluster = Cluster::start();
    let site = Site::at(&cluster.url());
    let server = site.serve();
    let (client, email) = (server.client(), new_email());
    let user = client.sign_up(&email);
    let signed_in = client.bearer(&text(&user["access_token"]));
    assert_eq!(client.get("/readyz").status, 200);

    cluster.stop();

    let unready = until("/readyz notices", || Some(client.get("/readyz")).filter(|answer| answer.status != 200));
    assert_eq!((unready.status, unready.code().as_str()), (503, "service_unavailable"), "{}", unready.body);
    assert_eq!(client.get("/healthz").status, 200, "the server itself is well");
    let status = client.get("/v1/system/status").data();
    assert_eq!(status, json!({ "status": "degraded", "live": true, "ready": false }));
    let credentials = json!({ "email": email, "password": PASSWORD });
    let answers = [
        client.post("/v1/auth/login", &credentials),
        client.post("/v1/auth/signup", &json!({ "email": new_email(), "password": PASSWORD })),
        client.post("/v1/auth/token/refresh", &json!({ "refresh_token": user["refresh_token"] })),
        signed_in.get("/v1/me/organizations"),
        unready,
    ];
    for answer in answers {
        assert_eq!((answer.status, answer.code().as_str()), (503, "service_unavailable"), "{}", answer.body);
        let wait: u64 = answer.header("retry-after").expect("Retry-After").parse().unwrap();
        assert!(wait > 0);
        assert!(!answer.body.contains("127.0.0.1") && !answer.body.contains("postgres"), "{}", answer.body);
    }

    cluster.resume();

    until("/readyz recovers", || (client.get("/readyz").status == 200).then_some(()));
    assert_eq!(client.sign_in(&email, PASSWORD).status, 200);
    assert_eq!(signed_in.get("/v1/me/organizations").status, 200);
    let after = new_email();
    client.sign_up(&after);
    // Background work goes on too.
    let token = server.mailed_token(&after, "/v1/auth/verify");
    assert_eq!(client.post("/v1/auth/verify", &json!({ "token": token })).status, 200);
    // And who listens hears what happens, on connections to the database that were all made anew.
    let organization = text(&signed_in.get("/v1/me/organizations").data()[0]["id"]);
    let token = text(&user["access_token"]);
    let mut heard = listen(&server, &token);
    make_team(&server, &token, &organization, "After");
    assert_eq!(next_team(&mut heard), "After");
    drop(heard);
    server.stop();
}

#[test]
fn who_listens_over_an_outage_of_postgresql_goes_on_behind_the_last_event() {
    let mut cluster = Cluster::start();
    let site = Site::at(&cluster.url());
    let server = site.serve();
    let (organization, token) = story(&server);
    let mut heard = listen(&server, &token);
    make_team(&server, &token, &organization, "Before");
    let (last, name) = next_made(&mut heard);
    assert_eq!(name, "Before");

    cluster.stop();
    until("/readyz notices", || (server.client().get("/readyz").status == 503).then_some(()));
    cluster.resume();
    until("/readyz recovers", || (server.client().get("/readyz").status == 200).then_some(()));

    // The stream may have ended meanwhile, because nobody could be asked whether it may go on: as any other end, it is
    // answered with a new one behind what was heard.
    drop(heard);
    make_team(&server, &token, &organization, "After");
    let mut heard = listen_on(&server, &token, &last);
    assert_eq!(next_team(&mut heard), "After");
    make_team(&server, &token, &organization, "Later");
    assert_eq!(next_team(&mut heard), "Later");
    drop(heard);
    server.stop();
}

#[test]
fn a_server_without_its_database_does_not_start_and_says_why() {
    let mut cluster = Cluster::start();
    let site = Site::at(&cluster.url());
    cluster.stop();
    let refused = site.refuse();
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("PostgreSQL can't be reached"), "{}", refused.stderr);
}
