//! A PostgreSQL that belongs to one task: its own cluster, in a temporary folder, on a port of 127.0.0.1 that was free.

use std::{
    env, fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    Outcome,
    leash::{Ending, Leash, free_port},
    process::output,
    system,
};

/// Makes the cluster and becomes its server; as one script, so that whatever it leaves is on the leash from the start.
const SCRIPT: &str = r#"
programs=$1 folder=$2
shift 2
"$programs/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync || exit 1
exec "$programs/postgres" -D "$folder/data" -k "$folder" "$@"
"#;

/// What becomes of written data when the machine loses power.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It is lost: faster, and nobody misses a test's data.
    None,
    /// It is kept: what a benchmark has to measure.
    Full,
}

/// A running cluster. It is stopped and removed when this value is dropped or this process ends, however it does.
pub struct Cluster {
    leash: Leash,
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// Starts a new, empty cluster below the given folder; installs PostgreSQL first where that is ours to do.
    ///
    /// # Errors
    /// When PostgreSQL is missing or does not start; the message says what to do.
    pub fn start(parent: &Path, durability: Durability) -> Outcome<Self> {
        let programs = server_programs()?;
        // Someone else may take the port between our look and the server's start: then another one.
        Self::try_start(parent, &programs, durability)
            .or_else(|_| Self::try_start(parent, &programs, durability))
            .map_err(|why| format!("PostgreSQL does not start: {why}"))
    }

    fn try_start(parent: &Path, programs: &Path, durability: Durability) -> Outcome<Self> {
        let folder = private_folder(parent).map_err(|error| error.to_string())?;
        let port = free_port().map_err(|error| error.to_string())?;
        let log_path = folder.join("log");
        let log = fs::File::create(&log_path).map_err(|error| error.to_string())?;
        let complaints = log.try_clone().map_err(|error| error.to_string())?;

        let mut command = Leash::command(Ending::Immediate, Some(&folder));
        command
            .args(["sh", "-c", SCRIPT, "postgres"])
            .args([programs, &folder])
            .arg(format!("--port={port}"))
            .args(["--listen_addresses=127.0.0.1", "--max_connections=200"])
            .current_dir(&folder)
            .stdout(log)
            .stderr(complaints);
        if durability == Durability::None {
            command.args(["--fsync=off", "--full_page_writes=off", "--synchronous_commit=off"]);
        }
        if let Some((user, group)) = server_user() {
            command.uid(user).gid(group);
        }
        let leash = Leash::start(&mut command).map_err(|error| error.to_string())?;
        let mut cluster = Self { leash, programs: programs.to_owned(), folder, port };
        let status = cluster.folder.join("data/postmaster.pid");
        cluster.leash.wait_until(Duration::from_millis(20), || is_ready(&status)).map_err(|why| {
            let log = fs::read_to_string(&log_path).unwrap_or_default();
            format!("{why}\n{log}")
        })?;
        Ok(cluster)
    }

    /// The URL of the database `postgres`, as a superuser.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of another of its databases, as a superuser.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The `psql` that came with the server. The one in Debian's `PATH` is a script that looks for it, ten times slower.
    pub fn psql(&self) -> PathBuf {
        self.programs.join("psql")
    }

    /// As the server gives it, for example `postgres (PostgreSQL) 15.14`.
    pub fn version(&self) -> Outcome<String> {
        let printed = output(Command::new(self.programs.join("postgres")).arg("--version"))?;
        Ok(printed.trim().to_owned())
    }
}

/// The folder of the server's programs: that of the `initdb` in `PATH`, else the newest that Debian's packages have,
/// else the one that is installed now.
fn server_programs() -> Outcome<PathBuf> {
    if let Some(found) = find_programs() {
        return Ok(found);
    }
    system::install(
        "PostgreSQL's server",
        &["postgresql", "postgresql-client"],
        "Fedora: dnf install postgresql-server; macOS: brew install postgresql",
    )?;
    find_programs().ok_or_else(|| "PostgreSQL is installed, but where is its initdb?".to_owned())
}

fn find_programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(debian_programs())
        // Through links, because psql lies beside the real one.
        .filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok())
        .filter_map(|initdb| initdb.parent().map(Path::to_owned))
        .find(|folder| folder.join("postgres").exists() && folder.join("psql").exists())
}

/// Debian keeps every major version beside the others, and none in `PATH`. Newest first.
fn debian_programs() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql");
    let mut found: Vec<(u32, PathBuf)> = versions
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    found.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    found.into_iter().map(|(_, programs)| programs).collect()
}

/// Readable by the server's user alone.
fn private_folder(parent: &Path) -> std::io::Result<PathBuf> {
    let folder = tempfile::Builder::new().prefix("fabric-postgres-").tempdir_in(parent)?;
    if let Some((user, group)) = server_user() {
        chown(folder.path(), Some(user), Some(group))?;
    }
    // From here on it is the leash that removes it.
    Ok(folder.keep())
}

/// PostgreSQL refuses to run as root; root runs it as the user that its package made.
fn server_user() -> Option<(u32, u32)> {
    system::is_root().then(|| Some((system::id(&["-u", "postgres"])?, system::id(&["-g", "postgres"])?))).flatten()
}

/// The server keeps its state on the eighth line of its process file: what `pg_ctl --wait` looks at too.
fn is_ready(process_file: &Path) -> bool {
    fs::read_to_string(process_file).is_ok_and(|lines| lines.lines().nth(7).map(str::trim_end) == Some("ready"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_answers_and_leaves_nothing() {
        let cluster = Cluster::start(&env::temp_dir(), Durability::None).unwrap();
        let folder = cluster.folder.clone();
        let url = cluster.url();
        let psql = cluster.psql();
        let ask = || output(Command::new(&psql).args(["-Atc", "SHOW fsync", &url]));
        assert_eq!(ask().unwrap().trim(), "off");

        drop(cluster);

        assert!(ask().is_err());
        let started = std::time::Instant::now();
        while folder.exists() {
            assert!(started.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_cluster_that_cannot_start_says_why() {
        let refused = Cluster::start(Path::new("/proc"), Durability::None);
        let why = refused.map(|_| ()).unwrap_err();
        assert!(why.starts_with("PostgreSQL does not start: "), "{why}");
    }
}
