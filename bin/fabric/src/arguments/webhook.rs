//! What can be said about webhook endpoints.

use clap::{Args, Subcommand, ValueEnum};

use super::Where;

/// What to do with webhook endpoints.
#[derive(Args)]
pub struct Webhook {
    /// What to do.
    #[command(subcommand)]
    pub command: WebhookCommand,
}

/// What to do with webhook endpoints.
#[derive(Subcommand)]
pub enum WebhookCommand {
    /// List an organization's webhook endpoints.
    List(ListWebhooks),
    /// Make a webhook endpoint, and print what it is signed with.
    Create(CreateWebhook),
    /// Give a webhook endpoint another secret, and print it this once.
    RotateSecret(RotateWebhookSecret),
    /// Try a webhook endpoint out: have a test event sent there, and to nobody else.
    Test(TestWebhook),
    /// Have deliveries sent anew: one, or all that were given up.
    Replay(ReplayWebhook),
}

/// Which endpoints.
#[derive(Args)]
pub struct ListWebhooks {
    #[command(flatten)]
    pub place: Where,
    /// At most this many.
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
    /// Go on behind the cursor that the last page ended with.
    #[arg(long)]
    pub cursor: Option<String>,
}

/// A new endpoint.
#[derive(Args)]
pub struct CreateWebhook {
    #[command(flatten)]
    pub place: Where,
    /// Where events go to.
    #[arg(long)]
    pub url: String,
    /// A kind of events that it wants, such as auth.login or auth.*; can be given several times. Without, every kind.
    #[arg(long)]
    pub event: Vec<String>,
    /// What people call it.
    #[arg(long)]
    pub description: Option<String>,
    /// Binds it to an app that the organization owns, by client id (foc_…) or id: it hears of that app alone, and is told
    /// the tokens that the app's users are sent.
    #[arg(long, value_name = "APP")]
    pub bind_app: Option<String>,
    /// How often a delivery is tried again after the first time.
    #[arg(long, default_value_t = webhooks::Endpoint::USUAL_RETRIES)]
    pub max_retries: i32,
    /// How many deliveries it wants in a minute at the most.
    #[arg(long)]
    pub rate_limit_per_minute: Option<i32>,
    /// Let each delivery wait until the one before has arrived, or was given up.
    #[arg(long)]
    pub ordered: bool,
}

/// Another secret.
#[derive(Args)]
pub struct RotateWebhookSecret {
    /// The endpoint's id.
    #[arg(long)]
    pub webhook: String,
    /// For how many seconds deliveries are signed with the secret before as well.
    #[arg(long, default_value_t = 0)]
    pub overlap_seconds: u64,
}

/// Which endpoint to try out.
#[derive(Args)]
pub struct TestWebhook {
    /// The endpoint's id.
    #[arg(long)]
    pub webhook: String,
}

/// Which deliveries to send anew.
#[derive(Args)]
pub struct ReplayWebhook {
    /// The endpoint's id.
    #[arg(long)]
    pub webhook: String,
    /// This one alone, by its id, whether it had arrived or was given up.
    #[arg(long, conflicts_with_all = ["from", "to", "status", "event"])]
    pub delivery: Option<String>,
    /// Those that were made since then, such as 2026-04-05T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// And before then.
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Those that were given up, those that arrived, or both.
    #[arg(long, value_enum, default_value_t = ReplayStatus::Failed)]
    pub status: ReplayStatus,
    /// Only events of this kind, such as auth.login or auth.*; can be given several times.
    #[arg(long)]
    pub event: Vec<String>,
}

/// What has come of a delivery.
#[derive(Clone, Copy, ValueEnum)]
pub enum ReplayStatus {
    /// It was given up.
    Failed,
    /// It arrived.
    Success,
    /// Either.
    Any,
}
