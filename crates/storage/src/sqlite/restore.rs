//! Puts a backup in a database's place.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use diesel::connection::SimpleConnection as _;
use kernel::{Code, Error, Result};

use super::{
    Connection,
    backup::{Copied, check, copy},
    file::{connect, folder, journal_mode, make_folder, private, sync},
};

/// Checks the backup, copies it beside the database and puts the copy in its place in one step.
pub fn restore(path: &Path, from: &Path, force: bool) -> Result<Copied> {
    let unreadable = |error| {
        let message = format!("{} can't be read as a SQLite database.", from.display());
        Error::because(Code::InvalidRequest, message).caused_by(error)
    };
    let mut source = connect(from, &[]).map_err(unreadable)?;
    check(&mut source)?;
    let present = path.exists();
    if present && !force {
        let message = format!("There is a database at {} already: it is replaced by force only.", path.display());
        return Err(Error::because(Code::Conflict, message));
    }
    // Held until the end: nobody opens what is about to go.
    let _lock = if present { lock(path)? } else { None };
    make_folder(path).map_err(Error::unavailable)?;
    let beside = beside(path, ".restoring");
    remove(&beside).and_then(|()| private(&beside)).map_err(Error::unavailable)?;
    let copied = copy(&mut source, &beside)
        .and_then(|copied| replace(path, &beside).map_err(Error::unavailable).map(|()| copied));
    if copied.is_err() {
        drop(fs::remove_file(&beside));
    }
    copied
}

/// Takes the database for itself. `None` when it is so damaged that nobody can have it open.
///
/// A database leaves its write-ahead log only for one who is alone with it; afterwards nothing of it is in the log.
fn lock(path: &Path) -> Result<Option<Connection>> {
    let Ok(mut connection) = connect(path, &["PRAGMA busy_timeout=0"]) else {
        return Ok(None);
    };
    let alone = journal_mode(&mut connection, "DELETE").is_ok_and(|mode| mode == "delete")
        && connection.batch_execute("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE").is_ok();
    if alone {
        Ok(Some(connection))
    } else {
        let message = format!("Somebody has {} open: stop the server first.", path.display());
        Err(Error::because(Code::Conflict, message))
    }
}

fn replace(path: &Path, with: &Path) -> io::Result<()> {
    // A log that was left by a damaged database must not be taken for the new one's.
    for log in ["-wal", "-shm", "-journal"] {
        remove(&beside(path, log))?;
    }
    fs::rename(with, path)?;
    sync(folder(path))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
