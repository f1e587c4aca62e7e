//! Slugs: names for URLs.

use std::fmt;

use crate::{Code, Error, Result};

/// 1 to 63 lower-case letters, digits and single hyphens, none at either end: also a DNS label (RFC 1035, 2.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slug(String);

const LONGEST: usize = 63;

impl Slug {
    /// # Errors
    /// `invalid_slug`.
    pub fn parse(text: &str) -> Result<Self> {
        let fits = (1..=LONGEST).contains(&text.len()) && slug::slugify(text) == text;
        if fits { Ok(Self(text.to_owned())) } else { Err(Error::new(Code::InvalidSlug)) }
    }

    /// What a name becomes: `My App` is `my-app`. A name without a letter that could be spelt becomes `app`.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let mut text = slug::slugify(name);
        text.truncate(LONGEST - 5);
        let text = text.trim_matches('-');
        Self(if text.is_empty() { "app".to_owned() } else { text.to_owned() })
    }

    /// The same with a number behind it, for when the plain one is taken.
    #[must_use]
    pub fn numbered(&self, number: u16) -> Self {
        let mut text = self.0.clone();
        text.truncate(LONGEST - 6);
        Self(format!("{}-{number}", text.trim_end_matches('-')))
    }

    /// A random one that people can say aloud, such as `swift-fox-742`.
    #[must_use]
    pub fn from_random(random: [u8; 4]) -> Self {
        let [adjective, animal, high, low] = random;
        let pick = |words: &'static [&'static str], by: u8| words[usize::from(by) % words.len()];
        let number = 100 + u16::from_be_bytes([high, low]) % 900;
        Self(format!("{}-{}-{number}", pick(ADJECTIVES, adjective), pick(ANIMALS, animal)))
    }

    /// The same with 64 random bits behind it, for when short ones have run out.
    #[must_use]
    pub fn lengthened(&self, random: u64) -> Self {
        let mut text = self.0.clone();
        text.truncate(LONGEST - 17);
        Self(format!("{}-{random:x}", text.trim_end_matches('-')))
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const ADJECTIVES: &[&str] = &[
    "amber", "brave", "bright", "calm", "clear", "clever", "cosmic", "crisp", "daring", "eager", "early", "fair",
    "fancy", "fresh", "gentle", "golden", "happy", "hidden", "honest", "humble", "jolly", "keen", "kind", "lively",
    "lucky", "mellow", "merry", "mighty", "misty", "modest", "neat", "noble", "polite", "proud", "quick", "quiet",
    "rapid", "ready", "rosy", "royal", "silent", "silver", "smooth", "snowy", "solid", "steady", "still", "sunny",
    "sweet", "swift", "tidy", "vivid", "warm", "wild", "wise", "young",
];

const ANIMALS: &[&str] = &[
    "badger", "bat", "bear", "beaver", "bee", "bison", "cat", "crane", "crow", "deer", "dolphin", "dove", "duck",
    "eagle", "elk", "falcon", "finch", "fox", "frog", "gecko", "goose", "hare", "hawk", "heron", "horse", "ibex",
    "jay", "koala", "lark", "lion", "lynx", "mole", "moose", "moth", "newt", "orca", "otter", "owl", "panda", "puma",
    "raven", "robin", "seal", "shark", "sloth", "snail", "sparrow", "squid", "stork", "swan", "tiger", "toad", "trout",
    "turtle", "viper", "whale", "wolf", "wombat", "wren", "yak", "zebra",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_slugs() {
        for (name, slug) in [("My App", "my-app"), ("  Zoë & Co. ", "zoe-co"), ("!!!", "app"), ("", "app")] {
            assert_eq!(Slug::from_name(name).as_str(), slug);
        }
        assert_eq!(Slug::from_name("My App").numbered(2).as_str(), "my-app-2");
    }

    #[test]
    fn only_the_plain_form_is_accepted() {
        for bad in ["", "-a", "a-", "a--b", "A", "a_b", "a b", "é", "a/b", "a.b", &"a".repeat(64)] {
            assert_eq!(Slug::parse(bad).unwrap_err().code, Code::InvalidSlug, "{bad:?}");
        }
        assert!(Slug::parse("swift-fox-742").is_ok());
    }

    proptest! {
        #[test]
        fn whatever_we_make_is_accepted(name in ".{0,120}", random: [u8; 4], number in 2u16.., long: u64) {
            let made = Slug::from_name(&name);
            for slug in [made.numbered(number), made.lengthened(long), made, Slug::from_random(random)] {
                prop_assert_eq!(Slug::parse(slug.as_str()).unwrap(), slug);
            }
        }
    }
}
