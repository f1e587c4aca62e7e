//! `fabric audit …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with the audit log.
#[derive(Args)]
pub struct Audit {
    /// What to do.
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What to do with the audit log.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Write it down, newest first.
    Export(ExportAudit),
    /// Tell whether somebody has changed it, and where.
    Verify(VerifyAudit),
}

/// Which entries, and how.
#[derive(Args)]
pub struct ExportAudit {
    /// Only this organization's, by its id.
    #[arg(long, conflicts_with = "app")]
    pub organization: Option<String>,
    /// Only this app's, with all its organizations: its client id (foc_…) or id.
    #[arg(long)]
    pub app: Option<String>,
    /// `ndjson` or `csv`.
    #[arg(long, default_value = "ndjson")]
    pub format: String,
    /// Only of this kind, such as `membership.created`, or `membership.*`.
    #[arg(long)]
    pub action: Option<String>,
    /// Not before then, such as 2026-04-05T12:00:00Z.
    #[arg(long)]
    pub since: Option<String>,
    /// Before then.
    #[arg(long)]
    pub until: Option<String>,
    /// The file to make; standard output without. There must be none of that name.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What is known from elsewhere.
#[derive(Args)]
pub struct VerifyAudit {
    /// An end that the server's log told of, which has to be there: CHAIN:POSITION:LINK. May be given several times.
    #[arg(long, value_name = "END")]
    pub end: Vec<String>,
}
