//! In which order, how fast and by whom it is delivered.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use kernel::{Event, EventKind, id::TeamId};
use outbound::Client;
use platform::{
    Workers,
    courier::{Carrying, Courier, Parcel},
};
use serde_json::json;
use testbed::sink::{Reply, Sink};
use tokio::time::{Instant, sleep};

use crate::support::{Company, Stream, World, at_least, event, exactly, sinks_alone, teams, tell};

on_both!(
    in_order_nothing_overtakes_what_has_to_be_tried_again,
    attack_46_an_endpoint_that_hangs_delays_no_other,
    an_endpoint_gets_no_more_in_a_minute_than_it_wants,
    what_commits_out_of_order_is_delivered_once_each,
    two_servers_share_the_work,
    who_dies_leaves_nothing_behind,
    what_was_waiting_at_a_stop_goes_out_at_the_next_start,
);

async fn in_order_nothing_overtakes_what_has_to_be_tried_again(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let fail = Arc::new(AtomicBool::new(true));
    let failing = Arc::clone(&fail);
    let sink = Sink::new(move |received| {
        let second = event(received)["payload"]["name"] == "1";
        Reply::Status(if second && failing.load(Ordering::SeqCst) { 500 } else { 200 }, String::new())
    });
    let _workers = world.deliver();
    world.endpoint(&company, &sink.url(), json!({ "ordered": true })).await;
    for number in 0..4 {
        company.team(world, &number.to_string()).await;
    }
    assert_eq!(teams(&exactly(&sink, 2).await), ["0", "1"]);
    fail.store(false, Ordering::SeqCst);
    company.team(world, "4").await;
    world.advance(Duration::from_secs(13));
    assert_eq!(teams(&exactly(&sink, 6).await), ["0", "1", "1", "2", "3", "4"]);
}

async fn attack_46_an_endpoint_that_hangs_delays_no_other(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let (dead, live) = (Sink::new(|_| Reply::Silence), Sink::content());
    let _workers = world.deliver();
    world.endpoint(&company, &dead.url(), json!({})).await;
    let slow = world.endpoint(&company, "http://127.0.0.1:9/", json!({})).await;
    world.endpoint(&company, &live.url(), json!({})).await;
    for number in 0..20 {
        company.team(world, &number.to_string()).await;
    }
    let begun = Instant::now();
    at_least(&live, 20).await;
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    let delivery = world.deliveries(&company, &slow).await.remove(0);
    assert!(delivery["status"] == "pending", "{delivery}");
    // Of what hangs a few are tried, and then it is left alone.
    sleep(Duration::from_secs(4)).await;
    assert!(dead.count() < 20, "{}", dead.count());
}

async fn an_endpoint_gets_no_more_in_a_minute_than_it_wants(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let _workers = world.deliver();
    world.endpoint(&company, &sink.url(), json!({ "rate_limit_per_minute": 2 })).await;
    for number in 0..3 {
        company.team(world, &number.to_string()).await;
    }
    exactly(&sink, 1).await;
    world.advance(Duration::from_secs(28));
    exactly(&sink, 1).await;
    world.advance(Duration::from_secs(5));
    exactly(&sink, 2).await;
    // What comes now waits behind the others.
    company.team(world, "3").await;
    exactly(&sink, 2).await;
    for count in [3, 4] {
        world.advance(Duration::from_secs(31));
        exactly(&sink, count).await;
    }
}

async fn what_commits_out_of_order_is_delivered_once_each(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let _workers = world.deliver();
    world.endpoint(&company, &sink.url(), json!({})).await;
    let listen = format!("/v1/events/stream?organization_id={}&events=team.created", company.id);
    let mut heard = Stream::open(world.get(&listen).by(&company.owner)).await;
    let (organization, mut made) = (company.id, BTreeSet::new());
    let units = (0..60_u64).map(|number| {
        let now = world.now();
        let event = Event {
            organization: Some(organization),
            payload: json!({ "team_id": TeamId::generate(), "name": number.to_string(), "slug": "crew" }),
            ..Event::new(EventKind::TeamCreated, now)
        };
        made.insert(number.to_string());
        world.write(move |tx| {
            tx.append(&event)?;
            // Those who begin first end last.
            std::thread::sleep(Duration::from_millis(if number % 3 == 0 { 120 } else { number % 7 }));
            Ok(())
        })
    });
    futures_util::future::join_all(units.collect::<Vec<_>>()).await;
    let names = teams(&exactly(&sink, 60).await);
    assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), made);
    tell(world).await;
    let mut told = BTreeSet::new();
    for _ in 0..60 {
        let frame = heard.next().await.unwrap();
        let name = frame.data["payload"]["name"].as_str().unwrap().to_owned();
        assert!(told.insert(name), "twice: {frame:?}");
    }
    assert_eq!(told, made);
    assert_eq!(world.platform.verify_audit_log(Vec::new()).await.unwrap().broken, []);
    // SQLite has one writer.
    if world.kind == testbed::Kind::Postgres {
        let overtaken = "SELECT count(*) FROM events AS earlier JOIN events AS later ON earlier.id < later.id \
                         AND earlier.position > later.position \
                         WHERE earlier.kind = 'team.created' AND later.kind = 'team.created'";
        assert!(world.number(overtaken) > 0, "they were committed in the order in which they were made");
    }
    assert_eq!(world.number("SELECT count(*) FROM webhook_queues"), 0, "nothing waits any more");
}

async fn two_servers_share_the_work(world: &World) {
    let world = &world.with_sinks().await;
    // SQLite's file is one process's.
    if world.kind == testbed::Kind::Sqlite {
        return;
    }
    let company = Company::new(world).await;
    let sinks: Vec<_> = (0..6).map(|_| Sink::content()).collect();
    for sink in &sinks {
        world.endpoint(&company, &sink.url(), json!({})).await;
    }
    let other = world.restarted().await;
    let counts: [Arc<AtomicUsize>; 2] = Default::default();
    let servers = [world, &other];
    let _workers = [0, 1].map(|number| {
        let courier = Counted(sinks_alone(), Arc::clone(&counts[number]));
        Workers::start(&servers[number].platform, None, Some(Arc::new(courier)))
    });
    // What is written at a server is noticed there first; and nobody keeps an endpoint for which nothing is left.
    for wave in 0..10 {
        for number in 4 * wave..4 * (wave + 1) {
            company.team(servers[wave % 2], &number.to_string()).await;
        }
        for sink in &sinks {
            at_least(sink, 4 * (wave + 1)).await;
        }
        while world.number("SELECT count(*) FROM webhook_queues") > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    }
    for sink in &sinks {
        let names: BTreeSet<_> = teams(&exactly(sink, 40).await).into_iter().collect();
        assert_eq!(names.len(), 40);
    }
    let counts = counts.map(|count| count.load(Ordering::SeqCst));
    assert_eq!(counts.iter().sum::<usize>(), 40 * sinks.len(), "each once");
    assert!(counts.iter().all(|count| *count > 0), "one of them did nothing: {counts:?}");
}

/// Counts what one server sends.
struct Counted(Client, Arc<AtomicUsize>);

impl Courier for Counted {
    fn carry(&self, parcel: Parcel, keep: usize) -> Carrying<'_> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.carry(parcel, keep)
    }
}

async fn who_dies_leaves_nothing_behind(world: &World) {
    let world = &world.with_sinks().await;
    let (company, sink) = (Company::new(world).await, Sink::content());
    let endpoint = world.endpoint(&company, &sink.url(), json!({})).await;
    // As if somebody had taken it and died.
    let workers = world.deliver();
    company.team(world, "Before").await;
    world.tried(&company, &endpoint, 1).await;
    workers.stop().await;
    company.team(world, "Crew").await;
    while world.platform.sequence().await.unwrap() > 0 {}
    while world.platform.fan_out().await.unwrap() > 0 {}
    let lease = match world.kind {
        testbed::Kind::Sqlite => "leased_by = zeroblob(16), leased_until = due_at + 30000000",
        testbed::Kind::Postgres => {
            "leased_by = '00000000-0000-0000-0000-000000000000', leased_until = due_at + interval '30 s'"
        }
    };
    assert_eq!(world.tamper(&format!("UPDATE webhook_queues SET {lease}")), 1);
    let _workers = world.deliver();
    if world.kind == testbed::Kind::Postgres {
        exactly(&sink, 1).await;
        world.advance(Duration::from_secs(31));
    }
    assert_eq!(teams(&exactly(&sink, 2).await), ["Before", "Crew"]);
}

async fn what_was_waiting_at_a_stop_goes_out_at_the_next_start(world: &World) {
    let world = &world.with_sinks().await;
    let company = Company::new(world).await;
    let sink = Sink::new(|_| Reply::After(Duration::from_millis(300), Box::new(Reply::ok())));
    let endpoint = world.endpoint(&company, &sink.url(), json!({ "ordered": true })).await;
    let workers = world.deliver();
    for number in 0..5 {
        company.team(world, &number.to_string()).await;
    }
    at_least(&sink, 2).await;
    workers.stop().await;
    let sent = sink.count();
    let done = world.deliveries(&company, &endpoint).await;
    let done = done.iter().filter(|delivery| delivery["status"] == "success").count();
    assert_eq!(done, sent, "what was under way is finished and written down");
    assert!(sent < 5);
    let _workers = world.restarted().await.deliver();
    assert_eq!(teams(&exactly(&sink, 5).await), ["0", "1", "2", "3", "4"], "and nothing is repeated");
}
