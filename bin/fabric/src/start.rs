//! From a configuration to a platform.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use apps::RedirectUrl;
use identity::SigningAlgorithm;
use kernel::{Client, Code, Error, Origin, Result, SystemClock, Via, secret::ExposeSecret};
use mail::Settings as MailSettings;
use outbound::{Client as Outbound, Limits, Networks, PasswordRanges};
use platform::{
    Environment, MailLimits, Platform, Settings, breached_passwords::BreachedPasswords, courier::Courier,
    mailer::Mailer,
};
use storage::{Database, Options, Synchronous};

use crate::{
    config::{self, Config, SignUp, TokenAlgorithm},
    secrets, social,
};

/// Where everything is when nobody says.
const FOLDER: &str = ".fabric";

/// A platform on an open database, who carries its mail, and who goes to endpoints.
pub struct Started {
    pub platform: Platform,
    pub database: Arc<Database>,
    pub mailer: Option<Arc<dyn Mailer>>,
    pub courier: Arc<dyn Courier>,
}

impl Started {
    /// The platform for whoever sits at the console: the ledger says so of what they change.
    pub fn for_operator(&self) -> Platform {
        self.platform.coming_from(Origin { request_id: None, client: Client::default(), via: Via::Operator })
    }
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
    let (courier, providers) = (courier(config)?, social::providers(config)?);
    let breached_passwords = breached_passwords(config)?;
    let settings = settings(config)?;
    if config.database.migrate
        && let Some(migration_url) = config.database.migration_url()
    {
        Database::migrate(migration_url.expose_secret())?;
    }
    let database = Arc::new(Database::open(&Options {
        url,
        pool_size: config.database.pool_max,
        synchronous: match config.database.synchronous {
            config::Synchronous::Full => Synchronous::Full,
            config::Synchronous::Normal => Synchronous::Normal,
        },
        migrate: config.database.migrate && config.database.migration_url().is_none(),
    })?);
    let store = Arc::clone(&database);
    let platform = Platform::start(store, Arc::new(SystemClock), &secrets, settings).await?;
    let platform = match providers {
        Some(providers) => platform.with_identity_providers(providers),
        None => platform,
    };
    let platform = match breached_passwords {
        Some(known) => platform.with_breached_passwords(known),
        None => platform,
    };
    Ok(Started { platform, database, mailer, courier })
}

/// Goes to public addresses and to those that are allowed; in development to this machine as well.
fn courier(config: &Config) -> Result<Arc<dyn Courier>> {
    Ok(Arc::new(Outbound::new(reachable(config)?, config.development(), Limits::default())?))
}

/// Who is asked whether a password was published, if anybody. Reached as receivers of webhooks are.
fn breached_passwords(config: &Config) -> Result<Option<Arc<dyn BreachedPasswords>>> {
    const KEY: &str = "auth.breached_passwords_url";
    let Some(url) = &config.auth.breached_passwords_url else { return Ok(None) };
    if !is_base(url) {
        return Err(config.wrong(KEY, "give an absolute URL such as https://api.pwnedpasswords.com"));
    }
    let plain = config.development() || !config.webhooks.allow_nets.is_empty();
    if !url.starts_with("https://") && !plain {
        let why = "give an https URL, or name the network it is in in FABRIC_WEBHOOK_ALLOW_NETS";
        return Err(config.wrong(KEY, why));
    }
    let base = url.trim_end_matches('/').to_owned();
    Ok(Some(Arc::new(PasswordRanges::new(base, reachable(config)?, config.development())?)))
}

/// What may be reached beside public addresses.
pub fn reachable(config: &Config) -> Result<Networks> {
    let allowed = Networks::parse(config.webhooks.allow_nets.iter().map(String::as_str))
        .map_err(|_| config.wrong("webhooks.allow_nets", "give networks such as 10.20.0.0/16"))?;
    Ok(if config.development() { allowed.with(Networks::loopback()) } else { allowed })
}

/// An absolute URL to which paths can be appended.
fn is_base(url: &str) -> bool {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['?', '#', '@', '\\', ' ', '\n']))
}

/// A site that links can be made from.
fn is_site(url: &str) -> bool {
    RedirectUrl::parse(url).is_ok_and(|url| !url.as_str().contains('?'))
}

fn settings(config: &Config) -> Result<Settings> {
    let development = config.development();
    let public_base_url = match &config.server.public_base_url {
        Some(url) if is_base(url) => url.trim_end_matches('/').to_owned(),
        Some(_) => {
            let why = "give an absolute URL such as https://auth.example.com";
            return Err(config.wrong("server.public_base_url", why));
        }
        None if development => format!("http://localhost:{}", config.server.port),
        None => {
            return Err(Error::because(
                Code::InvalidSetting,
                "PUBLIC_BASE_URL is missing: links in mails begin with it. Give one such as https://auth.example.com.",
            ));
        }
    };
    if let Some(token) = &config.auth.bootstrap_token
        && token.expose_secret().len() < 16
    {
        let why = "it is too short, and whoever guesses it runs the platform: make one with openssl rand -hex 32";
        return Err(config.wrong("auth.bootstrap_token", why));
    }
    let site_url = config.auth.site_url.clone();
    if site_url.as_deref().is_some_and(|url| !is_site(url)) {
        return Err(config.wrong("auth.site_url", "give an https URL without a query"));
    }
    let invite_redirect_url = config.auth.invite_redirect_url.as_deref().map(RedirectUrl::parse).transpose();
    let invite_redirect_url =
        invite_redirect_url.map_err(|_| config.wrong("auth.invite_redirect_url", "give an absolute https URL"))?;
    let callback_redirect_url = config.auth.callback_redirect_url.as_deref().map(RedirectUrl::parse).transpose();
    let callback_redirect_url =
        callback_redirect_url.map_err(|_| config.wrong("auth.callback_redirect_url", "give an absolute https URL"))?;
    Ok(Settings {
        callback_redirect_url,
        social_providers: social::of_the_platform(config)?,
        environment: if development { Environment::Development } else { Environment::Production },
        public_base_url,
        site_url,
        invite_redirect_url,
        audit_retention: match config.audit.retention_days {
            0 => None,
            days => Some(Duration::from_hours(24 * u64::from(days))),
        },
        plain_webhooks: development || !config.webhooks.allow_nets.is_empty(),
        webhook_disable_after: match config.webhooks.disable_after_hours {
            0 => None,
            hours => Some(Duration::from_hours(u64::from(hours))),
        },
        webhook_deliveries_kept: Duration::from_hours(24 * u64::from(config.webhooks.deliveries_days)),
        external_emails_verified: config.auth.jwt_emails_verified.unwrap_or(development),
        mfa: config.auth.mfa,
        developer_sign_up: config.auth.developer_signup.map_or(development, |sign_up| sign_up == SignUp::Open),
        bootstrap_token: config.auth.bootstrap_token.clone(),
        mail_limits: MailLimits { per_recipient: config.mail.per_recipient, per_ip: config.mail.per_ip },
        token_algorithm: match config.auth.token_algorithm {
            TokenAlgorithm::Hs256 => None,
            TokenAlgorithm::EdDsa => Some(SigningAlgorithm::EdDsa),
            TokenAlgorithm::Es256 => Some(SigningAlgorithm::Es256),
            TokenAlgorithm::Rs256 => Some(SigningAlgorithm::Rs256),
        },
        token_key_rotation: match config.auth.token_key_rotation_days {
            0 => None,
            days => Some(Duration::from_hours(24 * u64::from(days))),
        },
        token_rsa_bits: config.auth.token_rsa_bits,
        hash_cost: identity::password::HashCost {
            memory_kib: config.auth.hash_memory_kib,
            passes: config.auth.hash_passes,
            lanes: config.auth.hash_lanes,
        },
    })
}
