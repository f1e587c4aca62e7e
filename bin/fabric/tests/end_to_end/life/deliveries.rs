//! `kill -9` while it is delivered: what was answered is told, what was not done never is, and nothing is stuck.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::{Value, json};
use testbed::sink::Sink;

use crate::support::{Client, Server, Site, client::text, cluster::Cluster, new_email, until};

on_both!(what_was_answered_is_told_whoever_is_killed_meanwhile);

const ROUNDS: usize = 50;
const CLIENTS: usize = 3;
/// So many requests are under way to one endpoint at the most: what may be repeated after a kill.
const UNDER_WAY: usize = 64;

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
        let path = format!("/v1/organizations/{organization}/webhooks");
        let new = json!({ "url": sink.url(), "event_filter": ["team.created"], "max_retries": 20 });
        let endpoint = text(&signed_in.post(&path, &new).data()["id"]);
        Self { token, organization, endpoint }
    }

    fn client(&self, server: &Server) -> Client {
        server.client().bearer(&self.token)
    }

    fn teams(&self) -> String {
        format!("/v1/organizations/{}/teams", self.organization)
    }

    /// Makes teams until the server is gone; hands back those that were answered.
    fn make_teams(&self, client: &Client, names: &str, answered: &AtomicUsize) -> Vec<String> {
        let mut made = Vec::new();
        for number in 0.. {
            let name = format!("{names}-{number}");
            match client.try_send("POST", &self.teams(), Some(&json!({ "name": name }))) {
                Ok(answer) if answer.status == 201 => made.push(name),
                Ok(answer) => panic!("{}: {}", answer.status, answer.body),
                Err(_) => break,
            }
            answered.fetch_add(1, Ordering::Relaxed);
        }
        made
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

    fn pending(&self, client: &Client) -> usize {
        let path = format!("/v1/webhooks/{}/deliveries?status=pending", self.endpoint);
        client.get(&path).data().as_array().unwrap().len()
    }
}

/// How often each delivery has arrived, and what of.
fn arrived(sink: &Sink) -> BTreeMap<String, (usize, String)> {
    let mut arrived = BTreeMap::new();
    for received in sink.received() {
        let event: Value = serde_json::from_str(&received.body).unwrap();
        let id = received.header("webhook-id").unwrap().to_owned();
        arrived.entry(id).or_insert((0, text(&event["payload"]["name"]))).0 += 1;
    }
    arrived
}

fn what_was_answered_is_told_whoever_is_killed_meanwhile(site: &Site) {
    let sink = Sink::content();
    let first = site.serve();
    let developer = Developer::new(&first.client(), &sink);
    first.stop();
    let mut answered_at_all = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut server = site.serve();
        let enough = rand::random_range(1..15);
        let answered = AtomicUsize::new(0);
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| {
                    let (client, developer, answered) = (developer.client(&server), &developer, &answered);
                    scope.spawn(move || developer.make_teams(&client, &format!("{round}-{number}"), answered))
                })
                .collect();
            until("requests are answered", || (answered.load(Ordering::Relaxed) >= enough).then_some(()));
            server.kill();
            answered_at_all.extend(clients.into_iter().flat_map(|client| client.join().unwrap()));
        });
    }

    let server = site.serve();
    let client = developer.client(&server);
    let made = developer.all_teams(&client);
    assert!(answered_at_all.is_subset(&made));
    let told = || arrived(&sink).into_values().map(|(_, name)| name).collect::<BTreeSet<_>>();
    until("everything that was done is told", || (told() == made).then_some(()));
    until("nothing is stuck", || (developer.pending(&client) == 0).then_some(()));
    server.stop();
    // Nobody was told of what was not done, and only what was under way was repeated.
    assert_eq!(told(), made);
    let arrived = arrived(&sink);
    assert_eq!(arrived.len(), made.len(), "one delivery for each");
    let most = arrived.values().map(|(count, _)| *count).max().unwrap_or_default();
    let repeated: usize = arrived.values().map(|(count, _)| count - 1).sum();
    assert!(most <= 1 + ROUNDS && repeated <= ROUNDS * UNDER_WAY, "{repeated} repeated, one {most} times");
    // The sink answers within a moment: there is never much under way.
    assert!(repeated <= made.len() / 2 + ROUNDS, "{repeated} of {} repeated", made.len());
}

#[test]
fn what_waits_while_postgresql_is_away_goes_out_when_it_is_back() {
    let mut cluster = Cluster::start();
    let site = Site::at(&cluster.url());
    let sink = Sink::content();
    let server = site.serve();
    let developer = Developer::new(&server.client(), &sink);
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
    let told = || arrived(&sink).into_values().map(|(_, name)| name).collect::<BTreeSet<_>>();
    until("all that was done is told", || (told() == developer.all_teams(&client)).then_some(()));
    assert!(told().is_superset(&BTreeSet::from(["before".to_owned(), "after".to_owned()])));
    server.stop();
}
