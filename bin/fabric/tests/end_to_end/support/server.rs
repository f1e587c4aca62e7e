//! A running server.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::Value;

use super::{
    Client, Site,
    process::{Leashed, leash},
    until,
};

/// A server of one site. It is killed when this value is dropped.
pub struct Server {
    process: Leashed,
    /// `http://127.0.0.1:<port>`
    pub url: String,
    out: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Starts it and waits until it says where it listens.
    pub fn start(site: &Site, arguments: &[&str]) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let (out, log) = (site.file(&format!("{number}.out")), site.file(&format!("{number}.log")));
        let mut command = site.program("/bin/sh");
        command.args(leash("KILL")).arg(env!("CARGO_BIN_EXE_fabric")).args(arguments);
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&log).unwrap());
        let mut server = Self { process: Leashed::start(&mut command), url: String::new(), out, log };
        server.url = until("the server listens", || {
            let ended = server.process.has_ended();
            assert!(ended.is_none(), "the server ended with {ended:?}:\n{}", server.log());
            let text = server.said();
            let (line, _) = text.split_once('\n')?;
            let url = line.strip_prefix("Fabric listens on ").map(str::to_owned);
            let json = || serde_json::from_str::<Value>(line).ok()?["listening"].as_str().map(str::to_owned);
            Some(url.or_else(json).unwrap_or_else(|| panic!("{line}")))
        });
        server
    }

    /// A client without any credential.
    pub fn client(&self) -> Client {
        Client::new(self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// The process.
    pub fn process(&self) -> &Leashed {
        &self.process
    }

    /// Everything that it has said on standard output.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    /// Where its log is.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// The token of the last link of that path that was mailed to the address: in development the log shows it.
    pub fn mailed_token(&self, email: &str, path: &str) -> String {
        until(&format!("a link to {path} for {email}"), || {
            let log = self.log();
            let line = log.lines().rfind(|line| line.contains(&format!("to={email} ")) && line.contains(path))?;
            let token = line.split("token=").nth(1)?.split(['"', '&']).next()?;
            Some(token.to_owned())
        })
    }

    /// How it ended.
    ///
    /// # Panics
    /// When it has not by then.
    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        let status = self.process.ended(within);
        status.unwrap_or_else(|| panic!("the server still ran after {within:?}:\n{}", self.log()))
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) {
        self.process.signal("TERM");
        let status = self.ended(Duration::from_secs(30));
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }

    /// Ends it without a warning.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("the server's last lines:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        }
    }
}
