//! E-mail addresses, parsed once at the edge.

use std::fmt;

use email_address::EmailAddress;

use crate::{Code, Error, Result};

/// A deliverable address in the one form that is stored and compared: lower-case ASCII, an international domain in its
/// ASCII form (RFC 5891).
///
/// The local part is ASCII: an address that looks like another's because of a foreign letter is not one of ours, and
/// neither is a look-alike of `@`. Everything before the `@` is kept as it is, `+tag` too: whether two such addresses
/// share a mailbox is for their mail server to know.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

/// The longest address that SMTP carries (RFC 5321, 4.5.3.1.3, less the angle brackets).
const LONGEST: usize = 254;

impl Email {
    /// # Errors
    /// `invalid_email` for anything that no mail would reach.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || Error::new(Code::InvalidEmail);
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(invalid());
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(invalid)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| invalid())?;
        let address = format!("{}@{domain}", local.to_ascii_lowercase());
        let plain = address.is_ascii() && !address.contains(['"', '[', '(', ' ']);
        if plain && domain.contains('.') && address.len() <= LONGEST && EmailAddress::is_valid(&address) {
            Ok(Self(address))
        } else {
            Err(invalid())
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    /// Says that there is one, not which: an address is personal, and `Debug` ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_person_has_one_spelling() {
        let alice = Email::parse("alice@example.com").unwrap();
        for same in ["Alice@Example.COM", "  alice@example.com\n", "alice@EXAMPLE.com"] {
            assert_eq!(Email::parse(same).unwrap(), alice, "{same:?}");
        }
        let international = Email::parse("alice@bücher.example").unwrap();
        assert_eq!(international.as_str(), "alice@xn--bcher-kva.example");
    }

    #[test]
    fn look_alikes_and_nonsense_are_refused() {
        for text in [
            "",
            "@",
            "alice",
            "alice@",
            "@example.com",
            "alice@localhost",
            "alice@@example.com",
            "al ice@example.com",
            "alice@exam ple.com",
            "аlice@example.com",
            "alice＠example.com",
            "alice@example.com\r\nBcc: eve@example.com",
            "alice\0@example.com",
            "\"alice\"@example.com",
            "alice@[127.0.0.1]",
            "alice@example..com",
            ".@example.com",
            "alice@example.com,eve@example.com",
            "Alice <alice@example.com>",
        ] {
            assert_eq!(Email::parse(text).unwrap_err().code, Code::InvalidEmail, "{text:?}");
        }
        let long = format!("{}@example.com", "a".repeat(10_000));
        assert!(Email::parse(&long).is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_is_stable(text in ".{0,80}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()).unwrap(), email);
            }
        }
    }
}
