//! Links on their way to an app: who is told of them, and what stays of them.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::sink::{Received, Reply, Sink};

use crate::support::{App, Company, Mail, NEXT_PASSWORD, Stream, World, at_least, event, exactly, tell};

on_both!(
    a_bound_endpoint_is_told_the_links_that_are_mailed_and_nobody_else_is,
    attack_53_a_receiver_that_echoes_leaves_no_token_behind,
    attack_6_a_link_is_good_once_whichever_way_it_came,
);

/// Each kind, with where its token and its link stand.
const LINKS: [(&str, &str, &str); 4] = [
    ("auth.email_verification_required", "verify_token", "verify_url"),
    ("auth.password_reset_requested", "reset_token", "reset_url"),
    ("invitation.link_issued", "token", "accept_url"),
    ("auth.magic_link_requested", "magic_link_token", "magic_link_url"),
];

/// Makes an endpoint that hears everything, of an organization that owns an app.
async fn listen(world: &World, app: &App, sink: &Sink, bound: bool) -> Value {
    let mut body = json!({ "url": sink.url(), "event_filter": [] });
    if bound {
        body["app_id"] = json!(app.id);
    }
    let path = format!("/v1/organizations/{}/webhooks", app.organization);
    world.post(&path, &body).by(&app.owner).send().await.ok().clone()
}

/// Somebody signs up, somebody has forgotten a password, somebody is invited, somebody wants to sign in; the mails of it.
async fn links(world: &World, company: &Company) -> [Mail; 4] {
    world.sign_up(Some(&company.app), "bob").await;
    let forgot = json!({ "email": company.member.email });
    world.at_door(Some(&company.app), "/v1/auth/forgot-password", &forgot).send().await.ok();
    let invited = json!({ "email": "alice@example.com", "role": "member" });
    world.post(&company.path("invitations"), &invited).by(&company.owner).send().await.ok();
    let signing_in = json!({ "email": company.owner.email });
    world.at_door(Some(&company.app), "/v1/auth/magic-link", &signing_in).send().await.ok();
    let mails = world.mails().await;
    ["bob@example.com", company.member.email.as_str(), "alice@example.com", company.owner.email.as_str()]
        .map(|to| mails.iter().find(|mail| mail.to == to).expect("a mail").clone())
}

/// What arrived of a kind.
fn of_kind(received: &[Received], kind: &str) -> Vec<Value> {
    received.iter().map(event).filter(|event| event["kind"] == kind).collect()
}

async fn a_bound_endpoint_is_told_the_links_that_are_mailed_and_nobody_else_is(world: &World) {
    let world = &world.with_sinks().await;
    let (company, other) = (Company::new(world).await, world.app("other").await);
    world.mails().await;
    let [bound, unbound, others, tenants] = [(); 4].map(|()| Sink::content());
    listen(world, &company.app, &bound, true).await;
    listen(world, &company.app, &unbound, false).await;
    listen(world, &other, &others, true).await;
    world.endpoint(&company, &tenants.url(), json!({ "event_filter": ["*"] })).await;
    tell(world).await;
    let token = world.app_token(&company.app).await;
    let mut heard = Stream::open(world.get("/v1/events/stream").bearer(&token)).await;

    let mails = links(world, &company).await;
    company.team(world, "Last").await;
    tell(world).await;
    let workers = world.deliver();
    for sink in [&bound, &unbound, &tenants] {
        let begun = std::time::Instant::now();
        while of_kind(&sink.received(), "team.created").is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the last event has not arrived");
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let begun = std::time::Instant::now();
    while LINKS.iter().any(|(kind, ..)| of_kind(&bound.received(), kind).is_empty()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "a link has not arrived");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    actix_web::rt::time::sleep(Duration::from_millis(500)).await;
    workers.stop().await;

    for ((kind, token, url), mail) in LINKS.iter().zip(&mails) {
        let told = of_kind(&bound.received(), kind);
        let [told] = &told[..] else { panic!("{kind}: {told:?}") };
        assert_eq!(told["payload"][token], mail.token(), "{kind}");
        assert_eq!(told["payload"][url], mail.link(), "{kind}");
        for sink in [&unbound, &others, &tenants] {
            assert!(of_kind(&sink.received(), kind).is_empty(), "{kind}");
        }
    }
    assert_eq!(others.count(), 0, "what happens in another app is none of its business");
    let mut bodies: Vec<String> =
        [&unbound, &tenants].iter().flat_map(|sink| sink.received()).map(|it| it.body).collect();
    loop {
        let event = heard.next().await.expect("an event");
        bodies.push(event.data.to_string());
        if event.data["payload"]["name"] == "Last" {
            break;
        }
    }
    for path in [company.path("audit-logs?limit=200"), format!("/v1/audit-logs?app_id={}&limit=200", company.app.id)] {
        let by = if path.contains("app_id") { &company.app.owner } else { &company.owner };
        bodies.push(world.get(&path).by(by).send().await.ok().to_string());
    }
    for token in mails.iter().map(Mail::token) {
        assert!(bodies.iter().all(|body| !body.contains(&token)), "{bodies:?}");
    }
}

async fn attack_53_a_receiver_that_echoes_leaves_no_token_behind(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    world.mails().await;
    let sink = Sink::new(|received| {
        let again = received.header("x-fabric-event").is_some_and(|kind| !kind.starts_with("team"));
        Reply::Status(if again { 500 } else { 200 }, received.body.clone())
    });
    let endpoint = listen(world, &company.app, &sink, true).await;
    let filter = LINKS.iter().map(|(kind, ..)| *kind).chain(["team.created"]).collect::<Vec<_>>();
    let path = format!("/v1/webhooks/{}", endpoint["id"].as_str().unwrap());
    world.patch(&path, &json!({ "event_filter": filter, "max_retries": 1 })).by(&company.app.owner).send().await.ok();
    let mails = links(world, &company).await;
    company.team(world, "Echoed").await;
    let workers = world.deliver();
    at_least(&sink, 5).await;
    actix_web::rt::time::sleep(Duration::from_millis(500)).await;
    // All of them are tried once more.
    world.advance(Duration::from_mins(5));
    exactly(&sink, 9).await;
    workers.stop().await;
    let kept = |table: &str| world.number(&format!("SELECT count(*) FROM {table} WHERE answer IS NOT NULL"));
    assert_eq!((kept("webhook_deliveries"), kept("webhook_attempts")), (1, 0), "what was answered to the team alone");
    for mail in &mails {
        assert_eq!(world.columns_with(&mail.token()), [""; 0]);
    }
    let told = world.get(&format!("{path}/deliveries")).by(&company.app.owner).send().await;
    for delivery in told.ok().as_array().unwrap() {
        let one = format!("{path}/deliveries/{}", delivery["id"].as_str().unwrap());
        let shown = world.get(&one).by(&company.app.owner).send().await.ok().to_string();
        assert!(mails.iter().all(|mail| !shown.contains(&mail.token())), "{shown}");
    }
}

async fn attack_6_a_link_is_good_once_whichever_way_it_came(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    world.mails().await;
    listen(world, &company.app, &sink, true).await;
    let mails = links(world, &company).await;
    let workers = world.deliver();
    let begun = std::time::Instant::now();
    while LINKS.iter().any(|(kind, ..)| of_kind(&sink.received(), kind).is_empty()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "a link has not arrived");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    workers.stop().await;
    let delivered = LINKS.map(|(kind, token, _)| {
        let told = of_kind(&sink.received(), kind);
        told[0]["payload"][token].as_str().unwrap().to_owned()
    });
    let mailed = mails.map(|mail| mail.token());
    assert_eq!(delivered, mailed);
    let use_it = async |path: &str, body: Value| world.post(path, &body).send().await.status;
    let [verify, reset, ..] = delivered;
    assert_eq!(use_it("/v1/auth/verify", json!({ "token": verify })).await, 200);
    assert_eq!(use_it("/v1/auth/verify", json!({ "token": mailed[0] })).await, 400);
    let body = |token: &str| json!({ "token": token, "new_password": NEXT_PASSWORD });
    assert_eq!(use_it("/v1/auth/reset-password", body(&mailed[1])).await, 200);
    assert_eq!(use_it("/v1/auth/reset-password", body(&reset)).await, 400);
}
