//! An app's own words for a letter.
//!
//! A template is text with a few names in double braces, in whose place values are put: once, as text where text stands
//! and escaped where HTML does. There is nothing else to it: no condition, no loop, no include, nothing that runs.

use std::{fmt, ops::Range, str::FromStr};

use kernel::{
    Code, Error, Locale, Result, Timestamp,
    id::{AppId, Id},
};

use crate::template_html::check_places;

/// A letter that an app may word for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LetterKind {
    /// Prove that this address is yours.
    VerifyEmail,
    /// Choose another password.
    ResetPassword,
    /// Somebody tried to sign up with an address that has an account.
    AlreadySignedUp,
    /// Somebody is invited to an organization.
    Invitation,
    /// Sign in by following the link.
    MagicLink,
    /// Sign in by typing the code.
    EmailCode,
    /// Confirm that an account shall have this address.
    ChangeEmail,
    /// The account that had this address has another one.
    EmailChanged,
    /// The same, where nobody had proven the address.
    AddressLeft,
}

impl LetterKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::AlreadySignedUp,
        Self::Invitation,
        Self::MagicLink,
        Self::EmailCode,
        Self::ChangeEmail,
        Self::EmailChanged,
        Self::AddressLeft,
    ];

    /// # Errors
    /// `not_found` for a letter that there is not.
    pub fn parse(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|letter| letter.name() == text).ok_or_else(Error::not_found)
    }

    /// Its name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::AlreadySignedUp => "already_signed_up",
            Self::Invitation => "invitation",
            Self::MagicLink => "magic_link",
            Self::EmailCode => "email_code",
            Self::ChangeEmail => "change_email",
            Self::EmailChanged => "email_changed",
            Self::AddressLeft => "address_left",
        }
    }

    /// What it is sent for: there is no letter without.
    fn key(self) -> Option<Placeholder> {
        match self {
            Self::VerifyEmail
            | Self::ResetPassword
            | Self::Invitation
            | Self::MagicLink
            | Self::ChangeEmail
            | Self::EmailChanged => Some(Placeholder::Link),
            Self::EmailCode => Some(Placeholder::Code),
            Self::AlreadySignedUp | Self::AddressLeft => None,
        }
    }

    fn has(self, placeholder: Placeholder) -> bool {
        match placeholder {
            Placeholder::Link | Placeholder::Code => self.key() == Some(placeholder),
            Placeholder::AppName => true,
            Placeholder::Organization => self == Self::Invitation,
        }
    }
}

/// What can stand in double braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{{link}}`: what to follow.
    Link,
    /// `{{code}}`: what to type.
    Code,
    /// `{{app_name}}`: in whose name the letter is.
    AppName,
    /// `{{organization}}`: to what somebody is invited.
    Organization,
}

impl Placeholder {
    fn parse(name: &str) -> Option<Self> {
        match name.trim() {
            "link" => Some(Self::Link),
            "code" => Some(Self::Code),
            "app_name" => Some(Self::AppName),
            "organization" => Some(Self::Organization),
            _ => None,
        }
    }
}

/// Which letter, in which language: `verify_email.de`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TemplateName {
    /// Which letter.
    pub letter: LetterKind,
    /// In which language.
    pub locale: Locale,
}

impl Id for TemplateName {
    const PARAMETER: &'static str = "mail_template";
    const IS_UUID: bool = false;
}

impl FromStr for TemplateName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (letter, locale) = text.split_once('.').ok_or_else(Error::not_found)?;
        Ok(Self { letter: LetterKind::parse(letter)?, locale: Locale::parse(locale)? })
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.letter.name(), self.locale)
    }
}

/// An app's own words for a letter in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailTemplate {
    /// Whose words.
    pub app: AppId,
    /// For what.
    pub name: TemplateName,
    /// The words.
    pub words: TemplateWords,
    /// When they were changed last.
    pub updated_at: Timestamp,
}

/// What a template says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateWords {
    subject: String,
    text: String,
    html: String,
}

const LONGEST_SUBJECT: usize = 200;
const LONGEST_TEXT: usize = 16 * 1024;
const LONGEST_HTML: usize = 64 * 1024;

impl TemplateWords {
    /// # Errors
    /// `invalid_template` with what is wrong: a part that is empty, too long or not one line; a placeholder that there
    /// is not, or that stands where its value could become something else; a letter without its link.
    pub fn parse(letter: LetterKind, subject: &str, text: &str, html: &str) -> Result<Self> {
        let subject = subject.trim();
        let (text, html) = (&text.replace("\r\n", "\n"), &html.replace("\r\n", "\n"));
        if subject.chars().count() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
            return Err(invalid("Give subject as one line of up to 200 characters."));
        }
        for (name, part, longest) in [("text", text, LONGEST_TEXT), ("html", html, LONGEST_HTML)] {
            let odd = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
            if part.len() > longest || part.contains(odd) {
                return Err(invalid(format!("Give {name} up to {longest} bytes without control characters.")));
            }
        }
        for (name, part) in [("subject", subject), ("text", text), ("html", html)] {
            if part.trim().is_empty() {
                return Err(invalid(format!("Give {name}: every part has to say something.")));
            }
            let mut has_key = false;
            for found in placeholders(part) {
                let (placeholder, _) = found.map_err(|written| unknown(name, written))?;
                if !letter.has(placeholder) {
                    return Err(invalid(format!("This letter has no {placeholder} that {name} could say.")));
                }
                has_key |= letter.key() == Some(placeholder);
            }
            // A subject is shown on locked screens and kept in logs.
            match (name, has_key, letter.key()) {
                ("subject", true, Some(key)) => return Err(invalid(format!("Give subject without {key}."))),
                ("text" | "html", false, Some(key)) => {
                    return Err(invalid(format!("Give {name} with {key} in it: it is worth nothing otherwise.")));
                }
                _ => {}
            }
        }
        check_places(html)?;
        Ok(Self { subject: subject.to_owned(), text: text.to_owned(), html: html.to_owned() })
    }

    /// Words that were looked at when they were given; by an earlier version, perhaps, which let a carriage return pass
    /// that some mail servers take for the end of a line.
    #[must_use]
    pub fn from_stored(subject: String, text: String, html: String) -> Self {
        let [text, html] = [text, html].map(|part| part.replace("\r\n", "\n").replace('\r', "\n"));
        Self { subject, text, html }
    }

    /// The subject, as it was given.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The plain text, as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The HTML, as it was given.
    #[must_use]
    pub fn html(&self) -> &str {
        &self.html
    }
}

/// Puts values in the place of what stands in double braces, once: what a value says is text, braces and all.
#[must_use]
pub fn fill(template: &str, value: impl Fn(Placeholder) -> String) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = 0;
    for (placeholder, place) in placeholders(template).flatten() {
        filled.push_str(&template[rest..place.start]);
        filled.push_str(&value(placeholder));
        rest = place.end;
    }
    filled.push_str(&template[rest..]);
    filled
}

/// What stands in double braces, and where; or what is written there that means nothing.
fn placeholders(text: &str) -> impl Iterator<Item = std::result::Result<(Placeholder, Range<usize>), &str>> {
    text.match_indices("{{").map(|(start, _)| {
        let inside = &text[start + 2..];
        let end = inside.find("}}").ok_or(inside)?;
        let place = start..start + 2 + end + 2;
        Placeholder::parse(&inside[..end]).map(|placeholder| (placeholder, place)).ok_or(&inside[..end])
    })
}

fn unknown(part: &str, written: &str) -> Error {
    let written: String = written.chars().filter(|letter| !letter.is_control()).take(32).collect();
    invalid(format!(
        "There is no {{{{{written}}}}}, which {part} has: there are link, code, app_name and organization."
    ))
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::because(Code::InvalidTemplate, message.into())
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Link => "{{link}}",
            Self::Code => "{{code}}",
            Self::AppName => "{{app_name}}",
            Self::Organization => "{{organization}}",
        })
    }
}

/// Apps' own words of one database transaction.
pub trait MailTemplateRepository {
    /// An app's own words for a letter in a language, if it has any.
    fn mail_template(&mut self, app: AppId, name: TemplateName) -> Result<Option<MailTemplate>>;

    /// All of an app's own words, by letter and language: one for each of both at most.
    fn mail_templates(&mut self, app: AppId) -> Result<Vec<MailTemplate>>;

    /// Sets them.
    fn put_mail_template(&mut self, template: &MailTemplate) -> Result<()>;

    /// Takes them away; tells whether there were any.
    fn delete_mail_template(&mut self, app: AppId, name: TemplateName) -> Result<bool>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(letter: LetterKind, subject: &str, text: &str, html: &str) -> Result<TemplateWords> {
        TemplateWords::parse(letter, subject, text, html)
    }

    fn html(html: &str) -> Result<TemplateWords> {
        parse(LetterKind::Invitation, "Hello", "{{link}}", html)
    }

    #[test]
    fn values_are_put_in_once_and_nothing_else_is_interpreted() {
        let value = |placeholder| match placeholder {
            Placeholder::Link => "https://x.example".to_owned(),
            Placeholder::Code => "123456".to_owned(),
            Placeholder::AppName => "{{link}} {% if %}".to_owned(),
            Placeholder::Organization => "${7*7}".to_owned(),
        };
        for (template, filled) in [
            ("", ""),
            ("{{link}}", "https://x.example"),
            ("a {{ app_name }} b", "a {{link}} {% if %} b"),
            ("{{organization}}{{link}}", "${7*7}https://x.example"),
            ("{{code}}", "123456"),
            ("{% if x %} {link} ${link} }}", "{% if x %} {link} ${link} }}"),
            ("ä{{link}}🦊", "ähttps://x.example🦊"),
        ] {
            assert_eq!(fill(template, value), filled);
        }
    }

    #[test]
    fn a_letter_needs_its_link_in_both_parts() {
        let (text, page) = ("Go to {{link}}", "<a href=\"{{link}}\">Go</a>");
        let linked = LetterKind::ALL.into_iter().filter(|letter| letter.key() == Some(Placeholder::Link));
        for letter in linked {
            assert!(parse(letter, "{{app_name}}", text, page).is_ok());
            assert!(parse(letter, "Hello", "Go", page).is_err());
            assert!(parse(letter, "Hello", text, "<p>Go</p>").is_err());
            assert!(parse(letter, "Hello {{link}}", text, page).is_err(), "a subject is shown on locked screens");
        }
        assert!(parse(LetterKind::EmailCode, "Hello", "{{code}}", "<b>{{code}}</b>").is_ok());
        for (subject, text, page) in [
            ("{{code}}", "{{code}}", "{{code}}"),
            ("Hello", "Code", "{{code}}"),
            ("Hello", "{{code}}", "Code"),
            ("Hello", "{{code}} {{link}}", "{{code}}"),
            ("Hello", "{{code}}", "<a href=\"{{code}}\">Code</a>"),
        ] {
            assert!(parse(LetterKind::EmailCode, subject, text, page).is_err(), "{subject} {text} {page}");
        }
        assert!(parse(LetterKind::AlreadySignedUp, "Hello", "Go", "<p>Go</p>").is_ok());
        assert!(parse(LetterKind::AlreadySignedUp, "Hello", text, "<p>Go</p>").is_err());
        assert!(parse(LetterKind::VerifyEmail, "Hello {{organization}}", text, page).is_err());
    }

    #[test]
    fn what_is_no_template_is_told_so() {
        for (subject, text) in [
            ("", "{{link}}"),
            ("Hello\r\nBcc: eve@example.com", "{{link}}"),
            ("Hello", "{{link}} {{password}}"),
            ("Hello", "{{link}} {{link"),
            ("Hello", "{{link}} {{{link}}}"),
            ("Hello", "{{link}}\0"),
            ("{{ }}", "{{link}}"),
        ] {
            let told = parse(LetterKind::Invitation, subject, text, "{{link}}").unwrap_err();
            assert_eq!(told.code, Code::InvalidTemplate, "{subject:?} {text:?}");
            assert!(!told.message.contains('\n'), "{told}");
        }
        assert!(parse(LetterKind::Invitation, &"x".repeat(201), "{{link}}", "{{link}}").is_err());
        assert!(parse(LetterKind::Invitation, "x", &"{{link}}".repeat(3000), "{{link}}").is_err());
        assert!(html(&"{{link}}".repeat(9000)).is_err());
    }

    #[test]
    fn a_line_ends_in_one_way() {
        let words = parse(LetterKind::Invitation, "Hello", "Go\r\n{{link}}\n", "<p>\r\n{{link}}").unwrap();
        assert_eq!((words.text(), words.html()), ("Go\n{{link}}\n", "<p>\n{{link}}"));
        for bare in ["Go\r{{link}}", "{{link}}\r", "\r\r\n{{link}}"] {
            assert!(parse(LetterKind::Invitation, "Hello", bare, "{{link}}").is_err(), "{bare:?}");
            assert!(html(bare).is_err(), "{bare:?}");
        }
        let stored = TemplateWords::from_stored("Hello".to_owned(), "a\r\nb\rc".to_owned(), "\r.\r\n".to_owned());
        assert_eq!((stored.text(), stored.html()), ("a\nb\nc", "\n.\n"));
    }

    #[test]
    fn in_html_a_value_stands_where_it_stays_text() {
        assert!(html("<a href=\"{{link}}\">{{organization}}</a> {{link}}").is_ok());
        let told = html("<img src=\"{{link}}\">{{link}}").unwrap_err();
        assert_eq!(told.code, Code::InvalidTemplate);
    }
}
