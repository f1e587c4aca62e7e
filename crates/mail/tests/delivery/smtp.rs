//! By SMTP.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use apps::{Color, LetterKind, TemplateWords};
use kernel::{Locale, WebUrl};
use platform::mailer::{About, Brand, Letter, MailError, Mailer};
use tempfile::TempDir;
use tokio::select;
use tracing_subscriber::fmt::MakeWriter;

use super::{LINK, alone, certificate, email, invitation, letter, smtp_mailer, smtp_server::SmtpServer, written};

async fn refusal(mailer: &dyn Mailer, to: &str) -> String {
    match mailer.send(&email(to), &letter("Acme")).await {
        Err(MailError::Refused(reason)) => reason,
        other => panic!("{to}: {other:?}"),
    }
}

async fn delay(mailer: &dyn Mailer, to: &str) -> String {
    match mailer.send(&email(to), &letter("Acme")).await {
        Err(MailError::NotNow(reason)) => reason,
        other => panic!("{to}: {other:?}"),
    }
}

#[tokio::test]
async fn a_letter_arrives_with_its_headers_and_both_parts() {
    let mut server = SmtpServer::start(&[]);
    let mailer = smtp_mailer(&server.url());
    mailer.send(&email("alice@example.com"), &letter("Zoë's 🦊 Agency")).await.unwrap();

    let mail = server.arrived();
    assert_eq!(mail.mail_from, "no-reply@example.com");
    assert_eq!(mail.recipients, ["alice@example.com"]);
    assert_eq!(mail.sender, [("Zoë's 🦊 Agency".to_owned(), "no-reply@example.com".to_owned())]);
    assert_eq!(mail.header("To"), "alice@example.com");
    assert_eq!(mail.header("Subject"), "Confirm your e-mail address for Zoë's 🦊 Agency");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert!(mail.header("Message-ID").ends_with("@example.com>"), "{:?}", mail.headers);
    assert!(!mail.header("Date").is_empty());
    assert_eq!(mail.content_type, "multipart/alternative");
    let [(plain, text), (rich, html)] = &mail.parts[..] else { panic!("{:?}", mail.parts) };
    assert_eq!((plain.as_str(), rich.as_str()), ("text/plain", "text/html"));
    assert!(text.lines().any(|line| line == LINK), "{text}");
    assert!(html.contains(&LINK.replace('&', "&amp;")), "{html}");
    assert_eq!(mail.defects, [""; 0]);
    assert!(mail.raw.lines().all(|line| line.len() <= 998), "{}", mail.raw);
}

#[tokio::test]
async fn an_invitation_arrives_and_its_organization_makes_no_header() {
    let mut server = SmtpServer::start(&[]);
    let mailer = smtp_mailer(&server.url());
    for (organization, shown) in [
        ("Zoë's 🦊 Agency", "Zoë's 🦊 Agency"),
        ("Crew\r\nBcc: eve@example.com\r\n\r\n<script>", "Crew Bcc: eve@example.com <script>"),
        ("=?utf-8?q?Bank?=", "= ?utf-8?q?Bank?="),
    ] {
        mailer.send(&email("alice@example.com"), &invitation(organization)).await.unwrap();
        let mail = server.arrived();
        assert_eq!(mail.sender, [("Acme".to_owned(), "no-reply@example.com".to_owned())]);
        assert_eq!(mail.recipients, ["alice@example.com"]);
        assert_eq!(mail.header("Subject"), format!("Join {shown} at Acme"));
        assert!(!mail.headers.iter().any(|(name, _)| name == "Bcc"), "{:?}", mail.headers);
        let [(_, text), (_, html)] = &mail.parts[..] else { panic!("{:?}", mail.parts) };
        assert!(text.lines().any(|line| line == LINK) && html.contains(&LINK.replace('&', "&amp;")), "{text}\n{html}");
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(mail.defects, [""; 0]);
    }
}

#[tokio::test]
async fn no_name_makes_a_header_or_another_sender() {
    let mut server = SmtpServer::start(&[]);
    let mailer = smtp_mailer(&server.url());
    for (sender, shown) in [
        ("Acme\r\nBcc: eve@example.com\r\n\r\n<script>", "Acme Bcc: eve@example.com <script>"),
        ("Acme\nX-Evil: 1\r.\r\nQUIT\r\n", "Acme X-Evil: 1 . QUIT"),
        ("\"Bank\" <bank@example.org>, Acme", "\"Bank\" <bank@example.org>, Acme"),
        ("Acme <bank@example.org>", "Acme <bank@example.org>"),
        ("Zoë\r\nBcc: eve@example.com", "Zoë Bcc: eve@example.com"),
        ("back\\slash\" \\", "back\\slash\" \\"),
    ] {
        mailer.send(&email("alice@example.com"), &letter(sender)).await.unwrap();
        let mail = server.arrived();
        assert_eq!(mail.sender, [(shown.to_owned(), "no-reply@example.com".to_owned())], "{}", mail.raw);
        assert_eq!(mail.recipients, ["alice@example.com"]);
        assert_eq!(mail.header("Subject"), format!("Confirm your e-mail address for {shown}"));
        let mut names: Vec<_> = mail.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let known = ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"];
        assert_eq!(names, known, "{sender:?}");
        assert_eq!(mail.parts.len(), 2, "{sender:?}");
    }
}

#[tokio::test]
async fn an_apps_own_words_make_no_header_and_no_markup() {
    let mut server = SmtpServer::start(&[]);
    let mailer = smtp_mailer(&server.url());
    let html = "<p>{{app_name}}</p><p>{{organization}}</p><a href=\"{{link}}\">Los</a>";
    let words = TemplateWords::parse(
        LetterKind::Invitation,
        "{{organization}} 🦊 {{app_name}} =?utf-8?q?Bank?=",
        "Grüße von {{app_name}}\n{{organization}}\n.\n{{link}}\n",
        html,
    );
    let name = "Crew\r\nBcc: eve@example.com\r\n\r\n<script>{{link}}";
    let about = About::Invitation { organization: name.to_owned(), link: LINK.to_owned() };
    let letter = Letter {
        template: Some(words.unwrap()),
        locale: Locale::De,
        brand: Brand { from_name: "Bank\r\nCc: eve@example.com".to_owned(), ..Brand::named("Acme & Söhne") },
        ..written(about, "")
    };
    mailer.send(&email("alice@example.com"), &letter).await.unwrap();
    let mail = server.arrived();
    let shown = "Crew Bcc: eve@example.com <script>{{link}}";
    assert_eq!(mail.sender, [("Bank Cc: eve@example.com".to_owned(), "no-reply@example.com".to_owned())]);
    assert_eq!(mail.recipients, ["alice@example.com"]);
    assert_eq!(mail.header("Subject"), format!("{shown} 🦊 Acme & Söhne = ?utf-8?q?Bank?="));
    assert!(!mail.headers.iter().any(|(name, _)| name == "Bcc" || name == "Cc"), "{:?}", mail.headers);
    let [(_, text), (_, html)] = &mail.parts[..] else { panic!("{:?}", mail.parts) };
    assert_eq!(text.replace("\r\n", "\n"), format!("Grüße von Acme & Söhne\n{shown}\n.\n{LINK}\n"));
    let escaped = "Crew Bcc: eve@example.com &lt;script&gt;{{link}}";
    let link = LINK.replace('&', "&amp;");
    let expected = format!("<p>Acme &amp; Söhne</p><p>{escaped}</p><a href=\"{link}\">Los</a>");
    assert_eq!(html.trim_end(), expected);
    assert_eq!(mail.defects, [""; 0]);
}

#[tokio::test]
async fn a_letter_arrives_in_its_language_and_with_its_apps_looks() {
    let mut server = SmtpServer::start(&[]);
    let mailer = smtp_mailer(&server.url());
    let brand = Brand {
        from_name: "Müller & Söhne".to_owned(),
        logo: Some(WebUrl::parse("https://cdn.example.com/logo.png?a=1&b=\"2").unwrap()),
        color: Some(Color::parse("#ffee00").unwrap()),
        ..Brand::named("Müller")
    };
    let letter = Letter { locale: Locale::De, brand, ..letter("") };
    mailer.send(&email("alice@example.com"), &letter).await.unwrap();
    let mail = server.arrived();
    assert_eq!(mail.sender, [("Müller & Söhne".to_owned(), "no-reply@example.com".to_owned())]);
    assert_eq!(mail.header("Subject"), "Bestätigen Sie Ihre E-Mail-Adresse für Müller");
    assert_eq!(mail.content_type, "multipart/alternative");
    let [(_, text), (_, html)] = &mail.parts[..] else { panic!("{:?}", mail.parts) };
    assert!(text.contains("Wenn Sie es nicht waren") && !text.contains("logo"), "{text}");
    for part in [
        "lang=\"de\"",
        "src=\"https://cdn.example.com/logo.png?a=1&amp;b=&quot;2\" alt=\"Müller\"",
        "background: #ffee00; color: #000000",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert_eq!(html.matches("src=").count(), 1, "nothing else is fetched: {html}");
}

#[tokio::test]
async fn a_refusal_is_for_good_and_a_delay_is_not() {
    let mut server = SmtpServer::start(&[]);
    let mailer = smtp_mailer(&server.url());
    let reason = refusal(&*mailer, "nobody@example.com").await;
    assert!(reason.contains("550") && !reason.contains("nobody@"), "{reason}");
    let reason = delay(&*mailer, "later@example.com").await;
    assert!(reason.contains("451") && !reason.contains("later@"), "{reason}");
    // The server repeats the link.
    let reason = refusal(&*mailer, "spam@example.com").await;
    assert!(reason.contains("554") && !reason.contains("t0ken"), "{reason}");
    assert_eq!(server.arrived().recipients, ["spam@example.com"]);

    mailer.send(&email("alice@example.com"), &letter("Acme")).await.unwrap();
    assert_eq!(server.arrived().recipients, ["alice@example.com"]);
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mailer = smtp_mailer(&format!("smtp://127.0.0.1:{port}"));
    delay(&*mailer, "alice@example.com").await;

    // And what was kept of it does no harm.
    let mut server = SmtpServer::start(&["--port", &port.to_string()]);
    mailer.send(&email("alice@example.com"), &letter("Acme")).await.unwrap();
    server.arrived();
    drop(server);
    delay(&*mailer, "alice@example.com").await;
    let mut server = SmtpServer::start(&["--port", &port.to_string()]);
    mailer.send(&email("alice@example.com"), &letter("Acme")).await.unwrap();
    server.arrived();
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mailer = smtp_mailer(&format!("smtp://{}", silent.local_addr().unwrap()));
    let reason = delay(&*mailer, "alice@example.com").await;
    assert_eq!(reason, "the SMTP server took longer than 10 seconds");
}

/// Answers each command with the next line, and the letter with a line of it.
fn babbling(listener: &TcpListener) {
    let mut stream = BufReader::new(listener.accept().unwrap().0);
    let mut line = String::new();
    for answer in ["220 mail.example.com", "250 mail.example.com", "250 OK", "250 OK", "354 Go on"] {
        stream.get_mut().write_all(format!("{answer}\r\n").as_bytes()).unwrap();
        line.clear();
        stream.read_line(&mut line).unwrap();
    }
    while !line.contains("t0ken") {
        line.clear();
        stream.read_line(&mut line).unwrap();
    }
    stream.get_mut().write_all(line.as_bytes()).unwrap();
    // Until the other side hangs up.
    let _ = stream.read_to_end(&mut Vec::new());
}

#[tokio::test]
async fn no_answer_brings_a_link_into_the_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mailer = smtp_mailer(&format!("smtp://{}", listener.local_addr().unwrap()));
    let server = thread::spawn(move || babbling(&listener));
    let reason = delay(&*mailer, "alice@example.com").await;
    assert_eq!(reason, "SMTP: the server's answer makes no sense");
    server.join().unwrap();
}

#[tokio::test]
async fn letters_share_a_connection() {
    let mut server = SmtpServer::start(&[]);
    let mailer = smtp_mailer(&server.url());
    let mut connections = Vec::new();
    for to in ["alice@example.com", "bob@example.com", "carol@example.com"] {
        mailer.send(&email(to), &letter("Acme")).await.unwrap();
        connections.push(server.arrived().connection);
    }
    connections.dedup();
    assert_eq!(connections.len(), 1);
}

#[tokio::test]
async fn a_letter_never_goes_where_another_one_was_cut_off() {
    let mut server = SmtpServer::start(&[]);
    let mailer = smtp_mailer(&server.url());
    let (slow, lost) = (email("slow@example.com"), letter("Acme"));
    let mut sending = mailer.send(&slow, &lost);
    let (server, arrived) = {
        let listening = tokio::task::spawn_blocking(move || {
            let arrived = server.arrived();
            (server, arrived)
        });
        select! {
            _ = &mut sending => panic!("slow@ gets no answer"),
            listened = listening => listened.unwrap(),
        }
    };
    drop(sending);

    let mut server = server;
    let next = written(About::AlreadySignedUp, "Acme");
    mailer.send(&email("bob@example.com"), &next).await.unwrap();
    let mail = server.arrived();
    assert_eq!(mail.recipients, ["bob@example.com"]);
    assert_ne!(mail.connection, arrived.connection);
    assert!(!mail.raw.contains("t0ken"), "{}", mail.raw);
    assert_eq!(server.stop(), 0);
}

#[tokio::test]
async fn a_password_that_is_not_taken_can_be_mended() {
    let mut server = SmtpServer::start(&["--user", "me@example.com:p:a/s s"]);
    let to = "alice@example.com";
    for user in ["", "me%40example.com:hush@"] {
        let mailer = smtp_mailer(&format!("smtp://{user}127.0.0.1:{}", server.port));
        let reason = delay(&*mailer, to).await;
        assert!(reason.contains("53") && !reason.contains("hush"), "{reason}");
    }
    let mailer = smtp_mailer(&format!("smtp://me%40example.com:p%3Aa%2Fs%20s@127.0.0.1:{}", server.port));
    mailer.send(&email(to), &letter("Acme")).await.unwrap();
    assert_eq!(server.arrived().user.as_deref(), Some("me@example.com"));
}

#[tokio::test]
async fn tls_is_there_when_it_is_required() {
    let mut server = SmtpServer::start(&[]);
    let reason = delay(&*smtp_mailer(&(server.url() + "?tls=required")), "alice@example.com").await;
    assert!(reason.contains("STARTTLS"), "{reason}");
    let opportunistic = smtp_mailer(&(server.url() + "?tls=opportunistic"));
    opportunistic.send(&email("alice@example.com"), &letter("Acme")).await.unwrap();
    assert!(!server.arrived().encrypted);
    assert_eq!(server.stop(), 0);
}

#[tokio::test]
async fn a_server_without_a_trusted_certificate_gets_nothing() {
    let folder = TempDir::new().unwrap();
    let certificate = certificate::make(folder.path());
    for (tls, scheme, wish) in [("wrapped", "smtps", ""), ("starttls", "smtp", "?tls=required")] {
        let server = SmtpServer::start(&["--tls", tls, "--certificate", certificate.to_str().unwrap()]);
        let mailer = smtp_mailer(&format!("{scheme}://me:hush@127.0.0.1:{}{wish}", server.port));
        let reason = delay(&*mailer, "alice@example.com").await;
        assert!(reason.contains("certificate"), "{reason}");
        assert_eq!(server.stop(), 0);
    }
}

#[tokio::test]
async fn a_server_with_a_trusted_certificate_gets_letters() {
    let test = "smtp::a_server_with_a_trusted_certificate_gets_letters";
    let Some(certificate) = certificate::trusted(test) else { return };
    for (tls, scheme, wish) in
        [("wrapped", "smtps", ""), ("starttls", "smtp", "?tls=required"), ("starttls", "smtp", "?tls=opportunistic")]
    {
        let mut server = SmtpServer::start(&["--tls", tls, "--certificate", certificate.to_str().unwrap()]);
        let mailer = smtp_mailer(&format!("{scheme}://127.0.0.1:{}{wish}", server.port));
        mailer.send(&email("alice@example.com"), &letter("Acme")).await.unwrap();
        assert!(server.arrived().encrypted, "{tls}{wish}");
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_level_shows_a_link_or_the_password() {
    // Alone, because `tracing` remembers from other threads that nobody listens.
    if !alone("smtp::no_log_level_shows_a_link_or_the_password", &[]) {
        return;
    }
    let lines = Lines::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut server = SmtpServer::start(&["--user", "me:hush"]);
    let mailer = smtp_mailer(&format!("smtp://me:hush@127.0.0.1:{}", server.port));
    tracing::trace!("listening");
    mailer.send(&email("alice@example.com"), &letter("Acme")).await.unwrap();
    server.arrived();

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("listening"), "{log}");
    // "AG1lAGh1c2g=" is what `AUTH PLAIN` makes of them.
    for secret in ["t0ken", "hush", "AG1lAGh1c2g"] {
        assert!(!log.contains(secret), "{log}");
    }
}
