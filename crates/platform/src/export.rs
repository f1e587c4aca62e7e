//! All that an organization owns, read page after page: however much it is, no more than one page is in memory.
//!
//! Each page is a unit of work of its own and permits again, so that whoever is no owner any more gets no further. It is
//! no snapshot: what changes meanwhile is read as it is when its page comes.

use apps::{App, MailTemplate, OauthClient};
use authz::{Acting, CustomRole, Grant, action::OrganizationExport};
use identity::{ApiKey, ServiceAccount};
use kernel::{
    Error, Listed, Page, Result, Scope, Unchecked,
    id::{
        ApiKeyId, AppId, AssetId, GrantId, InvitationId, MembershipId, OauthClientId, OrganizationId, PrincipalId,
        RoleId, ServiceAccountId, TeamId, UsageRecordId, WebhookId,
    },
};
use tenancy::{
    Asset, AssetFilter, Budget, Invitation, Organization, OrganizationSecret, OrganizationSettings, SecretName, Team,
    TeamMember, UsageRecord,
};

use crate::{
    Member, Platform, Transaction, Webhook, budgets::budget, invitations::as_of, members::introduce, permit::permit,
    webhook_making,
};

/// An export that has begun.
pub struct Export {
    platform: Platform,
    /// Who reads; nobody is the operator at the console.
    reader: Option<Acting<OrganizationExport>>,
    id: OrganizationId,
}

/// What there is one of.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The organization.
    pub organization: Organization,
    /// Its settings.
    pub settings: OrganizationSettings,
    /// Its budget.
    pub budget: Budget,
}

impl Platform {
    /// Begins to export an organization.
    #[must_use]
    pub fn export(&self, acting: Acting<OrganizationExport>, id: OrganizationId) -> Export {
        Export { platform: self.clone(), reader: Some(acting), id }
    }

    /// The same for the operator, who needs no permit.
    #[must_use]
    pub fn operator_export(&self, id: OrganizationId) -> Export {
        Export { platform: self.clone(), reader: None, id }
    }
}

impl Export {
    /// What there is one of. Read it first: who may not export learns it here.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role owner.
    pub async fn begin(&self) -> Result<Exported> {
        let (id, now) = (self.id, self.platform.now());
        let found = self.read(move |tx, scope| {
            Ok(Exported {
                organization: tx.organization(id)?.ok_or_else(Error::not_found)?,
                settings: tx.organization_settings(scope)?,
                budget: budget(tx, scope, now)?,
            })
        });
        found.await
    }

    /// Its members.
    ///
    /// # Errors
    /// As in the beginning, and so for all lists.
    pub async fn members(&self, page: Page<MembershipId>) -> Result<Listed<Member, MembershipId>> {
        let found = self.read(move |tx, scope| {
            let Listed { items, next, total } = tx.members_in(scope, &page)?;
            Ok(Listed { items: introduce(tx, scope, items)?, next, total })
        });
        found.await
    }

    /// Its teams.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn teams(&self, page: Page<TeamId>) -> Result<Listed<Team, TeamId>> {
        self.read(move |tx, scope| tx.teams_in(scope, &page)).await
    }

    /// Who is in one of its teams.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn team_members(&self, team: TeamId, page: Page<PrincipalId>) -> Result<Listed<TeamMember, PrincipalId>> {
        self.read(move |tx, scope| tx.team_members(scope, team, &page)).await
    }

    /// Its own roles.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn roles(&self, page: Page<RoleId>) -> Result<Listed<CustomRole, RoleId>> {
        self.read(move |tx, scope| tx.custom_roles_in(scope, &page)).await
    }

    /// Its grants.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn grants(&self, page: Page<GrantId>) -> Result<Listed<Grant, GrantId>> {
        self.read(move |tx, scope| tx.grants_in(scope, None, &page)).await
    }

    /// Its API keys, without their secrets.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn api_keys(&self, page: Page<ApiKeyId>) -> Result<Listed<ApiKey, ApiKeyId>> {
        self.read(move |tx, scope| tx.api_keys_in(scope, None, &page)).await
    }

    /// Its service accounts.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn service_accounts(
        &self,
        page: Page<ServiceAccountId>,
    ) -> Result<Listed<ServiceAccount, ServiceAccountId>> {
        self.read(move |tx, scope| tx.service_accounts_in(scope, &page)).await
    }

    /// Its OAuth clients, without their secrets.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn oauth_clients(&self, page: Page<OauthClientId>) -> Result<Listed<OauthClient, OauthClientId>> {
        self.read(move |tx, scope| tx.oauth_clients_in(&[scope], &page)).await
    }

    /// The apps that it owns, without their secrets.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn apps(&self, page: Page<AppId>) -> Result<Listed<App, AppId>> {
        self.read(move |tx, scope| tx.apps_in(scope, &page)).await
    }

    /// What one of its apps says in letters in its own words: not for an app of somebody else.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn mail_templates(&self, app: AppId) -> Result<Vec<MailTemplate>> {
        let found = self.read(move |tx, scope| match tx.app(app)?.filter(|app| app.owner == scope.organization()) {
            Some(app) => tx.mail_templates(app.id),
            None => Ok(Vec::new()),
        });
        found.await
    }

    /// Its webhook endpoints, without their secrets and the values of their headers.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn webhooks(&self, page: Page<WebhookId>) -> Result<Listed<Webhook, WebhookId>> {
        let (now, sealing) = (self.platform.now(), self.platform.keys().sealing.clone());
        self.read(move |tx, scope| webhook_making::list(tx, scope, &sealing, &page, now)).await
    }

    /// Its secrets, without their values.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn secrets(&self, page: Page<SecretName>) -> Result<Listed<OrganizationSecret, SecretName>> {
        self.read(move |tx, scope| tx.secrets_in(scope, &page)).await
    }

    /// What it has at providers, and has had.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn assets(&self, page: Page<AssetId>) -> Result<Listed<Asset, AssetId>> {
        let all = AssetFilter { deleted: true, ..AssetFilter::default() };
        self.read(move |tx, scope| tx.assets_in(scope, &all, &page)).await
    }

    /// What was run for it.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn usage_records(&self, page: Page<UsageRecordId>) -> Result<Listed<UsageRecord, UsageRecordId>> {
        self.read(move |tx, scope| tx.usage_records(scope, &page)).await
    }

    /// Its invitations, whatever became of them.
    ///
    /// # Errors
    /// As for all lists.
    pub async fn invitations(&self, page: Page<InvitationId>) -> Result<Listed<Invitation, InvitationId>> {
        let now = self.platform.now();
        let found = self.read(move |tx, scope| {
            let listed = tx.invitations_in(scope, None, now, &page)?;
            Ok(listed.map(|invitation| as_of(invitation, now)))
        });
        found.await
    }

    /// Reads, for who may still export: decided anew each time, in the unit of work that reads.
    async fn read<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut dyn Transaction, &dyn Scope) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reader, id) = (self.reader.clone(), self.id);
        let found = self.platform.store().read(move |tx| match &reader {
            Some(acting) => {
                let permit = permit(tx, acting, id)?;
                work(tx, &permit)
            }
            None => work(tx, &Unchecked(id)),
        });
        found.await
    }
}
