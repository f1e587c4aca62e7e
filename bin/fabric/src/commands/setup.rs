//! `fabric setup`: one command, and an app can sign its users in.

use kernel::{Email, Name, Result, Secret, secret::ExposeSecret};
use platform::{SetUp, SetUpReport};
use serde_json::{Value, json};
use webhooks::EndpointUrl;

use super::password;
use crate::{arguments::Setup, config::Config, output::Output, start::start};

/// Runs it.
///
/// # Errors
/// Those of what is given, and of the database.
pub async fn run(config: &Config, setup: Setup, show: Output) -> Result<()> {
    let wanted = SetUp {
        app_name: Name::parse(&setup.app_name)?,
        email: Email::parse(&setup.email)?,
        password: password::read(setup.password.password, setup.password.password_stdin)?,
        webhook_url: setup.webhook_url.as_deref().map(EndpointUrl::parse).transpose()?,
    };
    let started = start(config).await?;
    let report = started.for_operator().set_up(wanted).await?;
    show.say(&as_json(&report, config), || as_text(&report, config));
    Ok(())
}

fn clear(secret: Option<&Secret>) -> Option<String> {
    secret.map(|secret| secret.expose_secret().to_owned())
}

/// The lines for the app's `.env`. A secret that was shown before is not there.
fn environment(report: &SetUpReport, config: &Config) -> Vec<(&'static str, Option<String>)> {
    let fallback = || format!("http://localhost:{}", config.server.port);
    let url = config.server.public_base_url.clone().unwrap_or_else(fallback);
    vec![
        ("FABRIC_API_URL", Some(url)),
        ("FABRIC_CLIENT_ID", Some(report.app.client_id.as_str().to_owned())),
        ("FABRIC_CLIENT_SECRET", clear(report.client_secret.as_ref())),
        ("FABRIC_WEBHOOK_SECRET", clear(Some(&report.webhook_secret))),
    ]
}

fn as_json(report: &SetUpReport, config: &Config) -> Value {
    let environment: serde_json::Map<_, _> =
        environment(report, config).into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    json!({
        "created": report.created,
        "app": {
            "id": report.app.id,
            "name": report.app.name.as_str(),
            "slug": report.app.slug.as_str(),
            "client_id": report.app.client_id.as_str(),
            "client_secret": clear(report.client_secret.as_ref()),
        },
        "admin": { "principal_id": report.admin.principal, "email": report.admin.email.as_str() },
        "organization": {
            "id": report.organization.id,
            "name": report.organization.name.as_str(),
            "slug": report.organization.slug.as_str(),
        },
        "api_key": clear(report.api_key.as_ref()),
        "webhook_secret": report.webhook_secret.expose_secret(),
        "env": environment,
    })
}

fn as_text(report: &SetUpReport, config: &Config) -> String {
    let SetUpReport { app, admin, organization, .. } = report;
    let done = if report.created {
        "Fabric setup complete."
    } else {
        "This app is set up already: nothing was changed. Its secret and key were shown the first time; \
         a new secret comes from POST /v1/apps/{id}/rotate-secret."
    };
    let lines = environment(report, config).into_iter().map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => format!("# {name}: shown the first time"),
    });
    let kept = if report.password_kept {
        "\nThis account was there already and keeps its password; the one given now was not used."
    } else {
        ""
    };
    let key = match &report.api_key {
        Some(key) => format!("\nAPI Key (for direct access):\n{}\n", key.expose_secret()),
        None => String::new(),
    };
    format!(
        "{done}\n\nApp: {} ({})\nAdmin: {}{kept}\nOrganization: {} ({})\nOrganization ID: {}\n\n\
         Add to your consumer app .env:\n\n{}\n{key}",
        app.name,
        app.slug,
        admin.email,
        organization.name,
        organization.slug,
        organization.id,
        lines.collect::<Vec<_>>().join("\n"),
    )
}
