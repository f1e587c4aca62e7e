//! The configuration: defaults, then `fabric.toml`, then `.env`, then the environment, then flags. Every setting stands
//! in one table, which the reference in `docs/configuration.md` is checked against.

mod origins;
mod sources;
mod table;
mod values;

use std::{collections::HashMap, path::Path};

use apps::Mfa;
use figment::value::Dict;
use kernel::{Error, Result, Secret, secret::ExposeSecret};
use origins::{Origin, Origins};
use serde::Deserialize;
pub use table::TABLE;
use values::Values;

use crate::arguments::Flags;

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub runtime: Runtime,
    pub log: Log,
    pub auth: Auth,
    pub mail: Mail,
    pub metrics: Metrics,
    pub limits: Limits,
    pub audit: Audit,
    pub webhooks: Webhooks,
    #[serde(skip)]
    origins: Origins,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub host: String,
    pub port: u16,
    #[expect(dead_code, reason = "reserved: part of the wire contract, gRPC is not served yet")]
    pub grpc_port: u16,
    pub workers: Option<usize>,
    pub public_base_url: Option<String>,
    pub trusted_proxies: Vec<String>,
    pub shutdown_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: Option<Secret>,
    pub direct_url: Option<Secret>,
    pub migration_url: Option<Secret>,
    pub pool_max: u32,
    #[expect(dead_code, reason = "connections are opened at start: part of the wire contract")]
    pub pool_min: u32,
    pub synchronous: Synchronous,
    pub migrate: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    Full,
    Normal,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    pub env: Environment,
    pub mode: Mode,
    pub dev_mode: bool,
    #[expect(dead_code, reason = "for commands against a remote server, which come later: part of the wire contract")]
    pub api_key: Option<Secret>,
    #[expect(dead_code, reason = "workflows are not run here: part of the wire contract")]
    pub workflow_dirs: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Development,
    Production,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    Server,
    RequestOnly,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub filter: String,
    pub format: Option<LogFormat>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub oauth_signing_secret: Option<Secret>,
    pub oauth_signing_secret_previous: Option<Secret>,
    pub token_key: Option<Secret>,
    pub encryption_key: Option<Secret>,
    pub encryption_key_previous: Option<Secret>,
    pub jwt_secret: Option<Secret>,
    pub jwt_issuer: Option<String>,
    pub jwt_emails_verified: Option<bool>,
    pub developer_signup: Option<SignUp>,
    pub mfa: Mfa,
    pub bootstrap_token: Option<Secret>,
    pub site_url: Option<String>,
    pub callback_redirect_url: Option<String>,
    pub invite_redirect_url: Option<String>,
    pub google_client_id: Option<String>,
    pub google_client_secret: Option<Secret>,
    pub github_client_id: Option<String>,
    pub github_client_secret: Option<Secret>,
    pub microsoft_client_id: Option<String>,
    pub microsoft_client_secret: Option<Secret>,
    pub microsoft_tenant: String,
    pub oidc_name: String,
    pub oidc_issuer: Option<String>,
    pub oidc_client_id: Option<String>,
    pub oidc_client_secret: Option<Secret>,
    pub token_algorithm: TokenAlgorithm,
    /// 0: never.
    pub token_key_rotation_days: u16,
    pub token_rsa_bits: u32,
    pub breached_passwords_url: Option<String>,
    pub hash_memory_kib: u32,
    pub hash_passes: u32,
    pub hash_lanes: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum TokenAlgorithm {
    #[serde(rename = "HS256")]
    Hs256,
    #[serde(rename = "EdDSA")]
    EdDsa,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "RS256")]
    Rs256,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SignUp {
    Open,
    Closed,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    pub smtp_url: Option<Secret>,
    pub resend_api_key: Option<Secret>,
    pub from: Option<String>,
    /// In an hour; 0: no limit.
    pub per_recipient: u32,
    /// In an hour; 0: no limit.
    pub per_ip: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    pub token: Option<Secret>,
}

/// How many calls in a minute; 0 is as many as anybody likes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub sign_in: Option<u32>,
    pub sign_up: Option<u32>,
    pub forgot_password: Option<u32>,
    pub magic_link: Option<u32>,
    pub passkey_challenge: Option<u32>,
    pub second_factor: Option<u32>,
    pub public: u32,
    pub standard: u32,
    pub agent: u32,
    pub ai: u32,
    pub workflow: u32,
    pub redis_url: Option<Secret>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// 0: for ever.
    pub retention_days: u16,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    pub allow_nets: Vec<String>,
    /// 0: never.
    pub disable_after_hours: u16,
    pub deliveries_days: u16,
}

impl Database {
    /// Where migrations run, if not where everything else does: a pooler in front of PostgreSQL is no place for them.
    pub fn migration_url(&self) -> Option<&Secret> {
        self.migration_url.as_ref().or(self.direct_url.as_ref())
    }
}

impl Config {
    /// Whether the development shortcuts are wanted: `production` wins over everything else.
    pub fn development(&self) -> bool {
        self.runtime.env == Environment::Development
    }

    /// What whoever gave the setting knows it as: its flag, its variable, or its key in the file.
    pub fn name(&self, key: &'static str) -> &'static str {
        self.origins.name(key)
    }

    /// A setting that makes no sense, by the name it was given under: `invalid_request` for a flag, which is wrong usage,
    /// else `invalid_setting`.
    pub fn wrong(&self, key: &'static str, why: impl std::fmt::Display) -> Error {
        self.origins.wrong(key, why)
    }
}

/// Reads the whole configuration.
///
/// # Errors
/// `invalid_setting`, or `invalid_request` for a flag, with the setting that is wrong and how to mend it.
pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Config> {
    let environment = sources::environment(std::env::vars_os())?;
    let dot_env = sources::dot_env(Path::new(".env"))?;
    let file = sources::file(file, &dot_env, &environment)?;
    read(file, &dot_env, &environment, flags)
}

fn read(
    file: Dict,
    dot_env: &HashMap<String, String>,
    environment: &HashMap<String, String>,
    flags: &Flags,
) -> Result<Config> {
    let mut values = Values::defaults()?;
    values.set_file(file)?;
    for variables in [dot_env, environment] {
        for setting in TABLE {
            let set =
                |name: &&'static str| variables.get(*name).filter(|text| !text.is_empty()).map(|text| (*name, text));
            if let Some((name, text)) = setting.variables.iter().find_map(set) {
                values.set_text(setting, Origin::Variable(name), text)?;
            }
        }
    }
    let flags = [
        ("server.host", "--host", flags.host.clone()),
        ("server.port", "--port", flags.port.map(|port| port.to_string())),
        ("server.grpc_port", "--grpc-port", flags.grpc_port.map(|port| port.to_string())),
        ("database.url", "--database-url", flags.database_url.clone()),
        ("runtime.env", "--fabric-env", flags.fabric_env.clone()),
    ];
    for (key, flag, text) in flags {
        if let (Some(setting), Some(text)) = (table::find(key), text) {
            values.set_text(setting, Origin::Flag(flag), &text)?;
        }
    }
    let config = values.config()?;
    check_databases(&config)?;
    check_hash_cost(&config)?;
    Ok(config)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Postgres,
    Sqlite,
}

/// Migrations of one kind of database are no use to the other.
fn check_databases(config: &Config) -> Result<()> {
    let database = &config.database;
    let main = match &database.url {
        Some(url) => engine(config, "database.url", url)?,
        None => Engine::Sqlite,
    };
    for (key, url) in
        [("database.direct_url", &database.direct_url), ("database.migration_url", &database.migration_url)]
    {
        if let Some(url) = url
            && engine(config, key, url)? != main
        {
            let other = config.name("database.url");
            let why = format!("it must lead to the same database as {other}, not to one of another kind");
            return Err(config.wrong(key, why));
        }
    }
    Ok(())
}

fn engine(config: &Config, key: &'static str, url: &Secret) -> Result<Engine> {
    let url = url.expose_secret();
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Engine::Postgres);
    }
    match url.strip_prefix("sqlite://") {
        Some("" | ":memory:") => {
            Err(config.wrong(key, "give sqlite:// and the path of a file, as in sqlite://fabric.db"))
        }
        Some(_) => Ok(Engine::Sqlite),
        None => Err(config.wrong(key, "give postgres://user:password@host/database or sqlite://path")),
    }
}

/// Argon2 divides its memory among the lanes, 8 KiB for each at least.
fn check_hash_cost(config: &Config) -> Result<()> {
    let least = u64::from(config.auth.hash_lanes) * 8;
    if u64::from(config.auth.hash_memory_kib) >= least {
        return Ok(());
    }
    let lanes = config.name("auth.hash_lanes");
    Err(config.wrong("auth.hash_memory_kib", format!("give {least} or more, 8 for each lane of {lanes}")))
}

#[cfg(test)]
mod tests;
