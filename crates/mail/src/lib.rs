//! Mail by SMTP, by Resend, or to the log, and the messages.
//!
//! A link in a letter opens an account, so that nothing here puts one into an error, and only the development log shows
//! one.

mod log;
mod message;
mod resend;
mod sender;
mod smtp;
mod words;

use std::sync::Arc;

use kernel::{Code, Error, Result, Secret, secret::ExposeSecret};
use platform::mailer::Mailer;

pub use crate::resend::Resend;
use crate::{log::Log, sender::Sender, smtp::Smtp};

/// Where letters go, as the configuration says.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `SMTP_URL`: `smtps://user:password@host`, or `smtp://…?tls=required`. Comes before `resend_api_key`.
    pub smtp_url: Option<Secret>,
    /// `RESEND_API_KEY`.
    pub resend_api_key: Option<Secret>,
    /// `MAIL_FROM` or `RESEND_FROM_EMAIL`: the address that letters come from. The name beside it is the app's.
    pub from: Option<String>,
    /// Development: letters that nobody carries are written to the log, links and all, and `from` may be missing.
    pub log: bool,
}

/// Who carries letters; nobody when nothing says how and this is not development.
///
/// # Errors
/// `invalid_setting`, with the variable and how to mend it.
pub fn mailer(settings: &Settings) -> Result<Option<Arc<dyn Mailer>>> {
    if let Some(url) = given(settings.smtp_url.as_ref()) {
        let from = settings.from.as_deref().or(settings.log.then_some("Fabric <no-reply@localhost>"));
        let sender = Sender::parse("MAIL_FROM", from)?;
        return Ok(Some(Arc::new(Smtp::new(url, sender)?)));
    }
    if let Some(key) = given(settings.resend_api_key.as_ref()) {
        return Ok(Some(Arc::new(Resend::new(key, settings.from.as_deref(), resend::PUBLIC)?)));
    }
    Ok(settings.log.then(|| Arc::new(Log) as Arc<dyn Mailer>))
}

/// A variable that is set to nothing is not set.
fn given(secret: Option<&Secret>) -> Option<&str> {
    secret.map(|secret| secret.expose_secret().trim()).filter(|text| !text.is_empty())
}

fn invalid(variable: &str, problem: &str) -> Error {
    Error::because(Code::InvalidSetting, format!("{variable} {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { from: Some("no-reply@example.com".to_owned()), ..Settings::default() }
    }

    #[test]
    fn without_settings_nobody_carries_mail_outside_development() {
        assert!(mailer(&Settings::default()).unwrap().is_none());
        assert!(mailer(&Settings { smtp_url: Some(" ".into()), ..settings() }).unwrap().is_none());
        assert!(mailer(&Settings { log: true, ..Settings::default() }).unwrap().is_some());
    }

    #[test]
    fn smtp_comes_first() {
        let both = Settings { resend_api_key: Some("re_\n_".into()), ..settings() };
        assert!(mailer(&both).is_err(), "Resend's key is looked at");
        let both = Settings { smtp_url: Some("smtp://localhost".into()), ..both };
        assert!(mailer(&both).unwrap().is_some(), "and not when SMTP is there");
    }

    #[test]
    fn a_bad_setting_says_which_and_no_secret() {
        let smtp = |url: &str| Settings { smtp_url: Some(url.into()), ..settings() };
        let resend = |key: &str| Settings { resend_api_key: Some(key.into()), ..settings() };
        for (settings, variable) in [
            (smtp("hush"), "SMTP_URL "),
            (smtp("https://user:hush@mail.example.com"), "SMTP_URL "),
            (smtp("smtp://user:hush@mail.example.com?tls=maybe"), "SMTP_URL "),
            (smtp("smtps://hush@mail.example.com"), "SMTP_URL "),
            (smtp("smtps://user:hush@"), "SMTP_URL "),
            (smtp("smtps://user:hush%ff@mail.example.com"), "SMTP_URL "),
            (Settings { from: None, ..smtp("smtp://mail.example.com") }, "MAIL_FROM "),
            (Settings { from: Some("nobody".to_owned()), ..smtp("smtp://mail.example.com") }, "MAIL_FROM "),
            (Settings { from: None, log: true, ..resend("re_hush") }, "RESEND_FROM_EMAIL "),
            (Settings { from: Some("a@b.example\r\nBcc: c@d.example".to_owned()), ..resend("re_hush") }, "RESEND_FROM"),
            (resend("re_hush\u{7}"), "RESEND_API_KEY "),
        ] {
            let Err(error) = mailer(&settings) else { panic!("{variable} passes: {settings:?}") };
            assert_eq!(error.code, Code::InvalidSetting);
            assert!(error.message.starts_with(variable), "{error}");
            assert!(!format!("{error:?} {settings:?}").contains("hush"), "{error:?}");
            assert!(!error.message.contains('\n'), "{error}");
        }
    }

    #[test]
    fn development_sends_without_an_address_of_its_own() {
        let settings = Settings { smtp_url: Some("smtp://localhost:2525".into()), log: true, ..Settings::default() };
        assert!(mailer(&settings).unwrap().is_some());
    }
}
