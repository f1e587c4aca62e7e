//! `cargo xtask bench`: how many requests a second the release build answers, and how fast.
//!
//! Generator and server share one machine, so absolute figures are lower than a server alone would reach, and change
//! with the machine. The ratios change less: each row is compared with `/healthz` (the cost of HTTP alone) or with the
//! bare rate of Argon2id (the cost of the hash alone), measured in the same run; or, with `--tenants`, with itself where
//! there are few tenants. `cargo xtask bench webhooks` is about deliveries, `cargo xtask bench refusals` about what a time tells. What is not measured: networks, TLS, more than one replica, hours of load.

mod api;
mod authenticator;
mod client;
mod goal;
mod hash;
mod load;
mod machine;
mod refusals;
mod report;
mod server;
mod suite;
mod tenants;
mod webhooks;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use serde_json::Value;

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
    suite::{Measured, Plan},
};

/// What the developer asked for.
struct Options {
    subject: Subject,
    json: Option<PathBuf>,
}

/// What is measured.
enum Subject {
    /// What the server does, on each of these databases.
    Server(Vec<Database>, Plan),
    /// What other tenants cost.
    Tenants { quick: bool },
    /// Deliveries, on each of these databases.
    Webhooks { databases: Vec<Database>, quick: bool },
    /// What the time of a refused sign-in tells, on each of these databases.
    Refusals { databases: Vec<Database>, quick: bool },
}

#[derive(Clone, Copy)]
enum Database {
    Sqlite,
    Postgres,
}

impl Options {
    fn parse(arguments: Vec<OsString>) -> Outcome<Self> {
        let mut arguments = pico_args::Arguments::from_vec(arguments);
        let what = arguments.subcommand().map_err(|error| error.to_string())?;
        let (quick, tenants) = (arguments.contains("--quick"), arguments.contains("--tenants"));
        let timing = if quick {
            Timing { warm_up: Duration::from_millis(100), window: Duration::from_millis(500) }
        } else {
            Timing { warm_up: Duration::from_secs(1), window: Duration::from_secs(5) }
        };
        let database: Option<String> = arguments.opt_value_from_str("--database").map_err(|error| error.to_string())?;
        let only = arguments.opt_value_from_str("--only").map_err(|error| error.to_string())?;
        let plan = Plan { timing, prepared: if quick { 320 } else { 3200 }, only };
        let databases = match database.as_deref() {
            None => vec![Database::Sqlite, Database::Postgres],
            Some("sqlite") => vec![Database::Sqlite],
            Some("postgres") => vec![Database::Postgres],
            Some(other) => return Err(format!("--database is sqlite or postgres, not {other}")),
        };
        let subject = match (what.as_deref(), tenants) {
            (None, false) => Subject::Server(databases, plan),
            (None, true) if database.as_deref() == Some("sqlite") => {
                return Err("--tenants is measured on postgres, not on sqlite".to_owned());
            }
            (None, true) => Subject::Tenants { quick },
            (Some("webhooks"), false) if plan.only.is_none() => Subject::Webhooks { databases, quick },
            (Some("refusals"), false) if plan.only.is_none() => Subject::Refusals { databases, quick },
            (Some(what @ ("webhooks" | "refusals")), _) => {
                return Err(format!("{what} go with neither --tenants nor --only"));
            }
            (Some(other), _) => return Err(format!("what is {other}?")),
        };
        let json = arguments.opt_value_from_str("--json").map_err(|error| error.to_string())?;
        crate::nothing_more(&arguments.finish())?;
        Ok(Self { subject, json })
    }
}

/// What was found, for people and for programs.
struct Findings {
    markdown: String,
    json: Value,
    errors: u64,
}

/// Builds the server as it is shipped, measures it and prints tables.
pub fn run(arguments: Vec<OsString>) -> Outcome<ExitCode> {
    let options = Options::parse(arguments)?;
    require(cargo().args(["build", "--release", "-p", "fabric"]))?;
    let target = workspace::target_folder()?;
    let binary = target.join("release/fabric");

    // On the disk that builds are on, not in memory, and emptied by the next run if this one is interrupted.
    let folder = target.join("fabric-bench");
    drop(fs::remove_dir_all(&folder));
    let decisions = match options.subject {
        Subject::Webhooks { .. } | Subject::Refusals { .. } => None,
        Subject::Server(..) | Subject::Tenants { .. } => Some(decisions()?),
    };
    let findings = options.subject.measure(&binary, &folder)?;
    drop(fs::remove_dir_all(&folder));

    println!("{}", findings.markdown);
    if let Some(decisions) = decisions {
        println!("One decision of `authz::judge` alone, at most 1000 ns wanted:\n\n{decisions}");
    }
    if let Some(path) = options.json {
        let json = format!("{:#}\n", findings.json);
        fs::write(&path, json).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(crate::process::exit_code(findings.errors == 0))
}

/// What one decision takes, without HTTP, caches or a database.
fn decisions() -> Outcome<String> {
    let mut example = cargo();
    example.args(["run", "--release", "--quiet", "-p", "fabric-authz", "--example", "decide"]);
    let output = example.output().map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    Ok(lines.lines().map(|line| format!("- {}", line.trim())).collect::<Vec<_>>().join("\n"))
}

impl Subject {
    fn measure(self, binary: &Path, folder: &Path) -> Outcome<Findings> {
        match self {
            Self::Server(databases, plan) => {
                let databases = databases.into_iter().map(|database| measure(database, binary, folder, &plan));
                let databases = databases.collect::<Outcome<_>>()?;
                let report = Report { machine: Machine::this(), timing: plan.timing, databases };
                Ok(Findings { markdown: report.markdown(), json: report.json(), errors: report.errors() })
            }
            Self::Tenants { quick } => {
                let report = tenants::run(binary, folder, quick)?;
                Ok(Findings { markdown: report.markdown(), json: report.json(), errors: report.errors() })
            }
            Self::Webhooks { databases, quick } => {
                let report = webhooks::run(binary, folder, databases, quick)?;
                Ok(Findings { markdown: report.markdown(), json: report.json(), errors: report.errors() })
            }
            Self::Refusals { databases, quick } => {
                let report = refusals::run(binary, folder, databases, quick)?;
                Ok(Findings { markdown: report.markdown(), json: report.json(), errors: 0 })
            }
        }
    }
}

fn measure(database: Database, binary: &Path, folder: &Path, plan: &Plan) -> Outcome<DatabaseReport> {
    match database {
        Database::Sqlite => {
            let folder = folder.join("sqlite");
            let url = format!("sqlite://{}", folder.join("bench.db").display());
            measure_on("SQLite, default settings".to_owned(), &url, binary, &folder, plan)
        }
        Database::Postgres => {
            // /var/tmp outlives a restart, so it is on a disk; and the server's own user reaches it.
            let cluster = Cluster::start(Path::new("/var/tmp"), Durability::Full)?;
            let name = format!("{}, fsync on", cluster.version()?);
            measure_on(name, &cluster.url(), binary, &folder.join("postgres"), plan)
        }
    }
}

fn measure_on(name: String, url: &str, binary: &Path, folder: &Path, plan: &Plan) -> Outcome<DatabaseReport> {
    eprintln!("== {name}");
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let app = server::set_up(binary, folder, url)?;
    // The first start may still have to prepare something; it is the second that every later one is like.
    drop(Server::start(binary, folder, url)?);
    let server = Server::start(binary, folder, url)?;
    std::thread::sleep(Duration::from_secs(1));
    let idle_memory_kib = server.resident_memory_kib();
    let start = server.start_time();
    let mut measured = suite::run(&server, app.clone(), plan)?;
    drop(server);
    for algorithm in ["EdDSA", "ES256"] {
        let settings = [("FABRIC_TOKEN_ALGORITHM", algorithm)];
        server::rotate_keys(binary, folder, url, &settings)?;
        let server = Server::start_with(binary, folder, url, &settings)?;
        suite::run_with_keys(&server, app.clone(), plan, algorithm, &mut measured)?;
    }
    let Measured { hashes_per_second, rows, .. } = measured;
    Ok(DatabaseReport { name, start, idle_memory_kib, hashes_per_second, rows })
}
