//! Apps' own words for letters.

use apps::{TemplateName, TemplateWords};
use authz::{
    Acting,
    action::{AppRead, AppUpdate},
};
use kernel::{Result, Timestamp, id::AppId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Done;
use crate::{
    answer::Answer,
    request::{Body, ForRequest, PathId},
};

/// An app's own words for a letter in one language.
#[derive(Serialize, ToSchema)]
pub struct MailTemplate {
    /// The letter and the language: `verify_email.de`.
    name: String,
    /// `verify_email`, `reset_password`, `already_signed_up` or `invitation`.
    letter: &'static str,
    /// `en` or `de`.
    locale: &'static str,
    subject: String,
    text: String,
    html: String,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<apps::MailTemplate> for MailTemplate {
    fn from(template: apps::MailTemplate) -> Self {
        let (name, words) = (template.name, template.words);
        Self {
            name: name.to_string(),
            letter: name.letter.name(),
            locale: name.locale.as_str(),
            subject: words.subject().to_owned(),
            text: words.text().to_owned(),
            html: words.html().to_owned(),
            updated_at: template.updated_at,
        }
    }
}

/// Lists an app's own words for letters, by letter and language.
pub async fn list(
    caller: Acting<AppRead>,
    (platform, PathId(id)): (ForRequest, PathId<AppId>),
) -> Result<Answer<Vec<MailTemplate>>> {
    let listed = platform.mail_templates(caller, id).await?;
    Ok(Answer::ok(listed.into_iter().map(MailTemplate::from).collect()))
}

/// Shows an app's own words for a letter.
pub async fn read(
    caller: Acting<AppRead>,
    (platform, PathId(id), PathId(name)): (ForRequest, PathId<AppId>, PathId<TemplateName>),
) -> Result<Answer<MailTemplate>> {
    Ok(Answer::ok(platform.mail_template(caller, id, name).await?.into()))
}

/// Words for a letter. In double braces stand `link`, `app_name` and, in an invitation, `organization`.
#[derive(Deserialize, ToSchema)]
pub struct PutMailTemplateRequest {
    /// One line of up to 200 characters, without the link.
    subject: String,
    /// Plain text of up to 16 KiB, with `{{link}}` in it.
    text: String,
    /// HTML of up to 64 KiB, with `{{link}}` in it, in text or as the `href` of an anchor.
    html: String,
}

/// Sets an app's own words for a letter in a language.
pub async fn put(
    caller: Acting<AppUpdate>,
    (platform, PathId(id), PathId(name), Body(new)): (
        ForRequest,
        PathId<AppId>,
        PathId<TemplateName>,
        Body<PutMailTemplateRequest>,
    ),
) -> Result<Answer<MailTemplate>> {
    let words = TemplateWords::parse(name.letter, &new.subject, &new.text, &new.html)?;
    Ok(Answer::ok(platform.put_mail_template(caller, id, name, words).await?.into()))
}

/// Takes an app's own words for a letter away.
pub async fn delete(
    caller: Acting<AppUpdate>,
    (platform, PathId(id), PathId(name)): (ForRequest, PathId<AppId>, PathId<TemplateName>),
) -> Result<Answer<Done>> {
    platform.delete_mail_template(caller, id, name).await?;
    Ok(Answer::ok(Done { message: "The letter says what it does by itself again." }))
}
