//! The few pages that Fabric shows itself, for apps that have none of their own: a button, a form, a sentence. No script,
//! nothing from elsewhere, and no other page may frame them.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};

use apps::Origin;

use crate::{
    answer::{Described, NO_SNIFF, NO_STORE, Reply},
    gate::language,
    openapi::Schemas,
    page_words::{Sentence, Speech},
};

/// A page, or the way to one.
pub enum Page {
    /// A sentence, and perhaps where to go from there.
    Message { status: StatusCode, title: Sentence, text: Speech, next: Option<String> },
    /// A form with the token in it; and where the answer to it leads, if that is elsewhere.
    Form { title: Sentence, action: String, token: String, password: bool, button: Sentence, leads_to: Option<String> },
    /// Somewhere else.
    Redirect(String),
    /// Somewhere else after a form was sent, with something in the address that nobody may keep.
    Onward(String),
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem}\
    input,button{font:inherit;padding:.5rem .8rem;width:100%;box-sizing:border-box;margin:.4rem 0}";

/// Nothing but the page's own style and a form to ourselves; browsers hold where its answer leads to the same rule (CSP 3,
/// 6.4.1).
fn policy(leads_to: Option<&str>) -> String {
    let onward = leads_to.and_then(Origin::of_url).map(|origin| format!(" {origin}")).unwrap_or_default();
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'{onward}; frame-ancestors 'none'; base-uri \
         'none'"
    )
}

impl Page {
    /// What went wrong, for a person.
    pub fn failure(error: &kernel::Error) -> Self {
        Self::Message {
            status: StatusCode::BAD_REQUEST,
            title: Sentence::Failed,
            text: Speech::failure(error),
            next: None,
        }
    }
}

impl Reply for Page {
    fn respond(self, http: &HttpRequest) -> HttpResponse {
        let locale = language(http).unwrap_or_default();
        let policy = match &self {
            Self::Form { leads_to, .. } => policy(leads_to.as_deref()),
            _ => policy(None),
        };
        let (status, title, content) = match self {
            Self::Redirect(to) => {
                return HttpResponse::Found()
                    .insert_header((header::LOCATION, to))
                    .insert_header((header::REFERRER_POLICY, "no-referrer"))
                    .finish();
            }
            Self::Onward(to) => {
                return HttpResponse::SeeOther()
                    .insert_header((header::LOCATION, to))
                    .insert_header((header::REFERRER_POLICY, "no-referrer"))
                    .insert_header(NO_STORE)
                    .finish();
            }
            Self::Message { status, title, text, next } => {
                let onward = Sentence::Continue.said(locale);
                let next = next.map(|next| format!("<p><a href=\"{}\">{onward}</a></p>", escape(&next)));
                (status, title, format!("<p>{}</p>{}", escape(&text.said(locale)), next.unwrap_or_default()))
            }
            Self::Form { title, action, token, password, button, leads_to: _ } => {
                let password = if password {
                    let label = Sentence::NewPassword.said(locale);
                    format!(
                        "<label>{label}<input type=\"password\" name=\"new_password\" required minlength=\"8\" \
                         autocomplete=\"new-password\"></label>"
                    )
                } else {
                    String::new()
                };
                let (token, button) = (escape(&token), button.said(locale));
                let form = format!(
                    "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"token\" \
                     value=\"{token}\">{password}<button>{button}</button></form>",
                    escape(&action)
                );
                (StatusCode::OK, title, form)
            }
        };
        let title = title.said(locale);
        let page = format!(
            "<!doctype html><html lang=\"{locale}\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>{title}</title>\
             <style>{STYLE}</style><h1>{title}</h1>{content}</html>"
        );
        HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, policy))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CONTENT_LANGUAGE, locale.as_str()))
            .insert_header(NO_SNIFF)
            .insert_header(NO_STORE)
            .body(page)
    }

    fn describe(_: &mut Schemas) -> Described {
        Described::Raw("text/html")
    }
}

/// Text as it may stand in an element or a quoted attribute.
fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, letter| {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}
