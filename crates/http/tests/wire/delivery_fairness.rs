//! Attack 46, with more bad endpoints than there is room for: what one tenant does to itself, others do not feel.

use std::time::Duration;

use outbound::{Client, Limits, Networks};
use serde_json::json;
use testbed::sink::{Reply, Sink};
use tokio::time::Instant;

use crate::support::{Company, World, at_least};

on_both!(
    attack_46_more_endpoints_that_hang_than_there_is_room_for_delay_no_other,
    attack_46_more_endpoints_that_are_slow_than_there_is_room_for_delay_no_other,
);

/// More than one server takes in hand at a time.
const BAD: usize = 300;
/// So many does an organization have at the most.
const EACH: usize = 50;
/// What waits for each of them.
const WAITING: usize = 5;
const SOON: Duration = Duration::from_secs(2);

async fn attack_46_more_endpoints_that_hang_than_there_is_room_for_delay_no_other(world: &World) {
    others_hear_soon(world, &Sink::new(|_| Reply::Silence)).await;
}

async fn attack_46_more_endpoints_that_are_slow_than_there_is_room_for_delay_no_other(world: &World) {
    let slow = Sink::new(|_| Reply::After(Duration::from_secs(4), Box::new(Reply::ok())));
    others_hear_soon(world, &slow).await;
}

async fn others_hear_soon(world: &World, bad: &Sink) {
    let world = &world.with_sinks().await;
    let (healthy, content) = (Company::new(world).await, Sink::content());
    world.endpoint(&healthy, &content.url(), json!({})).await;
    let mut crowd = Vec::new();
    for number in 0..BAD / EACH {
        let owner = world.sign_up(None, &format!("crowd{number}")).await;
        let place = format!("/v1/organizations/{}", world.home_of(&owner).await);
        for number in 0..EACH {
            let body = json!({ "url": format!("{}/{number}", bad.url()), "event_filter": ["team.created"] });
            world.post(&format!("{place}/webhooks"), &body).by(&owner).send().await.ok();
        }
        let teams = format!("{place}/teams");
        for number in 0..WAITING {
            world.post(&teams, &json!({ "name": number.to_string() })).by(&owner).send().await.ok();
        }
        crowd.push((owner, teams));
    }
    // With the patience of a real server.
    let client = Client::new(Networks::loopback(), false, Limits::default()).unwrap();
    let workers = world.deliver_with(client);
    // Not before the bad ones have taken what they are given.
    at_least(bad, BAD / 4).await;
    for (number, (owner, teams)) in (1..).zip(&crowd) {
        let begun = Instant::now();
        healthy.team(world, &number.to_string()).await;
        // And more comes for the others all the time.
        world.post(teams, &json!({ "name": "more" })).by(owner).send().await.ok();
        at_least(&content, number).await;
        assert!(begun.elapsed() < SOON, "the {number}. one came after {:?}", begun.elapsed());
    }
    drop(workers);
}
