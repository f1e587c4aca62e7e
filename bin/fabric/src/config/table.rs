//! Every setting there is.

/// What a setting's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Itself.
    Text,
    /// Itself, and nobody is to see it.
    Secret,
    /// A whole number.
    Number,
    /// Yes or no.
    Switch,
    /// Values with commas between them.
    List,
}

/// One setting.
pub struct Setting {
    /// Its name in `fabric.toml`.
    pub key: &'static str,
    /// Its names in the environment; the first that is set counts.
    pub variables: &'static [&'static str],
    /// What its text means.
    pub kind: Kind,
    /// What it is when nobody sets it.
    pub default: Option<&'static str>,
}

const fn setting(
    key: &'static str,
    variables: &'static [&'static str],
    kind: Kind,
    default: Option<&'static str>,
) -> Setting {
    Setting { key, variables, kind, default }
}

use Kind::{List, Number, Secret, Switch, Text};

/// Every setting there is. What each means and leads to is told in `docs/configuration.md`.
pub const TABLE: &[Setting] = &[
    setting("server.host", &["HOST"], Text, Some("127.0.0.1")),
    setting("server.port", &["PORT"], Number, Some("3001")),
    setting("server.grpc_port", &["GRPC_PORT"], Number, Some("3002")),
    setting("server.workers", &["FABRIC_WORKERS"], Number, None),
    setting("server.public_base_url", &["PUBLIC_BASE_URL"], Text, None),
    setting("server.shutdown_seconds", &["FABRIC_SHUTDOWN_SECONDS"], Number, Some("20")),
    setting("database.url", &["DATABASE_URL"], Secret, None),
    setting("database.direct_url", &["DATABASE_DIRECT_URL"], Secret, None),
    setting("database.migration_url", &["DATABASE_MIGRATION_URL"], Secret, None),
    setting("database.pool_max", &["DATABASE_POOL_MAX"], Number, Some("15")),
    setting("database.pool_min", &["DATABASE_POOL_MIN"], Number, Some("2")),
    setting("database.synchronous", &["FABRIC_SQLITE_SYNCHRONOUS"], Text, Some("full")),
    setting("database.migrate", &["FABRIC_MIGRATE"], Switch, Some("1")),
    setting("runtime.env", &["FABRIC_ENV"], Text, Some("development")),
    setting("runtime.mode", &["FABRIC_MODE"], Text, Some("server")),
    setting("runtime.dev_mode", &["FABRIC_DEV_MODE"], Switch, Some("0")),
    setting("runtime.api_key", &["FABRIC_API_KEY"], Secret, None),
    setting("runtime.workflow_dirs", &["FABRIC_WORKFLOW_DIRS"], List, Some("")),
    setting("log.filter", &["RUST_LOG"], Text, Some("info")),
    setting("log.format", &["FABRIC_LOG_FORMAT"], Text, None),
    setting("auth.oauth_signing_secret", &["OAUTH_SIGNING_SECRET"], Secret, None),
    setting("auth.oauth_signing_secret_previous", &["OAUTH_SIGNING_SECRET_PREVIOUS"], Secret, None),
    setting("auth.token_key", &["FABRIC_INVITE_TOKEN_KEY"], Secret, None),
    setting("auth.encryption_key", &["FABRIC_ENCRYPTION_KEY"], Secret, None),
    setting("auth.encryption_key_previous", &["FABRIC_ENCRYPTION_KEY_PREVIOUS"], Secret, None),
    setting("auth.jwt_secret", &["JWT_SECRET"], Secret, None),
    setting("auth.jwt_issuer", &["JWT_ISSUER"], Text, None),
    setting("auth.jwt_emails_verified", &["JWT_EMAILS_VERIFIED"], Switch, None),
    setting("auth.developer_signup", &["FABRIC_DEVELOPER_SIGNUP"], Text, None),
    setting("auth.bootstrap_token", &["FABRIC_BOOTSTRAP_TOKEN"], Secret, None),
    setting("auth.site_url", &["AUTH_SITE_URL"], Text, None),
    setting("auth.hash_memory_kib", &["FABRIC_HASH_MEMORY_KIB"], Number, Some("19456")),
    setting("auth.hash_passes", &["FABRIC_HASH_PASSES"], Number, Some("2")),
    setting("auth.hash_lanes", &["FABRIC_HASH_LANES"], Number, Some("1")),
    setting("mail.smtp_url", &["SMTP_URL"], Secret, None),
    setting("mail.resend_api_key", &["RESEND_API_KEY"], Secret, None),
    setting("mail.from", &["RESEND_FROM_EMAIL", "MAIL_FROM"], Text, None),
    setting("metrics.token", &["FABRIC_METRICS_TOKEN"], Secret, None),
];
