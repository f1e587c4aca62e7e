//! Recovery codes: for who has lost their authenticator app. Shown once, and good for one use each.

use std::fmt;

use kernel::{
    Secret,
    secret::{ExposeSecret, letters},
};

/// How many come with an enrolment.
pub const HOW_MANY: usize = 10;

/// How many letters a code has, of five bits each.
const LETTERS: usize = 16;
/// How many stand together.
const GROUP: usize = 4;

/// A recovery code, without what makes it readable.
#[derive(Clone)]
pub struct RecoveryCode(Secret);

impl RecoveryCode {
    /// From bytes that nobody can guess: 80 bits of them count.
    #[must_use]
    pub fn from_random(bytes: [u8; LETTERS]) -> Self {
        Self(letters(&bytes).into())
    }

    /// What somebody typed: however it is spaced, and in whichever case. What is no code at all is one that nobody has.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        let letters = text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').take(2 * LETTERS);
        Self(letters.collect::<String>().to_ascii_lowercase().into())
    }

    /// As people read it: `abcd-efgh-ijkm-npqr`.
    #[must_use]
    pub fn to_show(&self) -> Secret {
        let letters: Vec<char> = self.0.expose_secret().chars().collect();
        let groups: Vec<String> = letters.chunks(GROUP).map(|group| group.iter().collect()).collect();
        groups.join("-").into()
    }
}

impl ExposeSecret<str> for RecoveryCode {
    fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = RecoveryCode::from_random(std::array::from_fn(|index| u8::try_from(index).unwrap()));
        let shown = code.to_show().expose_secret().to_owned();
        assert_eq!(shown, "abcd-efgh-ijkm-npqr");
        for typed in [
            shown.clone(),
            shown.to_uppercase(),
            shown.replace('-', ""),
            shown.replace('-', " "),
            format!(" {shown}\n"),
        ] {
            assert_eq!(RecoveryCode::typed(&typed).expose_secret(), code.expose_secret(), "{typed:?}");
        }
        for other in ["", "abcd-efgh-ijkm-npq", "abcd-efgh-ijkm-npqr-s", "abcd_efgh_ijkm_npqr"] {
            assert_ne!(RecoveryCode::typed(other).expose_secret(), code.expose_secret(), "{other}");
        }
        assert_eq!(format!("{code:?}"), "RecoveryCode(…)");
    }
}
