//! `fabric org`: organizations, at the console.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use kernel::{
    Code, Error, Page, Result,
    id::{AppId, OrganizationId},
};
use platform::Platform;
use serde_json::{Value, json};
use tenancy::Organization;

use crate::{
    arguments::{Export, ListOrganizations, Org, OrgCommand},
    config::Config,
    output::Output,
    start::start,
};

/// Runs it.
///
/// # Errors
/// Those of what is given, and of the database.
pub async fn run(config: &Config, org: Org, show: Output) -> Result<()> {
    let platform = start(config).await?.platform;
    match org.command {
        OrgCommand::List(which) => list(&platform, &which, show).await,
        OrgCommand::Show(one) => {
            let found = named(&platform, one.app.as_deref(), &one.organization).await?;
            show.say(&as_json(&found), || as_text(&found));
            Ok(())
        }
        OrgCommand::Archive(archive) => {
            let found = named(&platform, archive.one.app.as_deref(), &archive.one.organization).await?;
            let changed = platform.operator_archive_organization(found.id, !archive.restore).await?;
            let done = if archive.restore { "Brought back" } else { "Archived" };
            show.say(&as_json(&changed), || format!("{done} {} ({}).", changed.slug, changed.id));
            Ok(())
        }
        OrgCommand::Export(which) => export(&platform, &which, show).await,
    }
}

/// The app that is named, if one is.
pub async fn app(platform: &Platform, named: Option<&str>) -> Result<Option<AppId>> {
    match named {
        Some(named) => platform.operator_app(named).await.map(Some),
        None => Ok(None),
    }
}

/// The organization that is named.
pub async fn named(platform: &Platform, in_app: Option<&str>, name: &str) -> Result<Organization> {
    platform.operator_organization(app(platform, in_app).await?, name).await
}

/// Where a list goes on.
pub fn after<I: std::str::FromStr>(cursor: Option<&str>) -> Result<Option<I>> {
    let wrong = |_| Error::because(Code::InvalidParameter, "Give the cursor as the last page printed it.");
    cursor.map(|text| text.parse().map_err(wrong)).transpose()
}

async fn list(platform: &Platform, which: &ListOrganizations, show: Output) -> Result<()> {
    let app = app(platform, which.app.as_deref()).await?;
    let page = Page::new(after::<OrganizationId>(which.cursor.as_deref())?, 0, which.limit)?;
    let listed = platform.operator_organizations(app, page).await?;
    let items: Vec<_> = listed.items.iter().map(as_json).collect();
    let next = listed.next.map(|next| next.to_string());
    show.say(&json!({ "items": items, "next_cursor": next }), || {
        let line = |found: &Organization| format!("{}  {}  {}  {}", found.id, found.slug, state(found), found.name);
        let mut lines: Vec<_> = listed.items.iter().map(line).collect();
        lines.extend(next.iter().map(|next| format!("There are more: --cursor {next}")));
        if lines.is_empty() { "There are no organizations here.".to_owned() } else { lines.join("\n") }
    });
    Ok(())
}

async fn export(platform: &Platform, which: &Export, show: Output) -> Result<()> {
    let found = named(platform, which.one.app.as_deref(), &which.one.organization).await?;
    let Some(path) = &which.output else {
        return write(platform, found.id, io::stdout().lock()).await;
    };
    let written = write(platform, found.id, create(path)?).await;
    if written.is_err() {
        // Half of it is worth nothing, and looks like something.
        drop(fs::remove_file(path));
    }
    written?;
    let file = path.display().to_string();
    show.say(&json!({ "organization_id": found.id, "file": file }), || format!("Exported {} to {file}.", found.slug));
    Ok(())
}

/// Addresses of people are in it: it is for its owner's eyes only.
fn create(path: &Path) -> Result<File> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    created.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::because(Code::Conflict, "There is a file of that name already."),
        _ => Error::because(Code::InvalidRequest, "The file can't be made.").caused_by(error),
    })
}

async fn write(platform: &Platform, id: OrganizationId, mut to: impl Write) -> Result<()> {
    let export = platform.operator_export(id);
    let begun = export.begin().await?;
    let lost = |error: io::Error| Error::because(Code::InvalidRequest, "It can't be written.").caused_by(error);
    http::routes::write_manifest(&export, begun, async |part| to.write_all(&part).map_err(lost)).await?;
    to.write_all(b"\n").and_then(|()| to.flush()).map_err(lost)
}

fn state(organization: &Organization) -> &'static str {
    match (organization.delete_at, organization.archived_at) {
        (Some(_), _) => "deleting",
        (None, Some(_)) => "archived",
        (None, None) => "active",
    }
}

fn as_text(organization: &Organization) -> String {
    let mut lines = vec![
        format!("id          {}", organization.id),
        format!("slug        {}", organization.slug),
        format!("name        {}", organization.name),
        format!("app         {}", organization.app.map_or("the platform".to_owned(), |app| app.to_string())),
        format!("state       {}", state(organization)),
    ];
    lines.extend(organization.delete_at.map(|at| format!("deleted at  {at}")));
    lines.push(format!("created at  {}", organization.created_at));
    lines.join("\n")
}

fn as_json(organization: &Organization) -> Value {
    json!({
        "id": organization.id,
        "app_id": organization.app,
        "slug": organization.slug.as_str(),
        "name": organization.name.as_str(),
        "archived": organization.archived_at.is_some(),
        "delete_at": organization.delete_at,
        "metadata": organization.metadata,
        "created_at": organization.created_at,
        "updated_at": organization.updated_at,
    })
}
