//! What can be said about accounts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::PasswordSource;

/// What to do with accounts.
#[derive(Args)]
pub struct User {
    /// What to do.
    #[command(subcommand)]
    pub command: UserCommand,
}

/// What to do with accounts.
#[derive(Subcommand)]
pub enum UserCommand {
    /// Make an account.
    Create(CreateUser),
    /// Make accounts for the people of another system, with the hashes of their passwords.
    Import(ImportUsers),
    /// List accounts.
    List(ListUsers),
    /// Lift the lock on an account's password sign-in.
    Unlock(One),
    /// Vouch for an account's address.
    Verify(One),
    /// Remove the second factor of an account whose owner has lost it.
    ResetMfa(One),
    /// Set another password, and end every session.
    ResetPassword(ResetPassword),
    /// Delete an account and everything of it.
    Delete(One),
}

/// A new account.
#[derive(Args)]
pub struct CreateUser {
    #[command(flatten)]
    pub one: One,
    #[command(flatten)]
    pub password: PasswordSource,
    /// What the person is called.
    #[arg(long)]
    pub display_name: Option<String>,
    /// Count the address as proven.
    #[arg(long)]
    pub skip_verification: bool,
    /// Let the person run the platform.
    #[arg(long)]
    pub admin: bool,
}

/// Where people come from.
#[derive(Args)]
pub struct ImportUsers {
    /// The file; `-` is standard input.
    pub file: PathBuf,
    /// The app's client id (foc_…) or id; without, the platform's own accounts.
    #[arg(long)]
    pub app: Option<String>,
    /// Whose export it is.
    #[arg(long, value_enum, default_value_t)]
    pub from: ImportSource,
    /// How it is written; without, as the file is called: .ndjson, .jsonl, .json or .csv.
    #[arg(long, value_enum)]
    pub format: Option<ImportFormat>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Write what came of each line there, as NDJSON.
    #[arg(long)]
    pub report: Option<PathBuf>,
}

/// Whose export a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ImportSource {
    /// Fabric's own form.
    #[default]
    Fabric,
    /// A bulk export of users with password hashes, or a file for a bulk import.
    Auth0,
    /// The dashboard's CSV.
    Clerk,
    /// The table `auth.users`.
    Supabase,
    /// A realm with its users, or an array of them.
    Keycloak,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// An object a line.
    Ndjson,
    /// An array of objects, or an object with the array `users`.
    Json,
    /// A line of names, and a line for each user.
    Csv,
}

/// Which accounts.
#[derive(Args)]
pub struct ListUsers {
    /// The app's client id (foc_…) or id; without, the platform's own accounts.
    #[arg(long)]
    pub app: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
    /// Go on behind the cursor that the last page ended with.
    #[arg(long)]
    pub cursor: Option<String>,
}

/// Which account.
#[derive(Args)]
pub struct One {
    /// The address.
    #[arg(long)]
    pub email: String,
    /// The app's client id (foc_…) or id, where the account belongs to an app.
    #[arg(long)]
    pub app: Option<String>,
}

/// Another password.
#[derive(Args)]
pub struct ResetPassword {
    #[command(flatten)]
    pub one: One,
    /// The new password. Visible to others on this machine: better leave it out and be asked.
    #[arg(long, conflicts_with = "password_stdin")]
    pub new_password: Option<String>,
    /// Read the new password from the first line of standard input.
    #[arg(long)]
    pub password_stdin: bool,
}
