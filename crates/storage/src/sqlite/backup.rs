//! Copies of a SQLite database while it is in use.

use std::{fs, io, path::Path};

use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types::Text};
use kernel::{Code, Error, Result};

use super::{
    Connection, failure,
    file::{connect, folder, private, sync},
    migrate,
};

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The copy's size.
    pub bytes: u64,
    /// The last migration that it has.
    pub schema: String,
}

/// Copies what is committed by now to a new file and checks the copy.
pub fn backup(path: &Path, to: &Path) -> Result<Copied> {
    let mut source = connect(path, &[])?;
    private(to).map_err(|error| {
        match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::because(Code::Conflict, format!("There is a file at {} already.", to.display()))
            }
            _ => Error::because(Code::ServiceUnavailable, format!("The backup can't be written to {}.", to.display())),
        }
        .caused_by(error)
    })?;
    let copied = copy(&mut source, to);
    if copied.is_err() {
        // Nobody shall take half a copy for a whole one.
        drop(fs::remove_file(to));
    }
    copied
}

/// Copies the database into a file that is there and empty, checks the copy, and makes it survive a power cut.
pub fn copy(source: &mut Connection, to: &Path) -> Result<Copied> {
    let text = to.to_str().ok_or_else(|| Error::because(Code::InvalidRequest, "The path is not UTF-8."))?;
    sql_query("VACUUM INTO ?").bind::<Text, _>(text).execute(source).map_err(failure::of)?;
    let schema = check(&mut connect(to, &["PRAGMA query_only=ON"])?)?;
    let bytes = sync(to).and_then(|()| sync(folder(to))).and_then(|()| fs::metadata(to)).map(|about| about.len());
    Ok(Copied { bytes: bytes.map_err(Error::unavailable)?, schema })
}

/// Checks every page, index and reference, and that the schema is one that this version can work with or migrate; hands
/// back its last migration.
pub fn check(connection: &mut Connection) -> Result<String> {
    #[derive(QueryableByName)]
    struct Finding {
        #[diesel(sql_type = Text)]
        integrity_check: String,
    }
    let damaged = |what: &str| Error::because(Code::InvalidRequest, format!("The file is damaged: {what}."));
    let findings = sql_query("PRAGMA integrity_check").load::<Finding>(connection);
    let findings =
        findings.map_err(|error| damaged("it is no SQLite database, or not a whole one").caused_by(error))?;
    if let Some(finding) = findings.iter().find(|finding| finding.integrity_check != "ok") {
        return Err(damaged(&finding.integrity_check));
    }
    migrate::check_foreign_keys(connection)?;
    migrate::missing_from(connection)?;
    let last = migrate::applied(connection)?.pop();
    let last = last.ok_or_else(|| Error::because(Code::InvalidRequest, "The file is no database of Fabric."))?;
    Ok(last.version)
}
