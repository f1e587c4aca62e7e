//! A letter as it is read: the words laid out as plain text and as HTML.

use apps::{Color, Placeholder, TemplateWords, mail_template::fill};
use platform::mailer::{About, Brand, Letter, MailError};
use url::Url;

use crate::{
    sender::one_line,
    words::{Words, words},
};

/// What every mailer sends.
pub struct Message {
    /// The name beside the address that it comes from.
    pub from_name: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Message {
    /// The letter, in the app's own words where it has some.
    ///
    /// # Errors
    /// `Refused` when its link is not one for a browser: no letter carries `javascript:`.
    pub fn new(letter: &Letter) -> Result<Self, MailError> {
        let (name, from_name) = (one_line(&letter.brand.name), one_line(&letter.brand.from_name));
        let link = letter.link().map(followable).transpose()?;
        if let Some(template) = &letter.template {
            return Ok(of_template(letter, template, &name, from_name, link.as_ref()));
        }
        let words = words(letter, &name);
        let text = text(&words, link.as_ref());
        let html = html(letter, &name, &words, link.as_ref());
        Ok(Self { from_name, subject: words.subject, text, html })
    }
}

/// The app's own words. What is put into them is one line of text in all three parts, and escaped in HTML.
fn of_template(
    letter: &Letter,
    template: &TemplateWords,
    name: &str,
    from_name: String,
    link: Option<&Url>,
) -> Message {
    let value = |placeholder| match (placeholder, &letter.about) {
        (Placeholder::Link, _) => link.map(Url::to_string).unwrap_or_default(),
        (Placeholder::Code, _) => letter.code().unwrap_or_default().to_owned(),
        (Placeholder::AppName, _) => name.to_owned(),
        (Placeholder::Organization, About::Invitation { organization, .. }) => one_line(organization),
        (Placeholder::Organization, _) => String::new(),
    };
    Message {
        from_name,
        subject: one_line(&fill(template.subject(), value)),
        text: fill(template.text(), value),
        html: fill(template.html(), |placeholder| escape(&value(placeholder))),
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

/// Nothing runs in it, and nothing is fetched but the app's logo: no style sheet, no font, no script, and nothing that
/// tells one reader from another.
fn html(letter: &Letter, name: &str, words: &Words, link: Option<&Url>) -> String {
    let Brand { logo, color, .. } = &letter.brand;
    let logo = logo
        .as_ref()
        .map(|logo| format!(include_str!("message/logo.html"), logo = escape(logo.as_str()), name = escape(name)));
    let link = link.map(|link| {
        format!(
            include_str!("message/link.html"),
            link = escape(link.as_str()),
            action = escape(words.action),
            instead = escape(words.instead),
            color = color.as_ref().map_or("#1f2937", Color::as_str),
            ink = if color.as_ref().is_none_or(Color::is_dark) { "#ffffff" } else { "#000000" },
        )
    });
    format!(
        include_str!("message/letter.html"),
        language = letter.locale,
        title = escape(&words.subject),
        logo = logo.unwrap_or_default(),
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
    use kernel::Locale;

    use super::*;

    const LINK: &str = "https://id.example.com/v1/auth/verify?token=t0ken&type=signup";

    fn letters(sender: &str, link: &str) -> Vec<Letter> {
        let link = link.to_owned();
        let abouts = [
            About::VerifyEmail { link: link.clone() },
            About::ResetPassword { link: link.clone() },
            About::Invitation { organization: sender.to_owned(), link: link.clone() },
            About::MagicLink { link: link.clone() },
            About::ChangeEmail { link: link.clone() },
            About::EmailChanged { link },
            About::EmailCode { code: "123456".to_owned() },
            About::AlreadySignedUp,
            About::AddressLeft,
            About::WebhookDisabled { organization: sender.to_owned(), target: "https://hooks.example.com".to_owned() },
        ];
        let in_all_languages = |about: &About| {
            let letter = |locale| Letter { about: about.clone(), locale, brand: Brand::named(sender), template: None };
            Locale::ALL.map(letter)
        };
        abouts.iter().flat_map(in_all_languages).collect()
    }

    #[test]
    fn every_letter_says_who_and_what_in_both_parts() {
        for letter in letters("Acme", LINK) {
            let message = Message::new(&letter).unwrap();
            let about = format!("{} {}", letter.about(), letter.locale);
            assert!(message.subject.contains("Acme") && !message.subject.contains('\n'), "{about}");
            assert!(message.text.contains("Acme") && message.html.contains("Acme"), "{about}");
            assert!(message.html.contains(&format!("<html lang=\"{}\">", letter.locale)), "{about}");
            let linked = letter.link().is_some();
            assert_eq!(message.text.lines().any(|line| line == LINK), linked, "{about}");
            let shown = LINK.replace('&', "&amp;");
            assert_eq!(message.html.contains(&format!("href=\"{shown}\"")), linked, "{about}");
            assert_eq!(message.html.contains(&format!(">{shown}</span>")), linked, "{about}");
            assert_eq!(message.text.lines().any(|line| line == "123456"), letter.code().is_some(), "{about}");
            assert_eq!(message.html.contains("<p>123456</p>"), letter.code().is_some(), "{about}");
            assert!(!message.subject.contains("123456"), "a subject is shown on locked screens");
            let target = matches!(letter.about, About::WebhookDisabled { .. });
            assert_eq!(message.text.contains("https://hooks.example.com"), target, "{about}");
        }
    }

    #[test]
    fn languages_differ_in_every_letter() {
        for pair in letters("Acme", LINK).chunks(Locale::ALL.len()) {
            let [one, other] = pair else { panic!("{pair:?}") };
            let (one, other) = (Message::new(one).unwrap(), Message::new(other).unwrap());
            assert!(one.subject != other.subject && one.text != other.text && one.html != other.html);
        }
    }

    #[test]
    fn a_name_stays_text() {
        let sender = r#"<script>alert(1)</script> "'&<img src=https://evil.example/x>"#;
        for letter in letters(sender, LINK) {
            let Message { html, .. } = Message::new(&letter).unwrap();
            assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt; &quot;&#39;&amp;&lt;img src="), "{html}");
            for tag in ["<script", "<img", "<link", "<style", "url("] {
                assert!(!html.contains(tag), "{tag}: {html}");
            }
        }
    }

    #[test]
    fn every_subject_is_one_line() {
        let name = "Acme\r\nBcc: eve@example.com =?utf-8?q?Bank?=";
        for letter in letters(name, LINK) {
            let Message { from_name, subject, .. } = Message::new(&letter).unwrap();
            for line in [subject, from_name] {
                assert!(!line.contains(['\r', '\n']) && !line.contains("=?"), "{line}");
            }
        }
    }

    #[test]
    fn a_link_cannot_leave_its_attribute() {
        let letter = &letters("Acme", "https://id.example.com/\"onclick='x'><script>?a=\"b\r\n<i>")[0];
        let message = Message::new(letter).unwrap();
        assert!(!message.html.contains("\"onclick") && !message.html.contains("<script"), "{}", message.html);
        assert!(!message.html.contains("<i>"), "{}", message.html);
    }

    #[test]
    fn only_a_browsers_link_goes_out() {
        for link in ["javascript:alert(1)", "data:text/html,x", "/v1/auth/verify?token=t0ken", ""] {
            let Err(MailError::Refused(reason)) = Message::new(&letters("Acme", link)[0]) else {
                panic!("{link:?} goes out");
            };
            assert!(!reason.contains("t0ken"), "{reason}");
        }
    }
}
