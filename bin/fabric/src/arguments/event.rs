//! `fabric event …`.

use clap::{Args, Subcommand};

/// What to do with events.
#[derive(Args)]
pub struct Event {
    /// What to do.
    #[command(subcommand)]
    pub command: EventCommand,
}

/// What to do with events.
#[derive(Subcommand)]
pub enum EventCommand {
    /// Tell what happens, as it happens, until it is interrupted.
    Tail(TailEvents),
    /// Print every kind of event and what its payload has in it, as Markdown.
    Catalogue,
}

/// Which events.
#[derive(Args)]
pub struct TailEvents {
    /// Only this organization's, by its id.
    #[arg(long, conflicts_with = "app")]
    pub organization: Option<String>,
    /// Only this app's, with all its organizations: its client id (foc_…) or id.
    #[arg(long)]
    pub app: Option<String>,
    /// Only these kinds, such as `auth.login` or `team.*`. May be given several times.
    #[arg(long, value_name = "KIND")]
    pub events: Vec<String>,
    /// First those that came after this one, by its id.
    #[arg(long, value_name = "EVENT")]
    pub after: Option<String>,
}
