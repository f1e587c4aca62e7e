//! A Redis of a test's own, which it may kill and start again.

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    process::Command,
};

use tempfile::TempDir;

use super::{
    process::{Leashed, leash},
    until,
};

/// A server that keeps nothing. It is gone when this value is dropped.
pub struct Redis {
    server: Leashed,
    folder: TempDir,
    port: u16,
}

impl Redis {
    /// Starts it on a free port.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("fabric-e2e-redis-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = serve(&folder, port);
        Self { server, folder, port }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Ends it by SIGKILL.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Lets it live and do nothing any more.
    pub fn hang(&self) {
        self.server.signal("STOP");
    }

    /// Starts it again on the same port, empty.
    pub fn resume(&mut self) {
        self.server = serve(&self.folder, self.port);
    }
}

fn serve(folder: &TempDir, port: u16) -> Leashed {
    let program = env::var_os("FABRIC_TEST_REDIS");
    let program = program.expect("FABRIC_TEST_REDIS is not set: run the tests with `cargo xtask test`");
    let mut command = Command::new("/bin/sh");
    command.args(leash("KILL")).arg(program).args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--save", "", "--appendonly", "no"]).current_dir(folder);
    let log = fs::File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    let mut server = Leashed::start(command.stdout(log.try_clone().unwrap()).stderr(log));
    until("Redis listens", || {
        assert!(server.has_ended().is_none(), "Redis does not start: see {}", folder.path().display());
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    server
}
