//! Service accounts and their keys.

use authz::{
    Acting,
    action::{ServiceAccountManage, ServiceAccountRead, ServiceAccountRevoke},
};
use kernel::{
    Name, Page, Result, Timestamp,
    id::{ApiKeyId, OrganizationId, ServiceAccountId, TeamId},
};
use platform::{HeldRole, NewServiceAccount, RoleChoice, ServiceAccountChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    api_keys::{ApiKey, KeyRequest, RotateKeyRequest, SecretApiKey, WithinQuery},
    auth::Done,
    organizations::PageQuery,
    roles::description,
};
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, OptionalBody, PathId, Query, present},
};

/// A principal that is no person.
#[derive(Serialize, ToSchema)]
pub struct ServiceAccount {
    id: Uuid,
    /// Who it is, to grants and in events: the same as its id.
    principal_id: Uuid,
    organization_id: Uuid,
    /// Where its role counts; in the whole organization without.
    team_id: Option<Uuid>,
    name: String,
    description: Option<String>,
    /// `owner`, `admin`, `member`, `viewer`, or the name of one of the organization's own roles.
    role: String,
    disabled: bool,
    created_by: Option<Uuid>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<(identity::ServiceAccount, HeldRole)> for ServiceAccount {
    fn from((account, role): (identity::ServiceAccount, HeldRole)) -> Self {
        Self::new(account, role.name())
    }
}

impl ServiceAccount {
    pub(super) fn new(account: identity::ServiceAccount, role: &str) -> Self {
        Self {
            id: account.id.0,
            principal_id: account.principal().0,
            organization_id: account.organization.0,
            team_id: account.team.map(|id| id.0),
            name: account.name.as_str().to_owned(),
            description: account.description,
            role: role.to_owned(),
            disabled: account.disabled_at.is_some(),
            created_by: account.created_by.map(|id| id.0),
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}

/// A new service account.
#[derive(Deserialize, ToSchema)]
pub struct CreateServiceAccountRequest {
    organization_id: Uuid,
    name: String,
    description: Option<String>,
    /// `owner`, `admin`, `member`, `viewer`, or the name of one of the organization's own roles; `member` without. Never
    /// above one's own.
    role: Option<String>,
    /// Lets the role count in this team alone.
    team_id: Option<Uuid>,
}

/// Makes a service account.
pub async fn create(
    caller: Acting<ServiceAccountManage>,
    (platform, Body(new)): (ForRequest, Body<CreateServiceAccountRequest>),
) -> Result<Created<ServiceAccount>> {
    let id = OrganizationId(new.organization_id);
    let new = NewServiceAccount {
        name: Name::parse(&new.name)?,
        description: new.description.map(description).transpose()?,
        role: RoleChoice::parse(new.role.as_deref().unwrap_or("member"))?,
        team: new.team_id.map(TeamId),
    };
    Ok(Created(platform.create_service_account(caller, id, new).await?.into()))
}

/// Lists an organization's service accounts.
pub async fn list(
    caller: Acting<ServiceAccountRead>,
    (platform, Query(query)): (ForRequest, Query<WithinQuery>),
) -> Result<Answer<Vec<ServiceAccount>>> {
    let page: Page<ServiceAccountId> = query.page()?;
    let id = platform.place(caller.caller(), None, None, query.organization()).await?;
    let listed = platform.service_accounts(caller, id, page).await?;
    Ok(Answer::page(listed.map(ServiceAccount::from), page.limit))
}

/// Shows a service account.
pub async fn read(
    caller: Acting<ServiceAccountRead>,
    (platform, PathId(id)): (ForRequest, PathId<ServiceAccountId>),
) -> Result<Answer<ServiceAccount>> {
    Ok(Answer::ok(platform.service_account(caller, id).await?.into()))
}

/// What shall be different.
#[derive(Deserialize, ToSchema)]
pub struct UpdateServiceAccountRequest {
    name: Option<String>,
    /// null clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    role: Option<String>,
}

/// Changes a service account's name, description and role.
pub async fn update(
    caller: Acting<ServiceAccountManage>,
    (platform, PathId(id), Body(change)): (ForRequest, PathId<ServiceAccountId>, Body<UpdateServiceAccountRequest>),
) -> Result<Answer<ServiceAccount>> {
    let change = ServiceAccountChange {
        name: change.name.as_deref().map(Name::parse).transpose()?,
        description: change.description.map(|text| text.map(description).transpose()).transpose()?,
        role: change.role.as_deref().map(RoleChoice::parse).transpose()?,
    };
    Ok(Answer::ok(platform.change_service_account(caller, id, change).await?.into()))
}

/// Makes a service account nobody: its keys and tokens open nothing.
pub async fn disable(
    caller: Acting<ServiceAccountRevoke>,
    (platform, PathId(id)): (ForRequest, PathId<ServiceAccountId>),
) -> Result<Answer<ServiceAccount>> {
    Ok(Answer::ok(platform.disable_service_account(caller, id).await?.into()))
}

/// Makes it somebody again.
pub async fn enable(
    caller: Acting<ServiceAccountManage>,
    (platform, PathId(id)): (ForRequest, PathId<ServiceAccountId>),
) -> Result<Answer<ServiceAccount>> {
    Ok(Answer::ok(platform.enable_service_account(caller, id).await?.into()))
}

/// Deletes a service account with its keys.
pub async fn delete(
    caller: Acting<ServiceAccountRevoke>,
    (platform, PathId(id)): (ForRequest, PathId<ServiceAccountId>),
) -> Result<Answer<Done>> {
    platform.delete_service_account(caller, id).await?;
    Ok(Answer::ok(Done { message: "The service account is deleted." }))
}

/// Makes a key that acts as a service account.
pub async fn create_key(
    caller: Acting<ServiceAccountManage>,
    (platform, PathId(id), OptionalBody(new)): (ForRequest, PathId<ServiceAccountId>, OptionalBody<KeyRequest>),
) -> Result<Created<SecretApiKey>> {
    let issued = platform.create_service_account_key(caller, id, new.read()?).await?;
    Ok(Created(issued.into()))
}

/// Lists the keys of a service account.
pub async fn list_keys(
    caller: Acting<ServiceAccountRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<ServiceAccountId>, Query<PageQuery>),
) -> Result<Answer<Vec<ApiKey>>> {
    let page: Page<ApiKeyId> = query.page()?;
    let listed = platform.service_account_keys(caller, id, page).await?;
    Ok(Answer::page(listed.map(ApiKey::from), page.limit))
}

/// Replaces the secret of a key of a service account. Its prefix stays.
pub async fn rotate_key(
    caller: Acting<ServiceAccountManage>,
    (platform, PathId(id), PathId(key), OptionalBody(how)): (
        ForRequest,
        PathId<ServiceAccountId>,
        PathId<ApiKeyId>,
        OptionalBody<RotateKeyRequest>,
    ),
) -> Result<Answer<SecretApiKey>> {
    let issued = platform.rotate_service_account_key(caller, id, key, how.overlap()).await?;
    Ok(Answer::ok(issued.into()))
}

/// Deletes a key of a service account.
pub async fn delete_key(
    caller: Acting<ServiceAccountRevoke>,
    (platform, PathId(id), PathId(key)): (ForRequest, PathId<ServiceAccountId>, PathId<ApiKeyId>),
) -> Result<Answer<Done>> {
    platform.delete_service_account_key(caller, id, key).await?;
    Ok(Answer::ok(Done { message: "The API key is deleted." }))
}
