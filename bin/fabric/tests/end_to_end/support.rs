//! A place where the binary runs, and what drives it there.

pub mod client;
pub mod cluster;
pub mod mailbox;
pub mod process;
pub mod redis;
pub mod server;
pub mod sql;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use testbed::TestDatabase;

pub use self::{client::Client, mailbox::Mailbox, process::Finished, server::Server};

/// A password that every policy takes.
pub const PASSWORD: &str = "Correct-Horse-1";

/// What every test waits for at most, unless it says otherwise.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A folder of its own, a database of its own, and settings that nobody else sees.
pub struct Site {
    pub folder: TempDir,
    settings: Vec<(String, String)>,
    /// The database's URL, unless the binary is to choose.
    pub database_url: Option<String>,
    _database: Option<TestDatabase>,
}

impl Site {
    /// With a SQLite file that is not there yet.
    pub fn sqlite() -> Self {
        let folder = folder();
        let url = format!("sqlite://{}", folder.path().join("fabric.db").display());
        Self::new(folder, Some(url), None)
    }

    /// With a migrated database on PostgreSQL.
    pub fn postgres() -> Self {
        let database = TestDatabase::postgres(|url| {
            let mut migrate = Command::new(env!("CARGO_BIN_EXE_fabric"));
            let done = process::finish(migrate.args(["migrate", "--database-url", url]), "", PATIENCE);
            assert_eq!(done.code, 0, "{}", done.stderr);
        });
        Self::new(folder(), Some(database.url.clone()), Some(database))
    }

    /// With an empty database that is somebody else's.
    pub fn at(url: &str) -> Self {
        Self::new(folder(), Some(url.to_owned()), None)
    }

    /// With nothing set at all.
    pub fn bare() -> Self {
        Self { settings: Vec::new(), ..Self::new(folder(), None, None) }
    }

    fn new(folder: TempDir, database_url: Option<String>, database: Option<TestDatabase>) -> Self {
        let mut site = Self { folder, settings: Vec::new(), database_url: database_url.clone(), _database: database };
        // Hashing as cheap as it gets: what it costs is another story.
        site.set("FABRIC_HASH_MEMORY_KIB", "64").set("FABRIC_HASH_PASSES", "1");
        // Each server takes another port: the next one would not know the tokens of one that calls itself by it.
        site.set("PUBLIC_BASE_URL", "http://localhost:3001");
        // A machine with many cores runs many tests at once, all on one PostgreSQL.
        site.set("DATABASE_POOL_MAX", "3");
        if let Some(url) = database_url {
            site.set("DATABASE_URL", &url);
        }
        site
    }

    /// Puts a setting into the environment, instead of one of the same name.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.unset(name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a setting out of the environment.
    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.settings.retain(|(known, _)| known != name);
        self
    }

    /// Everything that production asks for.
    pub fn set_production(&mut self) -> &mut Self {
        self.set("FABRIC_ENV", "production")
            .set("PUBLIC_BASE_URL", "https://auth.example.com")
            .set("OAUTH_SIGNING_SECRET", &secret('a'))
            .set("FABRIC_INVITE_TOKEN_KEY", &secret('b'))
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    /// A program that sees this folder, these settings and nothing else.
    pub fn program(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The binary.
    pub fn fabric(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_fabric"));
        command.args(arguments);
        command
    }

    /// A script beside these tests, for the Python that has the published client.
    ///
    /// # Panics
    /// When nobody has said which that is.
    pub fn python(&self, script: &str) -> Command {
        let python = std::env::var_os("FABRIC_TEST_PYTHON").unwrap_or_else(|| {
            panic!(
                "FABRIC_TEST_PYTHON is not set: run `cargo xtask test`, or name a Python that has \
                 crates/xtask/requirements.txt installed."
            )
        });
        let tests = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("tests/end_to_end");
        let mut command = self.program(PathBuf::from(python));
        command.args(["-B", "-u"]).arg(tests.join(script));
        command
    }

    /// Runs a command at the console to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with(arguments, "")
    }

    /// The same, with something on standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Finished {
        process::finish(&mut self.fabric(arguments), input, PATIENCE)
    }

    /// Runs a server on a free port.
    pub fn serve(&self) -> Server {
        Server::start(self, &["serve", "--port", "0"])
    }

    /// Runs a server that is expected to refuse to start.
    pub fn refuse(&self) -> Finished {
        self.run(&["serve", "--port", "0"])
    }
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("fabric-e2e-").tempdir().unwrap()
}

/// A strong secret, one a letter.
pub fn secret(letter: char) -> String {
    let bytes: Vec<_> = (0..32).map(|n| format!("{:02x}", (u32::from(letter) * 101 + n * 37) % 256)).collect();
    bytes.concat()
}

/// An address that nobody has had.
pub fn new_email() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("user{}@example.com", COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// Looks again and again until there is something to see.
///
/// # Panics
/// When there is nothing after [`PATIENCE`].
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
