//! OAuth clients: client credentials of a service account that comes and goes with them.

use apps::{ClientId, OauthClient, RedirectUrl, credentials};
use authz::{
    Acting, KeyScopes, Permit, Resource, Subject,
    action::{OauthClientManage, OauthClientRead, OauthClientRevoke},
    decide,
};
use identity::ServiceAccount;
use kernel::{
    AllowedIps, Code, Error, Event, EventKind, Listed, Name, Page, Result, Scope, Secret, SecretHash,
    id::{OauthClientId, OrganizationId},
    secret::ExposeSecret,
};
use serde_json::json;

use crate::{
    NewServiceAccount, Platform, RoleChoice, Transaction,
    key_making::{Author, in_person, no_more_than_the_callers},
    permit::{Owned, authority, locate, permit},
    role_choice::choose,
    service_accounts::{dissolve, found},
};

/// The most places that a client may send people to.
const MOST_REDIRECTS: usize = 50;

/// A new client.
#[derive(Clone, Debug)]
pub struct NewOauthClient {
    /// What it is called.
    pub name: Name,
    /// What its service account is.
    pub role: RoleChoice,
    /// What its tokens are good for.
    pub scopes: KeyScopes,
    /// Where people may be sent.
    pub redirect_uris: Vec<RedirectUrl>,
}

/// A client with its secret, which is shown this once.
#[derive(Clone, Debug)]
pub struct IssuedClient {
    /// The client.
    pub client: OauthClient,
    /// Its secret in clear.
    pub secret: Secret,
}

impl Owned for OauthClient {
    type Id = OauthClientId;

    fn find(tx: &mut dyn Transaction, id: OauthClientId) -> Result<Option<Self>> {
        tx.oauth_client(id)
    }

    fn organization(&self) -> OrganizationId {
        self.organization
    }

    fn resource(&self) -> Resource {
        Resource::of("oauth_client", self.id.0)
    }
}

impl Platform {
    /// Makes a client with a service account of its own.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, for a role above one's own, and for what is more than the key that
    /// the caller came with; `session_required` for an app that acts for a user; `reauthentication_required` where the app
    /// wants a sign-in of a moment ago; `invalid_request`; `conflict` when there are too many.
    pub async fn create_oauth_client(
        &self,
        acting: Acting<OauthClientManage>,
        id: OrganizationId,
        new: NewOauthClient,
    ) -> Result<IssuedClient> {
        if new.redirect_uris.len() > MOST_REDIRECTS {
            let why = format!("Give redirect_uris at most {MOST_REDIRECTS} values.");
            return Err(Error::because(Code::InvalidRequest, why));
        }
        let (now, client_id) = (self.now(), ClientId::from_random(rand::random()));
        let secret = credentials::write_secret(rand::random());
        let hash = SecretHash::of(secret.expose_secret());
        let made = self.store().write(move |tx| {
            let permit = permit(tx, &acting, id)?;
            in_person(tx, &permit, now)?;
            let chosen = choose(tx, &permit, &new.role)?;
            // Its tokens have no end, as long as it is there, and come from everywhere.
            no_more_than_the_callers(&permit, &new.scopes, None, &AllowedIps::default())?;
            let author = Author::of(acting.caller(), now);
            let (name, role) = (new.name.clone(), new.role.clone());
            let account = NewServiceAccount { name, description: None, role, team: None };
            let account = found(tx, &permit, author, &account, &chosen)?;
            let client = OauthClient {
                id: OauthClientId::generate(),
                service_account: account.id,
                name: account.name,
                organization: id,
                app: acting.caller().app,
                disabled_at: None,
                client_id: client_id.clone(),
                hash,
                redirect_uris: new.redirect_uris.clone(),
                scopes: new.scopes.names().map(str::to_owned).collect(),
                created_at: now,
            };
            tx.insert_oauth_client(&permit, &client)?;
            told(tx, author, EventKind::OauthClientCreated, &client)?;
            Ok(client)
        });
        Ok(IssuedClient { client: made.await?, secret })
    }

    /// The clients of an organization, oldest first; without one, those of all the caller's organizations in this app
    /// where the caller may see them.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn oauth_clients(
        &self,
        acting: Acting<OauthClientRead>,
        organization: Option<OrganizationId>,
        page: Page<OauthClientId>,
    ) -> Result<Listed<OauthClient, OauthClientId>> {
        let listed = self.store().read(move |tx| {
            let permits = match organization {
                Some(organization) => vec![permit(tx, &acting, organization)?],
                None => everywhere(tx, &acting)?,
            };
            let places: Vec<&dyn Scope> = permits.iter().map(|permit| permit as &dyn Scope).collect();
            if places.is_empty() { Ok(Listed::whole(None, &page)) } else { tx.oauth_clients_in(&places, &page) }
        });
        listed.await
    }

    /// Deletes a client with its service account.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin and for a service account that has a higher role.
    pub async fn delete_oauth_client(&self, acting: Acting<OauthClientRevoke>, id: OauthClientId) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let (permit, client): (_, OauthClient) = locate(tx, &acting, id)?;
            let account: ServiceAccount = tx.service_account(client.service_account)?.ok_or_else(Error::not_found)?;
            permit.reach(account.role)?;
            dissolve(tx, &permit, Author::of(acting.caller(), now), &account)
        });
        deleted.await
    }

    /// The id of the client that names itself like this; what names nobody is answered like an id that names nothing.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn oauth_client_id(&self, client_id: ClientId) -> Result<OauthClientId> {
        let found = self.store().read(move |tx| tx.oauth_client_by_client_id(&client_id));
        found.await?.map(|client| client.id).ok_or_else(Error::not_found)
    }
}

/// A permit for each of the caller's organizations in this app where they have one; for a key, of that where it acts.
fn everywhere(tx: &mut dyn Transaction, acting: &Acting<OauthClientRead>) -> Result<Vec<Permit<OauthClientRead>>> {
    let caller = acting.caller();
    let places = match caller.key() {
        Some(key) => vec![key.organization],
        None => {
            let (mut places, mut after) = (Vec::new(), None);
            loop {
                let page = Page::new(after, 0, Page::<OrganizationId>::LARGEST)?;
                let listed = tx.organizations_of(caller.app, caller.principal, &page)?;
                places.extend(listed.items.into_iter().map(|(organization, _)| organization.id));
                after = listed.next;
                if after.is_none() {
                    break places;
                }
            }
        }
    };
    let mut permits = Vec::new();
    for organization in places {
        let authority = authority(tx, organization, caller.principal)?;
        let resource = Some(Resource::of("organization", organization.0));
        permits.extend(decide(Subject { acting, organization, team: None, resource, authority }).ok());
    }
    Ok(permits)
}

/// Says in the ledger what happened to a client.
pub(crate) fn told(tx: &mut dyn Transaction, author: Author, kind: EventKind, client: &OauthClient) -> Result<()> {
    tx.append(&Event {
        app: author.app,
        organization: Some(client.organization),
        actor: author.actor,
        payload: json!({
            "oauth_client_id": client.id, "client_id": client.client_id.as_str(), "name": client.name.as_str(),
            "service_account_id": client.service_account, "scopes": client.scopes,
        }),
        ..Event::new(kind, author.now)
    })
}
