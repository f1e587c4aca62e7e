//! The audit log.

use audit::{Filter, Outcome};
use authz::{Acting, action::AuditRead};
use kernel::{
    Code, Error, Listed, Page, Result, Timestamp,
    id::{EventId, OrganizationId, PrincipalId},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    admin::{AppQuery, hint},
    organizations::PageQuery,
};
use crate::{
    answer::{Answer, Lines, Outlet},
    audit_export::AuditFormat,
    request::{Again, ForRequest, Named, PathId, Query},
};

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    id: Uuid,
    organization_id: Option<Uuid>,
    app_id: Option<Uuid>,
    /// Who did it; for an app that acts for one of its users, the app.
    actor_principal_id: Option<Uuid>,
    /// `user`, `app`, `api_key`, `operator` or `system`.
    actor_type: &'static str,
    /// For whom, if not for themselves.
    on_behalf_of: Option<Uuid>,
    /// With which session, key or app.
    credential_id: Option<Uuid>,
    /// An event's kind, such as `membership.created`; for a refusal the action that was refused.
    action: String,
    resource_type: Option<String>,
    resource_id: Option<String>,
    /// `success` or `denied`.
    outcome: &'static str,
    ip: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
    /// More about it.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// Its place among all entries; null for a moment, until it has one.
    position: Option<i64>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<audit::Entry> for AuditEntry {
    fn from(entry: audit::Entry) -> Self {
        let (actor, (ip, user_agent)) = (entry.actor(), entry.client());
        let (action, outcome, metadata) = (entry.action(), entry.outcome().name(), entry.details());
        let (resource_type, resource_id) = entry.resource.unzip();
        Self {
            id: entry.id.0,
            organization_id: entry.organization.map(|id| id.0),
            app_id: entry.app.map(|id| id.0),
            actor_principal_id: actor.principal.map(|id| id.0),
            actor_type: actor.kind.name(),
            on_behalf_of: actor.on_behalf_of.map(|id| id.0),
            credential_id: entry.via_id,
            action,
            resource_type,
            resource_id,
            outcome,
            ip,
            user_agent,
            request_id: entry.request_id,
            metadata,
            position: entry.position,
            created_at: entry.at,
        }
    }
}

/// Which entries. All that is given has to fit.
#[derive(Deserialize, IntoParams)]
pub struct AuditQuery {
    /// An event's kind, or the beginning of some: `membership.*`. What was refused is found by its action, and every
    /// refusal as `access.denied`.
    action: Option<String>,
    /// Who did it.
    #[serde(alias = "actor_id")]
    actor_principal_id: Option<Uuid>,
    resource_type: Option<String>,
    resource_id: Option<String>,
    /// `success` or `denied`.
    outcome: Option<String>,
    request_id: Option<String>,
    /// Not before then, as in `2026-04-05T12:00:00Z`.
    #[serde(alias = "from")]
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Before then.
    #[serde(alias = "to")]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl AuditQuery {
    pub(super) fn filter(self) -> Result<Filter> {
        let kind = self.action.map(|kind| match kind.strip_suffix('*') {
            Some(beginning) => (beginning.to_owned(), true),
            None => (kind, false),
        });
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-');
        let odd = |text: &String| text.is_empty() || !text.bytes().all(plain);
        let kinds = kind.as_ref().filter(|(kind, begins)| !(*begins && kind.is_empty())).map(|(kind, _)| kind);
        let texts = [kinds, self.resource_type.as_ref(), self.resource_id.as_ref(), self.request_id.as_ref()];
        if texts.into_iter().flatten().any(odd) {
            return Err(Error::because(Code::InvalidParameter, "A filter has a character that no entry has."));
        }
        let outcome = match self.outcome.as_deref() {
            None => None,
            Some("success") => Some(Outcome::Success),
            Some("denied") => Some(Outcome::Denied),
            Some(_) => return Err(Error::because(Code::InvalidParameter, "Use the outcome success or denied.")),
        };
        Ok(Filter {
            action: kind,
            actor: self.actor_principal_id.map(PrincipalId),
            resource_type: self.resource_type,
            resource_id: self.resource_id,
            outcome,
            request_id: self.request_id,
            since: self.since,
            until: self.until,
        })
    }
}

/// Lists what happened in an app and in all its organizations, or everywhere, newest first.
pub async fn list(
    caller: Acting<AuditRead>,
    (platform, header, Query(app), Query(filter), Query(query)): (
        ForRequest,
        Named,
        Query<AppQuery>,
        Query<AuditQuery>,
        Query<PageQuery>,
    ),
) -> Result<Answer<Vec<AuditEntry>>> {
    let page: Page<EventId> = query.page()?;
    let hint = hint(app.app_id.as_deref(), &header)?;
    let listed = platform.audit_log_of(caller, hint, filter.filter()?, page).await?;
    Ok(Answer::page(listed.map(AuditEntry::from), page.limit))
}

/// How a file is written.
#[derive(Deserialize, IntoParams)]
pub struct FormatQuery {
    /// `ndjson` or `csv`; `ndjson` without.
    format: Option<String>,
}

impl FormatQuery {
    fn parse(&self) -> Result<AuditFormat> {
        self.format.as_deref().map_or(Ok(AuditFormat::Ndjson), AuditFormat::parse)
    }
}

/// Writes everything that `read` finds, page after page, and lets the caller in anew for each: whose credential ends
/// meanwhile reads no further, however slowly they read. The first page is read before anything is written: who may not is
/// told.
async fn file<R>(name: String, format: AuditFormat, read: R) -> Result<Lines>
where
    R: AsyncFn(Page<EventId>) -> Result<Listed<audit::Entry, EventId>> + 'static,
{
    let first = read(Page::new(None, 0, Page::<EventId>::LARGEST)?).await?;
    let filename = format!("{name}.{}", format.extension());
    Ok(Lines::new(format.media(), filename, async move |outlet: Outlet| {
        outlet.put(format.begin()?).await?;
        let mut page = first;
        loop {
            let lines = page.items.into_iter().map(|entry| format.line(entry)).collect::<Result<Vec<_>>>()?;
            outlet.put(lines.concat()).await?;
            let Some(next) = page.next else { return Ok(()) };
            page = read(Page::new(Some(next), 0, Page::<EventId>::LARGEST)?).await?;
        }
    }))
}

/// What an export of more than one organization reads of its request.
type WholeLogInput = (ForRequest, Again, (Named, Query<AppQuery>), Query<AuditQuery>, Query<FormatQuery>);

/// Exports what happened in an app and in all its organizations, or everywhere, newest first.
pub async fn export(
    _: Acting<AuditRead>,
    (platform, again, (header, Query(app)), Query(filter), Query(format)): WholeLogInput,
) -> Result<Lines> {
    let (hint, filter) = (hint(app.app_id.as_deref(), &header)?, filter.filter()?);
    let read = async move |page| {
        let caller = again.admit::<Acting<AuditRead>>().await?;
        platform.audit_log_of(caller, hint.clone(), filter.clone(), page).await
    };
    file("audit-log".to_owned(), format.parse()?, read).await
}

/// Exports what happened in an organization, newest first.
pub async fn export_in(
    _: Acting<AuditRead>,
    (platform, again, PathId(id), Query(filter), Query(format)): (
        ForRequest,
        Again,
        PathId<OrganizationId>,
        Query<AuditQuery>,
        Query<FormatQuery>,
    ),
) -> Result<Lines> {
    let filter = filter.filter()?;
    let read = async move |page| {
        let caller = again.admit::<Acting<AuditRead>>().await?;
        platform.audit_log(caller, id, filter.clone(), page).await
    };
    file(format!("audit-log-{id}"), format.parse()?, read).await
}

/// Lists what happened in an organization, newest first.
pub async fn list_in(
    caller: Acting<AuditRead>,
    (platform, PathId(id), Query(filter), Query(query)): (
        ForRequest,
        PathId<OrganizationId>,
        Query<AuditQuery>,
        Query<PageQuery>,
    ),
) -> Result<Answer<Vec<AuditEntry>>> {
    let page: Page<EventId> = query.page()?;
    let listed = platform.audit_log(caller, id, filter.filter()?, page).await?;
    Ok(Answer::page(listed.map(AuditEntry::from), page.limit))
}
