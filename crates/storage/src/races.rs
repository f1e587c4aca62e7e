//! What units of work that run at once may be in each other's way for.

use std::{error, fmt};

use identity::LockoutKey;
use kernel::{
    Email,
    id::{OrganizationId, PrincipalId},
};
use platform::records::MailCounter;

/// What can be locked though there may be no row.
#[derive(Clone, Copy)]
pub enum LockName<'a> {
    /// Whether anybody runs the platform.
    PlatformAdmin,
    /// A lockout counter.
    Lockout(LockoutKey),
    /// The mails that wait for somebody.
    Mailbox(&'a Email),
    /// How many mails were asked for.
    MailRequests(MailCounter),
    /// How many API keys a principal has.
    ApiKeys(PrincipalId),
    /// How many service accounts an organization has.
    ServiceAccounts(OrganizationId),
    /// Which key signs tokens.
    SigningKeys,
}

/// Somebody else changed a row between this unit's reading it and its writing it.
#[derive(Debug)]
pub struct Overtaken;

impl fmt::Display for Overtaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row was changed by somebody else in between")
    }
}

impl error::Error for Overtaken {}
