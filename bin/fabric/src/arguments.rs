//! What can be said on the command line.

mod audit;
mod event;
mod key;
mod signing_keys;
mod user;
mod webhook;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, error::ErrorKind};

pub use self::{
    audit::{Audit, AuditCommand, ExportAudit, VerifyAudit},
    event::{Event, EventCommand, TailEvents},
    key::{CreateKey, Key, KeyCommand, ListKeys},
    signing_keys::{SigningKeys, SigningKeysCommand},
    user::{ImportFormat, ImportSource, ImportUsers, ListUsers, One, User, UserCommand},
    webhook::{CreateWebhook, ListWebhooks, ReplayStatus, ReplayWebhook, RotateWebhookSecret, Webhook, WebhookCommand},
};

/// Identity and tenancy for apps.
#[derive(Parser)]
#[command(name = "fabric", version, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// The configuration file; `fabric.toml` where there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// What is wrong with the command line, in one line and without the usage.
pub fn complaint(refused: &clap::Error) -> String {
    if refused.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "A command is missing: --help lists them.".to_owned();
    }
    let text = refused.render().to_string();
    let told = text.trim_start_matches("error: ").split("\n\n");
    let told = told.take_while(|part| !part.starts_with("Usage:") && !part.starts_with("For more information"));
    let told = told.map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    format!("{}.", told.collect::<Vec<_>>().join("; "))
}

/// Settings that have a flag. Each wins over environment and file.
#[derive(Args, Clone, Default)]
pub struct Flags {
    /// The address to listen on.
    #[arg(long, global = true)]
    pub host: Option<String>,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, global = true)]
    pub port: Option<u16>,
    /// Reserved for gRPC, which is not served yet.
    #[arg(long, global = true)]
    pub grpc_port: Option<u16>,
    /// `postgres://…` or `sqlite://path`.
    #[arg(long, global = true)]
    pub database_url: Option<String>,
    /// `development` or `production`.
    #[arg(long, global = true)]
    pub fabric_env: Option<String>,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Run the server.
    Serve,
    /// Bring the database's schema up to date.
    Migrate,
    /// Make an app, its first developer, an organization and a key. Run again, it changes nothing.
    Setup(Setup),
    /// Manage accounts.
    User(User),
    /// Read what happened, and whether somebody has changed the record.
    Audit(Audit),
    /// See what happens, as it happens.
    Event(Event),
    /// Manage API keys.
    Key(Key),
    /// See and rotate the keys that sign access tokens.
    #[command(name = "keys")]
    SigningKeys(SigningKeys),
    /// See, archive and export organizations.
    Org(Org),
    /// Manage who belongs to an organization.
    Member(Member),
    /// Manage webhook endpoints.
    Webhook(Webhook),
    /// Copy the SQLite database while it is in use, and check the copy.
    Backup(Backup),
    /// Put a copy in the database's place.
    Restore(Restore),
    /// Print the OpenAPI document.
    Openapi,
    /// Print every action that roles and grants give, as Markdown.
    Actions,
}

/// What `setup` makes.
#[derive(Args)]
pub struct Setup {
    /// What the app is called.
    #[arg(long)]
    pub app_name: String,
    /// The developer's address.
    #[arg(long)]
    pub email: String,
    #[command(flatten)]
    pub password: PasswordSource,
    /// Where the app hears of events: a webhook endpoint that is bound to it.
    #[arg(long)]
    pub webhook_url: Option<String>,
}

/// Where a password comes from: best not from here, where everybody on the machine can read it.
#[derive(Args)]
pub struct PasswordSource {
    /// The password. Visible to others on this machine: better leave it out and be asked, or use --password-stdin.
    #[arg(long, conflicts_with = "password_stdin")]
    pub password: Option<String>,
    /// Read the password from the first line of standard input.
    #[arg(long)]
    pub password_stdin: bool,
}

/// What to do with organizations.
#[derive(Args)]
pub struct Org {
    /// What to do.
    #[command(subcommand)]
    pub command: OrgCommand,
}

/// What to do with organizations.
#[derive(Subcommand)]
pub enum OrgCommand {
    /// List organizations.
    List(ListOrganizations),
    /// Show an organization.
    Show(OneOrganization),
    /// Archive an organization: it is read and not changed.
    Archive(Archive),
    /// Print all that an organization owns as JSON, or write it to a file.
    Export(Export),
}

/// Which organizations.
#[derive(Args)]
pub struct ListOrganizations {
    /// The app's client id (foc_…) or id; without, the platform's own organizations.
    #[arg(long)]
    pub app: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
    /// Go on behind the cursor that the last page ended with.
    #[arg(long)]
    pub cursor: Option<String>,
}

/// Which organization.
#[derive(Args)]
pub struct OneOrganization {
    /// Its id, or its slug.
    #[arg(value_name = "ID OR SLUG")]
    pub organization: String,
    /// The app's client id (foc_…) or id, where a slug is an app's.
    #[arg(long)]
    pub app: Option<String>,
}

/// Which organization to archive.
#[derive(Args)]
pub struct Archive {
    #[command(flatten)]
    pub one: OneOrganization,
    /// Bring it back.
    #[arg(long)]
    pub restore: bool,
}

/// Which organization to export, and where to.
#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    pub one: OneOrganization,
    /// The file to make. There must be none of that name.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Whose members.
#[derive(Args)]
pub struct Member {
    /// What to do.
    #[command(subcommand)]
    pub command: MemberCommand,
}

/// What to do with members.
#[derive(Subcommand)]
pub enum MemberCommand {
    /// List who belongs to an organization.
    List(ListMembers),
    /// Give a member another role.
    SetRole(SetRole),
    /// Remove a member.
    Remove(OneMember),
}

/// Where members are.
#[derive(Args)]
pub struct Within {
    /// The organization's id, or its slug.
    #[arg(long, value_name = "ID OR SLUG")]
    pub organization: String,
    /// The app's client id (foc_…) or id, where a slug is an app's.
    #[arg(long)]
    pub app: Option<String>,
}

/// Which members.
#[derive(Args)]
pub struct ListMembers {
    #[command(flatten)]
    pub within: Within,
    /// At most this many.
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
    /// Go on behind the cursor that the last page ended with.
    #[arg(long)]
    pub cursor: Option<String>,
}

/// Which member.
#[derive(Args)]
pub struct OneMember {
    /// Their principal id, or their address.
    #[arg(value_name = "ID OR ADDRESS")]
    pub member: String,
    #[command(flatten)]
    pub within: Within,
}

/// Another role.
#[derive(Args)]
pub struct SetRole {
    #[command(flatten)]
    pub one: OneMember,
    /// owner, admin, member, viewer, or one of the organization's own roles.
    pub role: String,
}

/// Where.
#[derive(Args)]
pub struct Where {
    /// The organization's id or slug.
    #[arg(long)]
    pub organization: String,
    /// The app's client id (foc_…) or id, for the slug of an organization of an app.
    #[arg(long)]
    pub app: Option<String>,
}

/// Where to.
#[derive(Args)]
pub struct Backup {
    /// The file to make. There must be none of that name.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
}

/// Where from.
#[derive(Args)]
pub struct Restore {
    /// The copy.
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Replace the database that is there.
    #[arg(long)]
    pub force: bool,
}
