//! For whom passkeys are made: an app's domain, and its pages.

use std::fmt;

use kernel::{Code, Error, Name, Result, WebUrl};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::Origin;

/// Whether an app's users may sign in with passkeys, and for whom those are made. What is missing is as the app's site has
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PasskeySettings {
    /// Whether they may.
    pub enabled: bool,
    /// The domain that they are made for: one that was made for another signs in nowhere.
    pub rp_id: Option<Domain>,
    /// What people are shown when they make one; the app's own name without.
    pub rp_name: Option<Name>,
    /// The pages that they are used on.
    pub origins: Vec<Origin>,
}

/// What shall be different. What is `None` stays.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the part of that name")]
pub struct PasskeyChange {
    pub enabled: Option<bool>,
    pub rp_id: Option<Option<Domain>>,
    pub rp_name: Option<Option<Name>>,
    pub origins: Option<Vec<Origin>>,
}

/// Whom passkeys are made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingPartyId {
    /// A domain.
    pub id: Domain,
    /// Pages of it, or below it: one or more.
    pub origins: Vec<Origin>,
}

impl PasskeySettings {
    /// The settings after a change.
    #[must_use]
    pub fn changed(self, change: PasskeyChange) -> Self {
        Self {
            enabled: change.enabled.unwrap_or(self.enabled),
            rp_id: change.rp_id.unwrap_or(self.rp_id),
            rp_name: change.rp_name.unwrap_or(self.rp_name),
            origins: change.origins.unwrap_or(self.origins),
        }
    }

    /// The same, with the domain said that passkeys are made for, where nobody has said it: from then on it stays, wherever
    /// the site moves. Those that were made would sign in nowhere.
    ///
    /// # Errors
    /// As [`Self::relying_party`].
    pub fn settled(self, site: Option<&WebUrl>) -> Result<Self> {
        let party = self.relying_party(site)?;
        Ok(Self { rp_id: party.map(|party| party.id).or(self.rp_id), ..self })
    }

    /// Whom passkeys are made for, with what a site has where nothing is said; `None` where there are none.
    ///
    /// # Errors
    /// `invalid_setting` where neither says it, or where it is something that browsers refuse: an origin without TLS that is
    /// not this machine, or one that is not of the domain.
    pub fn relying_party(&self, site: Option<&WebUrl>) -> Result<Option<RelyingPartyId>> {
        if !self.enabled {
            return Ok(None);
        }
        let origins = match (self.origins.as_slice(), site) {
            ([], Some(site)) => Origin::of_url(site.as_str()).into_iter().collect(),
            (given, _) => given.to_vec(),
        };
        let domains: Vec<_> = origins.iter().map(domain_of).collect::<Result<_>>()?;
        let first = || domains.first().cloned();
        let id = self.rp_id.clone().or_else(first).ok_or_else(|| {
            invalid("Give passkeys.rp_id and passkeys.origins, or site_url, before passkeys are switched on.")
        })?;
        if origins.is_empty() {
            return Err(invalid("Give passkeys.origins: the pages that passkeys are used on."));
        }
        if domains.iter().any(|domain| !domain.is_within(&id)) {
            let why = format!(
                "Give passkeys.origins of {id} or of domains below it: browsers refuse all others. With another \
                 passkeys.rp_id, the passkeys that there are sign in nowhere.",
            );
            return Err(Error::because(Code::InvalidSetting, why));
        }
        Ok(Some(RelyingPartyId { id, origins }))
    }
}

fn domain_of(origin: &Origin) -> Result<Domain> {
    let url = Url::parse(origin.as_str()).map_err(|_| Error::new(Code::InvalidOrigin))?;
    let domain = Domain::parse(url.domain().unwrap_or_default())?;
    if url.scheme() == "https" || domain.is_this_machine() {
        return Ok(domain);
    }
    Err(invalid("Give passkeys.origins by https, except of localhost: browsers refuse all others."))
}

/// A domain, in lower case and in ASCII: no address, and not the end of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

const LOCALHOST: &str = "localhost";

impl Domain {
    /// # Errors
    /// `invalid_setting`.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = || invalid("Give passkeys.rp_id as a domain such as example.com, without a scheme or a port.");
        match Host::parse(text) {
            Ok(Host::Domain(domain))
                if domain == LOCALHOST || (domain.trim_matches('.').contains('.') && !domain.ends_with('.')) =>
            {
                Ok(Self(domain))
            }
            _ => Err(refused()),
        }
    }

    /// The domain.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the other one, or below it.
    fn is_within(&self, other: &Self) -> bool {
        let rest = self.0.strip_suffix(other.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// Whether browsers take it for the machine that they run on (W3C Secure Contexts, 3.1).
    fn is_this_machine(&self) -> bool {
        self.is_within(&Self(LOCALHOST.to_owned()))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Domain {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

fn invalid(why: &'static str) -> Error {
    Error::because(Code::InvalidSetting, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(rp_id: Option<&str>, origins: &[&str]) -> PasskeySettings {
        PasskeySettings {
            enabled: true,
            rp_id: rp_id.map(|id| Domain::parse(id).unwrap()),
            rp_name: None,
            origins: origins.iter().map(|origin| Origin::parse(origin).unwrap()).collect(),
        }
    }

    fn of(settings: &PasskeySettings, site: Option<&str>) -> Result<Option<(String, Vec<String>)>> {
        let site = site.map(|site| WebUrl::parse(site).unwrap());
        let party = settings.relying_party(site.as_ref())?;
        Ok(party.map(|party| (party.id.into(), party.origins.iter().map(ToString::to_string).collect())))
    }

    #[test]
    fn what_is_not_said_is_as_the_site_has_it() {
        let said = of(&settings(None, &[]), Some("https://app.example.com/start")).unwrap().unwrap();
        assert_eq!(said, ("app.example.com".to_owned(), vec!["https://app.example.com".to_owned()]));
        let said = of(&settings(Some("example.com"), &[]), Some("https://app.example.com")).unwrap().unwrap();
        assert_eq!(said, ("example.com".to_owned(), vec!["https://app.example.com".to_owned()]));
        let own = settings(Some("example.com"), &["https://example.com", "https://a.example.com:8443"]);
        let said = of(&own, Some("https://elsewhere.example")).unwrap().unwrap();
        assert_eq!(said.1, ["https://example.com", "https://a.example.com:8443"]);
        assert_eq!(of(&settings(None, &["http://localhost:3000"]), None).unwrap().unwrap().0, "localhost");
        assert_eq!(of(&PasskeySettings::default(), Some("https://example.com")).unwrap(), None);
    }

    #[test]
    fn a_domain_that_was_the_sites_stays() {
        let sites = ["https://app.example.com", "https://app.example.org"].map(|site| WebUrl::parse(site).unwrap());
        let settled = settings(None, &[]).settled(Some(&sites[0])).unwrap();
        assert_eq!(settled.rp_id.as_ref().map(Domain::as_str), Some("app.example.com"));
        assert_eq!(settled.clone().settled(Some(&sites[0])).unwrap(), settled);
        assert_eq!(settled.settled(Some(&sites[1])).unwrap_err().code, Code::InvalidSetting);
        let off = PasskeySettings { enabled: false, ..settings(None, &[]) };
        assert_eq!(off.clone().settled(Some(&sites[0])).unwrap(), off);
        let said = settings(Some("example.com"), &["https://app.example.com"]);
        assert_eq!(said.clone().settled(Some(&sites[1])).unwrap(), said);
    }

    #[test]
    fn what_browsers_refuse_is_refused() {
        for (settings, site) in [
            (settings(None, &[]), None),
            (settings(Some("example.com"), &[]), None),
            (settings(Some("example.com"), &["http://example.com"]), None),
            (settings(Some("example.com"), &["https://badexample.com"]), None),
            (settings(Some("example.com"), &["https://example.com", "https://example.org"]), None),
            (settings(Some("a.example.com"), &["https://example.com"]), None),
            (settings(None, &["https://192.0.2.1"]), None),
            (settings(Some("example.com"), &[]), Some("https://example.org")),
        ] {
            assert_eq!(of(&settings, site).unwrap_err().code, Code::InvalidSetting, "{settings:?}");
        }
    }

    #[test]
    fn a_domain_is_one_and_no_end_of_many() {
        assert_eq!(Domain::parse("Müller.Example").unwrap().as_str(), "xn--mller-kva.example");
        for bad in [
            "",
            "com",
            ".",
            "com.",
            ".com",
            "example.com.",
            "192.0.2.1",
            "[::1]",
            "https://example.com",
            "a.b:80",
            "a b.c",
        ] {
            assert_eq!(Domain::parse(bad).unwrap_err().code, Code::InvalidSetting, "{bad}");
        }
    }
}
