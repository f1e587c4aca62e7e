//! What becomes of PostgreSQL's errors.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use kernel::{Code, Error};

use crate::{conflicts, races::Overtaken};

/// What the caller is told; the log gets the cause.
pub fn of(error: DieselError) -> Error {
    match code(&error) {
        Some(Code::ServiceUnavailable) => Error::unavailable(error),
        Some(code) => Error::new(code).caused_by(error),
        None => Error::internal(error),
    }
}

fn code(error: &DieselError) -> Option<Code> {
    match error {
        DieselError::DatabaseError(kind, about) => match kind {
            DatabaseErrorKind::UniqueViolation => about.constraint_name().and_then(conflicts::code),
            // What it is about went away meanwhile.
            DatabaseErrorKind::ForeignKeyViolation => Some(Code::NotFound),
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::SerializationFailure => Some(Code::ServiceUnavailable),
            DatabaseErrorKind::Unknown => unnamed(about.message()),
            _ => None,
        },
        DieselError::BrokenTransactionManager | DieselError::RollbackErrorOnCommit { .. } => {
            Some(Code::ServiceUnavailable)
        }
        _ => None,
    }
}

/// What Diesel has no name for. It tells no SQLSTATE, so this goes by the message.
fn unnamed(message: &str) -> Option<Code> {
    const PASSING: &[&str] = &["deadlock detected", "lock timeout", "No space left on device"];
    if message.contains("UTF8") && message.contains("0x00") {
        // A NUL in a text (22021).
        Some(Code::InvalidRequest)
    } else if PASSING.iter().any(|passing| message.contains(passing)) {
        Some(Code::ServiceUnavailable)
    } else {
        None
    }
}

/// The same error, once it is known that the connection has gone: whatever was said, the database is away.
pub fn gone(error: Error) -> Error {
    match error.code {
        Code::InternalError => Error::unavailable(error),
        _ => error,
    }
}

/// Whether another transaction was in the way, so that the next try may go through.
///
/// Deadlocks are among what Diesel has no name for, and a server may speak any language. A unit of work may run again
/// at any time, so it does after anything without a name, the client's own mistakes apart.
pub fn is_race(error: &Error) -> bool {
    let Some(cause) = error.cause.as_ref() else {
        return false;
    };
    match cause.downcast_ref() {
        Some(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        Some(DieselError::DatabaseError(DatabaseErrorKind::Unknown, _)) => error.code != Code::InvalidRequest,
        _ => cause.is::<Overtaken>(),
    }
}
