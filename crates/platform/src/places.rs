//! Where something is that a question names: the organization whose roles and grants decide.

use std::sync::Arc;

use apps::App;
use authz::{Caller, Credential, Resource};
use kernel::{
    Code, Error, Page, Result,
    id::{
        ApiKeyId, AppId, GrantId, OauthClientId, OrganizationId, PrincipalId, RoleId, ServiceAccountId, TeamId,
        WebhookId,
    },
};
use uuid::Uuid;

use crate::{Platform, Transaction};

/// Where something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// In which organization.
    pub organization: OrganizationId,
    /// With which app of that organization it has to do, where it is one, or an account of one.
    pub app: Option<AppId>,
}

impl Place {
    fn of_app(app: &App) -> Self {
        Self { organization: app.owner, app: Some(app.id) }
    }
}

impl From<OrganizationId> for Place {
    fn from(organization: OrganizationId) -> Self {
        Self { organization, app: None }
    }
}

impl Platform {
    /// Where something is meant that names its organization or not.
    ///
    /// # Errors
    /// `invalid_request` when nobody can tell; `not_found` for what does not exist.
    pub async fn place(
        &self,
        caller: &Caller,
        resource: Option<&Resource>,
        team: Option<TeamId>,
        organization: Option<OrganizationId>,
    ) -> Result<OrganizationId> {
        let found = self.find_place(caller, resource, team, organization).await?.map(|place| place.organization);
        match (found, organization) {
            (Some(found), Some(named)) if found != named => Err(Error::not_found()),
            (Some(found), _) => Ok(found),
            (None, _) if team.is_some() || resource.is_some_and(Resource::is_ours) => Err(Error::not_found()),
            (None, _) => Err(Error::because(Code::InvalidRequest, "Name the organization with organization_id.")),
        }
    }

    /// Whether the platform account behind the call runs the platform.
    pub(crate) async fn runs_the_platform(&self, caller: &Caller) -> Result<bool> {
        match caller.account() {
            Some(account) if caller.app.is_none() && caller.key().is_none() => {
                let account = self.account_facts(account).await?;
                Ok(account.is_some_and(|account| account.platform_admin && account.app.is_none() && !account.disabled))
            }
            _ => Ok(false),
        }
    }

    pub(crate) async fn find_place(
        &self,
        caller: &Caller,
        resource: Option<&Resource>,
        team: Option<TeamId>,
        organization: Option<OrganizationId>,
    ) -> Result<Option<Place>> {
        if let Some(organization) = named(resource, "organization", OrganizationId) {
            return Ok(Some(organization.into()));
        }
        if let Some(team) = team.or_else(|| named(resource, "team", TeamId)) {
            return Ok(self.team_place(team).await?.map(Place::from));
        }
        if let Some(app) = named(resource, "app", AppId) {
            return Ok(self.app_facts(app).await?.map(|app| Place::of_app(&app)));
        }
        let usual = match (organization, caller.key(), &caller.credential) {
            (Some(organization), ..) => Some(organization.into()),
            (None, Some(key), _) => Some(key.organization.into()),
            // An app always means itself.
            (None, None, Credential::App) => self.own_app(caller).await?.map(|app| Place::of_app(&app)),
            (None, None, _) => self.only_place(caller).await?.map(Place::from),
        };
        match resource.filter(|resource| resource.is_ours()) {
            None => Ok(usual),
            // These name nothing on their own: only where they are.
            Some(resource) if resource.kind() == "role" => self.role_place(resource, usual).await,
            Some(resource) if resource.kind() == "user" => self.user_place(caller, resource, usual).await,
            Some(resource) => Ok(self.thing_place(resource).await?.map(Place::from)),
        }
    }

    async fn own_app(&self, caller: &Caller) -> Result<Option<Arc<App>>> {
        match caller.app {
            Some(app) => self.app_facts(app).await,
            None => Ok(None),
        }
    }

    /// The caller's organization in this app, where they have one only.
    async fn only_place(&self, caller: &Caller) -> Result<Option<OrganizationId>> {
        let principal = caller.principal;
        let load = self.store().read(move |tx| {
            let page = Page::new(None, 0, Page::<OrganizationId>::LARGEST)?;
            let listed = tx.belongs_to(principal, &page)?;
            Ok(Arc::new(listed))
        });
        let places = self.facts().places.get(&principal, load).await?;
        let mut here = places.items.iter().filter(|(app, _)| *app == caller.app).map(|(_, organization)| *organization);
        match (here.next(), here.next(), places.next) {
            (Some(only), None, None) => Ok(Some(only)),
            _ => Ok(None),
        }
    }

    pub(crate) async fn team_place(&self, team: TeamId) -> Result<Option<OrganizationId>> {
        self.thing_place(&Resource::of("team", team.0)).await
    }

    /// The organization of a thing of ours: it never has another one.
    async fn thing_place(&self, thing: &Resource) -> Result<Option<OrganizationId>> {
        let wanted = thing.clone();
        let load = self.store().read(move |tx| organization_of(tx, &wanted));
        self.facts().things.get(thing, load).await
    }

    /// An own role is known within its organization.
    async fn role_place(&self, role: &Resource, place: Option<Place>) -> Result<Option<Place>> {
        let (Some(place), Some(id)) = (place, named(Some(role), "role", RoleId)) else { return Ok(None) };
        let organization = place.organization;
        let load = self.store().read(move |tx| Ok(tx.custom_role(organization, id)?.is_some()));
        Ok(self.facts().roles.get(&(organization, id), load).await?.then_some(place))
    }

    /// A user has accounts in any number of apps. The one that counts is of the organization that is asked about, or is the
    /// app that asks; to who runs the platform, each does.
    async fn user_place(&self, caller: &Caller, user: &Resource, place: Option<Place>) -> Result<Option<Place>> {
        let Some(principal) = named(Some(user), "user", PrincipalId) else { return Ok(None) };
        let load = self.store().read(move |tx| tx.apps_with_account(principal).map(Arc::new));
        let apps = self.facts().users.get(&principal, load).await?;
        let everywhere = self.runs_the_platform(caller).await?;
        let meant = |(app, owner): &(AppId, OrganizationId)| match place {
            Some(place) => place.organization == *owner && place.app.is_none_or(|own| own == *app),
            None => false,
        };
        let found = apps.iter().find(|found| meant(found)).or_else(|| apps.first().filter(|_| everywhere));
        Ok(found.map(|(app, owner)| Place { organization: *owner, app: Some(*app) }))
    }
}

fn organization_of(tx: &mut dyn Transaction, thing: &Resource) -> Result<Option<OrganizationId>> {
    let Ok(id) = thing.id().parse::<Uuid>() else { return Ok(None) };
    Ok(match thing.kind() {
        "team" => tx.team(TeamId(id))?.map(|team| team.organization),
        "permission" => tx.grant(GrantId(id))?.map(|grant| grant.organization),
        "api_key" => tx.api_key(ApiKeyId(id))?.map(|key| key.organization),
        "service_account" => tx.service_account(ServiceAccountId(id))?.map(|account| account.organization),
        "webhook" => tx.endpoint(WebhookId(id))?.map(|endpoint| endpoint.organization),
        "oauth_client" => tx.oauth_client(OauthClientId(id))?.map(|client| client.organization),
        _ => None,
    })
}

/// The id of a resource of ours.
pub(crate) fn named<I>(resource: Option<&Resource>, kind: &str, id: fn(Uuid) -> I) -> Option<I> {
    let resource = resource.filter(|resource| resource.kind() == kind)?;
    resource.id().parse().ok().map(id)
}
