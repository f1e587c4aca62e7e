//! All that an organization owns, as one JSON object.

use std::collections::HashMap;

use authz::{Acting, RoleName, action::OrganizationExport};
use kernel::{
    Clock as _, Page, Result, Role, SystemClock, Timestamp,
    id::{OrganizationId, RoleId},
};
use platform::{Export, Exported};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    api_keys::ApiKey,
    apps::App,
    assets::Asset,
    budgets::OrganizationBudget,
    invitations::Invitation,
    mail_templates::MailTemplate,
    members::Member,
    oauth_clients::OauthClient,
    organization_secrets::OrganizationSecret,
    organization_settings::OrganizationSettings,
    organizations::Organization,
    permissions::Permission,
    roles::OwnRole,
    service_accounts::ServiceAccount,
    teams::{Team, TeamMember},
    usage::UsageRecord,
    webhooks::Webhook,
};
use crate::{
    answer::Streamed,
    json_parts::ObjectWriter,
    request::{Again, ForRequest, PathId},
};

/// What a reader has to know to read the rest. It grows when a field changes its meaning, not when one is added.
const FORMAT_VERSION: u32 = 1;

/// All that an organization owns. No secret is in it, and no token. It is written field by field and never in memory as
/// a whole: this says what comes of that.
#[derive(Serialize, ToSchema)]
pub struct Manifest {
    /// Grows when a field changes its meaning.
    format_version: u32,
    /// When the export began. What changed since may be in it or not.
    #[schema(value_type = String, format = DateTime)]
    exported_at: Timestamp,
    organization: Organization,
    settings: OrganizationSettings,
    budget: OrganizationBudget,
    members: Vec<Member>,
    teams: Vec<TeamWithMembers>,
    roles: Vec<OwnRole>,
    permissions: Vec<Permission>,
    invitations: Vec<Invitation>,
    /// Its API keys, without their secrets.
    api_keys: Vec<ApiKey>,
    service_accounts: Vec<ServiceAccount>,
    /// Its OAuth clients, without their secrets.
    oauth_clients: Vec<OauthClient>,
    /// The apps that it owns, without their secrets. What is in an app belongs to the organizations there.
    apps: Vec<AppWithTemplates>,
    /// What it has at providers, and has had: what is deleted has a `deleted_at`.
    assets: Vec<Asset>,
    /// What was run for it, from the newest record to the oldest.
    usage_records: Vec<UsageRecord>,
    /// Its webhook endpoints, without their secrets; what their headers say is masked.
    webhooks: Vec<Webhook>,
    /// Its secrets, by name. Their values stay where they are.
    secrets: Vec<OrganizationSecret>,
}

/// A team, and who is in it.
#[derive(Serialize, ToSchema)]
pub struct TeamWithMembers {
    #[serde(flatten)]
    team: Team,
    members: Vec<TeamMember>,
}

/// An app, and what it says in letters in its own words.
#[derive(Serialize, ToSchema)]
pub struct AppWithTemplates {
    #[serde(flatten)]
    app: App,
    mail_templates: Vec<MailTemplate>,
}

/// Writes the manifest of an organization, part after part.
///
/// # Errors
/// Those of the database, and `not_found` and `forbidden` when whoever reads may not any more; those of `put`.
pub async fn write_manifest(
    export: &Export,
    begun: Exported,
    put: impl AsyncFnMut(Vec<u8>) -> Result<()>,
) -> Result<()> {
    let id = begun.organization.id;
    let names = RoleNames::read(export).await?;
    let mut writer = ObjectWriter::new(put);
    writer.field("format_version", &FORMAT_VERSION)?;
    writer.field("exported_at", &SystemClock.now())?;
    writer.field("organization", &Organization::new(begun.organization, None))?;
    writer.field("settings", &OrganizationSettings::new(id, begun.settings))?;
    writer.field("budget", &OrganizationBudget::new(id, begun.budget))?;
    writer.list("members", |page| export.members(page), Member::from).await?;
    let with_members = async |writer: &mut ObjectWriter<_>, team: tenancy::Team| {
        writer.begin_item(&Team::new(&team, None))?;
        let with_role =
            |member: tenancy::TeamMember| TeamMember::new(&member, names.of(member.role, member.custom_role));
        writer.list("members", |page| export.team_members(team.id, page), with_role).await?;
        writer.end_item();
        Ok(())
    };
    writer.list_of("teams", |page| export.teams(page), with_members).await?;
    writer.list("roles", |page| export.roles(page), OwnRole::from).await?;
    writer.list("permissions", |page| export.grants(page), Permission::from).await?;
    writer.list("invitations", |page| export.invitations(page), Invitation::from).await?;
    writer.list("api_keys", |page| export.api_keys(page), ApiKey::from).await?;
    let with_role = |account: identity::ServiceAccount| {
        let role = names.of(account.role, account.custom_role);
        ServiceAccount::new(account, role)
    };
    writer.list("service_accounts", |page| export.service_accounts(page), with_role).await?;
    writer.list("oauth_clients", |page| export.oauth_clients(page), OauthClient::from).await?;
    let with_templates = async |writer: &mut ObjectWriter<_>, app: apps::App| {
        let templates = export.mail_templates(app.id).await?;
        writer.begin_item(&App::from(app))?;
        writer.field("mail_templates", &templates.into_iter().map(MailTemplate::from).collect::<Vec<_>>())?;
        writer.end_item();
        Ok(())
    };
    writer.list_of("apps", |page| export.apps(page), with_templates).await?;
    writer.list("assets", |page| export.assets(page), Asset::from).await?;
    writer.list("usage_records", |page| export.usage_records(page), UsageRecord::from).await?;
    writer.list("webhooks", |page| export.webhooks(page), Webhook::from).await?;
    writer.list("secrets", |page| export.secrets(page), OrganizationSecret::from).await?;
    writer.finish().await
}

/// What an organization's own roles are called. There are few of them.
struct RoleNames(HashMap<RoleId, RoleName>);

impl RoleNames {
    async fn read(export: &Export) -> Result<Self> {
        let mut names = HashMap::new();
        let mut after = None;
        loop {
            let listed = export.roles(Page::new(after, 0, Page::<RoleId>::LARGEST)?).await?;
            names.extend(listed.items.into_iter().map(|role| (role.id, role.name)));
            after = listed.next;
            if after.is_none() {
                return Ok(Self(names));
            }
        }
    }

    /// What somebody's role is called.
    fn of(&self, built_in: Role, own: Option<RoleId>) -> &str {
        own.and_then(|id| self.0.get(&id)).map_or(built_in.name(), RoleName::as_str)
    }
}

/// Exports all that an organization owns, as a file.
pub async fn export(
    caller: Acting<OrganizationExport>,
    (platform, again, PathId(id)): (ForRequest, Again, PathId<OrganizationId>),
) -> Result<Streamed<Manifest>> {
    let export = platform.export(caller, id);
    // Before anything is written: who may not, is told.
    let begun = export.begin().await?;
    let filename = format!("{}.json", begun.organization.slug.as_str());
    Ok(Streamed::new(filename, async move |parts| {
        let put = async |part| {
            // Whose credential ends meanwhile gets no further, however slowly they read.
            again.admit::<Acting<OrganizationExport>>().await?;
            parts.put(part).await
        };
        write_manifest(&export, begun, put).await
    }))
}
