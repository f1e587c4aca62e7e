//! Organizations.

use authz::{
    Acting,
    action::{
        OrganizationArchive, OrganizationCreate, OrganizationDelete, OrganizationList, OrganizationRead,
        OrganizationUpdate,
    },
};
use kernel::{Code, Error, Metadata, Name, Page, Result, Role, Slug, Timestamp, id::OrganizationId};
use platform::{NewOrganization, OrganizationChange};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, PathId, Query},
};

/// An organization.
#[derive(Serialize, ToSchema)]
pub struct Organization {
    id: Uuid,
    slug: String,
    name: String,
    /// The app it belongs to; none is the platform itself.
    app_id: Option<Uuid>,
    /// The caller's role, in lists of the caller's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    archived: bool,
    /// When it is deleted, if that was asked for: until then it is read and not changed, archived or not.
    #[schema(value_type = Option<String>, format = DateTime)]
    delete_at: Option<Timestamp>,
    #[schema(value_type = Object)]
    metadata: Metadata,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl Organization {
    pub(super) fn new(organization: tenancy::Organization, role: Option<&str>) -> Self {
        Self {
            id: organization.id.0,
            slug: organization.slug.as_str().to_owned(),
            name: organization.name.as_str().to_owned(),
            app_id: organization.app.map(|app| app.0),
            role: role.map(str::to_owned),
            archived: organization.archived_at.is_some(),
            delete_at: organization.delete_at,
            metadata: organization.metadata,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
        }
    }
}

/// A new organization.
#[derive(Deserialize, ToSchema)]
pub struct CreateOrganizationRequest {
    name: String,
    /// Its name in URLs; a random one without.
    slug: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Value,
}

/// Makes an organization. The caller owns it.
pub async fn create(
    caller: Acting<OrganizationCreate>,
    (platform, Body(new)): (ForRequest, Body<CreateOrganizationRequest>),
) -> Result<Created<Organization>> {
    let new = NewOrganization {
        name: Name::parse(&new.name)?,
        slug: new.slug.as_deref().map(Slug::parse).transpose()?,
        metadata: Metadata::parse(new.metadata)?,
    };
    let organization = platform.create_organization(caller, new).await?;
    Ok(Created(Organization::new(organization, Some(Role::Owner.name()))))
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
pub struct PageQuery {
    /// At most this many; 200 without, and at most.
    limit: Option<u32>,
    /// Where the last page ended: its `meta.pagination.next_cursor`.
    cursor: Option<String>,
    /// Whether to count them all, which takes longer the more there are.
    #[serde(default)]
    include_total: bool,
}

impl PageQuery {
    /// The page that is asked for.
    pub fn page<I: std::str::FromStr>(&self) -> Result<Page<I>> {
        page(self.cursor.as_deref(), self.limit, self.include_total)
    }
}

/// The same, for queries that ask for more than a page.
pub fn page<I: std::str::FromStr>(after: Option<&str>, limit: Option<u32>, counted: bool) -> Result<Page<I>> {
    let page = Page::new(cursor(after)?, 0, limit.unwrap_or(Page::<I>::LARGEST))?;
    Ok(page.counted(counted))
}

/// Where the last page ended.
pub fn cursor<I: std::str::FromStr>(text: Option<&str>) -> Result<Option<I>> {
    let invalid = |_| Error::because(Code::InvalidParameter, "Send the cursor of the last page as it was.");
    text.map(|text| text.parse().map_err(invalid)).transpose()
}

/// Lists the caller's organizations in this app, with the caller's role.
pub async fn list(
    caller: Acting<OrganizationList>,
    (platform, Query(query)): (ForRequest, Query<PageQuery>),
) -> Result<Answer<Vec<Organization>>> {
    let page: Page<OrganizationId> = query.page()?;
    let listed = platform.organizations(caller, page).await?;
    let listed = listed.map(|(organization, role)| Organization::new(organization, Some(role.name())));
    Ok(Answer::page(listed, page.limit))
}

/// Shows an organization.
pub async fn read(
    caller: Acting<OrganizationRead>,
    (platform, PathId(id)): (ForRequest, PathId<OrganizationId>),
) -> Result<Answer<Organization>> {
    let organization = platform.organization(caller, id).await?;
    Ok(Answer::ok(Organization::new(organization, None)))
}

/// Archives an organization: it is read and not changed until it is brought back.
pub async fn archive(
    caller: Acting<OrganizationArchive>,
    (platform, PathId(id)): (ForRequest, PathId<OrganizationId>),
) -> Result<Answer<Organization>> {
    let organization = platform.archive_organization(caller, id, true).await?;
    Ok(Answer::ok(Organization::new(organization, None)))
}

/// Brings an archived organization back.
pub async fn restore(
    caller: Acting<OrganizationArchive>,
    (platform, PathId(id)): (ForRequest, PathId<OrganizationId>),
) -> Result<Answer<Organization>> {
    let organization = platform.archive_organization(caller, id, false).await?;
    Ok(Answer::ok(Organization::new(organization, None)))
}

/// Asks for an organization to be deleted, after as many days as its settings say.
pub async fn request_deletion(
    caller: Acting<OrganizationDelete>,
    (platform, PathId(id)): (ForRequest, PathId<OrganizationId>),
) -> Result<Answer<Organization>> {
    let organization = platform.request_deletion(caller, id).await?;
    Ok(Answer::ok(Organization::new(organization, None)))
}

/// Thinks better of it, as long as the organization is there.
pub async fn cancel_deletion(
    caller: Acting<OrganizationDelete>,
    (platform, PathId(id)): (ForRequest, PathId<OrganizationId>),
) -> Result<Answer<Organization>> {
    let organization = platform.cancel_deletion(caller, id).await?;
    Ok(Answer::ok(Organization::new(organization, None)))
}

/// What shall be different.
#[derive(Deserialize, ToSchema)]
pub struct UpdateOrganizationRequest {
    name: Option<String>,
    slug: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// Changes an organization.
pub async fn update(
    caller: Acting<OrganizationUpdate>,
    (platform, PathId(id), Body(change)): (ForRequest, PathId<OrganizationId>, Body<UpdateOrganizationRequest>),
) -> Result<Answer<Organization>> {
    let change = OrganizationChange {
        name: change.name.as_deref().map(Name::parse).transpose()?,
        slug: change.slug.as_deref().map(Slug::parse).transpose()?,
        metadata: change.metadata.map(Metadata::parse).transpose()?,
    };
    let organization = platform.change_organization(caller, id, change).await?;
    Ok(Answer::ok(Organization::new(organization, None)))
}
