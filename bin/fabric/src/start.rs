//! From a configuration to a platform.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use kernel::{Code, Error, Result, SystemClock, secret::ExposeSecret};
use mail::Settings as MailSettings;
use platform::{Environment, Platform, Settings, mailer::Mailer};
use storage::{Database, Options, Synchronous};

use crate::{
    config::{self, Config, SignUp},
    secrets,
};

/// Where everything is when nobody says.
const FOLDER: &str = ".fabric";

/// A platform on an open database, and who carries its mail.
pub struct Started {
    pub platform: Platform,
    pub database: Arc<Database>,
    pub mailer: Option<Arc<dyn Mailer>>,
}

/// The database's URL.
pub fn database_url(config: &Config) -> String {
    match &config.database.url {
        Some(url) => url.expose_secret().to_owned(),
        None => format!("sqlite://{FOLDER}/fabric.db"),
    }
}

/// The folder in which development keeps what it makes: that of the database file, if it is one.
fn folder(url: &str) -> PathBuf {
    let file = url.strip_prefix("sqlite://").map(Path::new);
    match file.and_then(Path::parent) {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from(FOLDER),
    }
}

/// Opens the database and puts the platform on it.
///
/// # Errors
/// `invalid_setting`; those of the database.
pub async fn start(config: &Config) -> Result<Started> {
    let url = database_url(config);
    let secrets = secrets::load(config, &folder(&url))?;
    let mailer = mail::mailer(&MailSettings {
        smtp_url: config.mail.smtp_url.clone(),
        resend_api_key: config.mail.resend_api_key.clone(),
        from: config.mail.from.clone(),
        log: config.development(),
    })?;
    let settings = settings(config, mailer.is_some())?;
    if config.database.migrate
        && let Some(migration_url) = &config.database.migration_url
    {
        Database::migrate(migration_url.expose_secret())?;
    }
    let database = Arc::new(Database::open(&Options {
        url,
        pool_size: config.database.pool_max.max(1),
        synchronous: match config.database.synchronous {
            config::Synchronous::Full => Synchronous::Full,
            config::Synchronous::Normal => Synchronous::Normal,
        },
        migrate: config.database.migrate && config.database.migration_url.is_none(),
    })?);
    let store = Arc::clone(&database);
    let platform = Platform::start(store, Arc::new(SystemClock), &secrets, settings).await?;
    Ok(Started { platform, database, mailer })
}

fn settings(config: &Config, mail: bool) -> Result<Settings> {
    let development = config.development();
    let public_base_url = match &config.server.public_base_url {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => url.trim_end_matches('/').to_owned(),
        Some(_) => {
            return Err(Error::because(
                Code::InvalidSetting,
                "PUBLIC_BASE_URL: give an absolute URL such as https://auth.example.com.",
            ));
        }
        None if development => format!("http://localhost:{}", config.server.port),
        None => {
            return Err(Error::because(
                Code::InvalidSetting,
                "PUBLIC_BASE_URL is missing: links in mails begin with it. Give one such as https://auth.example.com.",
            ));
        }
    };
    Ok(Settings {
        environment: if development { Environment::Development } else { Environment::Production },
        public_base_url,
        site_url: config.auth.site_url.clone(),
        developer_sign_up: config.auth.developer_signup.map_or(development, |sign_up| sign_up == SignUp::Open),
        bootstrap_token: config.auth.bootstrap_token.clone(),
        hash_cost: identity::password::HashCost {
            memory_kib: config.auth.hash_memory_kib,
            passes: config.auth.hash_passes,
            lanes: config.auth.hash_lanes,
        },
        mail,
    })
}
