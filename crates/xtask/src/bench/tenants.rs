//! `cargo xtask bench --tenants`: does a request cost more among many tenants than among few?
//!
//! The same ten organizations, with the same members, roles, teams, grants and keys, stand in three databases among no,
//! many and very many others. The sizes take turns, request by request and round by round, so that whatever else the
//! machine does hits all of them alike.

mod databases;
mod report;

use std::{fs, path::Path, sync::Arc, time::Duration};

use crate::{
    Outcome,
    bench::{
        api::Api,
        load::{self, Measurement, Next, Timing, always},
        machine::Machine,
    },
    postgres::{Cluster, Durability},
};

use self::{
    databases::{MEASURED, Measured, PAGE},
    report::{Row, Tenants},
};

pub use self::report::Report;

/// How many ask at once.
const CONNECTIONS: usize = 16;

/// How much is measured, and for how long.
struct Extent {
    sizes: [u32; 3],
    rounds: usize,
    timing: Timing,
}

impl Extent {
    fn new(quick: bool) -> Self {
        let milliseconds = Duration::from_millis;
        if quick {
            let timing = Timing { warm_up: milliseconds(100), window: milliseconds(500) };
            Self { sizes: [MEASURED, 1_000, 5_000], rounds: 3, timing }
        } else {
            let timing = Timing { warm_up: milliseconds(500), window: milliseconds(2_000) };
            Self { sizes: [MEASURED, 10_000, 100_000], rounds: 7, timing }
        }
    }
}

/// What one connection asks, given its number.
type Ask = fn(&Measured, Api, usize) -> Next;

/// The cold ones use each key once, half of the keys each, and stop when they have used all. The keys are theirs again in
/// the next round, when the caches have long forgotten them: they remember for five seconds.
const REQUESTS: [(&str, Ask); 6] = [
    ("authz/check, warm", |measured, api, number| {
        let person = &measured.people[number % measured.people.len()];
        always(api.check(&person.access_token, &person.organization))
    }),
    ("authz/check, cold", |measured, api, number| {
        let holders = Arc::clone(&measured.holders);
        each_once(number..holders.len() / 2, move |place| api.check(&holders[place].key, &holders[place].organization))
    }),
    ("GET /v1/me/organizations", |measured, api, number| {
        always(api.own_organizations(&measured.people[number % measured.people.len()].access_token))
    }),
    ("GET members of an organization, 50", |measured, api, number| {
        let person = &measured.people[number % measured.people.len()];
        always(api.members(&person.access_token, &person.organization, PAGE))
    }),
    ("key verification (GET /v1/me, API key), warm", |measured, api, number| {
        always(api.me(&measured.holders[number].key))
    }),
    ("key verification (GET /v1/me, API key), cold", |measured, api, number| {
        let holders = Arc::clone(&measured.holders);
        each_once(holders.len() / 2 + number..holders.len(), move |place| api.me(&holders[place].key))
    }),
];

/// Measures all of it.
///
/// # Errors
/// When a database can't be made, or a server does not start.
pub fn run(binary: &Path, folder: &Path, quick: bool) -> Outcome<Report> {
    let Extent { sizes, rounds, timing } = Extent::new(quick);
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let cluster = Cluster::start(Path::new("/var/tmp"), Durability::Full)?;
    let (measured, sizes) = databases::make(&cluster, binary, folder, &sizes)?;
    let nothing = || vec![Vec::with_capacity(rounds); sizes.len()];
    let mut rows: Vec<_> = REQUESTS.iter().map(|(name, _)| Row { name, rounds: nothing() }).collect();
    for round in 0..rounds {
        eprintln!("== round {} of {rounds}", round + 1);
        for ((name, ask), row) in REQUESTS.iter().zip(&mut rows) {
            // Nobody always goes first.
            for turn in 0..sizes.len() {
                let place = (round + turn) % sizes.len();
                let address = sizes[place].server.address();
                let group = (0..CONNECTIONS).map(|number| ask(&measured, Api::new(address), number)).collect();
                let measurement = load::run(address, timing, vec![group])?.remove(0);
                eprintln!("{}", progress(name, sizes[place].organizations, &measurement));
                row.rounds[place].push(measurement);
            }
        }
    }
    let tenants = sizes.iter().map(|size| Tenants { organizations: size.organizations, memberships: size.memberships });
    Ok(Report {
        machine: Machine::this(),
        database: format!("{}, fsync on", cluster.version()?),
        timing,
        connections: CONNECTIONS,
        sizes: tenants.collect(),
        rows,
    })
}

fn progress(name: &str, organizations: u32, measurement: &Measurement) -> String {
    let Measurement { requests_per_second, p50_ms, p99_ms, errors, .. } = measurement;
    format!(
        "{name}, {organizations} organizations: {requests_per_second:.0}/s, {p50_ms:.2} / {p99_ms:.2} ms, {errors} errors"
    )
}

/// One request for each of a connection's own places, which are those that the other connections leave.
fn each_once(places: std::ops::Range<usize>, write: impl Fn(usize) -> Vec<u8> + Send + 'static) -> Next {
    let mut places = places.step_by(CONNECTIONS);
    Box::new(move |_, request| {
        if let Some(place) = places.next() {
            request.extend_from_slice(&write(place));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connections_share_the_places_and_none_comes_twice() {
        let mut asked = Vec::new();
        for number in 0..CONNECTIONS {
            let mut next = each_once(5 + number..105, |place| vec![u8::try_from(place).unwrap()]);
            loop {
                let mut request = Vec::new();
                next(b"", &mut request);
                let Some(place) = request.pop() else { break };
                asked.push(place);
            }
        }
        asked.sort_unstable();
        assert_eq!(asked, (5..105).collect::<Vec<_>>());
    }
}
