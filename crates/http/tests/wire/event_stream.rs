//! What happens, as it happens: who hears what, and that nothing is missed.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use identity::ApiKey;
use serde_json::json;

use crate::support::{Call, Company, Stream, World, tell};

on_both!(
    an_administrator_hears_what_happens_in_their_organization_and_nowhere_else,
    events_are_one_line_of_json_with_their_id_and_kind,
    kinds_are_chosen,
    who_comes_back_is_told_what_they_missed,
    what_is_no_event_any_more_is_refused,
    an_app_hears_all_its_organizations_and_a_key_its_own,
    who_runs_the_platform_hears_everything,
    who_may_no_longer_hear_hears_nothing_more,
    nothing_is_missed_in_whatever_order_it_comes,
    the_server_ends_streams_when_it_stops,
);

async fn team(world: &World, company: &Company, name: &str) {
    let team = json!({ "name": name });
    world.post(&company.path("teams"), &team).by(&company.owner).send().await.ok();
}

fn stream<'a>(world: &'a World, query: &str) -> Call<'a> {
    world.get(&format!("/v1/events/stream?{query}"))
}

async fn an_administrator_hears_what_happens_in_their_organization_and_nowhere_else(world: &World) {
    let company = Company::new(world).await;
    let other = world.home_of(&company.outsider).await;
    tell(world).await;
    let mut heard = Stream::open(stream(world, &format!("organization_id={}", company.id)).by(&company.admin)).await;
    let theirs = world.post(&format!("/v1/organizations/{other}/teams"), &json!({ "name": "Theirs" }));
    theirs.by(&company.outsider).send().await.ok();
    team(world, &company, "Ours").await;
    tell(world).await;
    let event = heard.next().await.unwrap();
    assert_eq!((event.kind.as_str(), &event.data["organization_id"]), ("team.created", &json!(company.id)));
    assert_eq!(event.data["payload"]["name"], "Ours");
    stream(world, &format!("organization_id={other}")).by(&company.admin).send().await.refused(404, "not_found");
    let member = stream(world, &format!("organization_id={}", company.id)).by(&company.member);
    member.send().await.refused(403, "forbidden");
}

async fn events_are_one_line_of_json_with_their_id_and_kind(world: &World) {
    let company = Company::new(world).await;
    tell(world).await;
    let mut heard = Stream::open(stream(world, &format!("organization_id={}", company.id)).by(&company.owner)).await;
    let path = format!("/v1/organizations/{}", company.id);
    world.patch(&path, &json!({ "name": "Line" })).by(&company.owner).send().await.ok();
    team(world, &company, "data: x").await;
    tell(world).await;
    let updated = heard.next().await.unwrap();
    assert_eq!(
        (updated.kind.as_str(), &updated.data["kind"]),
        ("organization.updated", &json!("organization.updated"))
    );
    assert_eq!((&updated.data["id"], &updated.data["event"]), (&json!(updated.id), &updated.data["kind"]));
    assert!(updated.data["timestamp"].as_str().unwrap().ends_with('Z'));
    let fields: Vec<_> = updated.data.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["id", "kind", "event", "organization_id", "app_id", "actor_id", "payload", "timestamp"]);
    assert_eq!(heard.next().await.unwrap().data["payload"]["name"], "data: x");
}

async fn kinds_are_chosen(world: &World) {
    let company = Company::new(world).await;
    tell(world).await;
    let query = format!("organization_id={}&events=role.created, team.*", company.id).replace(' ', "%20");
    let mut heard = Stream::open(stream(world, &query).by(&company.owner)).await;
    company.set_role(world, &company.owner, &company.viewer, "member").await.ok();
    team(world, &company, "Crew").await;
    company.make_role(world, &company.owner, "auditor", &["audit.read"]).await.ok();
    tell(world).await;
    assert_eq!(heard.kinds(2).await, ["team.created", "role.created"]);
    stream(world, "events=team").by(&company.owner).send().await.refused(400, "invalid_request");
}

async fn who_comes_back_is_told_what_they_missed(world: &World) {
    let company = Company::new(world).await;
    tell(world).await;
    let here = format!("organization_id={}", company.id);
    let mut heard = Stream::open(stream(world, &here).by(&company.owner)).await;
    team(world, &company, "First").await;
    tell(world).await;
    let first = heard.next().await.unwrap();
    drop(heard);
    for number in 0..3 {
        team(world, &company, &format!("Missed {number}")).await;
    }
    tell(world).await;
    let back = stream(world, &here).by(&company.owner).header("last-event-id", &first.id);
    let mut back = Stream::open(back).await;
    for number in 0..3 {
        assert_eq!(back.next().await.unwrap().data["payload"]["name"], format!("Missed {number}"));
    }
    team(world, &company, "Live").await;
    tell(world).await;
    assert_eq!(back.next().await.unwrap().data["payload"]["name"], "Live");
}

async fn what_is_no_event_any_more_is_refused(world: &World) {
    let company = Company::new(world).await;
    for last in ["01920000-0000-7000-8000-000000000000", "x", "\u{e9}"] {
        let call = stream(world, &format!("organization_id={}", company.id)).by(&company.owner);
        call.header("last-event-id", last).send().await.refused(400, "invalid_request");
    }
    let fresh = stream(world, &format!("organization_id={}", company.id)).by(&company.owner);
    Stream::open(fresh.header("last-event-id", "")).await;
}

async fn an_app_hears_all_its_organizations_and_a_key_its_own(world: &World) {
    let (company, other) = (Company::new(world).await, world.app("other").await);
    let key = async |scope: &'static str| {
        let scoped = move |key| ApiKey { scopes: vec![scope.to_owned()], ..key };
        world.api_key(Some(company.app.id), company.id, &company.owner, scoped).await
    };
    let (key, narrow) = (key("webhooks:read").await, key("members:read").await);
    tell(world).await;
    let token = world.app_token(&company.app).await;
    let mut app = Stream::open(world.get("/v1/events/stream").bearer(&token)).await;
    let mut keys = Stream::open(world.get("/v1/events/stream").bearer(&key)).await;
    world.get("/v1/events/stream").bearer(&narrow).send().await.refused(403, "insufficient_scope");
    let stranger = world.sign_up(Some(&company.app), "stranger").await;
    world.sign_up(Some(&other), "elsewhere").await;
    team(world, &company, "Ours").await;
    tell(world).await;
    let mut told = Vec::new();
    while told.last().is_none_or(|kind| kind != "team.created") {
        let event = app.next().await.unwrap();
        assert_eq!(event.data["app_id"], json!(company.app.id));
        assert!(event.kind != "auth.signup" || event.data["payload"]["principal_id"] == json!(stranger.id));
        told.push(event.kind);
    }
    assert!(told.contains(&"auth.signup".to_owned()) && told.contains(&"organization.created".to_owned()), "{told:?}");
    assert_eq!(keys.kinds(1).await, ["team.created"]);
}

async fn who_runs_the_platform_hears_everything(world: &World) {
    let administrator = world.administrator().await;
    let company = Company::new(world).await;
    tell(world).await;
    // They belong to an organization of their own, which is what is meant where nothing is named.
    let named = format!("app_id={}", company.app.id);
    let mut heard = Stream::open(stream(world, &named).by(&administrator)).await;
    team(world, &company, "Ours").await;
    tell(world).await;
    assert_eq!(heard.kinds(1).await, ["team.created"]);
}

async fn who_may_no_longer_hear_hears_nothing_more(world: &World) {
    let company = Company::new(world).await;
    tell(world).await;
    let here = format!("organization_id={}", company.id);
    let mut demoted = Stream::open(stream(world, &here).by(&company.admin)).await;
    let mut signed_out = Stream::open(stream(world, &here).by(&company.owner)).await;
    company.set_role(world, &company.owner, &company.admin, "member").await.ok();
    tell(world).await;
    assert_eq!(demoted.kinds(1).await, ["membership.updated"]);
    assert_eq!(signed_out.kinds(1).await, ["membership.updated"]);
    let owner = world.sign_in(Some(&company.app), "owner").await;
    world.post("/v1/auth/logout", &json!({ "access_token": company.owner.token })).send().await.ok();
    world.get("/v1/me").by(&company.owner).send().await.refused(401, "token_revoked");
    // Both are asked again within five seconds, and told nothing from then on.
    actix_web::rt::time::sleep(Duration::from_secs(6)).await;
    let team = json!({ "name": "Secret" });
    world.post(&company.path("teams"), &team).by(&owner).send().await.ok();
    tell(world).await;
    assert!(demoted.next().await.is_none(), "a member hears on");
    let heard = signed_out.next().await;
    assert!(heard.is_none(), "an ended session hears on: {heard:?}");
}

async fn nothing_is_missed_in_whatever_order_it_comes(world: &World) {
    let company = Company::new(world).await;
    tell(world).await;
    let here = format!("organization_id={}", company.id);
    let mut heard = Stream::open(stream(world, &here).by(&company.owner)).await;
    let tries = (0..60).map(|number| {
        let team = json!({ "name": format!("Team {number}") });
        world.post(&company.path("teams"), &team).by(&company.owner).send()
    });
    let rounds = (0..30).map(|_| async {
        world.platform.sequence().await.unwrap();
        world.platform.tell_listeners().await.unwrap();
    });
    let (made, _) = futures_util::future::join(join_all(tries), join_all(rounds)).await;
    let made: BTreeSet<String> = made.iter().map(|answer| answer.text("id")).collect();
    tell(world).await;
    let mut told = BTreeSet::new();
    for _ in 0..60 {
        let event = heard.next().await.unwrap();
        assert!(told.insert(event.data["payload"]["team_id"].as_str().unwrap().to_owned()), "twice: {event:?}");
    }
    assert_eq!(told, made);
}

async fn the_server_ends_streams_when_it_stops(world: &World) {
    let company = Company::new(world).await;
    let mut heard = Stream::open(stream(world, &format!("organization_id={}", company.id)).by(&company.owner)).await;
    world.platform.end_streams();
    assert!(heard.next().await.is_none());
}
