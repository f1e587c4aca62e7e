//! A letter as it is read: the words laid out as plain text and as HTML.

use platform::mailer::{Letter, MailError};
use url::Url;

use crate::words::{Words, words};

/// What every mailer sends.
pub struct Message {
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Message {
    /// The letter in the name of `sender`, which is one line.
    ///
    /// # Errors
    /// `Refused` when its link is not one for a browser: no letter carries `javascript:`.
    pub fn new(letter: &Letter, sender: &str) -> Result<Self, MailError> {
        let words = words(letter, sender);
        let link = link(letter).map(followable).transpose()?;
        let text = text(&words, link.as_ref());
        let html = html(&words, link.as_ref());
        Ok(Self { subject: words.subject, text, html })
    }
}

/// What the letter wants followed.
pub fn link(letter: &Letter) -> Option<&str> {
    match letter {
        Letter::VerifyEmail { link, .. } | Letter::ResetPassword { link, .. } | Letter::Invitation { link, .. } => {
            Some(link)
        }
        Letter::AlreadySignedUp { .. } => None,
    }
}

fn followable(link: &str) -> Result<Url, MailError> {
    let url = Url::parse(link).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    url.ok_or_else(|| MailError::Refused("the letter's link is not an http or https URL".to_owned()))
}

fn text(words: &Words, link: Option<&Url>) -> String {
    let mut paragraphs = words.opening.clone();
    paragraphs.extend(link.map(Url::to_string));
    paragraphs.extend_from_slice(&words.closing);
    paragraphs.join("\n\n") + "\n"
}

/// Nothing in it is fetched and nothing runs: no image, no style sheet, no font, no script.
fn html(words: &Words, link: Option<&Url>) -> String {
    let link = link.map(|link| {
        format!(
            include_str!("message/link.html"),
            link = escape(link.as_str()),
            action = escape(words.action),
            instead = escape(words.instead),
        )
    });
    format!(
        include_str!("message/letter.html"),
        language = escape(words.language),
        title = escape(&words.subject),
        opening = paragraphs(&words.opening),
        link = link.unwrap_or_default(),
        closing = paragraphs(&words.closing),
    )
}

fn paragraphs(words: &[String]) -> String {
    words.iter().map(|words| ["<p>", &escape(words), "</p>\n"].concat()).collect()
}

/// For text and for attribute values in either kind of quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://id.example.com/v1/auth/verify?token=t0ken&type=signup";

    fn letters(sender: &str, link: &str) -> [Letter; 4] {
        let (sender, link) = (sender.to_owned(), link.to_owned());
        [
            Letter::VerifyEmail { sender: sender.clone(), link: link.clone() },
            Letter::ResetPassword { sender: sender.clone(), link: link.clone() },
            Letter::AlreadySignedUp { sender: sender.clone() },
            Letter::Invitation { organization: sender.clone(), sender, link },
        ]
    }

    #[test]
    fn every_letter_says_who_and_what_in_both_parts() {
        for letter in letters("Acme", LINK) {
            let message = Message::new(&letter, "Acme").unwrap();
            let about = letter.about();
            assert!(message.subject.contains("Acme") && !message.subject.contains('\n'), "{about}");
            assert!(message.text.contains("Acme") && message.html.contains("Acme"), "{about}");
            let linked = link(&letter).is_some();
            assert_eq!(message.text.lines().any(|line| line == LINK), linked, "{about}");
            let shown = LINK.replace('&', "&amp;");
            assert_eq!(message.html.contains(&format!("href=\"{shown}\"")), linked, "{about}");
            assert_eq!(message.html.contains(&format!(">{shown}</span>")), linked, "{about}");
        }
    }

    #[test]
    fn a_name_stays_text() {
        let sender = r#"<script>alert(1)</script> "'&<img src=https://evil.example/x>"#;
        for letter in letters(sender, LINK) {
            let Message { html, .. } = Message::new(&letter, sender).unwrap();
            assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt; &quot;&#39;&amp;&lt;img src="), "{html}");
            for tag in ["<script", "<img", "<link", "<style", "url("] {
                assert!(!html.contains(tag), "{tag}: {html}");
            }
        }
    }

    #[test]
    fn every_subject_is_one_line() {
        let name = "Acme\r\nBcc: eve@example.com =?utf-8?q?Bank?=";
        // The sender's name comes cleaned; an organization's does not.
        for letter in letters(name, LINK) {
            let Message { subject, .. } = Message::new(&letter, "Acme").unwrap();
            assert!(!subject.contains(['\r', '\n']) && !subject.contains("=?"), "{subject}");
        }
    }

    #[test]
    fn a_link_cannot_leave_its_attribute() {
        let letter = &letters("Acme", "https://id.example.com/\"onclick='x'><script>?a=\"b\r\n<i>")[0];
        let message = Message::new(letter, "Acme").unwrap();
        assert!(!message.html.contains("\"onclick") && !message.html.contains("<script"), "{}", message.html);
        assert!(!message.html.contains("<i>"), "{}", message.html);
    }

    #[test]
    fn only_a_browsers_link_goes_out() {
        for link in ["javascript:alert(1)", "data:text/html,x", "/v1/auth/verify?token=t0ken", ""] {
            let Err(MailError::Refused(reason)) = Message::new(&letters("Acme", link)[0], "Acme") else {
                panic!("{link:?} goes out");
            };
            assert!(!reason.contains("t0ken"), "{reason}");
        }
    }
}
