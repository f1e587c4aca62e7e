//! Where deliveries go.

use kernel::{
    Code, Error, Result, Timestamp,
    id::{AppId, OrganizationId, PrincipalId, WebhookId},
    secret::Sealed,
};
use url::Url;

use crate::{EventFilter, ResourceFilter};

/// Where deliveries are posted to. Whether that address may be reached is seen when it is connected to, by what it
/// resolves to then.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointUrl(String);

impl EndpointUrl {
    const LONGEST: usize = 2000;

    /// # Errors
    /// `invalid_url` unless it is http or https with a host, and without user name, password and fragment.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || Error::new(Code::InvalidUrl);
        let url = Url::parse(text).map_err(|_| invalid())?;
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let odd = |letter: char| letter.is_control() || letter.is_whitespace() || letter == '\\';
        if !matches!(url.scheme(), "https" | "http") || !plain || text.contains(odd) || text.len() > Self::LONGEST {
            return Err(invalid());
        }
        Ok(Self(text.to_owned()))
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port: who it is that is told.
    #[must_use]
    pub fn origin(&self) -> String {
        Url::parse(&self.0).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    /// Whom it names, without the dot that may stand behind a name; nobody for what is no URL any more.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let url = Url::parse(&self.0).ok()?;
        url.host_str().map(|host| host.strip_suffix('.').unwrap_or(host).to_owned())
    }

    /// Whether it is the same place as another one: all but the query, in which a receiver may be told more.
    #[must_use]
    pub fn is_where(&self, other: &Self) -> bool {
        let place = |url: &Self| {
            let mut url = Url::parse(&url.0).ok()?;
            url.set_query(None);
            Some(url)
        };
        place(self).is_some_and(|here| place(other) == Some(here))
    }

    /// Whether what is sent there can be read on the way.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }
}

/// A secret that was replaced and still counts for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: Sealed,
    /// Until when deliveries are signed with it as well.
    pub until: Timestamp,
}

/// Somebody who wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The endpoint's id.
    pub id: WebhookId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The app that it is bound to, one of the organization's own: it hears of that app alone, and is told the tokens that
    /// the app's users are sent.
    pub app: Option<AppId>,
    /// Where to.
    pub url: EndpointUrl,
    /// What people call it.
    pub description: Option<String>,
    /// Which kinds of events it wants; all of them without any.
    pub filter: EventFilter,
    /// About which things; about everything without any.
    pub resources: ResourceFilter,
    /// Headers of its own, as a sealed JSON object of names and values.
    pub headers: Option<Sealed>,
    /// Its own secret; without one, its organization's.
    pub secret: Option<Sealed>,
    /// The one before.
    pub previous: Option<PreviousSecret>,
    /// How often a delivery is tried again after the first time.
    pub max_retries: i32,
    /// How many deliveries it wants in a minute at the most.
    pub rate_per_minute: Option<i32>,
    /// Whether each delivery waits until the one before has arrived, or was given up.
    pub ordered: bool,
    /// Whether deliveries go out. While it is not active, they wait.
    pub active: bool,
    /// Since when every delivery fails.
    pub failing_since: Option<Timestamp>,
    /// When it was switched off, because it had failed for too long.
    pub disabled_at: Option<Timestamp>,
    /// Who made it; the operator at the console without.
    pub created_by: Option<PrincipalId>,
    /// Since when it is there.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Endpoint {
    /// How often a delivery is tried again where nobody says.
    pub const USUAL_RETRIES: i32 = 3;
    const MOST_RETRIES: i32 = 20;
    const MOST_A_MINUTE: i32 = 60_000;

    /// One that hears everything of its organization from now on, made by nobody in particular.
    #[must_use]
    pub fn new(id: WebhookId, organization: OrganizationId, url: EndpointUrl, now: Timestamp) -> Self {
        Self {
            id,
            organization,
            app: None,
            url,
            description: None,
            filter: EventFilter::default(),
            resources: ResourceFilter::default(),
            headers: None,
            secret: None,
            previous: None,
            max_retries: Self::USUAL_RETRIES,
            rate_per_minute: None,
            ordered: false,
            active: true,
            failing_since: None,
            disabled_at: None,
            created_by: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// # Errors
    /// `invalid_request` for too many.
    pub fn check_retries(max_retries: i32) -> Result<()> {
        check(max_retries, 0, Self::MOST_RETRIES, "max_retries")
    }

    /// # Errors
    /// `invalid_request` for none at all and for too many.
    pub fn check_rate(per_minute: i32) -> Result<()> {
        check(per_minute, 1, Self::MOST_A_MINUTE, "rate_limit_per_minute")
    }
}

fn check(value: i32, least: i32, most: i32, name: &str) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::because(Code::InvalidRequest, format!("Give {name} a value from {least} to {most}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_for_http_and_carry_no_password() {
        for good in ["https://example.com/hooks?x=1", "http://127.0.0.1:8080/", "HTTPS://example.com"] {
            assert!(EndpointUrl::parse(good).is_ok(), "{good}");
        }
        for bad in ["ftp://example.com", "https://", "https://a:b@example.com", "https://a@example.com", "x", ""] {
            assert!(EndpointUrl::parse(bad).is_err(), "{bad}");
        }
        for bad in ["https://example.com/#x", "https://exa mple.com", "https://example.com\\@evil", "file:///etc"] {
            assert!(EndpointUrl::parse(bad).is_err(), "{bad}");
        }
        assert!(EndpointUrl::parse(&format!("https://example.com/{}", "x".repeat(2000))).is_err());
    }

    #[test]
    fn only_https_is_encrypted() {
        assert!(EndpointUrl::parse("HTTPS://example.com").unwrap().is_encrypted());
        assert!(!EndpointUrl::parse("http://example.com").unwrap().is_encrypted());
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = |url| EndpointUrl::parse(url).unwrap().origin();
        assert_eq!(origin("HTTPS://Example.com:443/hooks?x=1"), "https://example.com");
        assert_eq!(origin("https://example.com/other"), "https://example.com");
        for other in
            ["http://example.com/", "https://example.com:8443/", "https://example.com./", "https://a.example.com"]
        {
            assert_ne!(origin(other), "https://example.com", "{other}");
        }
    }

    #[test]
    fn a_place_is_all_but_the_query() {
        let here = EndpointUrl::parse("https://example.com/hooks?x=1").unwrap();
        for same in ["https://example.com/hooks", "HTTPS://EXAMPLE.com:443/hooks?y", "https://example.com/a/../hooks"] {
            assert!(here.is_where(&EndpointUrl::parse(same).unwrap()), "{same}");
        }
        for other in [
            "https://example.com/",
            "https://example.com/hooks/",
            "https://example.com/Hooks",
            "https://example.com:8443/hooks",
            "https://example.com./hooks",
            "http://example.com/hooks",
        ] {
            assert!(!here.is_where(&EndpointUrl::parse(other).unwrap()), "{other}");
        }
        for (url, host) in [("https://Example.com./x", "example.com"), ("https://[::1]:80", "[::1]")] {
            assert_eq!(EndpointUrl::parse(url).unwrap().host().unwrap(), host);
        }
    }

    #[test]
    fn limits_are_within_bounds() {
        for (retries, good) in [(-1, false), (0, true), (20, true), (21, false), (i32::MAX, false)] {
            assert_eq!(Endpoint::check_retries(retries).is_ok(), good, "{retries}");
        }
        for (rate, good) in [(0, false), (1, true), (60_000, true), (60_001, false), (i32::MIN, false)] {
            assert_eq!(Endpoint::check_rate(rate).is_ok(), good, "{rate}");
        }
    }
}
