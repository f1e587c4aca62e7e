//! Apps: register one, list one's own, read, change, switch off, delete one, replace its secret.

use std::time::Duration;

use apps::{App, AppSettings, ClientId, ClientSecret, SettingsChange, Usage, credentials};
use authz::{
    Acting, Credential,
    action::{AppCreate, AppDelete, AppDisable, AppList, AppRead, AppRotateSecret, AppUpdate},
};
use kernel::{
    Code, Error, Event, EventKind, Listed, Metadata, Name, Page, Result, Role, Scope, Secret, SecretHash, Slug,
    Timestamp,
    id::{AppId, ClientSecretId, OrganizationId, PrincipalId},
    secret::ExposeSecret,
};
use serde_json::json;

use crate::{
    Platform, Transaction,
    permit::{is_platform_admin, locate_app, permit},
};

/// A new app.
#[derive(Clone, Debug)]
pub struct NewApp {
    /// What people call it.
    pub name: Name,
    /// Its name in URLs; made from the name without.
    pub slug: Option<Slug>,
    /// The organization that owns it; the caller's own without.
    pub owner: Option<OrganizationId>,
    /// How it behaves, where that is not as usual.
    pub settings: SettingsChange,
    /// What its developers keep about it.
    pub metadata: Metadata,
}

/// What shall be different. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct AppChange {
    /// What people call it.
    pub name: Option<Name>,
    /// How it behaves.
    pub settings: SettingsChange,
    /// What its developers keep about it.
    pub metadata: Option<Metadata>,
}

/// A client secret, to be shown once.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// Whose.
    pub app: App,
    /// The new secret.
    pub client_secret: Secret,
    /// Until when the one before still counts, if it does.
    pub previous_until: Option<Timestamp>,
}

/// So many apps of one name, registered at the same moment, each get a slug.
const NUMBERS: u32 = 16;
/// The longest that a replaced secret may still count.
const LONGEST_OVERLAP: Duration = Duration::from_hours(7 * 24);

impl Platform {
    /// Registers an app; hands back its client secret, once.
    ///
    /// # Errors
    /// `forbidden` below the role admin in the owner organization; `slug_taken` when a slug is given; `conflict` when the
    /// caller has no organization that could own it.
    pub async fn create_app(&self, acting: Acting<AppCreate>, new: NewApp) -> Result<Rotated> {
        let settings = AppSettings::default().changed(new.settings.clone())?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_create_app(acting.clone(), new.clone(), settings.clone()).await {
                // Somebody registered one of that name at the same moment: there is a next number.
                Err(error) if error.code == Code::SlugTaken && new.slug.is_none() && tries < NUMBERS => {}
                made => return made,
            }
        }
    }

    async fn try_create_app(&self, acting: Acting<AppCreate>, new: NewApp, settings: AppSettings) -> Result<Rotated> {
        let secret = NewSecret::draw();
        let (stored, now) = (secret.clone(), self.now());
        let made = self.store().write(move |tx| {
            let owner = owner_organization(tx, &acting, new.owner)?;
            let permit = permit(tx, &acting, owner)?;
            let registration = Registration {
                name: new.name.clone(),
                slug: new.slug.clone(),
                settings: settings.clone(),
                metadata: new.metadata.clone(),
            };
            register(tx, &permit, Some(permit.principal()), registration, &stored, now)
        });
        Ok(Rotated { app: made.await?, client_secret: secret.clear, previous_until: None })
    }

    /// The apps that the caller manages: those of a key's organization, those of the person's organizations, or all of
    /// them for an administrator of the platform. An app sees itself.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn apps(&self, acting: Acting<AppList>, page: Page<AppId>) -> Result<Listed<App, AppId>> {
        let caller = acting.caller().clone();
        let listed = self.store().read(move |tx| match (&caller.credential, caller.app) {
            (Credential::App, Some(app)) => Ok(Listed::whole(tx.app(app)?, &page)),
            (Credential::ApiKey(key) | Credential::Client(key), None) => {
                let permit = permit(tx, &acting, key.organization)?;
                tx.apps_in(&permit, &page)
            }
            (_, None) if is_platform_admin(tx, &caller)? => tx.all_apps(&page),
            (_, None) => tx.apps_of(caller.principal, &page),
            (_, Some(_)) => Ok(Listed::whole(None, &page)),
        });
        listed.await
    }

    /// One app.
    ///
    /// # Errors
    /// `not_found` for everybody who has nothing to do with it.
    pub async fn app(&self, acting: Acting<AppRead>, id: AppId) -> Result<App> {
        self.store().read(move |tx| locate_app(tx, &acting, id).map(|(_, app)| app)).await
    }

    /// How much there is in an app.
    ///
    /// # Errors
    /// `not_found` for everybody who has nothing to do with it.
    pub async fn app_usage(&self, acting: Acting<AppRead>, id: AppId) -> Result<Usage> {
        let usage = self.store().read(move |tx| {
            locate_app(tx, &acting, id)?;
            tx.app_usage(id)
        });
        usage.await
    }

    /// Changes an app.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin; `invalid_setting`.
    pub async fn change_app(&self, acting: Acting<AppUpdate>, id: AppId, change: AppChange) -> Result<App> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let (permit, app) = locate_app(tx, &acting, id)?;
            let change = change.clone();
            let app = App {
                name: change.name.unwrap_or(app.name.clone()),
                settings: app.settings.changed(change.settings)?,
                metadata: change.metadata.unwrap_or(app.metadata.clone()),
                updated_at: now,
                ..app
            };
            tx.update_app(&permit.owner_scope()?, &app)?;
            app_event(tx, EventKind::AppUpdated, &app, Some(permit.principal()), now)?;
            Ok(app)
        });
        changed.await
    }

    /// Switches an app off, with every token and key of it, or on again.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn disable_app(&self, acting: Acting<AppDisable>, id: AppId, disabled: bool) -> Result<App> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let (permit, app) = locate_app(tx, &acting, id)?;
            let disabled_at = if disabled { app.disabled_at.or(Some(now)) } else { None };
            let app = App { disabled_at, updated_at: now, ..app };
            tx.update_app(&permit.owner_scope()?, &app)?;
            let kind = if disabled { EventKind::AppDisabled } else { EventKind::AppEnabled };
            app_event(tx, kind, &app, Some(permit.principal()), now)?;
            Ok(app)
        });
        changed.await
    }

    /// Deletes an app with its accounts, organizations and everything in them.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role owner.
    pub async fn delete_app(&self, acting: Acting<AppDelete>, id: AppId) -> Result<()> {
        let now = self.now();
        loop {
            let acting = acting.clone();
            let deleted = self.store().write(move |tx| {
                let (permit, app) = locate_app(tx, &acting, id)?;
                // What is on its way to its endpoints goes first, some at a time: it may be very much.
                let bound = tx.endpoints_of(&[app.owner])?.into_iter().filter(|endpoint| endpoint.app == Some(id));
                for endpoint in bound {
                    if tx.clear_deliveries(endpoint.id)? {
                        return Ok(false);
                    }
                }
                tx.delete_app(&permit.owner_scope()?, id)?;
                app_event(tx, EventKind::AppDeleted, &app, Some(permit.principal()), now)?;
                Ok(true)
            });
            if deleted.await? {
                return Ok(());
            }
        }
    }

    /// Gives an app another client secret; the one before counts for `overlap` longer, so that servers can change over
    /// one by one.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin and for the app itself; `invalid_setting` for an overlap over a
    /// week.
    pub async fn rotate_client_secret(
        &self,
        acting: Acting<AppRotateSecret>,
        id: AppId,
        overlap: Duration,
    ) -> Result<Rotated> {
        if overlap > LONGEST_OVERLAP {
            return Err(Error::because(Code::InvalidSetting, "Give overlap_seconds a value from 0 to 604800."));
        }
        let secret = NewSecret::draw();
        let (stored, now) = (secret.clone(), self.now());
        let until = now.after(overlap);
        let rotated = self.store().write(move |tx| {
            let (permit, app) = locate_app(tx, &acting, id)?;
            tx.expire_client_secrets(id, until)?;
            tx.insert_client_secret(&stored.of(id, now))?;
            app_event(tx, EventKind::AppSecretRotated, &app, Some(permit.principal()), now)?;
            Ok(app)
        });
        let previous_until = (until > now).then_some(until);
        Ok(Rotated { app: rotated.await?, client_secret: secret.clear, previous_until })
    }
}

/// The organization that shall own a new app: the one that is named, the key's, or the oldest that the person manages.
fn owner_organization(
    tx: &mut dyn Transaction,
    acting: &Acting<AppCreate>,
    named: Option<OrganizationId>,
) -> Result<OrganizationId> {
    let caller = acting.caller();
    if caller.app.is_some() {
        return Err(Error::because(Code::Forbidden, "Apps are registered with a platform account, not one of an app."));
    }
    if let Some(named) = named.or_else(|| caller.key().map(|key| key.organization)) {
        return Ok(named);
    }
    let own = tx.organizations_of(None, caller.principal, &Page::new(None, 0, Page::<OrganizationId>::LARGEST)?)?;
    let managed = |(organization, role): &(tenancy::Organization, Role)| {
        (*role >= Role::Admin && !organization.is_closed()).then_some(organization.id)
    };
    let none = || Error::because(Code::Conflict, "Make an organization first: it will own the app.");
    own.items.iter().find_map(managed).ok_or_else(none)
}

/// A client secret that was drawn, before it belongs to an app.
#[derive(Clone)]
pub(crate) struct NewSecret {
    pub clear: Secret,
    id: ClientSecretId,
}

impl NewSecret {
    pub fn draw() -> Self {
        Self { clear: credentials::write_secret(rand::random()), id: ClientSecretId::generate() }
    }

    fn of(&self, app: AppId, now: Timestamp) -> ClientSecret {
        ClientSecret {
            id: self.id,
            app,
            hash: SecretHash::of(self.clear.expose_secret()),
            created_at: now,
            expires_at: None,
        }
    }
}

pub(crate) struct Registration {
    pub name: Name,
    pub slug: Option<Slug>,
    pub settings: AppSettings,
    pub metadata: Metadata,
}

/// Registers an app in an organization.
///
/// # Errors
/// `slug_taken` for a slug that was given.
pub(crate) fn register(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    actor: Option<PrincipalId>,
    new: Registration,
    secret: &NewSecret,
    now: Timestamp,
) -> Result<App> {
    // An app that an app's organization owned would be a way out of that app.
    let owner = tx.organization(scope.organization())?.filter(|owner| owner.app.is_none());
    owner.ok_or_else(Error::not_found)?;
    let slug = match new.slug {
        Some(slug) => slug,
        None => free_app_slug(tx, scope, &new.name)?,
    };
    let app = App {
        id: AppId::generate(),
        owner: scope.organization(),
        name: new.name,
        slug,
        client_id: ClientId::from_random(rand::random()),
        settings: new.settings,
        metadata: new.metadata,
        disabled_at: None,
        created_at: now,
        updated_at: now,
    };
    tx.insert_app(scope, &app)?;
    tx.insert_client_secret(&secret.of(app.id, now))?;
    app_event(tx, EventKind::AppCreated, &app, actor, now)?;
    Ok(app)
}

fn free_app_slug(tx: &mut dyn Transaction, scope: &dyn Scope, name: &Name) -> Result<Slug> {
    let plain = Slug::from_name(name.as_str());
    let numbered = (2..100).map(|number| plain.numbered(number));
    for slug in std::iter::once(plain.clone()).chain(numbered) {
        if !tx.app_slug_taken(scope, &slug)? {
            return Ok(slug);
        }
    }
    Ok(plain.lengthened(rand::random()))
}

/// An event of an app happens in it, and belongs to its owner, who manages it.
pub(crate) fn app_event(
    tx: &mut dyn Transaction,
    kind: EventKind,
    app: &App,
    actor: Option<PrincipalId>,
    now: Timestamp,
) -> Result<()> {
    tx.append(&Event {
        app: Some(app.id),
        organization: Some(app.owner),
        actor,
        payload: json!({ "app_id": app.id, "name": app.name.as_str() }),
        ..Event::new(kind, now)
    })
}
