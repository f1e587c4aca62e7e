//! How much may run at once: for everybody together, for an organization, for a team. Fabric runs nothing itself; it
//! keeps the limits for those who do.

use std::{fmt, str::FromStr};

use kernel::{
    Code, Error, Listed, Page, Result, Timestamp,
    id::{OrganizationId, TeamId},
};
use uuid::Uuid;

/// What a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitScope {
    /// All that runs, whoever it is for.
    Global,
    /// What runs for an organization or for a team, whichever has this id.
    One(Uuid),
}

impl FromStr for LimitScope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let why = |_| Error::because(Code::InvalidRequest, "Give the id of an organization or of a team, or global.");
        if text == "global" { Ok(Self::Global) } else { text.parse().map(Self::One).map_err(why) }
    }
}

impl fmt::Display for LimitScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::One(id) => id.fmt(f),
        }
    }
}

/// Whose runs are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Everybody's together.
    Everybody,
    /// An organization's.
    Organization(OrganizationId),
    /// A team's.
    Team(TeamId, OrganizationId),
}

impl Limited {
    /// As it is named on the wire.
    #[must_use]
    pub fn scope(self) -> LimitScope {
        match self {
            Self::Everybody => LimitScope::Global,
            Self::Organization(id) => LimitScope::One(id.0),
            Self::Team(id, _) => LimitScope::One(id.0),
        }
    }

    /// The organization that it belongs to, or is.
    #[must_use]
    pub fn organization(self) -> Option<OrganizationId> {
        match self {
            Self::Everybody => None,
            Self::Organization(id) | Self::Team(_, id) => Some(id),
        }
    }

    /// The team.
    #[must_use]
    pub fn team(self) -> Option<TeamId> {
        match self {
            Self::Everybody | Self::Organization(_) => None,
            Self::Team(id, _) => Some(id),
        }
    }
}

/// The most that runs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConcurrencyLimit {
    /// Of whose.
    pub limited: Limited,
    /// How many runs; 0 lets nothing run.
    pub max_runs: u32,
    /// When it was set last.
    pub updated_at: Timestamp,
}

/// The most that anybody sets.
const MOST: u32 = 1_000_000;

/// # Errors
/// `invalid_request` for more than a million.
pub fn check_max_runs(max_runs: u32) -> Result<u32> {
    if max_runs <= MOST {
        return Ok(max_runs);
    }
    Err(Error::because(Code::InvalidRequest, "Give max_concurrent_runs a value from 0 to 1000000."))
}

/// Limits of one database transaction.
pub trait ConcurrencyLimitRepository {
    /// All of them: the one for everybody first, then by id.
    fn concurrency_limits(&mut self, page: &Page<LimitScope>) -> Result<Listed<ConcurrencyLimit, LimitScope>>;

    /// Sets a limit, in the place of one that is there.
    ///
    /// # Errors
    /// `not_found` when the organization or the team is gone.
    fn set_concurrency_limit(&mut self, limit: &ConcurrencyLimit) -> Result<()>;

    /// Lifts a limit. One that is not there is lifted already.
    fn lift_concurrency_limit(&mut self, limited: Limited) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        let id = OrganizationId::generate();
        for scope in [LimitScope::Global, LimitScope::One(id.0)] {
            assert_eq!(scope.to_string().parse::<LimitScope>().unwrap(), scope);
        }
        for text in ["", "Global", "everything", "0", "global "] {
            assert_eq!(text.parse::<LimitScope>().unwrap_err().code, Code::InvalidRequest, "{text}");
        }
    }

    #[test]
    fn a_limit_has_a_range() {
        for (max_runs, fits) in [(0, true), (MOST, true), (MOST + 1, false), (u32::MAX, false)] {
            assert_eq!(check_max_runs(max_runs).is_ok(), fits, "{max_runs}");
        }
    }
}
