//! The configuration: defaults, then `fabric.toml`, then `.env`, then the environment, then flags. Every setting stands
//! in one table, which the reference in `docs/configuration.md` is checked against.

mod table;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
    value::{Dict, Value},
};
use kernel::{Code, Error, Result, Secret};
use serde::Deserialize;
pub use table::TABLE;
use table::{Kind, Setting};

use crate::arguments::Flags;

/// Where the configuration file is looked for, unless it is named.
const FILE: &str = "fabric.toml";

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
    pub bootstrap_token: Option<Secret>,
    pub site_url: Option<String>,
    pub hash_memory_kib: u32,
    pub hash_passes: u32,
    pub hash_lanes: u32,
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
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    pub token: Option<Secret>,
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
}

/// Reads the whole configuration.
///
/// # Errors
/// `invalid_setting`, with the setting that is wrong and how to mend it.
pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Config> {
    let environment: HashMap<String, String> = std::env::vars().collect();
    let dot_env = match dotenvy::from_path_iter(".env") {
        Ok(lines) => lines.collect::<std::result::Result<HashMap<_, _>, _>>().map_err(|error| wrong(".env", error))?,
        Err(dotenvy::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => HashMap::new(),
        Err(error) => return Err(wrong(".env", error)),
    };
    let named = file.map(Path::to_owned).or_else(|| environment.get("FABRIC_CONFIG").map(PathBuf::from));
    if let Some(named) = named.as_ref().filter(|named| !named.exists()) {
        return Err(wrong("--config", format!("there is no file {}", named.display())));
    }
    let toml = named.unwrap_or_else(|| FILE.into());
    let file = if toml.exists() { Figment::new().merge(Toml::file_exact(toml)) } else { Figment::new() };
    read(&file, &dot_env, &environment, flags)
}

fn read(
    file: &Figment,
    dot_env: &HashMap<String, String>,
    environment: &HashMap<String, String>,
    flags: &Flags,
) -> Result<Config> {
    let file: Dict = file.extract().map_err(|error| unreadable(&error))?;
    let mut figment = Figment::from(Serialized::defaults(defaults()?)).merge(Serialized::defaults(without_empty(file)));
    for variables in [dot_env, environment] {
        for setting in TABLE {
            let set =
                |name: &&'static str| variables.get(*name).filter(|text| !text.is_empty()).map(|text| (*name, text));
            if let Some((name, text)) = setting.variables.iter().find_map(set) {
                let value = value(setting, text).map_err(|why| wrong(name, why))?;
                figment = figment.merge(Serialized::default(setting.key, value));
            }
        }
    }
    let flags = [
        ("server.host", flags.host.clone().map(Value::from)),
        ("server.port", flags.port.map(Value::from)),
        ("server.grpc_port", flags.grpc_port.map(Value::from)),
        ("database.url", flags.database_url.clone().map(Value::from)),
        ("runtime.env", flags.fabric_env.clone().map(Value::from)),
    ];
    for (key, value) in flags {
        if let Some(value) = value {
            figment = figment.merge(Serialized::default(key, value));
        }
    }
    figment.extract().map_err(|error| unreadable(&error))
}

/// What is set to nothing is not set, wherever that stands.
fn without_empty(dict: Dict) -> Dict {
    let kept = dict.into_iter().filter_map(|(key, value)| match value {
        Value::String(_, text) if text.is_empty() => None,
        Value::Dict(tag, inner) => Some((key, Value::Dict(tag, without_empty(inner)))),
        value => Some((key, value)),
    });
    kept.collect()
}

/// The defaults of the table, section by section.
fn defaults() -> Result<Dict> {
    let mut sections = Dict::new();
    for setting in TABLE {
        let (section, key) =
            setting.key.split_once('.').ok_or_else(|| Error::internal("a setting without a section"))?;
        let entry = sections.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
        if let (Value::Dict(_, entries), Some(default)) = (entry, setting.default) {
            entries.insert(key.to_owned(), value(setting, default).map_err(|why| wrong(setting.key, why))?);
        }
    }
    Ok(sections)
}

/// A setting's text as what it is. A secret of digits stays text.
fn value(setting: &Setting, text: &str) -> std::result::Result<Value, &'static str> {
    match setting.kind {
        Kind::Text | Kind::Secret => Ok(Value::from(text)),
        Kind::Number => text.trim().parse::<u64>().map(Value::from).map_err(|_| "give a whole number"),
        Kind::Switch => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(Value::from(true)),
            "0" | "false" | "no" | "off" => Ok(Value::from(false)),
            _ => Err("give 1 or 0"),
        },
        Kind::List => Ok(Value::from(text.split(',').map(str::trim).collect::<Vec<_>>())),
    }
}

fn wrong(setting: &str, why: impl std::fmt::Display) -> Error {
    Error::because(Code::InvalidSetting, format!("{setting}: {why}."))
}

/// What figment says, without the values: one of them may be a secret.
fn unreadable(error: &figment::Error) -> Error {
    use figment::error::Kind;
    let key = error.path.join(".");
    let why = match &error.kind {
        Kind::UnknownField(field, _) => format!("there is no setting {field}"),
        Kind::UnknownVariant(_, known) => format!("give one of: {}", known.join(", ")),
        Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) => format!("give {wanted}"),
        Kind::MissingField(field) => format!("{field} is missing"),
        _ => "it can't be read as TOML".to_owned(),
    };
    let place = error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref());
    match (key.is_empty(), place) {
        (true, Some(place)) => wrong(&place.to_string(), why),
        (true, None) => wrong("the configuration", why),
        (false, _) => wrong(&key, why),
    }
}

#[cfg(test)]
mod tests;
