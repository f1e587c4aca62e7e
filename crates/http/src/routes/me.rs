//! What callers see and change about themselves.

use authz::{Acting, SignedIn, action::OrganizationList};
use identity::{Link, link::Provider, password::Password};
use kernel::{Metadata, Name, Result, Secret, Timestamp};
use platform::{MeChange, Reauthentication};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    auth::{Done, mfa::factor, reauthentication::ReauthenticationRequest},
    organizations::{Organization, PageQuery, list},
};
use crate::{
    answer::Answer,
    gate::Authenticated,
    request::{Body, ForRequest, OptionalBody, PathId, Query, present},
};

/// Who calls.
#[derive(Serialize, ToSchema)]
pub struct Me {
    principal_id: Uuid,
    /// Always true: nobody else gets this answer.
    authenticated: bool,
    /// The app that the caller comes through; none is the platform itself.
    app_id: Option<Uuid>,
    email: Option<String>,
    email_verified: bool,
    display_name: Option<String>,
    /// Whether the caller runs the platform.
    platform_admin: bool,
}

/// Tells who calls.
pub async fn read(Authenticated(caller): Authenticated, platform: ForRequest) -> Result<Answer<Me>> {
    let me = platform.me(&caller).await?;
    Ok(Answer::ok(Me {
        principal_id: me.principal.0,
        authenticated: true,
        app_id: me.app.map(|app| app.0),
        email: me.email.map(|email| email.as_str().to_owned()),
        email_verified: me.email_verified,
        display_name: me.display_name.map(|name| name.as_str().to_owned()),
        platform_admin: me.platform_admin,
    }))
}

/// What shall be different.
#[derive(Deserialize, ToSchema)]
pub struct UpdateMeRequest {
    /// null clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    display_name: Option<Option<String>>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// The caller's profile.
#[derive(Serialize, ToSchema)]
pub struct Profile {
    principal_id: Uuid,
    email: String,
    email_verified: bool,
    display_name: Option<String>,
    #[schema(value_type = Object)]
    metadata: Metadata,
}

/// Changes the caller's profile.
pub async fn update(
    caller: SignedIn,
    (platform, Body(change)): (ForRequest, Body<UpdateMeRequest>),
) -> Result<Answer<Profile>> {
    let display_name = match change.display_name {
        Some(Some(name)) => Some(Some(Name::parse(&name)?)),
        Some(None) => Some(None),
        None => None,
    };
    let metadata = change.metadata.map(Metadata::parse).transpose()?;
    let account = platform.change_me(caller, MeChange { display_name, metadata }).await?;
    Ok(Answer::ok(Profile {
        principal_id: account.principal.0,
        email: account.email.as_str().to_owned(),
        email_verified: account.email_verified(),
        display_name: account.display_name.map(|name| name.as_str().to_owned()),
        metadata: account.metadata,
    }))
}

/// That it is meant.
#[derive(Default, Deserialize, ToSchema)]
pub struct DeleteMeRequest {
    /// The account's password, where it has one.
    #[serde(alias = "password")]
    #[schema(value_type = Option<String>, format = Password)]
    current_password: Option<Secret>,
    /// Six digits of the authenticator app, where a sign-in asks for them.
    #[schema(value_type = Option<String>)]
    code: Option<Secret>,
    #[schema(value_type = Option<String>)]
    recovery_code: Option<Secret>,
}

/// Deletes the caller's account.
pub async fn delete(
    caller: SignedIn,
    (platform, OptionalBody(meant)): (ForRequest, OptionalBody<DeleteMeRequest>),
) -> Result<Answer<Done>> {
    let password = meant.current_password.map(Password::attempt).transpose()?;
    let factor = factor(meant.code, meant.recovery_code)?;
    platform.delete_me(caller, Reauthentication { password, factor }).await?;
    Ok(Answer::ok(Done { message: "The account is deleted." }))
}

/// Somebody at another provider who signs in as the caller.
#[derive(Serialize, ToSchema)]
pub struct SocialConnection {
    provider: String,
    /// Who they are there.
    provider_user_id: String,
    #[schema(value_type = String, format = DateTime)]
    connected_at: Timestamp,
}

/// Lists whom the caller's account is linked to.
pub async fn social_connections(caller: SignedIn, platform: ForRequest) -> Result<Answer<Vec<SocialConnection>>> {
    let links = platform.social_connections(caller).await?;
    let connection = |link: Link| SocialConnection {
        provider: link.provider,
        provider_user_id: link.subject,
        connected_at: link.created_at,
    };
    Ok(Answer::ok(links.into_iter().map(connection).collect()))
}

/// Cuts the link to a provider. A moment after the sign-in nothing has to be shown.
pub async fn disconnect_social(
    caller: SignedIn,
    (platform, PathId(provider), OptionalBody(shown)): (
        ForRequest,
        PathId<Provider>,
        OptionalBody<ReauthenticationRequest>,
    ),
) -> Result<Answer<Done>> {
    platform.disconnect_social(caller, provider.in_lower_case(), shown.parse()?).await?;
    Ok(Answer::ok(Done { message: "The connection is gone." }))
}

/// Lists the caller's organizations.
pub async fn organizations(
    caller: Acting<OrganizationList>,
    (platform, query): (ForRequest, Query<PageQuery>),
) -> Result<Answer<Vec<Organization>>> {
    list(caller, (platform, query)).await
}
