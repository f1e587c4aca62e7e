//! Letters on their way: by SMTP to a real SMTP server, by HTTP to a server that answers as Resend does.

use std::{env, path::Path, process::Command, sync::Arc};

use fabric_mail::Settings;
use kernel::{Email, Locale};
use platform::mailer::{About, Brand, Letter, Mailer};

mod certificate;
mod resend;
mod smtp;
mod smtp_server;

const LINK: &str = "https://id.example.com/v1/auth/verify?token=t0ken&type=signup";

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn letter(sender: &str) -> Letter {
    written(About::VerifyEmail { link: LINK.to_owned() }, sender)
}

fn invitation(organization: &str) -> Letter {
    written(About::Invitation { organization: organization.to_owned(), link: LINK.to_owned() }, "Acme")
}

fn written(about: About, sender: &str) -> Letter {
    Letter { about, locale: Locale::En, brand: Brand::named(sender), template: None }
}

fn smtp_mailer(url: &str) -> Arc<dyn Mailer> {
    let settings = Settings {
        smtp_url: Some(url.into()),
        from: Some("Fabric <no-reply@example.com>".to_owned()),
        ..Settings::default()
    };
    fabric_mail::mailer(&settings).unwrap().unwrap()
}

/// Whether `test` has a process to itself. The first call gives it one, with `variables`, and waits for its result.
fn alone(test: &str, variables: &[(&str, &Path)]) -> bool {
    const ALONE: &str = "FABRIC_TEST_ALONE";

    if env::var_os(ALONE).is_some() {
        return true;
    }
    let mut again = Command::new(env::current_exe().unwrap());
    let output = again.args([test, "--exact"]).env(ALONE, "1").envs(variables.iter().copied()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    false
}
