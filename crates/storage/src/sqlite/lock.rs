//! Nothing to lock: nobody else writes while the one writer does.

use diesel::QueryResult;

use super::Connection;
use crate::races::LockName;

#[expect(clippy::unnecessary_wraps, reason = "PostgreSQL's may fail")]
pub fn sequencing(_: &mut Connection) -> QueryResult<bool> {
    Ok(true)
}

#[expect(clippy::unnecessary_wraps, reason = "PostgreSQL's may fail")]
pub fn fanning_out(_: &mut Connection) -> QueryResult<bool> {
    Ok(true)
}

/// One process has the file: whoever else has held anything is dead.
pub const ONE_PROCESS: bool = true;

#[expect(clippy::unnecessary_wraps, reason = "PostgreSQL's may fail")]
pub fn alone(_: &mut Connection, name: LockName<'_>) -> QueryResult<()> {
    match name {
        LockName::PlatformAdmin
        | LockName::Lockout(_)
        | LockName::Mailbox(_)
        | LockName::MailRequests(_)
        | LockName::ApiKeys(_)
        | LockName::ServiceAccounts(_)
        | LockName::SigningKeys => Ok(()),
    }
}
