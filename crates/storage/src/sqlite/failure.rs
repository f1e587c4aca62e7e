//! What becomes of SQLite's errors.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use kernel::{Code, Error};

use crate::conflicts;

/// What the caller is told; the log gets the cause.
pub fn of(error: DieselError) -> Error {
    match code(&error) {
        Some(Code::ServiceUnavailable) => Error::unavailable(error),
        Some(code) => Error::new(code).caused_by(error),
        None => Error::internal(error),
    }
}

fn code(error: &DieselError) -> Option<Code> {
    let DieselError::DatabaseError(kind, about) = error else {
        return None;
    };
    match kind {
        // What it is about went away meanwhile.
        DatabaseErrorKind::ForeignKeyViolation => Some(Code::NotFound),
        DatabaseErrorKind::UniqueViolation => conflicts::name(about.message()).and_then(|name| conflicts::code(&name)),
        // SQLite's messages are in English everywhere.
        DatabaseErrorKind::Unknown if PASSING.contains(&about.message()) => Some(Code::ServiceUnavailable),
        _ => None,
    }
}

/// What passes, or what an operator can mend: the request itself is fine.
const PASSING: &[&str] = &[
    "database is locked",
    "database table is locked",
    "database schema is locked",
    "database or disk is full",
    "disk I/O error",
    "unable to open database file",
];
