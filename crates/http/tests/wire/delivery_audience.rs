//! Who hears what.

use std::time::Duration;

use serde_json::json;
use testbed::sink::Sink;

use crate::support::{Company, NEXT_PASSWORD, PASSWORD, Person, World, event, exactly, teams};

on_both!(
    an_organization_and_its_apps_owner_hear_and_nobody_else,
    what_happens_to_accounts_is_for_who_owns_their_app,
    filters_narrow_it,
    nobody_hears_of_the_past,
    who_somebody_is_is_told_but_not_where,
);

async fn an_organization_and_its_apps_owner_hear_and_nobody_else(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let (own, owners, strangers) = (Sink::content(), Sink::content(), Sink::content());
    let outsiders = world.home_of(&company.outsider).await;
    let _workers = world.deliver();
    let body = |sink: &Sink| json!({ "url": sink.url(), "event_filter": ["team.*"] });
    let make = async |organization: kernel::id::OrganizationId, sink: &Sink, by| {
        let path = format!("/v1/organizations/{organization}/webhooks");
        world.post(&path, &body(sink)).by(by).send().await.ok().clone()
    };
    make(company.id, &own, &company.owner).await;
    make(outsiders, &strangers, &company.outsider).await;
    make(company.app.organization, &owners, &company.app.owner).await;
    company.team(world, "Theirs").await;
    assert_eq!(teams(&exactly(&own, 1).await), ["Theirs"]);
    assert_eq!(teams(&exactly(&owners, 1).await), ["Theirs"]);
    assert_eq!(strangers.count(), 0);
    let path = format!("/v1/organizations/{}/teams", company.app.organization);
    world.post(&path, &json!({ "name": "Owners" })).by(&company.app.owner).send().await.ok();
    assert_eq!(teams(&exactly(&owners, 2).await), ["Theirs", "Owners"]);
    assert_eq!((own.count(), strangers.count()), (1, 0), "what the owner does is no tenant's business");
}

/// Contract 1.9: what carries no token goes to every endpoint of the owner's, to no tenant's, and of platform accounts to
/// nobody.
async fn what_happens_to_accounts_is_for_who_owns_their_app(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let other = world.set_up("other").await;
    let _workers = world.deliver();
    let sinks = [(); 3].map(|()| Sink::content());
    let places = [
        (company.id, &company.owner),
        (company.app.organization, &company.app.owner),
        (other.organization, &other.owner),
    ];
    for ((organization, by), sink) in places.into_iter().zip(&sinks) {
        let path = format!("/v1/organizations/{organization}/webhooks");
        let body = json!({ "url": sink.url(), "event_filter": ["auth.*"] });
        world.post(&path, &body).by(by).send().await.ok();
    }
    // Of an app's user, and of a developer.
    for app in [Some(&company.app), None] {
        let person = world.sign_up(app, "newcomer").await;
        let change = json!({ "current_password": PASSWORD, "new_password": NEXT_PASSWORD });
        world.post("/v1/auth/change-password", &change).by(&person).send().await.ok();
        world.log_in(app, "newcomer", NEXT_PASSWORD).await.ok();
        for _ in 0..5 {
            world.log_in(app, "newcomer", PASSWORD).await;
        }
    }
    let vouched = json!({ "provider": "github", "provider_user_id": "7", "email": "social@example.com" });
    let login = world.post("/v1/auth/social-login", &vouched).bearer(&company.app.api_key).send().await;
    let social = Person::of(&login);
    let [tenant, owner, stranger] = &sinks;
    let received = exactly(owner, 7).await;
    let told = received.iter().map(event).find(|event| event["kind"] == "auth.social_login").unwrap();
    let payload = json!({
        "principal_id": social.id, "email": "social@example.com", "provider": "github", "provider_user_id": "7",
    });
    assert_eq!(told["payload"], payload);
    let heard: Vec<_> = received.iter().map(|received| event(received)["kind"].clone()).collect();
    let mut heard: Vec<_> = heard.iter().map(|kind| kind.as_str().unwrap()).collect();
    heard.sort_unstable();
    let expected = [
        "auth.account_locked",
        "auth.login",
        "auth.password_changed",
        "auth.signup",
        "auth.signup",
        "auth.social_connected",
        "auth.social_login",
    ];
    assert_eq!(heard, expected);
    assert_eq!((tenant.count(), stranger.count()), (0, 0));
}

async fn filters_narrow_it(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let (kinds, all, one) = (Sink::content(), Sink::content(), Sink::content());
    let _workers = world.deliver();
    world.endpoint(&company, &kinds.url(), json!({ "event_filter": ["auth.*", "team.updated"] })).await;
    world.endpoint(&company, &all.url(), json!({ "event_filter": ["team.*"] })).await;
    world.endpoint(&company, &one.url(), json!({ "resource_filter": { "name": "One" } })).await;
    let team = company.team(world, "One").await;
    company.team(world, "Two").await;
    world.patch(&format!("/v1/teams/{team}"), &json!({ "name": "New" })).by(&company.owner).send().await.ok();
    assert_eq!(exactly(&all, 3).await.len(), 3);
    assert_eq!(teams(&one.received()), ["One"]);
    assert_eq!(
        kinds.received().iter().map(event).map(|event| event["kind"].clone()).collect::<Vec<_>>(),
        ["team.updated"]
    );
}

async fn nobody_hears_of_the_past(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    company.team(world, "Before").await;
    world.advance(Duration::from_secs(1));
    world.endpoint(&company, &sink.url(), json!({})).await;
    let _workers = world.deliver();
    company.team(world, "After").await;
    assert_eq!(teams(&exactly(&sink, 1).await), ["After"]);
}

async fn who_somebody_is_is_told_but_not_where(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let _workers = world.deliver();
    world.endpoint(&company, &sink.url(), json!({ "event_filter": ["invitation.created"] })).await;
    let invitation = json!({ "organization_id": company.id, "email": "eve@example.com", "role": "member" });
    let call = world.post("/v1/invitations", &invitation).header("user-agent", "secret-browser");
    call.from("203.0.113.7:1").by(&company.owner).send().await.ok();
    let received = exactly(&sink, 1).await.remove(0);
    assert_eq!(event(&received)["payload"]["email"], "eve@example.com");
    for hidden in ["203.0.113.7", "secret-browser", "user_agent", "\"ip\""] {
        assert!(!received.body.contains(hidden), "{hidden}: {}", received.body);
    }
}
