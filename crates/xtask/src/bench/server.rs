//! The server under test, as an operator would start it.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    Outcome,
    bench::{
        api::{Api, text},
        client::Connection,
        machine::field,
    },
    leash::{Ending, Leash, free_port},
    process::{isolate, output},
};

/// A running server.
pub struct Server {
    leash: Leash,
    address: SocketAddr,
    log: PathBuf,
    start_time: Duration,
}

/// The app that the load is made for.
#[derive(Clone)]
pub struct App {
    /// The `foc_…` client id.
    pub client_id: String,
    /// The `focs_…` secret.
    pub client_secret: String,
    /// A key of the owner's organization.
    pub api_key: String,
    /// That organization.
    pub organization: String,
}

/// `fabric setup` on an empty database.
pub fn set_up(binary: &Path, folder: &Path, url: &str) -> Outcome<App> {
    let mut command = Command::new(binary);
    environment(&mut command, folder, url);
    command.args(["setup", "--app-name", "Bench", "--email", "dev@bench.example"]).args([
        "--password",
        "A password for 1 benchmark!",
        "--json",
    ]);
    let printed = output(&mut command)?;
    let said: Value = serde_json::from_str(&printed).map_err(|error| format!("fabric setup --json: {error}"))?;
    Ok(App {
        client_id: text(&said, "/app/client_id")?,
        client_secret: text(&said, "/app/client_secret")?,
        api_key: text(&said, "/api_key")?,
        organization: text(&said, "/organization/id")?,
    })
}

/// Has a new key sign: one for the algorithm that is set, where there was another.
pub fn rotate_keys(binary: &Path, folder: &Path, url: &str, settings: &[(&str, &str)]) -> Outcome {
    let mut command = Command::new(binary);
    environment(&mut command, folder, url);
    command.args(["keys", "rotate", "--compromised"]).envs(settings.iter().copied());
    output(&mut command).map(drop)
}

impl Server {
    /// Starts it on a free port and waits for the first 200.
    pub fn start(binary: &Path, folder: &Path, url: &str) -> Outcome<Self> {
        Self::start_with(binary, folder, url, &[])
    }

    /// The same with settings of its own.
    pub fn start_with(binary: &Path, folder: &Path, url: &str, settings: &[(&str, &str)]) -> Outcome<Self> {
        let explain = |why: &dyn std::fmt::Display| format!("the server does not start: {why}");
        let port = free_port().map_err(|error| explain(&error))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let log_path = folder.join(format!("server-{port}.log"));
        let log = fs::File::create(&log_path).map_err(|error| explain(&error))?;
        let complaints = log.try_clone().map_err(|error| explain(&error))?;

        let mut command = Leash::command(Ending::Graceful, None);
        environment(&mut command, folder, url);
        command
            .arg(binary)
            .arg("serve")
            .env("HOST", address.ip().to_string())
            .env("PORT", port.to_string())
            .envs(settings.iter().copied())
            .stdout(log)
            .stderr(complaints);
        let begun = Instant::now();
        let mut leash = Leash::start(&mut command).map_err(|error| explain(&error))?;
        leash.wait_until(Duration::from_millis(1), || is_healthy(address)).map_err(|why| {
            let log = fs::read_to_string(&log_path).unwrap_or_default();
            explain(&format!("{why}\n{log}"))
        })?;
        Ok(Self { leash, address, log: log_path, start_time: begun.elapsed() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has said so far: in development, mails too.
    pub fn log(&self) -> Outcome<String> {
        fs::read_to_string(&self.log).map_err(|error| format!("{}: {error}", self.log.display()))
    }

    /// From the start of the process to the first 200.
    pub fn start_time(&self) -> Duration {
        self.start_time
    }

    /// What the process occupies in memory now.
    pub fn resident_memory_kib(&self) -> Option<u64> {
        let status = format!("/proc/{}/status", self.leash.process());
        field(&status, "VmRSS", ':')?.trim_end_matches("kB").trim().parse().ok()
    }

    /// How long the process has had a processor so far.
    pub fn processor_time(&self) -> Option<Duration> {
        /// What Linux counts in, wherever it runs.
        const TICK: Duration = Duration::from_millis(10);

        let stat = fs::read_to_string(format!("/proc/{}/stat", self.leash.process())).ok()?;
        // Behind the name of the program, which may have any signs in it: from the third field on.
        let fields: Vec<_> = stat.rsplit(") ").next()?.split(' ').collect();
        let ticks = |place: usize| fields.get(place)?.parse::<u32>().ok();
        Some(TICK * (ticks(11)? + ticks(12)?))
    }
}

/// Default settings, and nothing of the developer's own: neither variables nor a `.env` or `fabric.toml` nearby. One name
/// for all servers in the folder, whatever their ports: so each believes the tokens of the others.
fn environment(command: &mut Command, folder: &Path, url: &str) {
    isolate(command)
        .current_dir(folder)
        .env("DATABASE_URL", url)
        .env("FABRIC_ENV", "development")
        .env("PUBLIC_BASE_URL", "http://bench.example");
}

fn is_healthy(address: SocketAddr) -> bool {
    let request = Api::new(address).get("/healthz", "");
    Connection::open(address)
        .and_then(|mut connection| connection.send(&request).map(|response| response.is_success()))
        .unwrap_or(false)
}
