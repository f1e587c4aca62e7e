//! A PostgreSQL of a test's own, which it may stop and start. Tests that only need a database use the one that is there.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::{
    process::{Leashed, finish, leash},
    until,
};

/// A cluster in a folder of its own. It is stopped and removed when this value is dropped.
pub struct Cluster {
    server: Option<Leashed>,
    programs: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Cluster {
    /// Makes a cluster and starts its server.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("fabric-e2e-postgres-").tempdir().unwrap();
        if let Some((user, group)) = server_user() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut cluster = Self { server: None, programs: programs(), folder, port };
        let mut initdb = as_server_user(&cluster.programs.join("initdb"));
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]);
        finish(initdb.arg(cluster.data()).current_dir(&cluster.folder), "", Duration::from_mins(2)).text();
        cluster.resume();
        cluster
    }

    /// The URL of the database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops the server as an operator does: whoever is connected is told to go.
    pub fn stop(&mut self) {
        let mut server = self.server.take().unwrap();
        server.signal("INT");
        assert!(server.ended(Duration::from_mins(1)).is_some(), "PostgreSQL did not stop: {}", self.log());
    }

    /// Starts the server, again, on the same port.
    pub fn resume(&mut self) {
        let mut command = as_server_user(Path::new("/bin/sh"));
        command.args(leash("QUIT")).arg(self.programs.join("postgres")).arg("-D").arg(self.data());
        command.arg("-k").arg(self.folder.path()).arg(format!("--port={}", self.port));
        command.args(["--listen_addresses=127.0.0.1", "--fsync=off"]).current_dir(&self.folder);
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut server = Leashed::start(command.stdout(log.try_clone().unwrap()).stderr(log));
        // The eighth line of the process file is the state: what `pg_ctl --wait` looks at too.
        let status = self.data().join("postmaster.pid");
        until("PostgreSQL starts", || {
            assert!(server.has_ended().is_none(), "PostgreSQL does not start: {}", self.log());
            let lines = fs::read_to_string(&status).ok()?;
            let ours = lines.lines().next() == Some(server.id().to_string().as_str());
            (ours && lines.lines().nth(7).map(str::trim_end) == Some("ready")).then_some(())
        });
        self.server = Some(server);
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// The folder of PostgreSQL's programs: that of the `psql` that the test command names, or Debian's newest.
fn programs() -> PathBuf {
    let named = env::var_os("TEST_PSQL").map(PathBuf::from).and_then(|psql| psql.parent().map(Path::to_owned));
    let mut debian: Vec<_> = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().collect();
    debian.sort_by_key(|entry| entry.file_name().to_str().and_then(|major| major.parse::<u32>().ok()));
    let debian = debian.into_iter().rev().map(|entry| entry.path().join("bin"));
    let found = named.into_iter().chain(debian).find(|folder| folder.join("initdb").exists());
    found.expect(
        "PostgreSQL's programs are not there: run `cargo xtask test`, or set TEST_PSQL to the psql beside initdb",
    )
}

/// PostgreSQL refuses to run as root; root runs it as the user that its package made.
fn server_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    (id(&["-u"]) == Some(0)).then(|| Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?))).flatten()
}

fn as_server_user(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = server_user() {
        command.uid(user).gid(group);
    }
    command
}
