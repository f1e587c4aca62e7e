//! Every setting there is.

/// What a setting's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Itself.
    Text,
    /// Itself, and nobody is to see it.
    Secret,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number, from the first to the second.
    Number(u64, u64),
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

impl Setting {
    /// The section it stands in.
    pub fn section(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(section, _)| section)
    }

    /// Its name within the section.
    pub fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }
}

const fn setting(
    key: &'static str,
    variables: &'static [&'static str],
    kind: Kind,
    default: Option<&'static str>,
) -> Setting {
    Setting { key, variables, kind, default }
}

use Kind::{List, Number, OneOf, Secret, Switch, Text};

const PORT: Kind = Number(0, 65_535);
/// How access tokens are signed (RFC 7518, 3.1; RFC 8037, 3.1).
const ALGORITHM: Kind = OneOf(&["HS256", "EdDSA", "ES256", "RS256"]);
/// As far as Argon2 counts.
const MUCH: u64 = u32::MAX as u64;

/// Every setting there is. What each means and leads to is told in `docs/configuration.md`.
pub const TABLE: &[Setting] = &[
    setting("server.host", &["HOST"], Text, Some("127.0.0.1")),
    setting("server.port", &["PORT"], PORT, Some("3001")),
    setting("server.grpc_port", &["GRPC_PORT"], PORT, Some("3002")),
    setting("server.workers", &["FABRIC_WORKERS"], Number(1, 1024), None),
    setting("server.public_base_url", &["PUBLIC_BASE_URL"], Text, None),
    setting("server.trusted_proxies", &["FABRIC_TRUSTED_PROXIES"], List, Some("")),
    setting("server.shutdown_seconds", &["FABRIC_SHUTDOWN_SECONDS"], Number(0, 86_400), Some("20")),
    setting("database.url", &["DATABASE_URL"], Secret, None),
    setting("database.direct_url", &["DATABASE_DIRECT_URL"], Secret, None),
    setting("database.migration_url", &["DATABASE_MIGRATION_URL"], Secret, None),
    setting("database.pool_max", &["DATABASE_POOL_MAX"], Number(1, 10_000), Some("15")),
    setting("database.pool_min", &["DATABASE_POOL_MIN"], Number(0, 10_000), Some("2")),
    setting("database.synchronous", &["FABRIC_SQLITE_SYNCHRONOUS"], OneOf(&["full", "normal"]), Some("full")),
    setting("database.migrate", &["FABRIC_MIGRATE"], Switch, Some("1")),
    setting("runtime.env", &["FABRIC_ENV"], OneOf(&["development", "production"]), Some("development")),
    setting("runtime.mode", &["FABRIC_MODE"], OneOf(&["server", "request-only"]), Some("server")),
    setting("runtime.dev_mode", &["FABRIC_DEV_MODE"], Switch, Some("0")),
    setting("runtime.api_key", &["FABRIC_API_KEY"], Secret, None),
    setting("runtime.workflow_dirs", &["FABRIC_WORKFLOW_DIRS"], List, Some("")),
    setting("log.filter", &["RUST_LOG"], Text, Some("info")),
    setting("log.format", &["FABRIC_LOG_FORMAT"], OneOf(&["text", "json"]), None),
    setting("auth.oauth_signing_secret", &["OAUTH_SIGNING_SECRET"], Secret, None),
    setting("auth.oauth_signing_secret_previous", &["OAUTH_SIGNING_SECRET_PREVIOUS"], Secret, None),
    setting("auth.token_key", &["FABRIC_INVITE_TOKEN_KEY"], Secret, None),
    setting("auth.encryption_key", &["FABRIC_ENCRYPTION_KEY"], Secret, None),
    setting("auth.encryption_key_previous", &["FABRIC_ENCRYPTION_KEY_PREVIOUS"], Secret, None),
    setting("auth.jwt_secret", &["JWT_SECRET"], Secret, None),
    setting("auth.jwt_issuer", &["JWT_ISSUER"], Text, None),
    setting("auth.jwt_emails_verified", &["JWT_EMAILS_VERIFIED"], Switch, None),
    setting("auth.developer_signup", &["FABRIC_DEVELOPER_SIGNUP"], OneOf(&["open", "closed"]), None),
    setting("auth.mfa", &["FABRIC_MFA"], OneOf(&["off", "optional", "required"]), Some("off")),
    setting("auth.bootstrap_token", &["FABRIC_BOOTSTRAP_TOKEN"], Secret, None),
    setting("auth.site_url", &["AUTH_SITE_URL"], Text, None),
    setting("auth.callback_redirect_url", &["AUTH_CALLBACK_REDIRECT_URL"], Text, None),
    setting("auth.invite_redirect_url", &["FABRIC_INVITE_REDIRECT_URL"], Text, None),
    setting("auth.google_client_id", &["GOOGLE_CLIENT_ID"], Text, None),
    setting("auth.google_client_secret", &["GOOGLE_CLIENT_SECRET"], Secret, None),
    setting("auth.github_client_id", &["GITHUB_CLIENT_ID"], Text, None),
    setting("auth.github_client_secret", &["GITHUB_CLIENT_SECRET"], Secret, None),
    setting("auth.microsoft_client_id", &["MICROSOFT_CLIENT_ID"], Text, None),
    setting("auth.microsoft_client_secret", &["MICROSOFT_CLIENT_SECRET"], Secret, None),
    setting("auth.microsoft_tenant", &["MICROSOFT_TENANT"], Text, Some("common")),
    setting("auth.oidc_name", &["FABRIC_OIDC_NAME"], Text, Some("oidc")),
    setting("auth.oidc_issuer", &["FABRIC_OIDC_ISSUER"], Text, None),
    setting("auth.oidc_client_id", &["FABRIC_OIDC_CLIENT_ID"], Text, None),
    setting("auth.oidc_client_secret", &["FABRIC_OIDC_CLIENT_SECRET"], Secret, None),
    setting("auth.breached_passwords_url", &["FABRIC_BREACHED_PASSWORDS_URL"], Text, None),
    setting("auth.hash_memory_kib", &["FABRIC_HASH_MEMORY_KIB"], Number(8, MUCH), Some("19456")),
    setting("auth.hash_passes", &["FABRIC_HASH_PASSES"], Number(1, MUCH), Some("2")),
    setting("auth.hash_lanes", &["FABRIC_HASH_LANES"], Number(1, 0x00FF_FFFF), Some("1")),
    setting("auth.token_algorithm", &["FABRIC_TOKEN_ALGORITHM"], ALGORITHM, Some("HS256")),
    setting("auth.token_key_rotation_days", &["FABRIC_TOKEN_KEY_ROTATION_DAYS"], Number(0, 3650), Some("90")),
    setting("auth.token_rsa_bits", &["FABRIC_TOKEN_RSA_BITS"], Number(2048, 8192), Some("3072")),
    setting("mail.smtp_url", &["SMTP_URL"], Secret, None),
    setting("mail.resend_api_key", &["RESEND_API_KEY"], Secret, None),
    setting("mail.from", &["RESEND_FROM_EMAIL", "MAIL_FROM"], Text, None),
    setting("mail.per_recipient", &["FABRIC_MAILS_PER_RECIPIENT"], Number(0, 1000), Some("3")),
    setting("mail.per_ip", &["FABRIC_MAILS_PER_IP"], Number(0, 100_000), Some("10")),
    setting("audit.retention_days", &["FABRIC_AUDIT_RETENTION_DAYS"], Number(0, 36_500), Some("0")),
    setting("webhooks.allow_nets", &["FABRIC_WEBHOOK_ALLOW_NETS"], List, Some("")),
    setting("webhooks.disable_after_hours", &["FABRIC_WEBHOOK_DISABLE_AFTER_HOURS"], Number(0, 8760), Some("72")),
    setting("webhooks.deliveries_days", &["FABRIC_WEBHOOK_DELIVERIES_DAYS"], Number(1, 3650), Some("30")),
    setting("limits.sign_in", &["FABRIC_LIMIT_SIGN_IN"], Number(0, 1_000_000), None),
    setting("limits.sign_up", &["FABRIC_LIMIT_SIGN_UP"], Number(0, 1_000_000), None),
    setting("limits.forgot_password", &["FABRIC_LIMIT_FORGOT_PASSWORD"], Number(0, 1_000_000), None),
    setting("limits.magic_link", &["FABRIC_LIMIT_MAGIC_LINK"], Number(0, 1_000_000), None),
    setting("limits.passkey_challenge", &["FABRIC_LIMIT_PASSKEY_CHALLENGE"], Number(0, 1_000_000), None),
    setting("limits.second_factor", &["FABRIC_LIMIT_SECOND_FACTOR"], Number(0, 1_000_000), None),
    setting("limits.public", &["FABRIC_LIMIT_PUBLIC"], Number(0, 1_000_000), Some("0")),
    setting("limits.standard", &["FABRIC_LIMIT_STANDARD"], Number(0, 1_000_000), Some("0")),
    setting("limits.agent", &["FABRIC_LIMIT_AGENT"], Number(0, 1_000_000), Some("0")),
    setting("limits.ai", &["FABRIC_LIMIT_AI"], Number(0, 1_000_000), Some("0")),
    setting("limits.workflow", &["FABRIC_LIMIT_WORKFLOW"], Number(0, 1_000_000), Some("0")),
    setting("limits.redis_url", &["REDIS_URL"], Secret, None),
    setting("metrics.token", &["FABRIC_METRICS_TOKEN"], Secret, None),
];

/// The setting of that name in `fabric.toml`.
pub fn find(key: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|setting| setting.key == key)
}
