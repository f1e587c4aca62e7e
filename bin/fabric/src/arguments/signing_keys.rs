//! `fabric keys …`.

use clap::{Args, Subcommand};

/// What to do with the keys that sign access tokens.
#[derive(Args)]
pub struct SigningKeys {
    /// What to do.
    #[command(subcommand)]
    pub command: SigningKeysCommand,
}

/// What to do with the keys that sign access tokens.
#[derive(Subcommand)]
pub enum SigningKeysCommand {
    /// List the keys, oldest first.
    List,
    /// Have another key sign from now on. The one before is believed until its last token has expired.
    Rotate(RotateSigningKeys),
}

/// How to rotate.
#[derive(Args)]
pub struct RotateSigningKeys {
    /// Others may know the keys: forget every one of before, so that all access tokens that they signed end now.
    #[arg(long)]
    pub compromised: bool,
}
