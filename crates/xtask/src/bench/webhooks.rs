//! `cargo xtask bench webhooks`: how many deliveries a second go out, how late they are, and what a large backlog costs.
//!
//! Events come from requests where the lag is measured. For a backlog they are written into the ledger by the database's
//! own console, because no machine makes a million of them by requests in a reasonable time; from there on everything is
//! as usual: the server puts them in order, fans them out, signs and sends. Sink and requests take their part of the same
//! processors.

mod ledger;
mod report;
mod sink;

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    Outcome,
    bench::{
        Database,
        api::Api,
        goal::{Bound, Goal},
        load::{self, Measurement, Next, Timing, always},
        machine::Machine,
        server::{App, Server, set_up},
    },
    postgres::{Cluster, Durability},
};

use self::{
    ledger::Ledger,
    report::{Backlog, DatabaseReport, Lag, Row},
    sink::{BARE, Counts, Sink},
};

pub use self::report::Report;

/// Events that are made in a second where the lag is measured.
const STEADY: u32 = 500;
/// Who makes them, and as many as they can at full speed.
const CONNECTIONS: u32 = 16;
/// Who loads the bare sink: about as many as deliver.
const BARE_CONNECTIONS: usize = 64;
/// So many endpoints, where there are several.
const SEVERAL: u32 = 8;

/// How much is measured, and for how long.
struct Extent {
    timing: Timing,
    /// More than go out while it is measured.
    backlog: u32,
    large_backlog: u32,
}

impl Extent {
    fn new(quick: bool) -> Self {
        let timing = |warm_up, window| Timing { warm_up, window: Duration::from_secs(window) };
        if quick {
            let timing = timing(Duration::from_millis(500), 2);
            Self { timing, backlog: 16_000, large_backlog: 50_000 }
        } else {
            Self { timing: timing(Duration::from_secs(2), 10), backlog: 80_000, large_backlog: 1_000_000 }
        }
    }
}

/// Measures all of it.
///
/// # Errors
/// When a database can't be made, or a server does not start or refuses what prepares the load.
pub fn run(binary: &Path, folder: &Path, databases: Vec<Database>, quick: bool) -> Outcome<Report> {
    let extent = Extent::new(quick);
    let databases = databases.into_iter().map(|database| {
        let explain = |error: std::io::Error| format!("{}: {error}", folder.display());
        match database {
            Database::Sqlite => {
                let folder = folder.join("sqlite");
                std::fs::create_dir_all(&folder).map_err(explain)?;
                let file = folder.join("bench.db");
                let url = format!("sqlite://{}", file.display());
                let bench = Bench::new(binary, &folder, &url, Ledger::Sqlite(file), &extent)?;
                bench.run("SQLite, default settings".to_owned(), 1_000.0)
            }
            Database::Postgres => {
                let cluster = Cluster::start(Path::new("/var/tmp"), Durability::Full)?;
                let name = format!("{}, fsync on", cluster.version()?);
                let folder = folder.join("postgres");
                std::fs::create_dir_all(&folder).map_err(explain)?;
                let ledger = Ledger::Postgres(cluster.psql(), cluster.url());
                Bench::new(binary, &folder, &cluster.url(), ledger, &extent)?.run(name, 1_500.0)
            }
        }
    });
    let databases = databases.collect::<Outcome<_>>()?;
    Ok(Report { machine: Machine::this(), seconds: extent.timing.window.as_secs_f64(), databases })
}

/// One database, with all that it takes to measure on it.
struct Bench<'a> {
    extent: &'a Extent,
    server: Server,
    api: Api,
    app: App,
    ledger: Ledger,
    sink: Sink,
    bare: f64,
}

impl<'a> Bench<'a> {
    fn new(binary: &Path, folder: &Path, url: &str, ledger: Ledger, extent: &'a Extent) -> Outcome<Self> {
        let app = set_up(binary, folder, url)?;
        let server = Server::start(binary, folder, url)?;
        let (api, sink) = (Api::new(server.address()), Sink::start()?);
        let body = json!({ "kind": "team.updated", "payload": { "name": "x".repeat(200) } });
        let requests = (0..BARE_CONNECTIONS).map(|_| always(Api::new(sink.address()).post(BARE, "", &body))).collect();
        let bare = load::run(sink.address(), extent.timing, vec![requests])?.remove(0).requests_per_second;
        Ok(Self { extent, server, api, app, ledger, sink, bare })
    }

    fn run(&self, name: String, least: f64) -> Outcome<DatabaseReport> {
        eprintln!("== {name}");
        let endpoint = self.new_endpoint("team.updated")?;
        let steady = self.while_teams_are_renamed("one endpoint, 500 events/s", Some(STEADY))?;
        let flood = self.while_teams_are_renamed("one endpoint, as many events as come", None)?;
        let second = self.new_endpoint("team.updated")?;
        let two = self.while_teams_are_renamed("2 endpoints, as many events as come", None)?;
        for endpoint in [endpoint, second] {
            self.api.call(&self.api.switch_webhook(&self.app, &endpoint, "pause"))?;
        }
        let one = self.backlog("one endpoint, a backlog", "bench.one", 1)?;
        let several = self.backlog("8 endpoints, a backlog", "bench.several", SEVERAL)?;
        let (large, backlog) = self.large_backlog()?;
        let at_least = |least, reached| Goal { bound: Bound::AtLeast(least), reached: Some(reached) };
        let at_most = |most, reached| Goal { bound: Bound::AtMost(most), reached };
        let goals = vec![
            (
                "events/s that were to be made",
                at_least(0.95 * f64::from(STEADY), steady.events_per_second.unwrap_or(0.0)),
            ),
            ("p99 of the lag at 500 events/s, ms", at_most(1_000.0, steady.lag.map(|lag| lag.p99))),
            ("deliveries/s to 2 endpoints while events come", at_least(least, two.deliveries_per_second)),
            ("deliveries/s to one endpoint", at_least(least, one.deliveries_per_second)),
            ("deliveries/s to 8 endpoints", at_least(least, several.deliveries_per_second)),
            ("memory that a large backlog costs, MiB", at_most(32.0, backlog.growth_mib())),
            ("deliveries/s with a large backlog to those with a small one", {
                at_least(0.80, large.deliveries_per_second / one.deliveries_per_second.max(1.0))
            }),
        ];
        let rows = vec![steady, flood, two, one, several, large];
        Ok(DatabaseReport { name, bare_per_second: self.bare, rows, backlog, goals })
    }

    /// Deliveries while events come: so many in a second, or as many as the server takes.
    fn while_teams_are_renamed(&self, name: &str, per_second: Option<u32>) -> Outcome<Row> {
        let pause = per_second.map(|rate| Duration::from_secs(1) * CONNECTIONS / rate);
        let begin = Instant::now();
        let requests = (0..CONNECTIONS).map(|number| {
            let team = self.api.new_team(&self.app, &format!("{name} {number}"))?;
            let (api, app) = (self.api, self.app.clone());
            let mut at = begin + pause.unwrap_or_default() * number / CONNECTIONS;
            let mut turn = 0_u64;
            let next: Next = Box::new(move |_, request| {
                if let Some(pause) = pause {
                    // Who is late catches up.
                    thread::sleep(at.saturating_duration_since(Instant::now()));
                    at += pause;
                }
                turn += 1;
                request.extend_from_slice(&api.rename_team(&app, &team, &format!("Team {number} {turn}")));
            });
            Ok(next)
        });
        let requests = requests.collect::<Outcome<Vec<_>>>()?;
        let address = self.server.address();
        let (made, sent) = thread::scope(|scope| {
            let load = scope.spawn(|| load::run(address, self.extent.timing, vec![requests]));
            let sent = self.measured();
            let made = load.join().unwrap_or_else(|_| Err("the load panicked".to_owned()));
            made.map(|mut made| (made.remove(0), sent))
        })?;
        // What is left over does not belong to the next row.
        self.ledger.wait_until_fanned_out(|| ())?;
        self.sink_is_quiet();
        let Measurement { requests_per_second, errors, first_error, .. } = made;
        let row = self.row(name, sent, true);
        Ok(Row {
            events_per_second: Some(requests_per_second),
            errors: row.errors + errors,
            first_error: row.first_error.or(first_error),
            ..row
        })
    }

    /// Deliveries of what is there already, to so many endpoints that all want everything.
    fn backlog(&self, name: &str, kind: &str, endpoints: u32) -> Outcome<Row> {
        let endpoints = self.paused_endpoints(kind, endpoints)?;
        let events = self.extent.backlog / u32::try_from(endpoints.len()).unwrap_or(u32::MAX);
        self.ledger.add(&self.app.organization, kind, events)?;
        self.ledger.wait_until_fanned_out(|| ())?;
        let sent = self.resumed(&endpoints)?;
        Ok(self.row(name, sent, false))
    }

    /// The same with so much of it that it would be noticed in memory.
    fn large_backlog(&self) -> Outcome<(Row, Backlog)> {
        let events = self.extent.large_backlog;
        let name = format!("one endpoint, a backlog of {events}");
        let endpoints = self.paused_endpoints("bench.large", 1)?;
        let memory = || self.server.resident_memory_kib();
        let before = memory();
        let begun = Instant::now();
        let mut waiting = None;
        thread::scope(|scope| {
            let adding = scope.spawn(|| self.ledger.add(&self.app.organization, "bench.large", events));
            while !adding.is_finished() {
                waiting = waiting.max(memory());
                thread::sleep(Duration::from_millis(100));
            }
            adding.join().unwrap_or_else(|_| Err("writing the ledger panicked".to_owned()))
        })?;
        self.ledger.wait_until_fanned_out(|| waiting = waiting.max(memory()))?;
        let fanned_out_per_second = f64::from(events) / begun.elapsed().as_secs_f64();
        let sent = self.resumed(&endpoints)?;
        let memory_kib = [before, waiting, sent.memory_kib];
        let row = self.row(&name, sent, false);
        Ok((row, Backlog { events, fanned_out_per_second, memory_kib }))
    }

    fn new_endpoint(&self, kind: &str) -> Outcome<String> {
        let url = format!("http://{}/hook", self.sink.address());
        let (id, secret) = self.api.new_webhook(&self.app, &url, kind)?;
        self.sink.set_secret(&secret);
        Ok(id)
    }

    fn paused_endpoints(&self, kind: &str, count: u32) -> Outcome<Vec<String>> {
        let endpoints = (0..count).map(|_| {
            let id = self.new_endpoint(kind)?;
            self.api.call(&self.api.switch_webhook(&self.app, &id, "pause"))?;
            Ok(id)
        });
        endpoints.collect()
    }

    /// What arrives once endpoints are active again. Afterwards they are not.
    fn resumed(&self, endpoints: &[String]) -> Outcome<Sent> {
        let switch = |what| {
            endpoints.iter().try_for_each(|id| self.api.call(&self.api.switch_webhook(&self.app, id, what)).map(drop))
        };
        switch("resume")?;
        let sent = self.measured();
        switch("pause")?;
        self.sink_is_quiet();
        Ok(sent)
    }

    /// What arrives in the window.
    fn measured(&self) -> Sent {
        let Timing { warm_up, window } = self.extent.timing;
        thread::sleep(warm_up);
        let processor = self.server.processor_time();
        drop(self.sink.take());
        let begun = Instant::now();
        let mut memory_kib = None;
        while begun.elapsed() < window {
            memory_kib = memory_kib.max(self.server.resident_memory_kib());
            thread::sleep(Duration::from_millis(50).min(window.saturating_sub(begun.elapsed())));
        }
        let (counts, took) = (self.sink.take(), begun.elapsed());
        let processor = processor.zip(self.server.processor_time()).map(|(from, until)| until.saturating_sub(from));
        // A backlog that was smaller than the window is long.
        let last = counts.last.map_or(took, |last| last - begun);
        let took = if last + window / 10 < took { last } else { took };
        Sent { counts, took, processor, memory_kib }
    }

    /// Waits until what was under way has arrived.
    fn sink_is_quiet(&self) {
        loop {
            drop(self.sink.take());
            thread::sleep(Duration::from_millis(700));
            if self.sink.take().arrived == 0 {
                return;
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and microseconds of seconds")]
    fn row(&self, name: &str, sent: Sent, late: bool) -> Row {
        let Sent { counts, took, processor, .. } = sent;
        let deliveries_per_second = counts.arrived as f64 / took.as_secs_f64().max(0.001);
        let lag = |quantile| counts.lags.value_at_quantile(quantile) as f64 / 1000.0;
        let row = Row {
            name: name.to_owned(),
            events_per_second: None,
            deliveries_per_second,
            lag: (late && counts.arrived > 0).then(|| Lag { p50: lag(0.50), p99: lag(0.99) }),
            ratio: (self.bare > 0.0).then(|| deliveries_per_second / self.bare),
            processor_ms: processor.map(|took| took.as_secs_f64() * 1000.0 / counts.arrived.max(1) as f64),
            verified: counts.verified,
            errors: counts.errors,
            first_error: counts.first_error,
        };
        eprintln!("{}", row.markdown());
        row
    }
}

/// What arrived, in which time, and what that took.
struct Sent {
    counts: Counts,
    took: Duration,
    processor: Option<Duration>,
    memory_kib: Option<u64>,
}
