//! What errors say, in the reader's language: one catalogue, `words/<language>/errors.ftl` (Project Fluent).
//! What pages say lies beside it (`page_words.rs`).

use fluent_templates::{LanguageIdentifier, Loader as _, static_loader};
use kernel::{Code, Error, Locale};

static_loader! {
    static CATALOGUE = {
        locales: "./words",
        fallback_language: "en",
        // Nothing is put into a sentence.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// What is said to somebody who reads this language: the sentence of the code; in English what the error itself says,
/// which may be more.
pub fn said(error: &Error, locale: Locale) -> String {
    match locale {
        Locale::En => error.message.clone().into_owned(),
        Locale::De => sentence(error.code.as_str(), locale),
    }
}

/// What else the error says, in English: the catalogue has one sentence for each code.
pub fn reason(error: &Error, locale: Locale) -> Option<&str> {
    (locale != Locale::En && error.message != error.code.message()).then_some(&*error.message)
}

/// The sentence of that name, of a code mostly; that of an internal error where there is none.
pub fn sentence(code: &str, locale: Locale) -> String {
    let language: LanguageIdentifier = locale.as_str().parse().unwrap_or_default();
    let generic = Code::InternalError;
    CATALOGUE
        .try_lookup(&language, code)
        .or_else(|| CATALOGUE.try_lookup(&language, generic.as_str()))
        .unwrap_or_else(|| generic.message().to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The codes that a catalogue has, in its own words: a language that lacks one would show the English one.
    fn catalogue(locale: Locale) -> Vec<(String, String)> {
        let folder = env!("CARGO_MANIFEST_DIR");
        let text = std::fs::read_to_string(format!("{folder}/words/{locale}/errors.ftl")).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(|line| line.split_once(" = ").unwrap()).map(|(code, said)| (code.into(), said.into())).collect()
    }

    #[test]
    fn every_code_has_a_sentence_in_every_language() {
        let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
        for locale in Locale::ALL {
            let catalogue = catalogue(locale);
            let has: BTreeSet<_> = catalogue.iter().map(|(code, _)| code.clone()).collect();
            assert_eq!(has, codes, "{locale}");
            assert_eq!(catalogue.len(), codes.len(), "{locale}: one is there twice");
            for (code, said) in catalogue {
                assert_eq!(sentence(&code, locale), said, "{locale}");
            }
        }
    }

    #[test]
    fn in_english_the_catalogue_says_what_the_code_says() {
        for code in Code::ALL {
            assert_eq!(sentence(code.as_str(), Locale::En), code.message());
        }
        let said: BTreeSet<_> = Code::ALL.iter().map(|code| sentence(code.as_str(), Locale::De)).collect();
        assert_eq!(said.len(), Code::ALL.len(), "no two codes say the same");
        assert!(Code::ALL.iter().all(|code| !said.contains(code.message())), "nothing was left in English");
    }

    #[test]
    fn an_unknown_code_says_what_can_be_said() {
        assert_eq!(sentence("no_such_code", Locale::De), "Etwas ist schiefgegangen.");
        assert_eq!(sentence("no_such_code", Locale::En), "Something went wrong.");
    }

    #[test]
    fn what_is_said_besides_is_not_lost() {
        let error = Error::because(Code::InvalidSetting, "Give overlap_seconds a value from 0 to 604800.");
        assert_eq!(said(&error, Locale::En), error.message);
        assert_eq!(reason(&error, Locale::En), None);
        assert_eq!(said(&error, Locale::De), "Eine Einstellung hat einen Wert außerhalb des Erlaubten.");
        assert_eq!(reason(&error, Locale::De), Some(&*error.message));
        assert_eq!(reason(&Error::new(Code::InvalidSetting), Locale::De), None);
    }
}
