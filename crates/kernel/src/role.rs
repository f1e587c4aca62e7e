//! Roles.

use std::fmt;

use crate::{Code, Error, Result};

/// Roles of an organization, weakest first, so that `>=` reads as "at least".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Makes and manages their own.
    Member,
    /// Manages teams, invitations and most resources.
    Admin,
    /// Everything, other owners too.
    Owner,
}

impl Role {
    /// All of them, weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// Its name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// # Errors
    /// `invalid_request` when there is no role of that name.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|role| role.name() == name);
        found.ok_or_else(|| Error::because(Code::InvalidRequest, "Use the role owner, admin, member or viewer."))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
