//! How much organizations may spend.

use authz::{
    Acting,
    action::{BudgetRead, BudgetUpdate},
};
use kernel::{Event, EventKind, Month, Result, Scope, Timestamp, id::OrganizationId};
use serde_json::json;
use tenancy::{Budget, MicroDollars, Usage};

use crate::{Platform, Transaction, permit::permit};

impl Platform {
    /// How much an organization may spend, and has spent.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to it.
    pub async fn budget(&self, acting: Acting<BudgetRead>, id: OrganizationId) -> Result<Budget> {
        let now = self.now();
        let found = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            budget(tx, &permit, now)
        });
        found.await
    }

    /// Sets the most that an organization may spend in a month; `None` lifts the limit.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn set_budget(
        &self,
        acting: Acting<BudgetUpdate>,
        id: OrganizationId,
        limit: Option<MicroDollars>,
    ) -> Result<Budget> {
        let now = self.now();
        let set = self.store().write(move |tx| {
            let permit = permit(tx, &acting, id)?;
            tx.set_monthly_limit(&permit, limit)?;
            tx.append(&Event {
                app: acting.caller().app,
                organization: Some(id),
                actor: Some(permit.principal()),
                payload: json!({ "monthly_limit_usd": limit.map(MicroDollars::dollars) }),
                ..Event::new(EventKind::OrganizationBudgetUpdated, now)
            })?;
            budget(tx, &permit, now)
        });
        set.await
    }
}

/// What an organization may spend in a month, and has spent in this one.
pub(crate) fn budget(tx: &mut dyn Transaction, scope: &dyn Scope, now: Timestamp) -> Result<Budget> {
    let monthly_limit = tx.monthly_limit(scope)?;
    let days = tx.days_of_usage(scope, Month::of(now))?;
    Ok(Budget { monthly_limit, current_spend: Usage::total(&days).cost })
}
