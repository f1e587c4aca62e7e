//! Apps.

use std::time::Duration;

use apps::{BrandingChange, Color, Domain, Mfa, Origin, PasskeyChange, RedirectUrl, SettingsChange};
use authz::{
    Acting,
    action::{AppCreate, AppDelete, AppDisable, AppList, AppRead, AppRotateSecret, AppUpdate},
};
use kernel::{
    Locale, Metadata, Name, Page, Result, Slug, Timestamp,
    id::{AppId, OrganizationId},
    secret::ExposeSecret,
};
use platform::{AppChange, NewApp, Rotated};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{auth::Done, organizations::PageQuery};
use crate::{
    answer::{Answer, Created},
    request::{Body, ForRequest, OptionalBody, PathId, Query, present},
};

/// An app.
#[derive(Serialize, ToSchema)]
pub struct App {
    id: Uuid,
    name: String,
    slug: String,
    client_id: String,
    /// The organization that owns it.
    organization_id: Uuid,
    #[serde(flatten)]
    settings: AppSettings,
    #[schema(value_type = Object)]
    metadata: Metadata,
    disabled: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// How an app behaves.
#[derive(Serialize, ToSchema)]
pub struct AppSettings {
    /// Whether whoever signs up gets an organization of their own.
    auto_create_org: bool,
    /// Whether strangers may sign up.
    open_sign_up: bool,
    /// Whether sign-in waits for a proven address.
    require_verified_email: bool,
    /// Whether whoever signs in shows a second factor: `off`, `optional` (whoever has one) or `required`.
    mfa: &'static str,
    /// Whether a link in a mail shows a button first.
    confirm_links: bool,
    /// Whether whoever makes an API key or an OAuth client, or has a key count for more, has signed in a moment ago.
    fresh_sign_in_for_keys: bool,
    /// Whether people may sign in by a link that is mailed to them.
    magic_links: bool,
    /// Whether people may sign in by a code that is mailed to them.
    email_codes: bool,
    passkeys: PasskeySettings,
    /// Where the app's pages live (CORS).
    allowed_origins: Vec<String>,
    /// Where people may be sent.
    redirect_urls: Vec<String>,
    /// The app's own site: links in mails lead there.
    site_url: Option<String>,
    /// Failures in a row that lock password sign-in.
    lockout_threshold: u32,
    lockout_seconds: u32,
    access_token_seconds: u32,
    refresh_token_seconds: u32,
    /// For how long a spent refresh token gets the same successor.
    refresh_grace_seconds: u32,
    /// The language of mails to those who do not ask for one: `en` or `de`.
    locale: &'static str,
    branding: Branding,
}

/// Whether people may sign in with passkeys, and for whom those are made.
#[derive(Serialize, ToSchema)]
pub struct PasskeySettings {
    enabled: bool,
    /// The domain that they are made for; that of the app's site without.
    rp_id: Option<String>,
    /// What people are shown when they make one; the app's name without.
    rp_name: Option<String>,
    /// The pages that they are used on; the app's site where there are none.
    origins: Vec<String>,
}

impl From<apps::PasskeySettings> for PasskeySettings {
    fn from(passkeys: apps::PasskeySettings) -> Self {
        Self {
            enabled: passkeys.enabled,
            rp_id: passkeys.rp_id.map(String::from),
            rp_name: passkeys.rp_name.map(String::from),
            origins: texts(&passkeys.origins),
        }
    }
}

fn texts(origins: &[Origin]) -> Vec<String> {
    origins.iter().map(|origin| origin.as_str().to_owned()).collect()
}

/// How an app looks in a mail.
#[derive(Serialize, ToSchema)]
pub struct Branding {
    /// A picture over the letter.
    logo_url: Option<String>,
    /// The colour of what is to be pressed: `#rrggbb`.
    color: Option<String>,
    /// The name beside the address that mail comes from; the app's own without.
    from_name: Option<String>,
}

impl From<apps::Branding> for Branding {
    fn from(branding: apps::Branding) -> Self {
        Self {
            logo_url: branding.logo_url.map(|url| url.as_str().to_owned()),
            color: branding.color.map(String::from),
            from_name: branding.from_name.map(String::from),
        }
    }
}

impl From<apps::App> for App {
    fn from(app: apps::App) -> Self {
        let settings = app.settings;
        Self {
            id: app.id.0,
            name: app.name.as_str().to_owned(),
            slug: app.slug.as_str().to_owned(),
            client_id: app.client_id.as_str().to_owned(),
            organization_id: app.owner.0,
            settings: AppSettings {
                auto_create_org: settings.auto_create_org,
                open_sign_up: settings.open_sign_up,
                require_verified_email: settings.require_verified_email,
                mfa: settings.mfa.as_str(),
                confirm_links: settings.confirm_links,
                fresh_sign_in_for_keys: settings.fresh_sign_in_for_keys,
                magic_links: settings.magic_links,
                email_codes: settings.email_codes,
                passkeys: settings.passkeys.into(),
                allowed_origins: texts(&settings.allowed_origins),
                redirect_urls: settings.redirect_urls.iter().map(|url| url.as_str().to_owned()).collect(),
                site_url: settings.site_url.map(|url| url.as_str().to_owned()),
                lockout_threshold: settings.lockout_threshold,
                lockout_seconds: settings.lockout_seconds,
                access_token_seconds: settings.access_token_seconds,
                refresh_token_seconds: settings.refresh_token_seconds,
                refresh_grace_seconds: settings.refresh_grace_seconds,
                locale: settings.locale.as_str(),
                branding: settings.branding.into(),
            },
            metadata: app.metadata,
            disabled: app.disabled_at.is_some(),
            created_at: app.created_at,
            updated_at: app.updated_at,
        }
    }
}

/// Settings in a request. What is absent stays, or is as usual.
#[derive(Default, Deserialize, ToSchema)]
pub struct SettingsRequest {
    auto_create_org: Option<bool>,
    open_sign_up: Option<bool>,
    require_verified_email: Option<bool>,
    /// `off`, `optional` or `required`.
    mfa: Option<String>,
    confirm_links: Option<bool>,
    fresh_sign_in_for_keys: Option<bool>,
    magic_links: Option<bool>,
    email_codes: Option<bool>,
    #[serde(default)]
    #[schema(inline)]
    passkeys: PasskeyRequest,
    allowed_origins: Option<Vec<String>>,
    redirect_urls: Option<Vec<String>>,
    /// null clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    site_url: Option<Option<String>>,
    lockout_threshold: Option<u32>,
    lockout_seconds: Option<u32>,
    access_token_seconds: Option<u32>,
    refresh_token_seconds: Option<u32>,
    refresh_grace_seconds: Option<u32>,
    /// `en` or `de`.
    locale: Option<String>,
    #[serde(default)]
    #[schema(inline)]
    branding: BrandingRequest,
}

/// How an app shall look in a mail. What is absent stays; null clears it.
#[derive(Default, Deserialize, ToSchema)]
pub struct BrandingRequest {
    /// An https URL.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    logo_url: Option<Option<String>>,
    /// `#rrggbb`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    color: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    from_name: Option<Option<String>>,
}

impl BrandingRequest {
    fn parse(self) -> Result<BrandingChange> {
        Ok(BrandingChange {
            logo_url: wished(self.logo_url, RedirectUrl::parse)?,
            color: wished(self.color, Color::parse)?,
            from_name: wished(self.from_name, Name::parse)?,
        })
    }
}

/// For whom passkeys shall be made. What is absent stays; null clears it.
#[derive(Default, Deserialize, ToSchema)]
pub struct PasskeyRequest {
    enabled: Option<bool>,
    /// A domain.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    rp_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    rp_name: Option<Option<String>>,
    origins: Option<Vec<String>>,
}

impl PasskeyRequest {
    fn parse(self) -> Result<PasskeyChange> {
        Ok(PasskeyChange {
            enabled: self.enabled,
            rp_id: wished(self.rp_id, Domain::parse)?,
            rp_name: wished(self.rp_name, Name::parse)?,
            origins: self.origins.as_deref().map(origins).transpose()?,
        })
    }
}

fn origins(texts: &[String]) -> Result<Vec<Origin>> {
    texts.iter().map(|text| Origin::parse(text)).collect()
}

/// What shall be there instead, or that nothing shall.
fn wished<T>(text: Option<Option<String>>, parse: impl Fn(&str) -> Result<T>) -> Result<Option<Option<T>>> {
    text.map(|text| text.as_deref().map(parse).transpose()).transpose()
}

impl SettingsRequest {
    fn parse(self) -> Result<SettingsChange> {
        let urls = |texts: Vec<String>| texts.iter().map(|text| RedirectUrl::parse(text)).collect::<Result<_>>();
        Ok(SettingsChange {
            auto_create_org: self.auto_create_org,
            open_sign_up: self.open_sign_up,
            require_verified_email: self.require_verified_email,
            mfa: self.mfa.as_deref().map(Mfa::parse).transpose()?,
            confirm_links: self.confirm_links,
            fresh_sign_in_for_keys: self.fresh_sign_in_for_keys,
            magic_links: self.magic_links,
            email_codes: self.email_codes,
            passkeys: self.passkeys.parse()?,
            allowed_origins: self.allowed_origins.as_deref().map(origins).transpose()?,
            redirect_urls: self.redirect_urls.map(urls).transpose()?,
            site_url: wished(self.site_url, RedirectUrl::parse)?,
            lockout_threshold: self.lockout_threshold,
            lockout_seconds: self.lockout_seconds,
            access_token_seconds: self.access_token_seconds,
            refresh_token_seconds: self.refresh_token_seconds,
            refresh_grace_seconds: self.refresh_grace_seconds,
            locale: self.locale.as_deref().map(Locale::parse).transpose()?,
            branding: self.branding.parse()?,
        })
    }
}

/// A new app.
#[derive(Deserialize, ToSchema)]
pub struct CreateAppRequest {
    name: String,
    /// Its name in URLs; made from the name without.
    slug: Option<String>,
    /// The organization that shall own it; the caller's own without.
    organization_id: Option<Uuid>,
    #[serde(flatten)]
    settings: SettingsRequest,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Value,
}

/// A new app with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct CreatedApp {
    #[serde(flatten)]
    app: App,
    client_secret: String,
}

/// Registers an app.
pub async fn create(
    caller: Acting<AppCreate>,
    (platform, Body(new)): (ForRequest, Body<CreateAppRequest>),
) -> Result<Created<CreatedApp>> {
    let new = NewApp {
        name: Name::parse(&new.name)?,
        slug: new.slug.as_deref().map(Slug::parse).transpose()?,
        owner: new.organization_id.map(OrganizationId),
        settings: new.settings.parse()?,
        metadata: Metadata::parse(new.metadata)?,
    };
    let Rotated { app, client_secret, .. } = platform.create_app(caller, new).await?;
    Ok(Created(CreatedApp { app: app.into(), client_secret: client_secret.expose_secret().to_owned() }))
}

/// Lists the apps that the caller manages.
pub async fn list(
    caller: Acting<AppList>,
    (platform, Query(query)): (ForRequest, Query<PageQuery>),
) -> Result<Answer<Vec<App>>> {
    let page: Page<AppId> = query.page()?;
    let listed = platform.apps(caller, page).await?;
    Ok(Answer::page(listed.map(App::from), page.limit))
}

/// Shows an app.
pub async fn read(caller: Acting<AppRead>, (platform, PathId(id)): (ForRequest, PathId<AppId>)) -> Result<Answer<App>> {
    Ok(Answer::ok(platform.app(caller, id).await?.into()))
}

/// What shall be different.
#[derive(Deserialize, ToSchema)]
pub struct UpdateAppRequest {
    name: Option<String>,
    #[serde(flatten)]
    settings: SettingsRequest,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// Changes an app.
pub async fn update(
    caller: Acting<AppUpdate>,
    (platform, PathId(id), Body(change)): (ForRequest, PathId<AppId>, Body<UpdateAppRequest>),
) -> Result<Answer<App>> {
    let change = AppChange {
        name: change.name.as_deref().map(Name::parse).transpose()?,
        settings: change.settings.parse()?,
        metadata: change.metadata.map(Metadata::parse).transpose()?,
    };
    Ok(Answer::ok(platform.change_app(caller, id, change).await?.into()))
}

/// Deletes an app with all it owns.
pub async fn delete(
    caller: Acting<AppDelete>,
    (platform, PathId(id)): (ForRequest, PathId<AppId>),
) -> Result<Answer<Done>> {
    platform.delete_app(caller, id).await?;
    Ok(Answer::ok(Done { message: "The app is deleted." }))
}

/// Switches an app off.
pub async fn disable(
    caller: Acting<AppDisable>,
    (platform, PathId(id)): (ForRequest, PathId<AppId>),
) -> Result<Answer<App>> {
    Ok(Answer::ok(platform.disable_app(caller, id, true).await?.into()))
}

/// Switches an app on again.
pub async fn enable(
    caller: Acting<AppDisable>,
    (platform, PathId(id)): (ForRequest, PathId<AppId>),
) -> Result<Answer<App>> {
    Ok(Answer::ok(platform.disable_app(caller, id, false).await?.into()))
}

/// How to change over.
#[derive(Default, Deserialize, ToSchema)]
pub struct RotateSecretRequest {
    /// For how many seconds the secret before still counts; none without.
    #[serde(default)]
    overlap_seconds: u64,
}

/// An app's new secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct RotatedSecret {
    app_id: Uuid,
    client_id: String,
    client_secret: String,
    /// Until when the secret before still counts.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_expires_at: Option<Timestamp>,
}

/// Replaces an app's client secret.
pub async fn rotate_secret(
    caller: Acting<AppRotateSecret>,
    (platform, PathId(id), OptionalBody(how)): (ForRequest, PathId<AppId>, OptionalBody<RotateSecretRequest>),
) -> Result<Answer<RotatedSecret>> {
    let rotated = platform.rotate_client_secret(caller, id, Duration::from_secs(how.overlap_seconds)).await?;
    Ok(Answer::ok(RotatedSecret {
        app_id: rotated.app.id.0,
        client_id: rotated.app.client_id.as_str().to_owned(),
        client_secret: rotated.client_secret.expose_secret().to_owned(),
        previous_secret_expires_at: rotated.previous_until,
    }))
}

/// How much there is in an app.
#[derive(Serialize, ToSchema)]
pub struct AppUsage {
    app_id: Uuid,
    /// Always 0: workflows are not run here.
    total_runs: i64,
    total_orgs: i64,
    total_members: i64,
}

/// Tells how much there is in an app.
pub async fn usage(
    caller: Acting<AppRead>,
    (platform, PathId(id)): (ForRequest, PathId<AppId>),
) -> Result<Answer<AppUsage>> {
    let usage = platform.app_usage(caller, id).await?;
    Ok(Answer::ok(AppUsage {
        app_id: id.0,
        total_runs: 0,
        total_orgs: usage.organizations,
        total_members: usage.accounts,
    }))
}
