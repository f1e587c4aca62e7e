//! Locks where there may be no row to lock.

use diesel::{
    QueryResult, RunQueryDsl as _, define_sql_function,
    sql_types::{BigInt, Text},
};
use identity::LockoutKey;
use kernel::id::{OrganizationId, PrincipalId};
use platform::records::MailCounter;

use super::Connection;
use crate::races::LockName;

define_sql_function! {
    fn pg_advisory_xact_lock(key: BigInt);
}
define_sql_function! {
    fn pg_try_advisory_xact_lock(key: BigInt) -> Bool;
}
define_sql_function! {
    fn hashtextextended(text: Text, seed: BigInt) -> BigInt;
}

/// No hash's, in all likelihood; and if it were, two would wait for each other, no more.
const PLATFORM_ADMIN: i64 = i64::from_be_bytes(*b"fabadmin");

const SEQUENCER: i64 = i64::from_be_bytes(*b"fabsequ.");

const SIGNING_KEYS: i64 = i64::from_be_bytes(*b"fabsignk");

const FAN_OUT: i64 = i64::from_be_bytes(*b"fabfanou");

/// Holds the sequencer's lock until the commit, unless somebody else does.
pub fn sequencing(connection: &mut Connection) -> QueryResult<bool> {
    diesel::select(pg_try_advisory_xact_lock(SEQUENCER)).get_result(connection)
}

/// Holds the lock of who fans the ledger out until the commit, unless somebody else does.
pub fn fanning_out(connection: &mut Connection) -> QueryResult<bool> {
    diesel::select(pg_try_advisory_xact_lock(FAN_OUT)).get_result(connection)
}

/// Many processes may be at work: who has died is known by the end of its leases alone.
pub const ONE_PROCESS: bool = false;

/// Holds the lock of that name until the commit; waits while somebody else does.
pub fn alone(connection: &mut Connection, name: LockName<'_>) -> QueryResult<()> {
    // `execute`, because there is nothing in a void to read.
    match name {
        LockName::PlatformAdmin => diesel::select(pg_advisory_xact_lock(PLATFORM_ADMIN)).execute(connection),
        LockName::SigningKeys => diesel::select(pg_advisory_xact_lock(SIGNING_KEYS)).execute(connection),
        LockName::Lockout(LockoutKey(hash)) | LockName::MailRequests(MailCounter(hash)) => {
            let beginning = hash.first_chunk().copied().unwrap_or_default();
            diesel::select(pg_advisory_xact_lock(i64::from_be_bytes(beginning))).execute(connection)
        }
        LockName::Mailbox(address) => {
            diesel::select(pg_advisory_xact_lock(hashtextextended(address.as_str(), 0))).execute(connection)
        }
        LockName::ApiKeys(PrincipalId(id)) | LockName::ServiceAccounts(OrganizationId(id)) => {
            diesel::select(pg_advisory_xact_lock(hashtextextended(id.to_string(), 1))).execute(connection)
        }
    }
    .map(drop)
}
