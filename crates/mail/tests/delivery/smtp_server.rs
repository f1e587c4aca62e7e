//! `tests/smtp_server.py`, started and listened to.

use std::{
    env,
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde::Deserialize;

/// A mail as it arrived.
#[derive(Debug, Deserialize)]
pub struct Arrived {
    /// The same for letters over one connection.
    pub connection: u16,
    pub encrypted: bool,
    pub user: Option<String>,
    pub mail_from: String,
    pub recipients: Vec<String>,
    pub headers: Vec<(String, String)>,
    /// Name and address, for each that `From:` has.
    pub sender: Vec<(String, String)>,
    pub content_type: String,
    /// Type and content.
    pub parts: Vec<(String, String)>,
    pub defects: Vec<String>,
    pub raw: String,
}

impl Arrived {
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value);
        let value = values.next().unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert_eq!(values.next(), None, "{name} twice");
        value
    }
}

pub struct SmtpServer {
    pub port: u16,
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl SmtpServer {
    pub fn start(arguments: &[&str]) -> Self {
        #[derive(Deserialize)]
        struct Listening {
            port: u16,
        }

        let python = env::var_os("FABRIC_TEST_PYTHON");
        let python = python.expect("FABRIC_TEST_PYTHON is not set: run the tests with `cargo xtask test`");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp_server.py");
        let mut command = Command::new(python);
        command.arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("FABRIC_TEST_PYTHON names a Python");
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = output.next().expect("the SMTP server starts: is aiosmtpd installed?").unwrap();
        let Listening { port } = serde_json::from_str(&first).unwrap();
        Self { port, process, output }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The next mail, as soon as it is here.
    pub fn arrived(&mut self) -> Arrived {
        let line = self.output.next().expect("the SMTP server runs").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// How many mails arrived that nobody asked about.
    pub fn stop(mut self) -> usize {
        drop(self.process.stdin.take());
        self.output.by_ref().map(Result::unwrap).count()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
