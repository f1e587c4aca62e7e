//! Refusals that are worth noting.

use std::{error, fmt};

use kernel::{
    Error, Via,
    id::{AppId, OrganizationId, PrincipalId},
};

use crate::Caller;

/// That somebody who belongs to an organization was refused a change there. It travels as the cause of the error that
/// they are answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Denied {
    /// Through which app they came.
    pub app: Option<AppId>,
    /// Where.
    pub organization: OrganizationId,
    /// Who.
    pub principal: PrincipalId,
    /// With what: what one key was refused is not another's.
    pub via: Via,
    /// What they came to do.
    pub action: &'static str,
}

impl Denied {
    /// What a caller was refused.
    pub(crate) fn new(caller: &Caller, organization: OrganizationId, action: &'static str) -> Self {
        Self { app: caller.app, organization, principal: caller.principal, via: caller.via(), action }
    }

    /// The refusal behind an error, if it is one.
    #[must_use]
    pub fn behind(error: &Error) -> Option<&Self> {
        error.cause.as_ref()?.downcast_ref()
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was denied to {} in {}", self.action, self.principal, self.organization)
    }
}

impl error::Error for Denied {}
