//! Secrets that organizations keep.

use authz::{
    Acting,
    action::{SecretRead, SecretWrite},
};
use kernel::{Page, Result, Secret, Timestamp, id::OrganizationId};
use serde::{Deserialize, Serialize};
use tenancy::SecretName;
use utoipa::{IntoParams, ToSchema};

use super::{auth::Done, organizations::page};
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, PathId, Query},
};

/// A secret. Its value is never shown.
#[derive(Serialize, ToSchema)]
pub struct OrganizationSecret {
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its value was set last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<tenancy::OrganizationSecret> for OrganizationSecret {
    fn from(secret: tenancy::OrganizationSecret) -> Self {
        Self { name: secret.name.as_str().to_owned(), created_at: secret.created_at, updated_at: secret.updated_at }
    }
}

/// One in a list of secrets.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum ListedSecret {
    /// As usual.
    Secret(OrganizationSecret),
    /// Its name alone, with `?format=names`.
    Name(String),
}

/// How to list secrets.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Names,
}

/// Which part of a list of secrets, and how.
#[derive(Deserialize, IntoParams)]
pub struct SecretsQuery {
    /// At most this many; 200 without, and at most.
    limit: Option<u32>,
    /// Where the last page ended: its `meta.pagination.next_cursor`.
    cursor: Option<String>,
    /// Whether to count them all.
    #[serde(default)]
    include_total: bool,
    /// `names` lists nothing but names, for clients that expect an array of strings.
    #[param(inline)]
    format: Option<Format>,
}

/// Lists an organization's secrets, by name.
pub async fn list(
    caller: Acting<SecretRead>,
    (platform, PathId(id), Query(query)): (ForRequest, PathId<OrganizationId>, Query<SecretsQuery>),
) -> Result<Answer<Vec<ListedSecret>>> {
    let page: Page<SecretName> = page(query.cursor.as_deref(), query.limit, query.include_total)?;
    let limit = page.limit;
    let listed = platform.secrets(caller, id, page).await?;
    let listed = listed.map(|secret| match query.format {
        None => ListedSecret::Secret(secret.into()),
        Some(Format::Names) => ListedSecret::Name(secret.name.as_str().to_owned()),
    });
    Ok(Answer::page(listed, limit))
}

/// A secret to be set.
#[derive(Deserialize, ToSchema)]
pub struct SetSecretRequest {
    /// 1 to 128 ASCII letters, digits, `_`, `.` and `-`.
    name: String,
    /// 1 byte to 64 KiB.
    #[schema(value_type = String, format = Password)]
    value: Secret,
}

/// Sets a secret: a new one, or another value of one that is there.
pub async fn set(
    caller: Acting<SecretWrite>,
    (platform, PathId(id), Body(new)): (ForRequest, PathId<OrganizationId>, Body<SetSecretRequest>),
) -> Result<Created<OrganizationSecret>> {
    let secret = platform.set_secret(caller, id, SecretName::parse(&new.name)?, new.value).await?;
    Ok(Created(secret.into()))
}

/// Deletes a secret.
pub async fn delete(
    caller: Acting<SecretWrite>,
    (platform, PathId(id), PathId(name)): (ForRequest, PathId<OrganizationId>, PathId<SecretName>),
) -> Result<Answer<Done>> {
    platform.delete_secret(caller, id, name).await?;
    Ok(Answer::ok(Done { message: "The secret is deleted." }))
}
