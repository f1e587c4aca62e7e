//! How an app looks in a mail.

use kernel::{Code, Error, Name, Result, WebUrl};
use serde::{Deserialize, Serialize};

/// How an app looks in a mail. What is missing is as Fabric has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Branding {
    /// A picture over the letter, by https. The same for everybody, so that it tells nothing about who reads what.
    pub logo_url: Option<WebUrl>,
    /// The colour of what is to be pressed.
    pub color: Option<Color>,
    /// The name beside the address that mail comes from; the app's own without.
    pub from_name: Option<Name>,
}

/// What shall look different. What is `None` stays.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the part of that name")]
pub struct BrandingChange {
    pub logo_url: Option<Option<WebUrl>>,
    pub color: Option<Option<Color>>,
    pub from_name: Option<Option<Name>>,
}

impl Branding {
    /// The branding after a change.
    ///
    /// # Errors
    /// `invalid_url` for a logo that does not come by https, from whatever host: mail is read everywhere.
    pub fn changed(self, change: BrandingChange) -> Result<Self> {
        let https = |url: &WebUrl| url.as_str().get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        if change.logo_url.iter().flatten().any(|url| !https(url)) {
            return Err(Error::because(Code::InvalidUrl, "Give branding.logo_url as an https URL."));
        }
        Ok(Self {
            logo_url: change.logo_url.unwrap_or(self.logo_url),
            color: change.color.unwrap_or(self.color),
            from_name: change.from_name.unwrap_or(self.from_name),
        })
    }
}

/// A colour: `#rrggbb`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color(String);

impl Color {
    /// # Errors
    /// `invalid_setting` unless it is `#` and six hexadecimal digits: nothing else gets into a style.
    pub fn parse(text: &str) -> Result<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        match digits {
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                Ok(Self(text.to_ascii_lowercase()))
            }
            _ => Err(Error::because(Code::InvalidSetting, "Give branding.color as # and six hexadecimal digits.")),
        }
    }

    /// The colour, as in a style sheet.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether white is read more easily on it than black, by the brightness that eyes see (ITU-R BT.601).
    #[must_use]
    pub fn is_dark(&self) -> bool {
        let part = |at: usize| self.0.get(at..at + 2).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [red, green, blue] = [part(1), part(3), part(5)].map(Option::unwrap_or_default);
        (red * 299 + green * 587 + blue * 114) / 1000 < 150
    }
}

impl TryFrom<String> for Color {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        color.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_color_is_six_digits_and_nothing_besides() {
        assert_eq!(Color::parse("#0A7Bff").unwrap().as_str(), "#0a7bff");
        for bad in ["", "#fff", "0a7bff", "#0a7bfg", "#0a7bff;", "red", "#0a7bff ", "url(x)", "#é0a7b"] {
            assert_eq!(Color::parse(bad).unwrap_err().code, Code::InvalidSetting, "{bad}");
        }
    }

    #[test]
    fn words_can_be_read_on_it() {
        for (color, dark) in
            [("#000000", true), ("#1f2937", true), ("#ff0000", true), ("#ffff00", false), ("#ffffff", false)]
        {
            assert_eq!(Color::parse(color).unwrap().is_dark(), dark, "{color}");
        }
    }

    #[test]
    fn a_logo_comes_by_https_alone() {
        let logo =
            |url: &str| BrandingChange { logo_url: Some(Some(WebUrl::parse(url).unwrap())), ..Default::default() };
        let branding = Branding::default().changed(logo("https://cdn.example.com/logo.png")).unwrap();
        assert_eq!(branding.clone().changed(BrandingChange::default()).unwrap(), branding);
        let told = branding.clone().changed(logo("http://localhost/logo.png")).unwrap_err();
        assert_eq!(told.code, Code::InvalidUrl);
        let cleared = branding.changed(BrandingChange { logo_url: Some(None), ..Default::default() }).unwrap();
        assert_eq!(cleared, Branding::default());
    }
}
