//! The audit log: what happened, for who may see it.

use audit::{Entry, Filter};
use authz::{Acting, action::AuditRead};
use kernel::{
    Listed, Page, Result,
    id::{EventId, OrganizationId},
};

use crate::{
    Platform,
    permit::permit,
    user_administration::{AppHint, managed},
};

impl Platform {
    /// What happened in an organization, newest first.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn audit_log(
        &self,
        acting: Acting<AuditRead>,
        id: OrganizationId,
        filter: Filter,
        page: Page<EventId>,
    ) -> Result<Listed<Entry, EventId>> {
        let listed = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            tx.entries_in(&permit, &filter, &page)
        });
        listed.await
    }

    /// What happened in an app and in all its organizations, newest first; for who runs the platform and names no app,
    /// everywhere.
    ///
    /// # Errors
    /// `app_required`; `forbidden`; `not_found`.
    pub async fn audit_log_of(
        &self,
        acting: Acting<AuditRead>,
        hint: Option<AppHint>,
        filter: Filter,
        page: Page<EventId>,
    ) -> Result<Listed<Entry, EventId>> {
        let listed = self.store().read(move |tx| {
            let permit = managed(tx, &acting, hint.as_ref())?;
            tx.entries_of(&permit, &filter, &page)
        });
        listed.await
    }
}
