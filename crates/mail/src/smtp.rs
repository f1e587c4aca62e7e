//! Mail by SMTP.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use kernel::Email;
use lettre::{
    Address,
    message::{
        MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error,
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Rcpt},
    },
};
use platform::mailer::{Letter, MailError, Mailer, Sending};
use tokio::time::timeout;
use uuid::Uuid;

use self::server::Server;
use crate::{
    invalid,
    message::Message,
    sender::{Sender, one_line},
};

mod server;

/// From looking the server up to its last word on one letter.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection is worth another letter: well below the time after which servers and routers forget it.
const FRESH: Duration = Duration::from_secs(30);

/// How many connections are kept when nothing is sent.
const KEPT: usize = 4;

/// Sends by one SMTP server, over connections that are kept for the next letter.
///
/// Not lettre's own pool: that one takes a connection back from a conversation that was cut off. The next letter would
/// wait there for the answer to the one before, or end up in its body, and so with its reader. Here only a connection
/// whose last letter was acknowledged is kept, and any other is closed.
pub struct Smtp {
    server: Server,
    sender: Sender,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    /// # Errors
    /// `invalid_setting` when `url` is not one of an SMTP server.
    pub fn new(url: &str, sender: Sender) -> kernel::Result<Self> {
        let server = Server::parse(url).map_err(|problem| invalid("SMTP_URL", &problem))?;
        if server.in_clear() {
            tracing::warn!(
                "mail: SMTP_URL asks for no TLS, so that links and the password can be read on the way: use smtps:// or \
                 ?tls=required"
            );
        }
        Ok(Self { server, sender, idle: Mutex::default() })
    }

    async fn deliver(&self, to: &Email, letter: &Letter) -> Result<(), MailError> {
        let address: Address =
            to.as_str().parse().map_err(|_| refused("the recipient's address is not one for SMTP"))?;
        let mail = self.mail(&address, letter)?;
        let conversation = async {
            let mut connection = self.connection().await?;
            self.hand_over(&mut connection, address, &mail).await?;
            self.keep(connection);
            Ok(())
        };
        timeout(PATIENCE, conversation).await.unwrap_or_else(|_| {
            Err(MailError::NotNow(format!("the SMTP server took longer than {} seconds", PATIENCE.as_secs())))
        })
    }

    /// The letter as it goes over the wire.
    fn mail(&self, to: &Address, letter: &Letter) -> Result<Vec<u8>, MailError> {
        let message = Message::new(letter)?;
        let id = format!("<{}@{}>", Uuid::new_v4(), self.sender.address().domain());
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let mail = lettre::Message::builder()
            .from(self.sender.mailbox(&message.from_name))
            .to(to.clone().into())
            .subject(message.subject)
            .message_id(Some(id))
            .date_now()
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(message.text, message.html))
            .map_err(|_| refused("the letter cannot be written as a mail"))?;
        Ok(mail.formatted())
    }

    /// A connection that stands, with its user signed in.
    async fn connection(&self) -> Result<AsyncSmtpConnection, MailError> {
        while let Some((mut connection, since)) = self.take() {
            if since.elapsed() < FRESH && connection.test_connected().await {
                return Ok(connection);
            }
        }
        self.server.connect().await
    }

    fn take(&self) -> Option<(AsyncSmtpConnection, Instant)> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push((connection, Instant::now()));
        }
    }

    async fn hand_over(&self, server: &mut AsyncSmtpConnection, to: Address, mail: &[u8]) -> Result<(), MailError> {
        let recipient = to.to_string();
        // A server repeats addresses in its answers, and they end in the log.
        let answer = |error: &Error| error.to_string().replace(&recipient, "…");
        let failed = |error: Error| classified(&error, &answer(&error));
        server.command(Mail::new(Some(self.sender.address().clone()), Vec::new())).await.map_err(failed)?;
        server.command(Rcpt::new(to, Vec::new())).await.map_err(failed)?;
        server.command(Data).await.map_err(failed)?;
        // From here on the server knows the link, and spam filters repeat the links they do not like.
        let accepted = server.message(mail).await;
        accepted.map(drop).map_err(|error| classified(&error, &without_words(&error)))
    }
}

impl Mailer for Smtp {
    fn send<'a>(&'a self, to: &'a Email, letter: &'a Letter) -> Sending<'a> {
        Box::pin(self.deliver(to, letter))
    }
}

/// 5xx is the last word on a letter, unless it is on our sign-in: that one can be mended, and the letter be sent then.
fn classified(error: &Error, answer: &str) -> MailError {
    let reason = format!("SMTP: {}", one_line(answer));
    let sign_in = error.status().map(u16::from).is_some_and(|code| matches!(code, 530 | 534 | 535 | 538));
    if error.is_permanent() && !sign_in { MailError::Refused(reason) } else { MailError::NotNow(reason) }
}

/// What went wrong, without the server's own words.
fn without_words(error: &Error) -> String {
    match error.status() {
        Some(code) => format!("the server answered {code}"),
        None if error.is_response() => "the server's answer makes no sense".to_owned(),
        None => error.to_string(),
    }
}

fn refused(reason: &str) -> MailError {
    MailError::Refused(reason.to_owned())
}
