//! Apps' own words for letters.

use apps::{MailTemplate, TemplateName, TemplateWords};
use authz::{
    Acting,
    action::{AppRead, AppUpdate},
};
use kernel::{Error, EventKind, Result, id::AppId};

use crate::{Platform, app_registration::app_event, permit::locate_app};

impl Platform {
    /// All of an app's own words, by letter and language.
    ///
    /// # Errors
    /// `not_found` for everybody who has nothing to do with the app.
    pub async fn mail_templates(&self, acting: Acting<AppRead>, app: AppId) -> Result<Vec<MailTemplate>> {
        let found = self.store().read(move |tx| {
            locate_app(tx, &acting, app)?;
            tx.mail_templates(app)
        });
        found.await
    }

    /// An app's own words for a letter in a language.
    ///
    /// # Errors
    /// `not_found` for everybody who has nothing to do with the app, and where it has none.
    pub async fn mail_template(&self, acting: Acting<AppRead>, app: AppId, name: TemplateName) -> Result<MailTemplate> {
        let found = self.store().read(move |tx| {
            locate_app(tx, &acting, app)?;
            tx.mail_template(app, name)?.ok_or_else(Error::not_found)
        });
        found.await
    }

    /// Sets an app's own words for a letter in a language. In other languages it stays as it is.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn put_mail_template(
        &self,
        acting: Acting<AppUpdate>,
        app: AppId,
        name: TemplateName,
        words: TemplateWords,
    ) -> Result<MailTemplate> {
        let template = MailTemplate { app, name, words, updated_at: self.now() };
        let put = self.store().write(move |tx| {
            let (permit, app) = locate_app(tx, &acting, template.app)?;
            tx.put_mail_template(&template)?;
            app_event(tx, EventKind::AppUpdated, &app, Some(permit.principal()), template.updated_at)?;
            Ok(template.clone())
        });
        put.await
    }

    /// Takes an app's own words away: the letter says what it does by itself.
    ///
    /// # Errors
    /// `not_found`, also where there are none; `forbidden` below the role admin.
    pub async fn delete_mail_template(&self, acting: Acting<AppUpdate>, app: AppId, name: TemplateName) -> Result<()> {
        let now = self.now();
        let deleted = self.store().write(move |tx| {
            let (permit, app) = locate_app(tx, &acting, app)?;
            if !tx.delete_mail_template(app.id, name)? {
                return Err(Error::not_found());
            }
            app_event(tx, EventKind::AppUpdated, &app, Some(permit.principal()), now)
        });
        deleted.await
    }
}
