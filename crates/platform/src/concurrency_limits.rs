//! How much may run at once, as whoever runs the platform says. Fabric runs nothing itself: it keeps the limits for the
//! services that do.

use authz::{
    Acting,
    action::{ConcurrencyLimitManage, ConcurrencyLimitRead},
};
use kernel::{
    Error, Event, EventKind, Listed, Page, Result,
    id::{AppId, OrganizationId, TeamId},
};
use serde_json::json;
use tenancy::{ConcurrencyLimit, LimitScope, Limited};

use crate::{Platform, Transaction, permit::permit_platform};

impl Platform {
    /// All limits: the one for everybody first.
    ///
    /// # Errors
    /// `forbidden` for everybody who does not run the platform.
    pub async fn concurrency_limits(
        &self,
        acting: Acting<ConcurrencyLimitRead>,
        page: Page<LimitScope>,
    ) -> Result<Listed<ConcurrencyLimit, LimitScope>> {
        let listed = self.store().read(move |tx| {
            permit_platform(tx, &acting)?;
            tx.concurrency_limits(&page)
        });
        listed.await
    }

    /// Sets how much may run at once for everybody together, for an organization or for a team; `None` lifts the limit.
    /// Tells whose it is, and the limit, if there is one now.
    ///
    /// # Errors
    /// `forbidden` for everybody who does not run the platform; `not_found` for what is no organization and no team.
    pub async fn set_concurrency_limit(
        &self,
        acting: Acting<ConcurrencyLimitManage>,
        scope: LimitScope,
        max_runs: Option<u32>,
    ) -> Result<(Limited, Option<ConcurrencyLimit>)> {
        let now = self.now();
        let set = self.store().write(move |tx| {
            let permit = permit_platform(tx, &acting)?;
            let (limited, app) = find(tx, scope)?;
            let limit = max_runs.map(|max_runs| ConcurrencyLimit { limited, max_runs, updated_at: now });
            match &limit {
                Some(limit) => tx.set_concurrency_limit(limit)?,
                None => tx.lift_concurrency_limit(limited)?,
            }
            tx.append(&Event {
                app,
                organization: limited.organization(),
                actor: Some(permit.principal()),
                payload: json!({ "scope": scope.to_string(), "max_concurrent_runs": max_runs }),
                ..Event::new(EventKind::ConcurrencyLimitUpdated, now)
            })?;
            Ok((limited, limit))
        });
        set.await
    }
}

/// What a scope means, and the app in which that is.
fn find(tx: &mut dyn Transaction, scope: LimitScope) -> Result<(Limited, Option<AppId>)> {
    let LimitScope::One(id) = scope else { return Ok((Limited::Everybody, None)) };
    if let Some(organization) = tx.organization(OrganizationId(id))? {
        return Ok((Limited::Organization(organization.id), organization.app));
    }
    let team = tx.team(TeamId(id))?.ok_or_else(Error::not_found)?;
    let organization = tx.organization(team.organization)?.ok_or_else(Error::not_found)?;
    Ok((Limited::Team(team.id, organization.id), organization.app))
}
