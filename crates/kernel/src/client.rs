//! Where a request came from.

use std::net::IpAddr;

use crate::Locale;

/// The device at the other end, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The peer's address.
    pub ip: Option<IpAddr>,
    /// What it calls itself, cut to 256 bytes.
    pub user_agent: Option<String>,
    /// The language that whoever sits there asks for, where it is one that we write.
    pub language: Option<Locale>,
}
