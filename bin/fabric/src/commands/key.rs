//! `fabric key`: API keys, at the console.

use std::time::Duration;

use authz::KeyScopes;
use identity::ApiKey;
use kernel::{
    AllowedIps, Code, Error, Name, Page, Result, Role,
    id::{ApiKeyId, OrganizationId},
    secret::ExposeSecret,
};
use platform::{Expiry, IssuedKey, NewApiKey, OperatorKey, Platform, RoleChoice};
use serde_json::{Value, json};

use crate::{
    arguments::{CreateKey, Key, KeyCommand, ListKeys, Where},
    config::Config,
    output::Output,
    start::start,
};

/// Runs it.
///
/// # Errors
/// Those of what is given, and of the database.
pub async fn run(config: &Config, key: Key, show: Output) -> Result<()> {
    let platform = start(config).await?.platform;
    match key.command {
        KeyCommand::Create(new) => issued(show, "Created", &create(&platform, new).await?),
        KeyCommand::List(which) => list(&platform, &which, show).await?,
        KeyCommand::Rotate(rotate) => {
            let overlap = Duration::from_secs(rotate.overlap_seconds);
            issued(show, "Rotated", &platform.operator_rotate_key(&rotate.key, overlap).await?);
        }
        KeyCommand::Revoke(one) => {
            let revoked = platform.operator_revoke_key(&one.key).await?;
            show.say(&json!({ "revoked": revoked.id }), || format!("Revoked {} ({}).", revoked.prefix, revoked.id));
        }
    }
    Ok(())
}

async fn organization(platform: &Platform, place: &Where) -> Result<OrganizationId> {
    let app = match place.app.as_deref() {
        Some(named) => Some(platform.operator_app(named).await?),
        None => None,
    };
    Ok(platform.operator_organization(app, &place.organization).await?.id)
}

async fn create(platform: &Platform, new: CreateKey) -> Result<IssuedKey> {
    let wanted = OperatorKey {
        organization: organization(platform, &new.place).await?,
        service_account: Name::parse(&new.service_account)?,
        role: RoleChoice::parse(&new.role)?,
        key: NewApiKey {
            name: new.name.as_deref().map_or_else(|| Ok(Name::constant("API key")), Name::parse)?,
            description: None,
            role: None,
            scopes: KeyScopes::parse(new.scope.iter().map(String::as_str))?,
            expiry: new.expires_in_days.map_or(Expiry::Never, Expiry::InDays),
            allowed_ips: AllowedIps::parse(new.allowed_ip.iter().map(String::as_str))?,
        },
    };
    platform.operator_create_key(wanted).await
}

async fn list(platform: &Platform, which: &ListKeys, show: Output) -> Result<()> {
    let organization = organization(platform, &which.place).await?;
    let wrong = |_| Error::because(Code::InvalidParameter, "Give the cursor as the last page printed it.");
    let after: Option<ApiKeyId> = which.cursor.as_deref().map(|text| text.parse().map_err(wrong)).transpose()?;
    let listed = platform.operator_keys(organization, Page::new(after, 0, which.limit)?).await?;
    let items: Vec<_> = listed.items.iter().map(as_json).collect();
    let next = listed.next.map(|next| next.to_string());
    show.say(&json!({ "items": items, "next_cursor": next }), || {
        let mut lines: Vec<_> = listed.items.iter().map(as_line).collect();
        lines.extend(next.iter().map(|next| format!("There are more: --cursor {next}")));
        if lines.is_empty() { "There are no keys here.".to_owned() } else { lines.join("\n") }
    });
    Ok(())
}

/// The one time that the secret is shown.
fn issued(show: Output, done: &str, issued: &IssuedKey) {
    let secret = issued.secret.expose_secret();
    let mut value = as_json(&issued.key);
    value["key"] = json!(secret);
    show.say(&value, || format!("{done} {} ({}). It is shown this once:\n{secret}", issued.key.name, issued.key.id));
}

fn as_line(key: &ApiKey) -> String {
    let state = if key.disabled_at.is_some() { "disabled" } else { "enabled" };
    let ends = key.expires_at.map_or_else(String::new, |end| format!("  until {end}"));
    format!("{}  {}  {state}{ends}  {}", key.id, key.prefix, key.name)
}

fn as_json(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "prefix": key.prefix,
        "name": key.name.as_str(),
        "organization_id": key.organization,
        "principal_id": key.principal,
        "service_account_id": key.service_account,
        "role": key.role.map(Role::name),
        "scopes": key.scopes,
        "allowed_ips": key.allowed_ips.iter().collect::<Vec<_>>(),
        "disabled": key.disabled_at.is_some(),
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "created_at": key.created_at,
    })
}
