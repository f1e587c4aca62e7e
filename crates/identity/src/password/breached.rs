//! Passwords that were published after a breach, as Have I Been Pwned answers about them: asked for by the first five digits
//! of their SHA-1, so that whoever answers learns neither the password nor its hash (k-anonymity).

use kernel::{Secret, secret::ExposeSecret};
use sha1::{Digest as _, Sha1};

use super::Password;

/// How much of it is told.
const TOLD: usize = 5;
/// Of a SHA-1, in hexadecimal digits.
const WHOLE: usize = 40;

/// What a password is called in such a list: nearly as good as the password for whoever tries them.
#[derive(Debug)]
pub struct Fingerprint(Secret);

impl Password {
    /// What it is called in a list of published passwords.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let digest = Sha1::digest(self.as_bytes());
        Fingerprint(digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat().into())
    }
}

impl Fingerprint {
    /// The five digits to ask for.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.0.expose_secret().get(..TOLD).unwrap_or_default()
    }

    /// Whether it stands in the answer: lines of the other 35 digits, a colon, and how often it was seen. What was never
    /// seen is padding, so that the length of an answer tells nobody which one it is.
    ///
    /// # Errors
    /// What is wrong with an answer that is none, in words that repeat nothing of it.
    pub fn is_in(&self, answer: &[u8]) -> Result<bool, &'static str> {
        let text = std::str::from_utf8(answer).map_err(|_| "the answer is no text")?;
        let rest = self.0.expose_secret().get(TOLD..).unwrap_or_default();
        let mut found = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let entry = line.split_once(':').filter(|(digits, _)| is_rest(digits));
            let seen = entry.and_then(|(digits, count)| Some((digits, count.trim().parse::<u64>().ok()?)));
            let (digits, count) = seen.ok_or("the answer is no list of a range")?;
            found |= count > 0 && digits.eq_ignore_ascii_case(rest);
        }
        Ok(found)
    }
}

fn is_rest(digits: &str) -> bool {
    digits.len() == WHOLE - TOLD && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By sha1sum: `8be3c943b1609fffbfc51aad666d0a04adf83c9d` is `Password`'s.
    fn password() -> Fingerprint {
        Password::attempt("Password".into()).unwrap().fingerprint()
    }

    const REST: &str = "943B1609FFFBFC51AAD666D0A04ADF83C9D";
    const OTHER: &str = "0018A45C4D1DEF81644B54AB7F969B88D65";

    #[test]
    fn five_digits_are_told_and_the_others_compared() {
        assert_eq!(password().prefix(), "8BE3C");
        assert_eq!(password().is_in(format!("{OTHER}:3\r\n{REST}:24230577\r\n").as_bytes()), Ok(true));
        assert_eq!(password().is_in(format!("{}:1", REST.to_lowercase()).as_bytes()), Ok(true));
        assert_eq!(password().is_in(format!("{OTHER}:3\r\n").as_bytes()), Ok(false));
        assert_eq!(password().is_in(b""), Ok(false));
        let shown = format!("{:?}", password());
        assert!(!shown.contains("8BE3C") && !shown.contains(REST), "{shown}");
    }

    #[test]
    fn padding_is_no_password() {
        assert_eq!(password().is_in(format!("{REST}:0\r\n{OTHER}:0\r\n").as_bytes()), Ok(false));
    }

    #[test]
    fn what_is_no_range_is_no_answer() {
        let garbage = [
            "<html>Sign in to this network</html>".to_owned(),
            "{}".to_owned(),
            REST.to_owned(),
            format!("{REST}:"),
            format!("{REST}:-1"),
            format!("8BE3C{REST}:1"),
            format!("{REST}:1\nand more"),
            format!("{}é:1", &REST[2..]),
        ];
        for text in garbage {
            assert!(password().is_in(text.as_bytes()).is_err(), "{text}");
        }
        assert!(password().is_in(&[0xff, 0xfe]).is_err());
    }
}
