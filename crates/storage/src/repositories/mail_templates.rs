//! Apps' own words for letters.

use apps::{LetterKind, MailTemplate, MailTemplateRepository, TemplateName, TemplateWords};
use diesel::prelude::*;
use kernel::{Locale, Result, id::AppId};

use super::Tx;
use crate::{
    columns::{Moment, RowId, intact},
    schema::mail_templates,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = mail_templates, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct TemplateRow {
    app_id: RowId,
    letter: String,
    locale: String,
    subject: String,
    text: String,
    html: String,
    updated_at: Moment,
}

impl MailTemplateRepository for Tx<'_> {
    fn mail_template(&mut self, app: AppId, name: TemplateName) -> Result<Option<MailTemplate>> {
        let query = mail_templates::table
            .find((RowId(app.0), name.letter.name(), name.locale.as_str()))
            .select(TemplateRow::as_select());
        let row: Option<TemplateRow> = self.query(|connection| query.first(connection).optional())?;
        row.map(TemplateRow::into_template).transpose()
    }

    fn mail_templates(&mut self, app: AppId) -> Result<Vec<MailTemplate>> {
        let query = mail_templates::table
            .filter(mail_templates::app_id.eq(RowId(app.0)))
            .order((mail_templates::letter, mail_templates::locale))
            .select(TemplateRow::as_select());
        let rows: Vec<TemplateRow> = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(TemplateRow::into_template).collect()
    }

    fn put_mail_template(&mut self, template: &MailTemplate) -> Result<()> {
        let MailTemplate { words, updated_at, .. } = template;
        let said = (
            mail_templates::subject.eq(words.subject().to_owned()),
            mail_templates::text.eq(words.text().to_owned()),
            mail_templates::html.eq(words.html().to_owned()),
            mail_templates::updated_at.eq(Moment(*updated_at)),
        );
        let put = diesel::insert_into(mail_templates::table)
            .values((
                mail_templates::app_id.eq(RowId(template.app.0)),
                mail_templates::letter.eq(template.name.letter.name()),
                mail_templates::locale.eq(template.name.locale.as_str()),
                said.clone(),
            ))
            .on_conflict((mail_templates::app_id, mail_templates::letter, mail_templates::locale))
            .do_update()
            .set(said);
        self.query(|connection| put.execute(connection)).map(drop)
    }

    fn delete_mail_template(&mut self, app: AppId, name: TemplateName) -> Result<bool> {
        let delete =
            diesel::delete(mail_templates::table.find((RowId(app.0), name.letter.name(), name.locale.as_str())));
        self.query(|connection| delete.execute(connection)).map(|deleted| deleted > 0)
    }
}

impl TemplateRow {
    fn into_template(self) -> Result<MailTemplate> {
        Ok(MailTemplate {
            app: AppId(self.app_id.0),
            name: TemplateName {
                letter: intact(LetterKind::parse(&self.letter))?,
                locale: intact(Locale::parse(&self.locale))?,
            },
            words: TemplateWords::from_stored(self.subject, self.text, self.html),
            updated_at: self.updated_at.0,
        })
    }
}
