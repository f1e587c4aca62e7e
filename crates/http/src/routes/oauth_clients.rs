//! OAuth clients.

use std::str::FromStr;

use apps::{ClientId, RedirectUrl};
use authz::{
    Acting,
    action::{OauthClientManage, OauthClientRead, OauthClientRevoke},
};
use kernel::{
    Name, Page, Result, Timestamp,
    id::{Id, OauthClientId, OrganizationId},
    secret::ExposeSecret,
};
use platform::{NewOauthClient, RoleChoice};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    api_keys::{WithinQuery, scopes},
    auth::Done,
};
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, PathId, Query},
};

/// Client credentials of a service account.
#[derive(Serialize, ToSchema)]
pub struct OauthClient {
    id: Uuid,
    organization_id: Uuid,
    /// Who its tokens act as.
    service_account_id: Uuid,
    name: String,
    client_id: String,
    redirect_uris: Vec<String>,
    /// None at all for everything that the service account may.
    scopes: Vec<String>,
    /// Whether the service account is.
    disabled: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<apps::OauthClient> for OauthClient {
    fn from(client: apps::OauthClient) -> Self {
        Self {
            id: client.id.0,
            organization_id: client.organization.0,
            service_account_id: client.service_account.0,
            name: client.name.as_str().to_owned(),
            client_id: client.client_id.as_str().to_owned(),
            redirect_uris: client.redirect_uris.iter().map(|url| url.as_str().to_owned()).collect(),
            scopes: client.scopes,
            disabled: client.disabled_at.is_some(),
            created_at: client.created_at,
        }
    }
}

/// A client with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct SecretOauthClient {
    #[serde(flatten)]
    about: OauthClient,
    client_secret: String,
    /// The same.
    secret: String,
}

/// A new client.
#[derive(Deserialize, ToSchema)]
pub struct CreateOauthClientRequest {
    organization_id: Uuid,
    name: String,
    redirect_uris: Vec<String>,
    /// None at all for everything that the service account may.
    scopes: Option<Vec<String>>,
    /// What the service account is: `owner`, `admin`, `member`, `viewer`, or the name of one of the organization's own
    /// roles; `member` without. Never above one's own.
    role: Option<String>,
}

/// Makes a client with a service account of its own.
pub async fn create(
    caller: Acting<OauthClientManage>,
    (platform, Body(new)): (ForRequest, Body<CreateOauthClientRequest>),
) -> Result<Created<SecretOauthClient>> {
    let id = OrganizationId(new.organization_id);
    let new = NewOauthClient {
        name: Name::parse(&new.name)?,
        role: RoleChoice::parse(new.role.as_deref().unwrap_or("member"))?,
        scopes: scopes(new.scopes.as_deref())?,
        redirect_uris: new.redirect_uris.iter().map(|url| RedirectUrl::parse(url)).collect::<Result<_>>()?,
    };
    let issued = platform.create_oauth_client(caller, id, new).await?;
    let secret = issued.secret.expose_secret().to_owned();
    Ok(Created(SecretOauthClient { about: issued.client.into(), client_secret: secret.clone(), secret }))
}

/// Lists clients: those of an organization, or all that the caller may see.
pub async fn list(
    caller: Acting<OauthClientRead>,
    (platform, Query(query)): (ForRequest, Query<WithinQuery>),
) -> Result<Answer<Vec<OauthClient>>> {
    let page: Page<OauthClientId> = query.page()?;
    let listed = platform.oauth_clients(caller, query.organization(), page).await?;
    Ok(Answer::page(listed.map(OauthClient::from), page.limit))
}

/// A client by its id, or by its client id.
pub enum NamedClient {
    Id(OauthClientId),
    ClientId(ClientId),
}

impl FromStr for NamedClient {
    type Err = uuid::Error;

    fn from_str(text: &str) -> std::result::Result<Self, uuid::Error> {
        match ClientId::parse(text) {
            Some(client_id) => Ok(Self::ClientId(client_id)),
            None => text.parse().map(Self::Id),
        }
    }
}

impl Id for NamedClient {
    const PARAMETER: &'static str = "client_id";
}

/// Deletes a client with its service account. The path takes the client's id and its client id alike.
pub async fn delete(
    caller: Acting<OauthClientRevoke>,
    (platform, PathId(named)): (ForRequest, PathId<NamedClient>),
) -> Result<Answer<Done>> {
    let id = match named {
        NamedClient::Id(id) => id,
        NamedClient::ClientId(client_id) => platform.oauth_client_id(client_id).await?,
    };
    platform.delete_oauth_client(caller, id).await?;
    Ok(Answer::ok(Done { message: "The OAuth client is deleted." }))
}
