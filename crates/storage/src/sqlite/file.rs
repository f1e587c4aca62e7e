//! The database's file.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, connection::SimpleConnection as _, sql_query, sql_types::Text,
};
use kernel::{Code, Error, Result};

use super::{Connection, failure};

/// How long a connection waits for another process.
const PATIENCE: &str = "PRAGMA busy_timeout=5000";

/// Makes the file, where there is none, and the folder it lies in: for nobody else's eyes. SQLite gives the log beside
/// it the same mode.
pub fn make(path: &Path) -> Result<()> {
    try_make(path).map_err(|error| {
        Error::because(Code::ServiceUnavailable, format!("The database {} can't be made.", path.display()))
            .caused_by(error)
    })
}

fn try_make(path: &Path) -> io::Result<()> {
    make_folder(path)?;
    match private(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Makes the folder that the file lies in.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let folder = folder(path);
    if folder.exists() { Ok(()) } else { DirBuilder::new().recursive(true).mode(0o700).create(folder) }
}

/// The folder that the file lies in.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes an empty file that only its owner may read.
pub fn private(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// Makes what was written to a file or a folder survive a power cut.
pub fn sync(path: &Path) -> io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

/// Opens a file that is there.
pub fn connect(path: &Path, pragmas: &[&str]) -> Result<Connection> {
    let unreadable = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::because(Code::ServiceUnavailable, format!("The database {} can't be opened.", path.display()))
            .caused_by(cause)
    };
    // SQLite would make an empty one.
    if !path.exists() {
        return Err(unreadable("there is no such file".into()));
    }
    let text = path.to_str().ok_or_else(|| unreadable("its path is not UTF-8".into()))?;
    let mut connection = Connection::establish(text).map_err(|error| unreadable(error.into()))?;
    // The last one reads for the first time: from here on the connection shows to others that somebody is there.
    for statement in [PATIENCE].iter().chain(pragmas).chain(&["SELECT 1 FROM sqlite_master LIMIT 1"]) {
        connection.batch_execute(statement).map_err(|error| unreadable(error.into()))?;
    }
    Ok(connection)
}

/// Readers do not wait for the writer, nor the writer for them.
pub fn use_write_ahead_log(connection: &mut Connection) -> Result<()> {
    let begun = Instant::now();
    loop {
        match journal_mode(connection, "WAL") {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => {
                return Err(Error::because(
                    Code::ServiceUnavailable,
                    "The database's file system lacks what SQLite's write-ahead log needs: put it on a local disk.",
                ));
            }
            // Here SQLite does not wait for another process by itself.
            Err(error) if error.code == Code::ServiceUnavailable && begun.elapsed() < Duration::from_secs(5) => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Asks for a journal mode; hands back the one that the database has now.
pub fn journal_mode(connection: &mut Connection, wanted: &str) -> Result<String> {
    #[derive(QueryableByName)]
    struct Journal {
        #[diesel(sql_type = Text)]
        journal_mode: String,
    }
    let journal = sql_query(format!("PRAGMA journal_mode={wanted}")).get_result::<Journal>(connection);
    journal.map(|journal| journal.journal_mode).map_err(failure::of)
}
