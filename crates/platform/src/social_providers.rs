//! Providers that an app lets people sign in at through Fabric.

use apps::{
    App, AppProvider, ProviderKind, SocialProvider,
    social_provider::{MOST_PROVIDERS, check_client_secret},
};
use authz::{
    Acting,
    action::{AppManageProviders, AppRead},
};
use identity::link::{Provider, SUPABASE};
use kernel::{
    Code, Error, Event, EventKind, Result, Secret, Timestamp,
    id::{AppId, PrincipalId},
};
use serde_json::json;

use crate::{Platform, permit::locate_app, reauthentication::require_fresh_person};

/// A provider as somebody names it.
#[derive(Clone, Debug)]
pub struct NewSocialProvider {
    /// What the app calls it.
    pub name: Provider,
    /// Where it is.
    pub provider: SocialProvider,
    /// The client secret.
    pub secret: Secret,
}

impl Platform {
    /// An app's providers, by name; their secrets stay where they are.
    ///
    /// # Errors
    /// `not_found` for everybody who has nothing to do with the app.
    pub async fn social_providers(&self, acting: Acting<AppRead>, app: AppId) -> Result<Vec<AppProvider>> {
        let found = self.store().read(move |tx| {
            locate_app(tx, &acting, app)?;
            tx.social_providers(app)
        });
        found.await
    }

    /// Sets a provider. One that is there stays where it is: the same name at another place would make somebody else of
    /// whoever has it there.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin and for the app itself; `reauthentication_required` and
    /// `session_required` for a person whose sign-in was not a moment ago; `invalid_request` for a name or a secret that is
    /// none; `invalid_url` for what is not https outside development; `conflict` for another place, and when there are too
    /// many.
    pub async fn put_social_provider(
        &self,
        acting: Acting<AppManageProviders>,
        app: AppId,
        new: NewSocialProvider,
    ) -> Result<AppProvider> {
        let NewSocialProvider { name, provider, secret } = new;
        check_client_secret(&secret)?;
        let name = name.as_str().to_owned();
        if name == SUPABASE || name.bytes().any(|letter| letter.is_ascii_uppercase()) {
            let why = "Give the provider another name, in lower case; supabase is taken.";
            return Err(Error::because(Code::InvalidRequest, why));
        }
        // By these names apps vouch for people as well.
        let known = ProviderKind::ALL.into_iter().find(|kind| kind.as_str() == name);
        if known.is_some_and(|known| known != provider.kind) {
            let why = "This is the name of another kind of provider: choose another one.";
            return Err(Error::because(Code::InvalidRequest, why));
        }
        if !provider.is_encrypted() && !self.settings().development() {
            return Err(Error::because(Code::InvalidUrl, "Give an https URL: secrets are sent there."));
        }
        let sealing = &self.keys().sealing;
        let (key, secret) = (sealing.current()?, sealing.seal(&secret, &AppProvider::place(app, &name))?);
        let now = self.now();
        let put = self.store().write(move |tx| {
            let (permit, app) = locate_app(tx, &acting, app)?;
            require_fresh_person(tx, acting.caller(), now)?;
            // Of those who set one at once, each would see room for its own.
            tx.hold_social_providers(app.id)?;
            tx.note_sealing_key(key, now)?;
            let before = tx.social_provider(app.id, &name)?;
            // What was taken away counts: whoever was linked by the name is so still.
            let place = tx.place_of_social_provider(app.id, &name)?;
            if place.is_some_and(|place| place != (provider.kind, provider.url.clone())) {
                let why = "This name stands for another provider, and people are linked by it: choose another name.";
                return Err(Error::because(Code::Conflict, why));
            }
            if before.is_none() && tx.social_providers(app.id)?.len() >= MOST_PROVIDERS {
                return Err(Error::because(Code::Conflict, format!("An app has at most {MOST_PROVIDERS} providers.")));
            }
            let put = AppProvider {
                app: app.id,
                name: name.clone(),
                provider: provider.clone(),
                secret: secret.clone(),
                created_at: before.map_or(now, |before| before.created_at),
                updated_at: now,
            };
            tx.put_social_provider(&put)?;
            tx.append(&provider_event(EventKind::AppProviderSet, &app, &put, permit.principal(), now))?;
            Ok(put)
        });
        put.await
    }

    /// Takes a provider away. Who is linked to it stays so, for the case that it comes back: its name stands for nothing
    /// else for ever.
    ///
    /// # Errors
    /// `not_found`, also where there is none; `forbidden` below the role admin and for the app itself;
    /// `reauthentication_required` and `session_required` for a person whose sign-in was not a moment ago.
    pub async fn delete_social_provider(
        &self,
        acting: Acting<AppManageProviders>,
        app: AppId,
        name: Provider,
    ) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let (permit, app) = locate_app(tx, &acting, app)?;
            require_fresh_person(tx, acting.caller(), now)?;
            tx.hold_social_providers(app.id)?;
            let before = tx.social_provider(app.id, name.as_str())?.ok_or_else(Error::not_found)?;
            tx.delete_social_provider(app.id, name.as_str(), now)?;
            tx.append(&provider_event(EventKind::AppProviderRemoved, &app, &before, permit.principal(), now))
        });
        deleted.await
    }
}

/// What became of an app's provider. Its secret is not told.
fn provider_event(kind: EventKind, app: &App, set: &AppProvider, actor: PrincipalId, now: Timestamp) -> Event {
    let AppProvider { name, provider, .. } = set;
    Event {
        app: Some(app.id),
        organization: Some(app.owner),
        actor: Some(actor),
        payload: json!({
            "app_id": app.id, "name": app.name.as_str(), "provider": name, "kind": provider.kind.as_str(),
            "url": provider.url.as_str(), "client_id": provider.client_id,
        }),
        ..Event::new(kind, now)
    }
}
