//! Whom a letter comes from.

use kernel::Result;
use lettre::{Address, message::Mailbox};

use crate::invalid;

/// The address that all letters come from. The name beside it is the app's, in whose name the letter is.
pub struct Sender {
    mailbox: Mailbox,
}

impl Sender {
    /// `text` is the value of the setting `variable`: an address, or `Name <address>`.
    pub fn parse(variable: &str, text: Option<&str>) -> Result<Self> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Err(invalid(variable, "is not set: give the address that mail comes from."));
        };
        // ASCII, as not every server takes more: an international domain is written as `xn--…`.
        let mailbox = text.parse().ok().filter(|mailbox: &Mailbox| mailbox.email.to_string().is_ascii());
        let mailbox = mailbox.ok_or_else(|| invalid(variable, "is not an address such as no-reply@example.com."))?;
        Ok(Self { mailbox })
    }

    pub fn address(&self) -> &Address {
        &self.mailbox.email
    }

    /// What stands in `From:`, with a name that was cleaned.
    pub fn mailbox(&self, name: &str) -> Mailbox {
        Mailbox::new(Some(name.to_owned()), self.mailbox.email.clone())
    }
}

/// A name as one visible line, whatever came in: names of apps are checked where they are given, and once more here,
/// where a line break would start another header.
pub fn one_line(name: &str) -> String {
    const LONGEST: usize = 200;

    let visible: String = name.chars().map(|letter| if misleading(letter) { ' ' } else { letter }).collect();
    // `=?` begins an encoded word (RFC 2047): what is text here must not become something else in a mail program.
    let visible = visible.replace("=?", "= ?");
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().take(LONGEST).collect();
    if line.is_empty() { "Fabric".to_owned() } else { line }
}

/// Control characters, and the marks with which a name could show as another one (Unicode TR 36, 3.5).
fn misleading(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_visible_line() {
        assert_eq!(one_line("Zoë's 🦊 Agency"), "Zoë's 🦊 Agency");
        assert_eq!(one_line("Acme\r\nBcc: eve@example.com\0"), "Acme Bcc: eve@example.com");
        assert_eq!(one_line("Acme =?utf-8?q?=E2=80=AE?="), "Acme = ?utf-8?q?=E2=80=AE?=");
        assert_eq!(one_line("a\u{202e}b\u{2028}c"), "a b c");
        assert_eq!(one_line(" \r\n\t"), "Fabric");
        assert_eq!(one_line(&"x".repeat(10_000)).len(), 200);
    }

    #[test]
    fn an_address_is_one_for_every_server() {
        for text in ["no-reply@bücher.example", "nö@example.com", "a@example.com, b@example.com", "example.com"] {
            assert!(Sender::parse("MAIL_FROM", Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_may_have_a_name() {
        for text in ["no-reply@example.com", " Acme <no-reply@example.com> "] {
            let sender = Sender::parse("MAIL_FROM", Some(text)).unwrap();
            assert_eq!(sender.mailbox("Rival").to_string(), "Rival <no-reply@example.com>");
        }
    }
}
