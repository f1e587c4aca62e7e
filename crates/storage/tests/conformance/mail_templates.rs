//! Apps' own words for letters.

use apps::{MailTemplate, TemplateName, TemplateWords};
use kernel::{Code, id::AppId};

use crate::support::{Db, at};

on_both!(an_app_has_words_of_its_own_for_a_letter_in_a_language, nobody_has_words_who_is_no_app);

fn name(text: &str) -> TemplateName {
    text.parse().unwrap()
}

pub fn template(app: AppId, text: &str, seconds: i64) -> MailTemplate {
    let (text, name) = (format!("{text} {seconds} {{{{link}}}} 🦊\n"), name(text));
    let words = TemplateWords::parse(name.letter, "Hello", &text, &format!("<p>{text}</p>")).unwrap();
    MailTemplate { app, name, words, updated_at: at(seconds) }
}

async fn an_app_has_words_of_its_own_for_a_letter_in_a_language(db: &Db) {
    let [app, other] = [db.app().await.id, db.app().await.id];
    let before = template(app, "verify_email.de", 1);
    let own =
        [template(app, "invitation.en", 2), template(app, "verify_email.de", 3), template(app, "verify_email.en", 4)];
    let put = [vec![before, template(other, "verify_email.de", 5)], own.to_vec()].concat();
    db.write(move |tx| put.iter().try_for_each(|template| tx.put_mail_template(template))).await;
    assert_eq!(db.read(move |tx| tx.mail_templates(app)).await, own);
    let found = |app, text| db.read(move |tx| tx.mail_template(app, name(text)));
    assert_eq!(found(app, "verify_email.de").await.as_ref(), Some(&own[1]), "the last words count");
    assert_eq!(found(app, "reset_password.de").await, None);
    assert_eq!(found(other, "verify_email.en").await, None);

    let delete = |app, text| db.write(move |tx| tx.delete_mail_template(app, name(text)));
    assert!(!delete(other, "verify_email.en").await);
    assert!(delete(app, "verify_email.de").await);
    assert!(!delete(app, "verify_email.de").await);
    assert_eq!(db.read(move |tx| tx.mail_templates(app)).await, [own[0].clone(), own[2].clone()]);
    assert!(found(other, "verify_email.de").await.is_some());
}

async fn nobody_has_words_who_is_no_app(db: &Db) {
    let nobodys = template(AppId::generate(), "verify_email.en", 0);
    assert_eq!(db.refused(move |tx| tx.put_mail_template(&nobodys)).await, Code::NotFound);
}
