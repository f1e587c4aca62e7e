//! `cargo xtask bench refusals`: does the time of a refused sign-in tell whether there is an account?
//!
//! The same wrong password for an address that nobody has, for an account without a password and for one with another
//! password, one after the other over one connection, in every order; and for others of the last kind, whose difference from
//! those of the same kind is what the measurement itself makes. That the branches do the same work is a test
//! (`crates/http/tests/alone/equal_answers.rs`); what is left of a difference is measured here, and asserted nowhere.

use std::{fmt::Write as _, fs, path::Path, thread, time::Duration, time::Instant};

use serde_json::{Value, json};

use crate::{
    Outcome,
    bench::{
        Database,
        api::Api,
        client::Connection,
        machine::Machine,
        server::{App, Server, set_up},
    },
    postgres::{Cluster, Durability},
};

/// How often an address is tried: one less than what locks it.
const TRIES: usize = 4;
const BRANCHES: [&str; 4] = ["another password", "another password, once more", "no password", "no account"];
/// Orders in which each branch comes as often after each other one, so that none profits from what came before it.
const ORDERS: [[usize; 4]; 8] =
    [[0, 1, 3, 2], [1, 2, 0, 3], [2, 3, 1, 0], [3, 0, 2, 1], [3, 2, 0, 1], [2, 1, 3, 0], [1, 0, 2, 3], [0, 3, 1, 2]];

/// What one branch took, in microseconds, in rising order.
struct Branch {
    name: &'static str,
    times: Vec<f64>,
}

/// What was measured on one database.
struct OnDatabase {
    name: String,
    branches: Vec<Branch>,
}

/// Everything that was measured.
pub struct Report {
    machine: Machine,
    databases: Vec<OnDatabase>,
}

/// Measures on each of these databases.
pub fn run(binary: &Path, folder: &Path, databases: Vec<Database>, quick: bool) -> Outcome<Report> {
    let samples = if quick { 60 } else { 3000 };
    let measured = databases.into_iter().map(|database| match database {
        Database::Sqlite => {
            let folder = folder.join("sqlite");
            let url = format!("sqlite://{}", folder.join("bench.db").display());
            measure("SQLite, default settings".to_owned(), &url, binary, &folder, samples)
        }
        Database::Postgres => {
            let cluster = Cluster::start(Path::new("/var/tmp"), Durability::Full)?;
            let name = format!("{}, fsync on", cluster.version()?);
            measure(name, &cluster.url(), binary, &folder.join("postgres"), samples)
        }
    });
    Ok(Report { databases: measured.collect::<Outcome<_>>()?, machine: Machine::this() })
}

fn measure(name: String, url: &str, binary: &Path, folder: &Path, samples: usize) -> Outcome<OnDatabase> {
    eprintln!("== {name}");
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let app = set_up(binary, folder, url)?;
    let server = Server::start(binary, folder, url)?;
    let api = Api::new(server.address());
    let addresses =
        |what: &str| -> Vec<_> { (0..samples.div_ceil(TRIES)).map(|n| format!("{what}-{n}@bench.example")).collect() };
    let [other, once_more, without, nobody] = ["other", "again", "without", "nobody"].map(addresses);
    for email in other.iter().chain(&once_more) {
        api.call(&api.sign_up(&app, email))?;
    }
    for email in &without {
        api.call(&api.new_user(&app, email))?;
    }
    // Until the mails to the newcomers are written.
    thread::sleep(Duration::from_secs(5));
    let times = sample(&server, api, &app, [&other, &once_more, &without, &nobody], samples)?;
    let branches = BRANCHES.into_iter().zip(times).map(|(name, mut times)| {
        times.sort_by(f64::total_cmp);
        Branch { name, times }
    });
    Ok(OnDatabase { name, branches: branches.collect() })
}

fn sample(
    server: &Server,
    api: Api,
    app: &App,
    addresses: [&Vec<String>; 4],
    samples: usize,
) -> Outcome<[Vec<f64>; 4]> {
    let mut connection = Connection::open(server.address()).map_err(|error| error.to_string())?;
    let mut times = [const { Vec::new() }; 4];
    // The first ones warm the caches, and are as many for each.
    for (round, order) in (0..samples).zip(ORDERS.into_iter().cycle()) {
        for branch in order {
            let request = api.wrong_sign_in(app, &addresses[branch][round / TRIES]);
            let began = Instant::now();
            let answer = connection.send(&request).map_err(|error| error.to_string())?;
            let took = began.elapsed();
            if answer.status != 401 {
                return Err(format!("{}: {}", BRANCHES[branch], answer.status));
            }
            if round >= samples / 20 {
                times[branch].push(took.as_secs_f64() * 1e6);
            }
        }
    }
    Ok(times)
}

impl Branch {
    fn percentile(&self, percent: usize) -> f64 {
        self.times[(self.times.len() - 1) * percent / 100]
    }

    fn mean(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "there are a few thousand")]
        let count = self.times.len() as f64;
        self.times.iter().sum::<f64>() / count
    }

    /// How likely one of these takes longer than one of the others (Mann and Whitney): one half is no difference at all,
    /// and 1.96 standard errors either side of it are what chance makes of none.
    fn longer_than(&self, other: &Self) -> (f64, f64) {
        let mut below = 0;
        let mut pairs = 0.0;
        for time in &self.times {
            while other.times.get(below).is_some_and(|theirs| theirs < time) {
                below += 1;
            }
            let equal = other.times[below..].iter().take_while(|theirs| *theirs <= time).count();
            pairs += precise(below) + precise(equal) / 2.0;
        }
        let (n, m) = (precise(self.times.len()), precise(other.times.len()));
        (pairs / (n * m), 1.96 * ((n + m + 1.0) / (12.0 * n * m)).sqrt())
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are a few thousand")]
fn precise(count: usize) -> f64 {
    count as f64
}

impl Report {
    /// For people.
    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n", self.machine.markdown());
        for database in &self.databases {
            let [first, ..] = database.branches.as_slice() else { continue };
            let _ = write!(
                text,
                "\n### {}\n\n{} sign-ins of each kind with a wrong password, in turns, over one connection; microseconds.\n\n| \
                 | p5 | p50 | p95 | mean | p50 beside the first | longer than the first | by chance |\n\
                 |---|--:|--:|--:|--:|--:|--:|--:|\n",
                database.name,
                first.times.len()
            );
            for branch in &database.branches {
                let (likely, chance) = branch.longer_than(first);
                let _ = writeln!(
                    text,
                    "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:+.0} | {:.3} | 0.500 ± {:.3} |",
                    branch.name,
                    branch.percentile(5),
                    branch.percentile(50),
                    branch.percentile(95),
                    branch.mean(),
                    branch.percentile(50) - first.percentile(50),
                    likely,
                    chance,
                );
            }
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let branch = |branch: &Branch| json!({ "name": branch.name, "microseconds": branch.times });
        let database = |database: &OnDatabase| json!({ "name": database.name, "branches": database.branches.iter().map(branch).collect::<Vec<_>>() });
        json!({ "machine": self.machine.json(), "databases": self.databases.iter().map(database).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(times: &[f64]) -> Branch {
        Branch { name: "one", times: times.to_vec() }
    }

    #[test]
    fn what_takes_longer_is_told_from_what_does_not() {
        let (same, longer) = (branch(&[1.0, 2.0, 3.0, 4.0]), branch(&[5.0, 6.0, 7.0]));
        assert!((same.longer_than(&same).0 - 0.5).abs() < 1e-9);
        assert!((longer.longer_than(&same).0 - 1.0).abs() < 1e-9 && same.longer_than(&longer).0 < 1e-9);
        assert!((branch(&[2.5]).longer_than(&same).0 - 0.5).abs() < 1e-9);
        assert!((same.percentile(50) - 2.0).abs() < 1e-9 && (same.mean() - 2.5).abs() < 1e-9);
    }
}
