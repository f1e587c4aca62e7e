//! `kill -9` while it is delivered: what was answered is told, what was not done never is, nothing is stuck, and only what
//! was under way is repeated.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use testbed::sink::{Reply, Sink};
use uuid::Uuid;

use crate::support::{Client, Server, Site, client::text, cluster::Cluster, new_email, sql, until};

on_both!(what_was_answered_is_told_whoever_is_killed_meanwhile);

const KILLS: usize = 50;
/// Who makes teams for the endpoint of the round, at the same time.
const CLIENTS: usize = 3;
/// How long the sink takes: so that there is something under way at most moments.
const TAKES: Duration = Duration::from_millis(20);
/// So many requests are under way to one endpoint at the most, those included that are not written down yet.
const UNDER_WAY: usize = 64;
/// What an attempt takes at the most, with the writing down, however busy the machine is. What arrived longer before a
/// kill than that is not repeated.
const AT_MOST: Duration = Duration::from_secs(10);

/// Somebody with an organization and an endpoint.
struct Developer {
    token: String,
    organization: String,
    endpoint: String,
}

impl Developer {
    fn new(client: &Client, sink: &Sink) -> Self {
        let token = text(&client.sign_up(&new_email())["access_token"]);
        let signed_in = client.bearer(&token);
        let organization = text(&signed_in.post("/v1/organizations", &json!({ "name": "Acme" })).data()["id"]);
        let mut developer = Self { token, organization, endpoint: String::new() };
        developer.endpoint = developer.add_endpoint(&signed_in, sink);
        developer
    }

    fn add_endpoint(&self, signed_in: &Client, sink: &Sink) -> String {
        let path = format!("/v1/organizations/{}/webhooks", self.organization);
        let kinds = ["team.created", "webhook.replayed"];
        let new = json!({ "url": sink.url(), "event_filter": kinds, "max_retries": 20 });
        text(&signed_in.post(&path, &new).data()["id"])
    }

    fn client(&self, server: &Server) -> Client {
        server.client().bearer(&self.token)
    }

    fn teams(&self) -> String {
        format!("/v1/organizations/{}/teams", self.organization)
    }

    /// Makes teams until the server is gone. Every third slug is one that another client wants as well: one of the two is
    /// refused.
    fn make_teams(&self, client: &Client, round: usize, number: usize) -> Answered {
        let mut answered = Answered::default();
        for turn in 0.. {
            let name = format!("{round}-{number}-{turn}");
            let slug = if turn % 3 == 0 { format!("contested-{round}-{turn}") } else { format!("own-{name}") };
            match client.try_send("POST", &self.teams(), Some(&json!({ "name": name, "slug": slug }))) {
                Ok(answer) if answer.status == 201 => answered.made.insert(name),
                Ok(answer) if answer.status == 409 => answered.refused.insert(name),
                Ok(answer) => panic!("{}: {}", answer.status, answer.body),
                Err(_) => break,
            };
        }
        answered
    }

    fn all_teams(&self, client: &Client) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut cursor = String::new();
        loop {
            let page = client.get(&format!("{}?limit=200{cursor}", self.teams())).json();
            names.extend(page["data"].as_array().unwrap().iter().map(|team| text(&team["name"])));
            match page["meta"]["pagination"]["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return names,
            }
        }
    }
}

/// The names of the teams that were made, and of those that were not.
#[derive(Default)]
struct Answered {
    made: BTreeSet<String>,
    refused: BTreeSet<String>,
}

/// A receiver that takes its time, and knows what is under way.
struct Receiver {
    sink: Sink,
    under_way: Arc<AtomicUsize>,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

#[derive(Clone)]
struct Arrival {
    delivery: Uuid,
    kind: String,
    team: String,
    at: Instant,
}

impl Receiver {
    fn new() -> Self {
        let (under_way, arrivals) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<Arrival>>>::default());
        let (count, record) = (Arc::clone(&under_way), Arc::clone(&arrivals));
        let sink = Sink::new(move |received| {
            count.fetch_add(1, Ordering::SeqCst);
            let event: Value = serde_json::from_str(&received.body).unwrap();
            let delivery = received.header("webhook-id").unwrap().parse().unwrap();
            let team = event["payload"]["name"].as_str().unwrap_or_default().to_owned();
            let arrival = Arrival { delivery, kind: text(&event["kind"]), team, at: received.at };
            record.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
            thread::sleep(TAKES);
            count.fetch_sub(1, Ordering::SeqCst);
            Reply::ok()
        });
        Self { sink, under_way, arrivals }
    }

    fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The teams that were told of.
    fn told(&self) -> BTreeSet<String> {
        self.arrivals().into_iter().map(|arrival| arrival.team).collect()
    }
}

/// The end of a server.
struct Kill {
    at: Instant,
    /// By then the sink had seen the last of what had been sent, and no other server had begun.
    over: Instant,
    /// What was under way at the sink.
    under_way: usize,
    /// The deliveries that were written down as arrived, as the database had it before the next start.
    recorded: BTreeSet<Uuid>,
}

fn what_was_answered_is_told_whoever_is_killed_meanwhile(site: &Site) {
    let url = site.database_url.clone().unwrap();
    let (receiver, patient) = (Receiver::new(), Receiver::new());
    let first = site.serve();
    // Theirs is an endpoint that lives through it all, and another one that is paused meanwhile.
    let all_along = Developer::new(&first.client(), &receiver.sink);
    let paused = all_along.add_endpoint(&all_along.client(&first), &patient.sink);
    let switch = |server: &Server, what| {
        all_along.client(server).post(&format!("/v1/webhooks/{paused}/{what}"), &json!({})).data();
    };
    switch(&first, "pause");
    first.stop();
    let (mut kills, mut developers, mut answered) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..KILLS {
        let server = site.serve();
        // An endpoint that a server held when it was killed waits, on PostgreSQL, until the lease is over.
        let developer = Developer::new(&server.client(), &receiver.sink);
        let (kill, round) = live_until_killed(server, round, [&all_along, &developer], &paused, &receiver, &url);
        kills.push(kill);
        answered.extend(round);
        developers.push(developer);
    }

    let server = site.serve();
    switch(&server, "resume");
    let own = all_along.all_teams(&all_along.client(&server));
    let others = developers.iter().flat_map(|developer| developer.all_teams(&developer.client(&server)));
    let made: BTreeSet<_> = own.iter().cloned().chain(others).collect();
    until("everything that was done is told", || receiver.told().is_superset(&made).then_some(()));
    until("what waited for a paused endpoint is told", || patient.told().is_superset(&own).then_some(()));
    let left = |what| sql::count(&url, &format!("SELECT count(*) AS count FROM {what}"));
    until("nothing is stuck", || (left("webhook_deliveries WHERE status <> 'success'") == 0).then_some(()));
    until("nobody waits", || (left("webhook_queues") == 0).then_some(()));
    server.stop();

    // What was answered is there, what was refused is not, and exactly that was told.
    assert!(answered.iter().all(|answered| answered.made.is_subset(&made)));
    let refused: BTreeSet<_> = answered.iter().flat_map(|answered| &answered.refused).cloned().collect();
    assert!(refused.len() >= KILLS && refused.is_disjoint(&made), "{} refused", refused.len());
    for (receiver, expected) in [(&receiver, &made), (&patient, &own)] {
        assert_eq!(&receiver.told(), expected);
        let arrivals = receiver.arrivals();
        assert!(
            arrivals.iter().all(|arrival| arrival.kind == "team.created"),
            "a change that was rolled back was told"
        );
        let deliveries: BTreeSet<_> = arrivals.iter().map(|arrival| arrival.delivery).collect();
        assert_eq!(deliveries.len(), expected.len(), "one delivery for each");
    }
    let lost = only_what_was_under_way_is_repeated(&receiver.arrivals(), &kills);
    let busy = kills.iter().zip(&lost).filter(|(kill, lost)| kill.under_way > 0 || **lost > 0).count();
    let repeated: usize = lost.iter().sum();
    eprintln!("{} made, {} refused, {busy} kills while busy, {repeated} repeated", made.len(), refused.len());
    assert!(busy >= KILLS / 3 && repeated >= KILLS / 3, "the test is too kind");
}

/// One server's life: under load from its first moment on, and killed at any.
fn live_until_killed(
    mut server: Server,
    round: usize,
    developers: [&Developer; 2],
    paused: &str,
    receiver: &Receiver,
    url: &str,
) -> (Kill, Vec<Answered>) {
    // Seldom late: all of them together shall not take long.
    let life = Duration::from_millis(rand::random_range(0..if round.is_multiple_of(5) { 3_000 } else { 1_500 }));
    let over = &AtomicBool::new(false);
    let [all_along, developer] = developers;
    thread::scope(|scope| {
        let client = developer.client(&server);
        let mut clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let client = client.clone();
                scope.spawn(move || developer.make_teams(&client, round, number))
            })
            .collect();
        let client = all_along.client(&server);
        let other = client.clone();
        clients.push(scope.spawn(move || all_along.make_teams(&other, round, CLIENTS)));
        scope.spawn(move || refuse_replays(&client, paused, over));
        thread::sleep(life);
        let (under_way, at) = (receiver.under_way.load(Ordering::SeqCst), Instant::now());
        server.kill();
        over.store(true, Ordering::SeqCst);
        let answered = clients.into_iter().map(|client| client.join().unwrap()).collect();
        let recorded = sql::ids(url, "FROM webhook_deliveries WHERE status = 'success'");
        until("the sink has seen everything", || {
            let under_way = receiver.under_way.load(Ordering::SeqCst);
            thread::sleep(TAKES);
            (under_way == 0).then_some(())
        });
        (Kill { at, over: Instant::now(), under_way, recorded }, answered)
    })
}

/// Asks for something that is written into the ledger first and then refused: to send anew what has not been sent.
fn refuse_replays(client: &Client, paused: &str, over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        let list = format!("/v1/webhooks/{paused}/deliveries?status=pending&limit=1");
        let Ok(found) = client.try_send("GET", &list, None) else { break };
        if let Some(id) = found.data()[0]["id"].as_str() {
            let replay = format!("/v1/webhooks/{paused}/deliveries/{id}/replay");
            let Ok(answer) = client.try_send("POST", &replay, None) else { break };
            assert_eq!(answer.status, 409, "{}", answer.body);
        }
        thread::sleep(TAKES);
    }
}

/// Looks at each arrival of what had arrived before: there was a kill in between, soon after the first one, and it was not
/// written down by then. Hands back how many there were at each kill.
fn only_what_was_under_way_is_repeated(arrivals: &[Arrival], kills: &[Kill]) -> Vec<usize> {
    let mut by_delivery: BTreeMap<Uuid, Vec<Instant>> = BTreeMap::new();
    for arrival in arrivals {
        by_delivery.entry(arrival.delivery).or_default().push(arrival.at);
    }
    let mut lost = vec![0; kills.len()];
    for (id, times) in &mut by_delivery {
        times.sort();
        let last = times.last().copied().unwrap();
        let recorded = kills.iter().find(|kill| kill.recorded.contains(id));
        assert!(recorded.is_none_or(|kill| last <= kill.over), "{id} had been written down as arrived");
        for pair in times.windows(2) {
            let kill = kills.iter().position(|kill| pair[0] <= kill.over && kill.at <= pair[1]);
            let kill = kill.unwrap_or_else(|| panic!("{id} was repeated without need"));
            assert!(kills[kill].at - pair[0] < AT_MOST, "{id} had arrived long before");
            lost[kill] += 1;
        }
    }
    // At a kill, the server had the endpoint of the round in hand, the one that lives through it all, and perhaps one of a
    // round before that had something left.
    let most = lost.iter().max().copied().unwrap_or_default();
    assert!(most <= 3 * UNDER_WAY, "{most} were under way at one kill: {lost:?}");
    lost
}

#[test]
fn what_waits_while_postgresql_is_away_goes_out_when_it_is_back() {
    let mut cluster = Cluster::start();
    let site = Site::at(&cluster.url());
    let receiver = Receiver::new();
    let server = site.serve();
    let developer = Developer::new(&server.client(), &receiver.sink);
    let client = developer.client(&server);
    client.post(&developer.teams(), &json!({ "name": "before" })).data();

    cluster.stop();
    let refused = until("the outage is noticed", || {
        let answer = client.post(&developer.teams(), &json!({ "name": "meanwhile" }));
        Some(answer).filter(|answer| answer.status == 503)
    });
    assert!(refused.header("retry-after").is_some());
    cluster.resume();

    let after = || client.post(&developer.teams(), &json!({ "name": "after" })).status == 201;
    until("it is back", || after().then_some(()));
    let told = || receiver.told();
    until("all that was done is told", || (told() == developer.all_teams(&client)).then_some(()));
    assert!(told().is_superset(&BTreeSet::from(["before".to_owned(), "after".to_owned()])));
    server.stop();
}
