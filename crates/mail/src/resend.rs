//! Mail by Resend's HTTP interface.

use std::{error::Error, iter, time::Duration};

use kernel::Email;
use platform::mailer::{Letter, MailError, Mailer, Sending};
use reqwest::{
    Client, Response, StatusCode,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect::Policy,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{invalid, message::Message, sender::Sender};

/// Where Resend is.
pub const PUBLIC: &str = "https://api.resend.com";

/// For one request, from looking the host up to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends by Resend.
pub struct Resend {
    client: Client,
    emails: Url,
    sender: Sender,
}

#[derive(Serialize)]
struct NewEmail<'a> {
    from: String,
    to: [&'a str; 1],
    subject: String,
    text: String,
    html: String,
    headers: Headers,
}

#[derive(Serialize)]
struct Headers {
    #[serde(rename = "Auto-Submitted")]
    auto_submitted: &'static str,
}

/// What Resend says when it does not send; its message may repeat what was sent, its name does not.
#[derive(Deserialize)]
struct Problem {
    name: String,
}

impl Resend {
    /// `base` is where Resend is: `https://api.resend.com`, or a test's own server.
    ///
    /// # Errors
    /// `invalid_setting` when the key or `from` is not one.
    pub fn new(key: &str, from: Option<&str>, base: &str) -> kernel::Result<Self> {
        let sender = Sender::parse("RESEND_FROM_EMAIL", from)?;
        let emails = Url::parse(base).and_then(|base| base.join("/emails"));
        let emails = emails.map_err(|_| invalid("RESEND_API_KEY", "is for a service at an address that is no URL."))?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| invalid("RESEND_API_KEY", "has characters that no key has: copy it again."))?;
        bearer.set_sensitive(true);

        // reqwest takes the process's provider and has none of its own. It does not matter who installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .user_agent(concat!("fabric/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .redirect(Policy::none())
            .timeout(PATIENCE);
        if emails.scheme() == "http" {
            // Without TLS only a server on this machine makes sense, and no proxy leads there.
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| {
            let problem = "needs TLS, which does not start: install ca-certificates, or set SSL_CERT_FILE.";
            invalid("RESEND_API_KEY", problem).caused_by(error)
        })?;
        Ok(Self { client, emails, sender })
    }

    async fn deliver(&self, to: &Email, letter: &Letter) -> Result<(), MailError> {
        let Message { from_name, subject, text, html } = Message::new(letter)?;
        let from = self.sender.mailbox(&from_name).to_string();
        let headers = Headers { auto_submitted: "auto-generated" };
        let email = NewEmail { from, to: [to.as_str()], subject, text, html, headers };
        let answer = self.client.post(self.emails.clone()).json(&email).send().await;
        let answer = answer.map_err(|error| MailError::NotNow(format!("Resend: {}", whole(&error.without_url()))))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status if is_last_word(status) => Err(MailError::Refused(problem(answer).await)),
            _ => Err(MailError::NotNow(problem(answer).await)),
        }
    }
}

impl Mailer for Resend {
    fn send<'a>(&'a self, to: &'a Email, letter: &'a Letter) -> Sending<'a> {
        Box::pin(self.deliver(to, letter))
    }
}

/// Whether the letter itself is not wanted. A key that is not taken, or a domain that is not verified yet, can be
/// mended, and the letter be sent then.
fn is_last_word(status: StatusCode) -> bool {
    status.is_client_error()
        && !matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::REQUEST_TIMEOUT
                | StatusCode::TOO_MANY_REQUESTS
        )
}

async fn problem(mut answer: Response) -> String {
    const ENOUGH: usize = 16 * 1024;

    let status = answer.status();
    let mut body = Vec::new();
    while body.len() < ENOUGH
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    let name = serde_json::from_slice::<Problem>(&body).map(|problem| problem.name);
    let name = name.unwrap_or_default();
    let known = (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if known { format!("Resend: {status}, {name}") } else { format!("Resend: {status}") }
}

/// An error with all that lies behind it.
fn whole(error: &(dyn Error + 'static)) -> String {
    let chain: Vec<_> = iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect();
    chain.join(": ")
}
