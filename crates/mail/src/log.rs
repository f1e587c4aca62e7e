//! Development without mail: letters are written to the log.

use kernel::Email;
use platform::mailer::{Letter, MailError, Mailer, Sending};

use crate::message::Message;

/// Shows what would have been sent, link and all, so that one can follow it.
pub struct Log;

impl Mailer for Log {
    fn send<'a>(&'a self, to: &'a Email, letter: &'a Letter) -> Sending<'a> {
        Box::pin(async move { show(to, letter) })
    }
}

fn show(to: &Email, letter: &Letter) -> Result<(), MailError> {
    let (Message { subject, .. }, link, code) = (Message::new(letter)?, letter.link(), letter.code());
    tracing::info!(%to, subject, link, code, "mail: not sent, no SMTP_URL or RESEND_API_KEY is set; this is what it says");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs::File, sync::Mutex};

    use kernel::Locale;
    use platform::mailer::{About, Brand};

    use super::*;

    #[test]
    fn it_says_what_to_follow() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("log");
        let file = Mutex::new(File::create(&path).unwrap());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(file).finish();
        let link = "https://id.example.com/v1/auth/verify?token=t0ken";
        let letter = Letter {
            about: About::VerifyEmail { link: link.to_owned() },
            locale: Locale::En,
            brand: Brand::named("Acme\n"),
            template: None,
        };
        let to = Email::parse("alice@example.com").unwrap();
        tracing::subscriber::with_default(subscriber, || show(&to, &letter)).unwrap();

        let log = std::fs::read_to_string(path).unwrap();
        assert_eq!(log.lines().count(), 1, "{log}");
        for part in ["INFO", "mail: not sent", "alice@example.com", "Confirm your e-mail address for Acme", link] {
            assert!(log.contains(part), "{part}: {log}");
        }
    }
}
