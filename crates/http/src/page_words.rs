//! What the pages say that Fabric shows itself, in the reader's language: `words/<language>/pages.ftl`.

use kernel::{Error, Locale};

use crate::words;

macro_rules! sentences {
    ($($name:ident = $key:literal,)+) => {
        /// A sentence of a page, in every language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Sentence {
            $($name,)+
        }

        impl Sentence {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)+];

            fn key(self) -> &'static str {
                match self {
                    $(Self::$name => $key,)+
                }
            }
        }
    };
}

sentences! {
    Failed = "page-failed",
    Continue = "page-continue",
    NewPassword = "page-new-password",
    ChoosePassword = "page-choose-password",
    SetPassword = "page-set-password",
    PasswordSet = "page-password-set",
    SignInWithIt = "page-sign-in-with-it",
    ConfirmAddress = "page-confirm-address",
    Confirm = "page-confirm",
    Confirmed = "page-confirmed",
    AddressConfirmed = "page-address-confirmed",
    NoSite = "page-no-site",
    NoSiteForAddress = "page-no-site-for-address",
    NoSiteForLink = "page-no-site-for-link",
    NotYou = "page-not-you",
    TakeBack = "page-take-back",
    TakenBack = "page-taken-back",
    FormerAddress = "page-former-address",
    SignIn = "page-sign-in",
    AcceptInvitation = "page-accept-invitation",
    Accept = "page-accept",
    Accepted = "page-accepted",
    Member = "page-member",
}

impl Sentence {
    /// In a language.
    pub fn said(self, locale: Locale) -> String {
        words::sentence(self.key(), locale)
    }
}

/// What a page has to say to somebody.
pub enum Speech {
    /// One of the sentences.
    Sentence(Sentence),
    /// What went wrong.
    Failure(Error),
}

impl Speech {
    /// The same as what an error's code alone says.
    pub fn failure(error: &Error) -> Self {
        Self::Failure(Error { message: error.message.clone(), ..Error::new(error.code) })
    }

    /// In a language.
    pub fn said(&self, locale: Locale) -> String {
        match self {
            Self::Sentence(sentence) => sentence.said(locale),
            Self::Failure(error) => words::said(error, locale),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kernel::Code;

    use super::*;

    #[test]
    fn every_sentence_is_there_in_every_language() {
        for locale in Locale::ALL {
            let folder = env!("CARGO_MANIFEST_DIR");
            let text = std::fs::read_to_string(format!("{folder}/words/{locale}/pages.ftl")).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
            let catalogue: BTreeMap<_, _> = lines.map(|line| line.split_once(" = ").unwrap()).collect();
            let said: BTreeMap<_, _> = Sentence::ALL.iter().map(|one| (one.key(), one.said(locale))).collect();
            assert_eq!(catalogue, said.iter().map(|(key, said)| (*key, said.as_str())).collect(), "{locale}");
        }
        let untranslated = Sentence::ALL.iter().find(|one| one.said(Locale::En) == one.said(Locale::De));
        assert_eq!(untranslated, None);
    }

    #[test]
    fn what_went_wrong_is_said_in_the_readers_language() {
        let error = Error::because(Code::InvalidToken, "Ask for another link.");
        let speech = Speech::failure(&error);
        assert_eq!(speech.said(Locale::En), "Ask for another link.");
        assert!(speech.said(Locale::De).starts_with("Dieser Link oder Code"));
    }
}
