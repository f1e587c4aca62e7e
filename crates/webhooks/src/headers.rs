//! Headers that an endpoint wants besides Fabric's own.

use std::collections::BTreeMap;

use kernel::{Code, Error, Result, Secret, secret::ExposeSecret};

/// Headers by their names, in lower case. What is in them may be a password: nothing shows it.
#[derive(Clone, Debug, Default)]
pub struct CustomHeaders(BTreeMap<String, Secret>);

/// What belongs to a connection or to the body, and is not the receiver's to choose.
const NOT_THEIRS: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What begins so is what Fabric says about a delivery.
const OURS: [&str; 2] = ["x-fabric-", "webhook-"];

impl CustomHeaders {
    /// What stands in an answer for a value that is there.
    pub const MASK: &str = "***";
    const MOST: usize = 20;
    const LONGEST_NAME: usize = 128;
    const LONGEST_VALUE: usize = 1024;

    /// All that there shall be. A value that is masked is the one before.
    ///
    /// # Errors
    /// `invalid_request` for too many, for what is no header, for one of those that are not the receiver's to choose, and
    /// for a mask where nothing was before.
    pub fn parse(given: BTreeMap<String, Secret>, before: &Self) -> Result<Self> {
        if given.len() > Self::MOST {
            return Err(invalid(format!("Give at most {} headers.", Self::MOST)));
        }
        let mut headers = BTreeMap::new();
        for (name, value) in given {
            let name = name.to_ascii_lowercase();
            check_name(&name)?;
            let masked = value.expose_secret() == Self::MASK;
            let value = if masked { before.0.get(&name).cloned().ok_or_else(|| unknown(&name))? } else { value };
            check_value(&name, value.expose_secret())?;
            if headers.insert(name.clone(), value).is_some() {
                return Err(invalid(format!("The header {name} is there twice.")));
            }
        }
        Ok(Self(headers))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// As text, to be sealed.
    #[must_use]
    pub fn write(&self) -> Secret {
        let shown: BTreeMap<_, _> = self.iter().map(|(name, value)| (name, value.expose_secret())).collect();
        serde_json::json!(shown).to_string().into()
    }

    /// Reads what [`CustomHeaders::write`] wrote.
    ///
    /// # Errors
    /// `internal` for anything else.
    pub fn read(text: &Secret) -> Result<Self> {
        let read: BTreeMap<String, String> = serde_json::from_str(text.expose_secret()).map_err(Error::internal)?;
        Ok(Self(read.into_iter().map(|(name, value)| (name, value.into())).collect()))
    }
}

/// A token (RFC 9110, 5.6.2).
fn check_name(name: &str) -> Result<()> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > CustomHeaders::LONGEST_NAME || !name.bytes().all(is_token) {
        return Err(invalid("Give headers names such as x-api-key."));
    }
    if NOT_THEIRS.contains(&name) || OURS.iter().any(|ours| name.starts_with(ours)) {
        return Err(invalid(format!("The header {name} is Fabric's own to set.")));
    }
    Ok(())
}

/// One line of visible ASCII, which may have spaces inside.
fn check_value(name: &str, value: &str) -> Result<()> {
    let visible = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if visible && value.trim() == value && (1..=CustomHeaders::LONGEST_VALUE).contains(&value.len()) {
        return Ok(());
    }
    let most = CustomHeaders::LONGEST_VALUE;
    Err(invalid(format!("Give the header {name} 1 to {most} visible ASCII characters, with spaces only inside.")))
}

fn unknown(name: &str) -> Error {
    invalid(format!("Give the value of the header {name}: what is masked says nothing here."))
}

fn invalid(why: impl Into<String>) -> Error {
    Error::because(Code::InvalidRequest, why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(given: &[(&str, &str)], before: &CustomHeaders) -> Result<CustomHeaders> {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        CustomHeaders::parse(given.collect(), before)
    }

    fn new(given: &[(&str, &str)]) -> Result<CustomHeaders> {
        parse(given, &CustomHeaders::default())
    }

    #[test]
    fn headers_are_written_read_and_never_shown() {
        let headers = new(&[("Authorization", "Bearer a b"), ("x-y", "~!\"")]).unwrap();
        assert_eq!(headers.names().collect::<Vec<_>>(), ["authorization", "x-y"]);
        let read = CustomHeaders::read(&headers.write()).unwrap();
        let shown: Vec<_> = read.iter().map(|(name, value)| (name, value.expose_secret())).collect();
        assert_eq!(shown, [("authorization", "Bearer a b"), ("x-y", "~!\"")]);
        assert!(!format!("{headers:?}").contains("Bearer"));
        assert!(CustomHeaders::read(&"[]".into()).is_err());
    }

    #[test]
    fn what_is_no_header_and_what_is_fabrics_own_is_refused() {
        for name in ["", "a b", "a:b", "a\r\nb", "ä", "a\0", "(a)", &"x".repeat(129)] {
            assert!(new(&[(name, "x")]).is_err(), "{name:?}");
        }
        for name in ["Host", "content-LENGTH", "Transfer-Encoding", "connection", "X-Fabric-Event", "webhook-id"] {
            assert!(new(&[(name, "x")]).is_err(), "{name}");
        }
        for value in ["", " ", " x", "x ", "a\r\nHost: evil", "a\nb", "\t", "ä", "\u{7f}", &"x".repeat(1025)] {
            assert!(new(&[("x-y", value)]).is_err(), "{value:?}");
        }
        assert!(new(&[("X-Y", "a"), ("x-y", "b")]).is_err(), "the same name twice");
        let many: Vec<_> = (0..21).map(|number| format!("x-{number}")).collect();
        let many: Vec<_> = many.iter().map(|name| (name.as_str(), "x")).collect();
        assert!(new(&many).is_err() && new(&many[..20]).is_ok());
    }

    #[test]
    fn a_mask_stands_for_what_was_there_before_and_for_nothing_else() {
        let before = new(&[("x-a", "one"), ("x-b", "two")]).unwrap();
        let after = parse(&[("X-A", "***"), ("x-c", "three")], &before).unwrap();
        let shown: Vec<_> = after.iter().map(|(name, value)| (name, value.expose_secret())).collect();
        assert_eq!(shown, [("x-a", "one"), ("x-c", "three")]);
        assert!(parse(&[("x-c", "***")], &before).is_err());
        assert!(new(&[("x-a", "***")]).is_err());
    }
}
