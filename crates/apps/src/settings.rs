//! How an app behaves.

use std::fmt;

pub use kernel::WebUrl as RedirectUrl;
use kernel::{Code, Error, Locale, Result, setting};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Branding, BrandingChange, PasskeyChange, PasskeySettings};

/// An app's settings. What is missing in what was stored is as it is by default, so that a new setting needs no
/// migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppSettings {
    /// Whether whoever signs up gets an organization of their own.
    pub auto_create_org: bool,
    /// Whether strangers may sign up; otherwise accounts are made by administrators.
    pub open_sign_up: bool,
    /// Whether sign-in waits for a proven address. Then sign-up answers alike for free and taken ones.
    pub require_verified_email: bool,
    /// Whether whoever signs in shows a second factor.
    pub mfa: Mfa,
    /// Whether a link in a mail shows a button first: mail scanners follow links, and press no buttons.
    pub confirm_links: bool,
    /// Whether people may sign in by a link that is mailed to them.
    pub magic_links: bool,
    /// Whether people may sign in by a code that is mailed to them.
    pub email_codes: bool,
    /// Whether people may sign in with passkeys, and for whom those are made.
    pub passkeys: PasskeySettings,
    /// Whether whoever makes an API key or an OAuth client, or has a key count for more, has signed in a moment ago.
    pub fresh_sign_in_for_keys: bool,
    /// Where the app's pages live: browsers there may read our answers (CORS).
    pub allowed_origins: Vec<Origin>,
    /// Where people may be sent after something they did at ours.
    pub redirect_urls: Vec<RedirectUrl>,
    /// The app's own site: links in mails lead there, and so do redirects. Where it is missing, `AUTH_SITE_URL` does,
    /// and after that pages of Fabric's own.
    pub site_url: Option<RedirectUrl>,
    /// Failures in a row that lock password sign-in.
    pub lockout_threshold: u32,
    /// For how many seconds.
    pub lockout_seconds: u32,
    /// How many seconds an access token lives.
    pub access_token_seconds: u32,
    /// How many seconds a refresh token lives.
    pub refresh_token_seconds: u32,
    /// For how many seconds a spent refresh token still gets the same successor: for clients that lose answers.
    pub refresh_grace_seconds: u32,
    /// The language of mails to those who do not ask for one.
    pub locale: Locale,
    /// How the app looks in a mail.
    pub branding: Branding,
}

impl Default for AppSettings {
    fn default() -> Self {
        Self {
            auto_create_org: true,
            open_sign_up: true,
            require_verified_email: false,
            mfa: Mfa::default(),
            confirm_links: false,
            magic_links: true,
            email_codes: true,
            passkeys: PasskeySettings::default(),
            fresh_sign_in_for_keys: false,
            allowed_origins: Vec::new(),
            redirect_urls: Vec::new(),
            site_url: None,
            lockout_threshold: 5,
            lockout_seconds: 15 * 60,
            access_token_seconds: 2 * 60 * 60,
            refresh_token_seconds: 30 * 24 * 60 * 60,
            refresh_grace_seconds: 0,
            locale: Locale::default(),
            branding: Branding::default(),
        }
    }
}

/// What shall be different. What is `None` stays.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the setting of that name")]
pub struct SettingsChange {
    pub auto_create_org: Option<bool>,
    pub open_sign_up: Option<bool>,
    pub require_verified_email: Option<bool>,
    pub mfa: Option<Mfa>,
    pub confirm_links: Option<bool>,
    pub magic_links: Option<bool>,
    pub email_codes: Option<bool>,
    pub passkeys: PasskeyChange,
    pub fresh_sign_in_for_keys: Option<bool>,
    pub allowed_origins: Option<Vec<Origin>>,
    pub redirect_urls: Option<Vec<RedirectUrl>>,
    pub site_url: Option<Option<RedirectUrl>>,
    pub lockout_threshold: Option<u32>,
    pub lockout_seconds: Option<u32>,
    pub access_token_seconds: Option<u32>,
    pub refresh_token_seconds: Option<u32>,
    pub refresh_grace_seconds: Option<u32>,
    pub locale: Option<Locale>,
    pub branding: BrandingChange,
}

/// The most origins, and the most redirect URLs.
const MOST: usize = 50;

const MINUTE: u32 = 60;
const DAY: u32 = 24 * 60 * MINUTE;

impl AppSettings {
    /// No app's access tokens live for longer, in seconds.
    pub const LONGEST_ACCESS_TOKEN: u32 = DAY;

    /// The settings after a change.
    ///
    /// # Errors
    /// `invalid_setting` with the range that a number has, or what there is to say of passkeys; `invalid_url`.
    pub fn changed(&self, change: SettingsChange) -> Result<Self> {
        few("allowed_origins", change.allowed_origins.as_ref().map_or(0, Vec::len))?;
        few("redirect_urls", change.redirect_urls.as_ref().map_or(0, Vec::len))?;
        few("passkeys.origins", change.passkeys.origins.as_ref().map_or(0, Vec::len))?;
        if change.site_url.iter().flatten().any(|site| site.as_str().contains('?')) {
            return Err(Error::because(Code::InvalidUrl, "Give site_url without a query: links are made from it."));
        }
        let before = self.clone();
        // With the site of before: that is whom the passkeys that there are were made for.
        let passkeys = before.passkeys.clone().settled(before.site_url.as_ref()).unwrap_or(before.passkeys);
        let site_url = change.site_url.unwrap_or(before.site_url);
        let passkeys = passkeys.changed(change.passkeys).settled(site_url.as_ref())?;
        Ok(Self {
            auto_create_org: change.auto_create_org.unwrap_or(before.auto_create_org),
            open_sign_up: change.open_sign_up.unwrap_or(before.open_sign_up),
            require_verified_email: change.require_verified_email.unwrap_or(before.require_verified_email),
            mfa: change.mfa.unwrap_or(before.mfa),
            confirm_links: change.confirm_links.unwrap_or(before.confirm_links),
            magic_links: change.magic_links.unwrap_or(before.magic_links),
            email_codes: change.email_codes.unwrap_or(before.email_codes),
            passkeys,
            fresh_sign_in_for_keys: change.fresh_sign_in_for_keys.unwrap_or(before.fresh_sign_in_for_keys),
            allowed_origins: change.allowed_origins.unwrap_or(before.allowed_origins),
            redirect_urls: change.redirect_urls.unwrap_or(before.redirect_urls),
            site_url,
            lockout_threshold: setting::number(
                "lockout_threshold",
                change.lockout_threshold,
                before.lockout_threshold,
                1..=100,
            )?,
            lockout_seconds: setting::number(
                "lockout_seconds",
                change.lockout_seconds,
                before.lockout_seconds,
                1..=DAY,
            )?,
            access_token_seconds: setting::number(
                "access_token_seconds",
                change.access_token_seconds,
                before.access_token_seconds,
                MINUTE..=Self::LONGEST_ACCESS_TOKEN,
            )?,
            refresh_token_seconds: setting::number(
                "refresh_token_seconds",
                change.refresh_token_seconds,
                before.refresh_token_seconds,
                5 * MINUTE..=400 * DAY,
            )?,
            refresh_grace_seconds: setting::number(
                "refresh_grace_seconds",
                change.refresh_grace_seconds,
                before.refresh_grace_seconds,
                0..=5 * MINUTE,
            )?,
            locale: change.locale.unwrap_or(before.locale),
            branding: before.branding.changed(change.branding)?,
        })
    }
}

fn few(name: &str, count: usize) -> Result<()> {
    if count <= MOST {
        return Ok(());
    }
    Err(Error::because(Code::InvalidSetting, format!("Give {name} at most {MOST} values.")))
}

/// Whether whoever signs in shows a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mfa {
    /// Nobody is asked: an app may ask for codes itself.
    #[default]
    Off,
    /// Whoever has enrolled one.
    Optional,
    /// Everybody: who has none enrolls one first.
    Required,
}

impl Mfa {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Optional, Self::Required];

    /// What it is called.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }

    /// # Errors
    /// `invalid_setting`.
    pub fn parse(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|mfa| mfa.as_str() == text);
        known.ok_or_else(|| Error::because(Code::InvalidSetting, "Give mfa the value off, optional or required."))
    }
}

/// A web origin (RFC 6454): scheme, host and port, as browsers write it. Never `*` and never `null`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origin(String);

impl Origin {
    /// # Errors
    /// `invalid_origin`.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || Error::new(Code::InvalidOrigin);
        let url = Url::parse(text).map_err(|_| invalid())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && plain(&url);
        let origin = url.origin();
        if !bare || !matches!(url.scheme(), "http" | "https") || !origin.is_tuple() || text.contains('*') {
            return Err(invalid());
        }
        Ok(Self(origin.ascii_serialization()))
    }

    /// The origin of a page, if it has one.
    #[must_use]
    pub fn of_url(page: &str) -> Option<Self> {
        let origin = Url::parse(page).ok()?.origin();
        origin.is_tuple().then(|| Self(origin.ascii_serialization()))
    }

    /// The origin.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn plain(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_do() {
        for (text, origin) in [
            ("https://myapp.com", "https://myapp.com"),
            ("https://MyApp.com/", "https://myapp.com"),
            ("https://myapp.com:443", "https://myapp.com"),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().as_str(), origin);
        }
        for bad in [
            "",
            "*",
            "null",
            "https://*.myapp.com",
            "https://myapp.com/path",
            "https://myapp.com?x",
            "ftp://myapp.com",
            "file:///etc/passwd",
            "https://user@myapp.com",
            "myapp.com",
            "javascript:alert(1)",
            "https://",
        ] {
            assert_eq!(Origin::parse(bad).unwrap_err().code, Code::InvalidOrigin, "{bad}");
        }
    }

    #[test]
    fn numbers_stay_in_their_range_and_the_rest_stays_as_it_was() {
        let change = SettingsChange { auto_create_org: Some(false), ..SettingsChange::default() };
        let settings = AppSettings::default().changed(change).unwrap();
        assert_eq!(settings, AppSettings { auto_create_org: false, ..AppSettings::default() });
        let change = SettingsChange { access_token_seconds: Some(1), ..SettingsChange::default() };
        let told = settings.changed(change).unwrap_err();
        assert_eq!(told.message, "Give access_token_seconds a value from 60 to 86400.");
    }

    #[test]
    fn what_mfa_is_called_is_what_is_stored() {
        for mfa in Mfa::ALL {
            assert_eq!(Mfa::parse(mfa.as_str()).unwrap(), mfa);
            assert_eq!(serde_json::to_value(mfa).unwrap(), mfa.as_str());
        }
        assert_eq!(Mfa::parse("on").unwrap_err().code, Code::InvalidSetting);
    }

    #[test]
    fn settings_of_an_older_version_are_read() {
        let settings: AppSettings = serde_json::from_str(r#"{"auto_create_org": false, "gone": 1}"#).unwrap();
        assert_eq!(settings, AppSettings { auto_create_org: false, ..AppSettings::default() });
    }
}
