//! What can be said about API keys.

use clap::{Args, Subcommand};

use super::Where;

/// What to do with API keys.
#[derive(Args)]
pub struct Key {
    /// What to do.
    #[command(subcommand)]
    pub command: KeyCommand,
}

/// What to do with API keys.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Make a key of a service account, and print it this once.
    Create(CreateKey),
    /// List an organization's keys.
    List(ListKeys),
    /// Replace a key's secret, and print it this once.
    Rotate(RotateKey),
    /// Delete a key.
    Revoke(OneKey),
}

/// A new key.
#[derive(Args)]
pub struct CreateKey {
    #[command(flatten)]
    pub place: Where,
    /// The name of the service account that it acts as; it is made where there is none.
    #[arg(long)]
    pub service_account: String,
    /// The role of a service account that is made: owner, admin, member, viewer, or one of the organization's own.
    #[arg(long, default_value = "member")]
    pub role: String,
    /// What the key is called.
    #[arg(long)]
    pub name: Option<String>,
    /// What it is good for, such as members:read; can be given several times. Without, everything its role may.
    #[arg(long)]
    pub scope: Vec<String>,
    /// A network or an address that it may come from; can be given several times. Without, everywhere.
    #[arg(long)]
    pub allowed_ip: Vec<String>,
    /// After how many days it ends.
    #[arg(long)]
    pub expires_in_days: Option<u32>,
}

/// Which keys.
#[derive(Args)]
pub struct ListKeys {
    #[command(flatten)]
    pub place: Where,
    /// At most this many.
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
    /// Go on behind the cursor that the last page ended with.
    #[arg(long)]
    pub cursor: Option<String>,
}

/// Another secret.
#[derive(Args)]
pub struct RotateKey {
    /// The key's id or prefix.
    #[arg(long)]
    pub key: String,
    /// For how many seconds the secret before still counts.
    #[arg(long, default_value_t = 0)]
    pub overlap_seconds: u64,
}

/// Which key.
#[derive(Args)]
pub struct OneKey {
    /// The key's id or prefix.
    #[arg(long)]
    pub key: String,
}
