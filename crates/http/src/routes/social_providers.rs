//! Providers that an app lets people sign in at.

use apps::{AppProvider, ProviderKind, ProviderPlace};
use authz::{
    Acting,
    action::{AppManageProviders, AppRead},
};
use identity::link::Provider;
use kernel::{Result, Secret, Timestamp, id::AppId};
use platform::{Callback, NewSocialProvider, Platform};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Done;
use crate::{
    answer::Answer,
    request::{Body, ForRequest, PathId},
};

/// A provider that an app's users may sign in at. Its secret is never shown.
#[derive(Serialize, ToSchema)]
pub struct SocialProvider {
    /// What the app calls it.
    provider: String,
    /// `google`, `github`, `microsoft` or `oidc`.
    kind: &'static str,
    /// The issuer, or the server.
    url: String,
    client_id: String,
    scopes: Vec<String>,
    /// What is to be registered at the provider.
    callback_url: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

fn shown(platform: &Platform, set: AppProvider) -> Result<SocialProvider> {
    Ok(SocialProvider {
        callback_url: platform.social_callback_url(&Callback::App(set.app, set.name.parse()?)),
        provider: set.name,
        kind: set.provider.kind.as_str(),
        url: set.provider.url.as_str().to_owned(),
        client_id: set.provider.client_id,
        scopes: set.provider.scopes,
        created_at: set.created_at,
        updated_at: set.updated_at,
    })
}

/// Lists an app's providers, by name.
pub async fn list(
    caller: Acting<AppRead>,
    (platform, PathId(id)): (ForRequest, PathId<AppId>),
) -> Result<Answer<Vec<SocialProvider>>> {
    let listed = platform.social_providers(caller, id).await?;
    Ok(Answer::ok(listed.into_iter().map(|set| shown(&platform, set)).collect::<Result<_>>()?))
}

/// A provider, and who Fabric is there.
#[derive(Deserialize, ToSchema)]
pub struct PutSocialProviderRequest {
    /// `google`, `github`, `microsoft` or `oidc`.
    kind: String,
    /// Of `oidc`: the issuer, letter by letter as its own discovery document writes it.
    issuer: Option<String>,
    /// Of `github` and `microsoft`: the server, where it is not the usual one.
    base_url: Option<String>,
    /// Of `microsoft`: the id or the domain of the tenant; without, `common`.
    tenant: Option<String>,
    client_id: String,
    #[schema(value_type = String)]
    client_secret: Secret,
    /// What is asked for; without, who they are and their address.
    #[serde(default)]
    scopes: Vec<String>,
}

/// Sets a provider of an app. A person has signed in a moment ago.
pub async fn put(
    caller: Acting<AppManageProviders>,
    (platform, PathId(id), PathId(name), Body(new)): (
        ForRequest,
        PathId<AppId>,
        PathId<Provider>,
        Body<PutSocialProviderRequest>,
    ),
) -> Result<Answer<SocialProvider>> {
    let place = ProviderPlace {
        issuer: new.issuer.as_deref(),
        base_url: new.base_url.as_deref(),
        tenant: new.tenant.as_deref(),
    };
    let provider = apps::SocialProvider::new(ProviderKind::parse(&new.kind)?, place, &new.client_id, &new.scopes)?;
    let new = NewSocialProvider { name, provider, secret: new.client_secret };
    let put = platform.put_social_provider(caller, id, new).await?;
    Ok(Answer::ok(shown(&platform, put)?))
}

/// Takes a provider of an app away. A person has signed in a moment ago.
pub async fn delete(
    caller: Acting<AppManageProviders>,
    (platform, PathId(id), PathId(name)): (ForRequest, PathId<AppId>, PathId<Provider>),
) -> Result<Answer<Done>> {
    platform.delete_social_provider(caller, id, name).await?;
    Ok(Answer::ok(Done { message: "Nobody signs in at this provider any more." }))
}
