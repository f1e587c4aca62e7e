//! Passwords that are tried first, because so many people have them (NIST SP 800-63B, 3.1.1.2).
//!
//! The list is Django's `common-passwords.txt`, which Royce Williams compiled from what was published of breaches; left out
//! is what this policy refuses anyway, and what our own documentation shows. Its licence is beside it.

use std::sync::LazyLock;

/// In the order of their bytes.
static COMMON: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());

/// What is shorter is common as a part of others.
const SHORTEST_STEM: usize = 6;
/// So many digits and signs behind a common password make no other one of it.
const LONGEST_TAIL: usize = 5;

/// Whether it is one of the most common, in whatever case, and with a few digits and signs behind it: `Password123!`.
pub(super) fn is_common(password: &str) -> bool {
    let password = password.to_lowercase();
    if listed(&password) {
        return true;
    }
    let stem = password.trim_end_matches(|letter: char| !letter.is_alphabetic());
    let tail = password.chars().count() - stem.chars().count();
    stem.chars().count() >= SHORTEST_STEM && tail <= LONGEST_TAIL && listed(stem)
}

fn listed(password: &str) -> bool {
    COMMON.binary_search(&password).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_people_have_is_common() {
        assert!(COMMON.len() > 8000 && COMMON.is_sorted());
        for common in ["Password1!", "P@ssw0rd", "Qwerty123!", "WELCOME-2024", "1qaz@WSX", "Iloveyou1!", "Pa$$w0rd"] {
            assert!(is_common(common), "{common}");
        }
        for rare in
            ["SecureP@ss1", "Test1234!", "UserP@ss1", "Correct-horse-1", "NewPass1!", "Sunshine-48213", "Aa1!----"]
        {
            assert!(!is_common(rare), "{rare}");
        }
    }
}
