//! By Resend's HTTP interface.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    thread::{self, JoinHandle},
};

use fabric_mail::Resend;
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};
use platform::mailer::{MailError, Mailer};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{LINK, certificate, email, letter};

const KEY: &str = "re_hush";

fn resend(base: &str) -> Resend {
    Resend::new(KEY, Some("no-reply@example.com"), base).unwrap()
}

/// Head and body of a request.
type Request = (String, String);

/// Answers one request with `status` and `body`, and gives what was asked: nothing, when no request came.
fn answering(status: u16, body: &str) -> (String, JoinHandle<Option<Request>>) {
    serving(None, status, body)
}

fn serving(certificate: Option<&Path>, status: u16, body: &str) -> (String, JoinHandle<Option<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let scheme = if certificate.is_some() { "https" } else { "http" };
    let base = format!("{scheme}://{}", listener.local_addr().unwrap());
    let acceptor = certificate.map(|file| {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_private_key_file(file, SslFiletype::PEM).unwrap();
        acceptor.set_certificate_chain_file(file).unwrap();
        acceptor.build()
    });
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} So\r\nContent-Length: {length}\r\nLocation: {base}/other\r\n\r\n{body}");
    let served = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        match acceptor {
            None => Some(serve(stream, &answer)),
            Some(acceptor) => acceptor.accept(stream).ok().map(|stream| serve(stream, &answer)),
        }
    });
    (base, served)
}

fn serve(stream: impl Read + Write, answer: &str) -> Request {
    let mut stream = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        assert_ne!(stream.read_line(&mut head).unwrap(), 0);
        if let Some(value) = head[start..].strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    stream.get_mut().write_all(answer.as_bytes()).unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn a_letter_is_one_request() {
    let (base, served) = answering(200, r#"{"id":"49a3999c"}"#);
    let name = "Zoë\r\nBcc: eve@example.com";
    resend(&base).send(&email("alice@example.com"), &letter(name)).await.unwrap();

    let (head, body) = served.join().unwrap().unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /emails HTTP/1.1"));
    let headers: Vec<_> = lines.collect();
    assert!(headers.contains(&"authorization: Bearer re_hush"), "{head}");
    assert!(headers.contains(&"content-type: application/json"), "{head}");
    // Resend refuses requests without one.
    assert!(headers.iter().any(|header| header.starts_with("user-agent: fabric/")), "{head}");

    let mut email: Value = serde_json::from_str(&body).unwrap();
    let text = email["text"].take();
    assert!(text.as_str().unwrap().lines().any(|line| line == LINK), "{text}");
    let html = email["html"].take();
    assert!(html.as_str().unwrap().contains(&LINK.replace('&', "&amp;")), "{html}");
    let expected = json!({
        "from": "\"Zoë Bcc: eve@example.com\" <no-reply@example.com>",
        "to": ["alice@example.com"],
        "subject": "Confirm your e-mail address for Zoë Bcc: eve@example.com",
        "text": null,
        "html": null,
        "headers": {"Auto-Submitted": "auto-generated"},
    });
    assert_eq!(email, expected);
}

#[tokio::test]
async fn answers_are_for_good_or_for_now() {
    for (status, name, for_good) in [
        (400, "validation_error", true),
        (404, "not_found", true),
        (413, "too_large", true),
        (422, "invalid_to_address", true),
        (302, "moved", false),
        // These two can be mended: a key that is not taken, a domain that is not verified.
        (401, "missing_api_key", false),
        (403, "validation_error", false),
        (429, "rate_limit_exceeded", false),
        (500, "internal_server_error", false),
        (503, "unavailable", false),
    ] {
        let problem = json!({"statusCode": 0, "name": name, "message": format!("{LINK} {KEY} alice@example.com")});
        let (base, served) = answering(status, &problem.to_string());
        let answer = resend(&base).send(&email("alice@example.com"), &letter("Acme")).await;
        served.join().unwrap();
        let reason = match answer {
            Err(MailError::Refused(reason)) if for_good => reason,
            Err(MailError::NotNow(reason)) if !for_good => reason,
            other => panic!("{status}: {other:?}"),
        };
        let known = reason.starts_with(&format!("Resend: {status} ")) && reason.ends_with(&format!(", {name}"));
        assert!(known, "{reason}");
        for private in ["t0ken", KEY, "alice@"] {
            assert!(!reason.contains(private), "{reason}");
        }
    }
}

#[tokio::test]
async fn an_answer_in_another_shape_is_not_repeated() {
    for body in ["", "<html>t0ken</html>", r#"{"name":"t0ken and\nmore"}"#, r#"{"name":""}"#] {
        let (base, served) = answering(400, body);
        let answer = resend(&base).send(&email("alice@example.com"), &letter("Acme")).await;
        served.join().unwrap();
        assert!(
            matches!(&answer, Err(MailError::Refused(reason)) if reason == "Resend: 400 Bad Request"),
            "{answer:?}"
        );
    }
}

async fn delay(base: &str) -> String {
    match resend(base).send(&email("alice@example.com"), &letter("Acme")).await {
        Err(MailError::NotNow(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let reason = delay(&format!("http://{address}")).await;
    assert!(reason.contains("Connection refused") && !reason.contains(KEY), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let reason = delay(&format!("http://{}", silent.local_addr().unwrap())).await;
    assert!(reason.contains("timed out"), "{reason}");
}

#[tokio::test]
async fn a_server_without_a_trusted_certificate_gets_nothing() {
    let folder = TempDir::new().unwrap();
    let certificate = certificate::make(folder.path());
    let (base, served) = serving(Some(&certificate), 200, "{}");
    let reason = delay(&base).await;
    assert!(reason.contains("certificate"), "{reason}");
    assert_eq!(served.join().unwrap(), None);
}

/// Where the operating system checks certificates itself, it has to be told otherwise whom to trust.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_with_a_trusted_certificate_gets_letters() {
    let test = "resend::a_server_with_a_trusted_certificate_gets_letters";
    let Some(certificate) = certificate::trusted(test) else { return };
    let (base, served) = serving(Some(&certificate), 200, "{}");
    resend(&base).send(&email("alice@example.com"), &letter("Acme")).await.unwrap();
    let (head, _) = served.join().unwrap().unwrap();
    assert!(head.contains("Bearer re_hush"), "{head}");
}
