//! Addresses on the web.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Code, Error, Result};

/// Where people may be sent, or what a browser may load. Compared letter by letter, so that no prefix, encoding or dot can
/// bend it (RFC 9700, 2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebUrl(String);

impl WebUrl {
    /// # Errors
    /// `invalid_url` unless it is https (or http on the loopback host, for development) without user name, password and
    /// fragment.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || Error::new(Code::InvalidUrl);
        let url = Url::parse(text).map_err(|_| invalid())?;
        let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let scheme = url.scheme() == "https" || url.scheme() == "http" && local;
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let odd = |letter: char| letter.is_control() || letter.is_whitespace() || matches!(letter, '\\' | '*');
        if !scheme || !plain || text.contains(odd) || text.len() > 2000 {
            return Err(invalid());
        }
        Ok(Self(text.to_owned()))
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host that it names.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        Url::parse(&self.0).ok()?.host_str().map(str::to_owned)
    }

    /// The URL with these in its query, behind what is there.
    #[must_use]
    pub fn with_query(&self, pairs: &[(&str, &str)]) -> String {
        let Ok(mut url) = Url::parse(&self.0) else { return self.0.clone() };
        url.query_pairs_mut().extend_pairs(pairs);
        url.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_go_where_they_say() {
        for good in ["https://myapp.com/done?x=1", "http://localhost:3000/done", "http://127.0.0.1/"] {
            assert!(WebUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "http://myapp.com",
            "https://myapp.com@evil.example",
            "https://myapp.com/#x",
            "javascript:alert(1)",
            "//evil.example",
            "https:\\\\evil.example",
            "https://myapp.com/\r\nx",
            "https://*.myapp.com/",
            "http://localhost.evil.example/",
        ] {
            assert_eq!(WebUrl::parse(bad).unwrap_err().code, Code::InvalidUrl, "{bad}");
        }
    }

    #[test]
    fn a_query_comes_behind_what_is_there() {
        let url = WebUrl::parse("https://myapp.com/join?x=1").unwrap();
        assert_eq!(url.with_query(&[("token", "a&b")]), "https://myapp.com/join?x=1&token=a%26b");
    }
}
