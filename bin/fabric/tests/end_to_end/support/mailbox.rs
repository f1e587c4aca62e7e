//! A real SMTP server, which keeps what the binary mails.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Site, process::Leashed, until};

/// Where mails arrive. It is gone when this value is dropped.
pub struct Mailbox {
    mails: PathBuf,
    /// The server ends when its standard input does: it needs no leash of the shell's.
    _process: Leashed,
}

impl Mailbox {
    /// Opens it, and has the site's servers send mail there.
    pub fn open(site: &mut Site) -> Self {
        let mails = site.file("mails");
        let mut command = site.python("../../../../crates/mail/tests/smtp_server.py");
        let process = Leashed::start(command.stdout(File::create(&mails).unwrap()));
        let port = until("the SMTP server listens", || {
            let said = fs::read_to_string(&mails).unwrap();
            let (line, _) = said.split_once('\n')?;
            serde_json::from_str::<Value>(line).unwrap()["port"].as_u64()
        });
        site.set("SMTP_URL", &format!("smtp://127.0.0.1:{port}")).set("MAIL_FROM", "Fabric <no-reply@example.com>");
        Self { mails, _process: process }
    }

    /// The file that it writes each mail to, a line a mail.
    pub fn path(&self) -> &Path {
        &self.mails
    }
}
