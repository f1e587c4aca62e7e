//! `cargo xtask bench`: how many requests a second the release build answers, and how fast.
//!
//! Generator and server share one machine, so absolute figures are lower than a server alone would reach, and change
//! with the machine. The ratios change less: each row is compared with `/healthz` (the cost of HTTP alone) or with the
//! bare rate of Argon2id (the cost of the hash alone), measured in the same run. What is not measured: networks, TLS,
//! large data sets, more than one replica, hours of load.

mod api;
mod client;
mod hash;
mod load;
mod machine;
mod report;
mod server;
mod suite;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use crate::{
    Outcome,
    postgres::{Cluster, Durability},
    process::{cargo, require},
    workspace,
};

use self::{
    load::Timing,
    machine::Machine,
    report::{DatabaseReport, Report},
    server::Server,
    suite::Measured,
};

/// What the developer asked for.
struct Options {
    databases: Vec<Database>,
    timing: Timing,
    json: Option<PathBuf>,
}

#[derive(Clone, Copy)]
enum Database {
    Sqlite,
    Postgres,
}

impl Options {
    fn parse(arguments: Vec<OsString>) -> Outcome<Self> {
        let mut arguments = pico_args::Arguments::from_vec(arguments);
        let timing = if arguments.contains("--quick") {
            Timing { warm_up: Duration::from_millis(100), window: Duration::from_millis(500) }
        } else {
            Timing { warm_up: Duration::from_secs(1), window: Duration::from_secs(5) }
        };
        let database: Option<String> = arguments.opt_value_from_str("--database").map_err(|error| error.to_string())?;
        let databases = match database.as_deref() {
            None => vec![Database::Sqlite, Database::Postgres],
            Some("sqlite") => vec![Database::Sqlite],
            Some("postgres") => vec![Database::Postgres],
            Some(other) => return Err(format!("--database is sqlite or postgres, not {other}")),
        };
        let json = arguments.opt_value_from_str("--json").map_err(|error| error.to_string())?;
        crate::nothing_more(&arguments.finish())?;
        Ok(Self { databases, timing, json })
    }
}

/// Builds the server as it is shipped, measures it on each database and prints a table.
pub fn run(arguments: Vec<OsString>) -> Outcome<ExitCode> {
    let options = Options::parse(arguments)?;
    require(cargo().args(["build", "--release", "-p", "fabric"]))?;
    let target = workspace::target_folder()?;
    let binary = target.join("release/fabric");

    // On the disk that builds are on, not in memory, and emptied by the next run if this one is interrupted.
    let folder = target.join("fabric-bench");
    drop(fs::remove_dir_all(&folder));
    let databases = options
        .databases
        .iter()
        .map(|database| measure(*database, &binary, &folder, options.timing))
        .collect::<Outcome<_>>()?;
    drop(fs::remove_dir_all(&folder));

    let report = Report { machine: Machine::this(), timing: options.timing, databases };
    println!("{}", report.markdown());
    if let Some(path) = options.json {
        let json = format!("{:#}\n", report.json());
        fs::write(&path, json).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(crate::process::exit_code(report.errors() == 0))
}

fn measure(database: Database, binary: &Path, folder: &Path, timing: Timing) -> Outcome<DatabaseReport> {
    match database {
        Database::Sqlite => {
            let folder = folder.join("sqlite");
            let url = format!("sqlite://{}", folder.join("bench.db").display());
            measure_on("SQLite, default settings".to_owned(), &url, binary, &folder, timing)
        }
        Database::Postgres => {
            // /var/tmp outlives a restart, so it is on a disk; and the server's own user reaches it.
            let cluster = Cluster::start(Path::new("/var/tmp"), Durability::Full)?;
            let name = format!("{}, fsync on", cluster.version()?);
            measure_on(name, &cluster.url(), binary, &folder.join("postgres"), timing)
        }
    }
}

fn measure_on(name: String, url: &str, binary: &Path, folder: &Path, timing: Timing) -> Outcome<DatabaseReport> {
    eprintln!("== {name}");
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let app = server::set_up(binary, folder, url)?;
    // The first start may still have to prepare something; it is the second that every later one is like.
    drop(Server::start(binary, folder, url)?);
    let server = Server::start(binary, folder, url)?;
    std::thread::sleep(Duration::from_secs(1));
    let idle_memory_kib = server.resident_memory_kib();
    let Measured { hashes_per_second, rows } = suite::run(&server, app, timing)?;
    Ok(DatabaseReport { name, start: server.start_time(), idle_memory_kib, hashes_per_second, rows })
}
