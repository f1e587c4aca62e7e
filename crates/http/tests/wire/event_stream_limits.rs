//! Streams of those who listen too much, too slowly, or to what is not theirs.

use std::time::Duration;

use actix_web::rt::time::sleep;
use fabric_http::Patience;
use serde_json::json;

use crate::support::{Call, Company, Stream, World, tell};

on_both!(
    attack_37_anothers_event_is_answered_like_one_that_does_not_exist,
    attack_53_no_stream_tells_of_a_token,
    attack_46_one_credential_has_so_many_streams,
    attack_46_who_does_not_read_is_cut_off_and_misses_nothing,
    who_reads_slowly_is_asked_before_each_event,
);

fn stream<'a>(world: &'a World, company: &Company) -> Call<'a> {
    world.get(&format!("/v1/events/stream?organization_id={}", company.id))
}

async fn attack_37_anothers_event_is_answered_like_one_that_does_not_exist(world: &World) {
    let company = Company::new(world).await;
    let other = world.home_of(&company.outsider).await;
    let theirs = world.post(&format!("/v1/organizations/{other}/teams"), &json!({ "name": "Theirs" }));
    theirs.by(&company.outsider).send().await.ok();
    tell(world).await;
    let id = |organization: kernel::id::OrganizationId| async move {
        let page = kernel::Page::new(None, 0, 1).unwrap();
        let newest =
            world.read(move |tx| tx.entries_in(&kernel::Unchecked(organization), &audit::Filter::default(), &page));
        newest.await.items.remove(0).id.to_string()
    };
    let (foreign, own) = (id(other).await, id(company.id).await);
    let begin =
        async |last: &str| stream(world, &company).by(&company.owner).header("last-event-id", last).send().await;
    let told = begin(&foreign).await;
    assert_eq!(told.told(), begin("01920000-0000-7000-8000-000000000000").await.told());
    told.refused(400, "invalid_request");
    Stream::open(stream(world, &company).by(&company.owner).header("last-event-id", &own)).await;
    // Nor does an event help that carries a token, which no stream tells of.
    let invited = json!({ "email": "alice@example.com", "role": "member" });
    world.post(&company.path("invitations"), &invited).by(&company.owner).send().await.ok();
    while world.platform.send_mails(None).await.unwrap() > 0 {}
    tell(world).await;
    begin(&id(company.id).await).await.refused(400, "invalid_request");
}

async fn attack_53_no_stream_tells_of_a_token(world: &World) {
    let company = Company::new(world).await;
    let administrator = world.administrator().await;
    world.mails().await;
    tell(world).await;
    let token = world.app_token(&company.app).await;
    let whole = world.get(&format!("/v1/events/stream?app_id={}", company.app.id)).by(&administrator);
    let mut heard = [
        Stream::open(stream(world, &company).by(&company.owner)).await,
        Stream::open(world.get("/v1/events/stream").bearer(&token)).await,
        Stream::open(whole).await,
    ];
    let invited = json!({ "email": "alice@example.com", "role": "member" });
    world.post(&company.path("invitations"), &invited).by(&company.owner).send().await.ok();
    let forgot = json!({ "email": company.member.email });
    world.at_door(Some(&company.app), "/v1/auth/forgot-password", &forgot).send().await.ok();
    world.sign_up(Some(&company.app), "bob").await;
    assert_eq!(world.mails().await.len(), 3);
    for kind in ["invitation.link_issued", "auth.password_reset_requested", "auth.email_verification_required"] {
        assert!(world.events(kind) > 0, "{kind}");
    }
    world.post(&company.path("teams"), &json!({ "name": "Last" })).by(&company.owner).send().await.ok();
    tell(world).await;
    for heard in &mut heard {
        let mut kinds = Vec::new();
        loop {
            let event = heard.next().await.expect("an event");
            assert!(!webhooks::carries_token(&event.kind), "{event:?}");
            assert!(!event.data.to_string().contains("token"), "{event:?}");
            if event.data["payload"]["name"] == "Last" {
                break;
            }
            kinds.push(event.kind);
        }
        assert!(kinds.contains(&"invitation.created".to_owned()), "{kinds:?}");
    }
}

async fn attack_46_one_credential_has_so_many_streams(world: &World) {
    let company = Company::new(world).await;
    let mut open = Vec::new();
    for _ in 0..50 {
        open.push(Stream::open(stream(world, &company).by(&company.admin)).await);
    }
    stream(world, &company).by(&company.admin).send().await.refused(429, "too_many_requests");
    // Nobody else waits for them, up to a point.
    for _ in 0..50 {
        open.push(Stream::open(stream(world, &company).by(&company.owner)).await);
    }
    let key = world.api_key(Some(company.app.id), company.id, &company.owner, |key| key).await;
    stream(world, &company).bearer(&key).send().await.refused(429, "too_many_requests");
    let elsewhere = world.home_of(&company.outsider).await;
    let elsewhere = world.get(&format!("/v1/events/stream?organization_id={elsewhere}")).by(&company.outsider);
    Stream::open(elsewhere).await;
    // Whoever goes makes room, as soon as that is seen.
    drop(open);
    sleep(Duration::from_millis(50)).await;
    Stream::open(stream(world, &company).bearer(&key)).await;
}

async fn attack_46_who_does_not_read_is_cut_off_and_misses_nothing(world: &World) {
    let impatient =
        |plan: &mut crate::support::Plan| plan.options.listener_patience = Patience(Duration::from_millis(200));
    let world = &world.restarted_with(impatient).await;
    let company = Company::new(world).await;
    tell(world).await;
    let mut heard = Stream::open(stream(world, &company).by(&company.owner)).await;
    let mut quick = Stream::open(stream(world, &company).by(&company.admin)).await;
    for number in 0..60 {
        let team = json!({ "name": format!("Team {number}") });
        world.post(&company.path("teams"), &team).by(&company.owner).send().await.ok();
    }
    tell(world).await;
    for number in 0..60 {
        assert_eq!(quick.next().await.unwrap().data["payload"]["name"], format!("Team {number}"));
    }
    sleep(Duration::from_millis(600)).await;
    // What there is room for is all that was kept for them.
    let (mut names, mut last) = (Vec::new(), String::new());
    while let Some(event) = heard.next().await {
        names.push(event.data["payload"]["name"].as_str().unwrap().to_owned());
        last = event.id;
    }
    assert!((1..=16).contains(&names.len()), "{names:?}");
    let mut back = Stream::open(stream(world, &company).by(&company.owner).header("last-event-id", &last)).await;
    while names.len() < 60 {
        names.push(back.next().await.unwrap().data["payload"]["name"].as_str().unwrap().to_owned());
    }
    let all: Vec<_> = (0..60).map(|number| format!("Team {number}")).collect();
    assert_eq!(names, all);
}

async fn who_reads_slowly_is_asked_before_each_event(world: &World) {
    let company = Company::new(world).await;
    tell(world).await;
    let mut heard = Stream::open(stream(world, &company).by(&company.admin)).await;
    for number in 0..40 {
        let team = json!({ "name": format!("Team {number}") });
        world.post(&company.path("teams"), &team).by(&company.owner).send().await.ok();
    }
    tell(world).await;
    assert_eq!(heard.next().await.unwrap().data["payload"]["name"], "Team 0");
    company.set_role(world, &company.owner, &company.admin, "member").await.ok();
    sleep(Duration::from_secs(6)).await;
    let mut told = 1;
    while heard.next().await.is_some() {
        told += 1;
    }
    assert!(told < 40, "a member is told of everything that waited");
}
