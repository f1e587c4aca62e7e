//! API keys.

use std::time::Duration;

use authz::{
    Acting, KeyScopes,
    action::{ApiKeyCreate, ApiKeyRead, ApiKeyRevoke, ApiKeyRotate, ApiKeyUpdate},
};
use kernel::{
    AllowedIps, Code, Error, Name, Page, Result, Role, Timestamp,
    id::{ApiKeyId, OrganizationId},
    secret::ExposeSecret,
};
use platform::{ApiKeyChange, Expiry, IssuedKey, NewApiKey};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{auth::Done, organizations::cursor, roles::description};
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, OptionalBody, PathId, Query, present},
};

/// An API key, without its secret.
#[derive(Serialize, ToSchema)]
pub struct ApiKey {
    id: Uuid,
    name: String,
    description: Option<String>,
    /// What the key begins with.
    prefix: String,
    organization_id: Uuid,
    /// Who it acts as.
    principal_id: Uuid,
    /// The service account that this is.
    service_account_id: Option<Uuid>,
    /// The team of that service account.
    team_id: Option<Uuid>,
    /// The most it may do; null for as much as its service account.
    role: Option<&'static str>,
    /// None at all for everything that the role may.
    scopes: Vec<String>,
    /// None at all for everywhere.
    allowed_ips: Vec<String>,
    disabled: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Give or take a minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// Until when the secret before the last rotation counts.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_expires_at: Option<Timestamp>,
    created_by: Option<Uuid>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<identity::ApiKey> for ApiKey {
    fn from(key: identity::ApiKey) -> Self {
        Self {
            id: key.id.0,
            name: key.name.as_str().to_owned(),
            description: key.description,
            prefix: key.prefix,
            organization_id: key.organization.0,
            principal_id: key.principal.0,
            service_account_id: key.service_account.map(|id| id.0),
            team_id: key.team.map(|id| id.0),
            role: key.role.map(Role::name),
            scopes: key.scopes,
            allowed_ips: key.allowed_ips.iter().collect(),
            disabled: key.disabled_at.is_some(),
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            previous_secret_expires_at: key.previous.map(|(_, until)| until),
            created_by: key.created_by.map(|id| id.0),
            created_at: key.created_at,
            updated_at: key.updated_at,
        }
    }
}

/// An API key with its secret, which is shown this once, under every name that clients read it by.
#[derive(Serialize, ToSchema)]
pub struct SecretApiKey {
    #[serde(flatten)]
    about: ApiKey,
    key: String,
    raw_key: String,
    secret: String,
}

impl From<IssuedKey> for SecretApiKey {
    fn from(issued: IssuedKey) -> Self {
        let secret = issued.secret.expose_secret().to_owned();
        Self { about: issued.key.into(), key: secret.clone(), raw_key: secret.clone(), secret }
    }
}

/// What a new key may be, whoever it acts as.
#[derive(Default, Deserialize, ToSchema)]
pub struct KeyRequest {
    name: Option<String>,
    description: Option<String>,
    /// The most it may do: never above one's own.
    role: Option<String>,
    /// None at all for everything that the role may.
    scopes: Option<Vec<String>>,
    /// Networks or addresses; none at all for everywhere.
    allowed_ips: Option<Vec<String>>,
    expires_in_days: Option<u32>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl KeyRequest {
    /// A key that nobody has given a name is called like its kind.
    pub fn read(self) -> Result<NewApiKey> {
        Ok(NewApiKey {
            name: self.name.map_or_else(|| Ok(Name::constant("API key")), |name| Name::parse(&name))?,
            description: self.description.map(description).transpose()?,
            role: self.role.as_deref().map(Role::parse).transpose()?,
            scopes: scopes(self.scopes.as_deref())?,
            expiry: match (self.expires_at, self.expires_in_days) {
                (None, None) => Expiry::Never,
                (Some(end), None) => Expiry::At(end),
                (None, Some(days)) => Expiry::InDays(days),
                (Some(_), Some(_)) => {
                    return Err(Error::because(Code::InvalidRequest, "Give expires_at or expires_in_days, not both."));
                }
            },
            allowed_ips: allowed_ips(self.allowed_ips.as_deref())?,
        })
    }
}

/// Scopes as a request names them.
pub fn scopes(names: Option<&[String]>) -> Result<KeyScopes> {
    KeyScopes::parse(names.unwrap_or_default().iter().map(String::as_str))
}

fn allowed_ips(networks: Option<&[String]>) -> Result<AllowedIps> {
    AllowedIps::parse(networks.unwrap_or_default().iter().map(String::as_str))
}

/// A new key that acts as the caller.
#[derive(Deserialize, ToSchema)]
pub struct CreateApiKeyRequest {
    organization_id: Uuid,
    name: String,
    description: Option<String>,
    /// The most it may do; the caller's own without, and never above it.
    role: Option<String>,
    /// None at all for everything that the role may.
    scopes: Option<Vec<String>>,
    /// Networks or addresses; none at all for everywhere.
    allowed_ips: Option<Vec<String>>,
    expires_in_days: Option<u32>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Makes a key that acts as the caller.
pub async fn create(
    caller: Acting<ApiKeyCreate>,
    (platform, Body(new)): (ForRequest, Body<CreateApiKeyRequest>),
) -> Result<Created<SecretApiKey>> {
    let id = OrganizationId(new.organization_id);
    let new = KeyRequest {
        name: Some(new.name),
        description: new.description,
        role: new.role,
        scopes: new.scopes,
        allowed_ips: new.allowed_ips,
        expires_in_days: new.expires_in_days,
        expires_at: new.expires_at,
    };
    let issued = platform.create_api_key(caller, id, new.read()?).await?;
    Ok(Created(issued.into()))
}

/// Which keys, or clients.
#[derive(Deserialize, IntoParams)]
pub struct WithinQuery {
    /// Those of this organization; without, the caller's own.
    pub organization_id: Option<Uuid>,
    /// At most this many; 200 without, and at most.
    limit: Option<u32>,
    /// Where the last page ended: its `meta.pagination.next_cursor`.
    cursor: Option<String>,
    /// Whether to count them all, which takes longer the more there are.
    #[serde(default)]
    include_total: bool,
}

impl WithinQuery {
    /// The page that is asked for.
    pub fn page<I: std::str::FromStr>(&self) -> Result<Page<I>> {
        let page = Page::new(cursor(self.cursor.as_deref())?, 0, self.limit.unwrap_or(Page::<I>::LARGEST))?;
        Ok(page.counted(self.include_total))
    }

    /// Where.
    pub fn organization(&self) -> Option<OrganizationId> {
        self.organization_id.map(OrganizationId)
    }
}

/// Lists the caller's own keys; those of everybody in an organization, for who may see them.
pub async fn list(
    caller: Acting<ApiKeyRead>,
    (platform, Query(query)): (ForRequest, Query<WithinQuery>),
) -> Result<Answer<Vec<ApiKey>>> {
    let page: Page<ApiKeyId> = query.page()?;
    let listed = platform.api_keys(caller, query.organization(), page).await?;
    Ok(Answer::page(listed.map(ApiKey::from), page.limit))
}

/// Shows a key, without its secret.
pub async fn read(
    caller: Acting<ApiKeyRead>,
    (platform, PathId(id)): (ForRequest, PathId<ApiKeyId>),
) -> Result<Answer<ApiKey>> {
    Ok(Answer::ok(platform.api_key(caller, id).await?.into()))
}

/// What shall be different.
#[derive(Deserialize, ToSchema)]
pub struct UpdateApiKeyRequest {
    name: Option<String>,
    /// null clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    /// An empty list allows everywhere.
    allowed_ips: Option<Vec<String>>,
}

/// Changes a key's name, description and addresses.
pub async fn update(
    caller: Acting<ApiKeyUpdate>,
    (platform, PathId(id), Body(change)): (ForRequest, PathId<ApiKeyId>, Body<UpdateApiKeyRequest>),
) -> Result<Answer<ApiKey>> {
    let change = ApiKeyChange {
        name: change.name.as_deref().map(Name::parse).transpose()?,
        description: change.description.map(|text| text.map(description).transpose()).transpose()?,
        allowed_ips: change.allowed_ips.as_deref().map(|networks| allowed_ips(Some(networks))).transpose()?,
    };
    Ok(Answer::ok(platform.change_api_key(caller, id, change).await?.into()))
}

/// Disables a key.
pub async fn disable(
    caller: Acting<ApiKeyRevoke>,
    (platform, PathId(id)): (ForRequest, PathId<ApiKeyId>),
) -> Result<Answer<ApiKey>> {
    Ok(Answer::ok(platform.disable_api_key(caller, id).await?.into()))
}

/// Enables a key again.
pub async fn enable(
    caller: Acting<ApiKeyUpdate>,
    (platform, PathId(id)): (ForRequest, PathId<ApiKeyId>),
) -> Result<Answer<ApiKey>> {
    Ok(Answer::ok(platform.enable_api_key(caller, id).await?.into()))
}

/// How to change over.
#[derive(Default, Deserialize, ToSchema)]
pub struct RotateKeyRequest {
    /// For how many seconds the secret before still counts; none without.
    #[serde(default)]
    overlap_seconds: u64,
}

impl RotateKeyRequest {
    /// For how long the secret before still counts.
    pub fn overlap(&self) -> Duration {
        Duration::from_secs(self.overlap_seconds)
    }
}

/// Replaces a key's secret. Its prefix stays.
pub async fn rotate(
    caller: Acting<ApiKeyRotate>,
    (platform, PathId(id), OptionalBody(how)): (ForRequest, PathId<ApiKeyId>, OptionalBody<RotateKeyRequest>),
) -> Result<Answer<SecretApiKey>> {
    let issued = platform.rotate_api_key(caller, id, how.overlap()).await?;
    Ok(Answer::ok(issued.into()))
}

/// Deletes a key.
pub async fn delete(
    caller: Acting<ApiKeyRevoke>,
    (platform, PathId(id)): (ForRequest, PathId<ApiKeyId>),
) -> Result<Answer<Done>> {
    platform.delete_api_key(caller, id).await?;
    Ok(Answer::ok(Done { message: "The API key is deleted." }))
}
