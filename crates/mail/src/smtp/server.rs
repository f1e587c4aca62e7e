//! The SMTP server that `SMTP_URL` names, and how to get to it.

use std::{borrow::Cow, time::Duration};

use lettre::transport::smtp::{
    Error, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, Tls, TlsParameters},
    extension::ClientId,
};
use percent_encoding::percent_decode_str;
use platform::mailer::MailError;
use url::{Host, Url};

use super::{one_line, without_words};

/// For one of the host's addresses: a dead one leaves time for the next, out of the time for the letter.
const REACH: Duration = Duration::from_secs(4);

/// Where the server is, and how it is spoken to.
pub struct Server {
    host: String,
    port: u16,
    tls: Tls,
    user: Option<Credentials>,
    /// What we call ourselves.
    hello: ClientId,
}

impl Server {
    /// Reads the URLs that lettre reads: `smtps://user:password@host:port/name-for-ehlo`, or `smtp://` with
    /// `?tls=required`, `?tls=opportunistic` or nothing.
    ///
    /// # Errors
    /// What is wrong with the URL, without anything of it.
    pub fn parse(url: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "give one such as smtps://user:password@mail.example.com";
        let url = Url::parse(url).map_err(|_| format!("is not a URL: {EXAMPLE}"))?;
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => return Err(format!("names no host: {EXAMPLE}")),
        };
        let parameters = || {
            let parameters = TlsParameters::new(host.clone());
            parameters.map_err(|_| "names a host that TLS cannot check: give its name in DNS".to_owned())
        };
        let wish = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, wish)| wish);
        let (tls, usual) = match (url.scheme(), wish.as_deref()) {
            ("smtps", None | Some("required")) => (Tls::Wrapper(parameters()?), SUBMISSIONS_PORT),
            ("smtp", Some("required")) => (Tls::Required(parameters()?), SUBMISSION_PORT),
            ("smtp", Some("opportunistic")) => (Tls::Opportunistic(parameters()?), SUBMISSION_PORT),
            ("smtp", None) => (Tls::None, SMTP_PORT),
            ("smtp" | "smtps", Some(_)) => return Err("has a wrong tls: give required or opportunistic".to_owned()),
            _ => return Err(format!("starts with neither smtps:// nor smtp://: {EXAMPLE}")),
        };
        let hello = match url.path().trim_matches('/') {
            "" => ClientId::default(),
            name => ClientId::Domain(name.to_owned()),
        };
        let port = url.port().unwrap_or(usual);
        Ok(Self { port, tls, user: user(&url)?, hello, host })
    }

    /// Whether what goes there can be read on the way.
    pub fn in_clear(&self) -> bool {
        matches!(self.tls, Tls::None) && !matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "::1")
    }

    /// A connection with TLS as it is wished for, and with the user signed in.
    ///
    /// # Errors
    /// `NotNow`, whatever the server says: no letter is to blame for what happens here.
    pub async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        let mut connection = self.open().await.map_err(|error| not_now("cannot be reached", &error.to_string()))?;
        if let Some(user) = &self.user {
            let signed_in = connection.auth(DEFAULT_MECHANISMS, user).await;
            // Without the server's words, which could be ours.
            signed_in.map_err(|error| not_now("does not sign SMTP_URL's user in", &without_words(&error)))?;
        }
        Ok(connection)
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Error> {
        let wrapped = if let Tls::Wrapper(parameters) = &self.tls { Some(parameters.clone()) } else { None };
        let place = (self.host.as_str(), self.port);
        let connected = AsyncSmtpConnection::connect_tokio1(place, Some(REACH), &self.hello, wrapped, None);
        let mut connection = connected.await?;
        match &self.tls {
            Tls::Required(parameters) => connection.starttls(parameters.clone(), &self.hello).await?,
            Tls::Opportunistic(parameters) if connection.can_starttls() => {
                connection.starttls(parameters.clone(), &self.hello).await?;
            }
            _ => {}
        }
        Ok(connection)
    }
}

fn user(url: &Url) -> Result<Option<Credentials>, String> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().map(Cow::into_owned);
        text.map_err(|_| "has a user or password that is not UTF-8".to_owned())
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (_, None) => Err("has a user without a password: give smtps://user:password@host".to_owned()),
        (user, Some(password)) => Ok(Some(Credentials::new(decoded(user)?, decoded(password)?))),
    }
}

fn not_now(what: &str, why: &str) -> MailError {
    MailError::NotNow(format!("the SMTP server {what}: {}", one_line(why)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_follows_the_way_there() {
        for (url, host, port, in_clear) in [
            ("smtps://mail.example.com", "mail.example.com", 465, false),
            ("smtps://u:p@mail.example.com:8465/me.example.com", "mail.example.com", 8465, false),
            ("smtp://mail.example.com?tls=required", "mail.example.com", 587, false),
            ("smtp://mail.example.com?tls=opportunistic", "mail.example.com", 587, false),
            ("smtp://mail.example.com", "mail.example.com", 25, true),
            ("smtp://localhost:1025", "localhost", 1025, false),
            ("smtp://[::1]:1025", "::1", 1025, false),
        ] {
            let server = Server::parse(url).unwrap();
            assert_eq!((server.host.as_str(), server.port, server.in_clear()), (host, port, in_clear), "{url}");
        }
    }

    #[test]
    fn user_and_password_are_decoded() {
        let server = Server::parse("smtps://me%40example.com:p%3Aa%2Fs+s@mail.example.com").unwrap();
        assert_eq!(server.user, Some(Credentials::new("me@example.com".to_owned(), "p:a/s+s".to_owned())));
        assert_eq!(Server::parse("smtps://mail.example.com").unwrap().user, None);
    }
}
