//! What goes through the door, and what does not: with real connections.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use fabric_outbound::{Answering, Client, Limits, Names, Networks};
use platform::courier::{Courier as _, Parcel, Receipt, Undelivered};
use testbed::sink::{Reply, Sink};

const LIMITS: Limits = Limits { whole: Duration::from_millis(600), connect: Duration::from_millis(300) };

fn open() -> Client {
    Client::new(Networks::loopback(), false, LIMITS).unwrap()
}

async fn carried(client: &Client, url: &str) -> Result<Receipt, Undelivered> {
    client.carry(parcel(url, &[]), 100).await
}

fn parcel(url: &str, headers: &[(&str, &str)]) -> Parcel {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Parcel { url: url.to_owned(), headers, body: Arc::from(&b"{\"a\":1}"[..]) }
}

#[tokio::test]
async fn a_parcel_arrives_as_it_was_sent_and_the_answer_comes_back() {
    let headers = vec!["Retry-After: 7".to_owned()];
    let sink = Sink::new(move |_| Reply::With(503, headers.clone(), "not now".to_owned()));
    let sent =
        [("x-one", "1"), ("X-One", "2"), ("x-bad", "a\r\nb"), ("host", "evil"), ("content-length", "1"), ("te", "x")];
    let receipt = open().carry(parcel(&sink.url(), &sent), 4).await.unwrap();
    assert_eq!(receipt, Receipt { status: 503, retry_after: Some("7".to_owned()), answer: b"not ".to_vec() });
    let received = sink.take().remove(0);
    assert_eq!((received.body.as_str(), received.header("x-one")), ("{\"a\":1}", Some("2")));
    assert_eq!(received.header("host"), Some(sink.address.to_string().as_str()));
    assert_eq!(received.header("content-length"), Some("7"));
    for absent in ["x-bad", "te", "accept-encoding", "referer", "cookie"] {
        assert_eq!(received.header(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn attack_45_nothing_inside_is_reached_in_whatever_way_it_is_written() {
    let sink = Sink::content();
    let port = sink.address.port();
    let client = Client::new(Networks::default(), true, LIMITS).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[fd00::1]",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "169.254.169.254",
        "10.0.0.1",
        "100.64.0.1",
        "192.0.0.192",
        "198.18.0.1",
        "255.255.255.255",
        "224.0.0.1",
    ] {
        for scheme in ["http", "https"] {
            let refused = carried(&client, &format!("{scheme}://{host}:{port}/")).await.unwrap_err();
            assert_eq!(refused.0, "this address is not on the public Internet", "{scheme}://{host}");
        }
    }
    // Not every system resolves this one.
    assert!(carried(&client, &format!("http://localhost.:{port}/")).await.is_err());
    assert_eq!(sink.count(), 0);
}

#[tokio::test]
async fn attack_45_only_http_is_spoken() {
    for url in ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "data:,x", "unix:/tmp/x", "x", ""] {
        assert!(carried(&open(), url).await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn attack_45_without_tls_only_allowed_networks_are_reached() {
    let sink = Sink::content();
    assert_eq!(carried(&open(), &sink.url()).await.unwrap().status, 200);
    let strict = Client::new(Networks::default(), false, LIMITS).unwrap();
    for url in ["http://1.1.1.1/", &sink.url()] {
        let refused = carried(&strict, url).await.unwrap_err();
        assert_eq!(refused.0, "this address is reached by https only", "{url}");
    }
}

#[tokio::test]
async fn attack_45_a_name_leads_to_what_is_allowed_of_it() {
    let sink = Sink::content();
    let url = format!("http://localhost:{}/", sink.address.port());
    let four = Client::new(Networks::parse(["127.0.0.0/8"]).unwrap(), false, LIMITS).unwrap();
    assert_eq!(carried(&four, &url).await.unwrap().status, 200);
    let other = Client::new(Networks::parse(["10.0.0.0/8"]).unwrap(), true, LIMITS).unwrap();
    assert!(carried(&other, &url).await.is_err());
}

/// Says something else each time, and the last of it from then on.
struct Fickle(Mutex<Vec<Vec<IpAddr>>>);

impl Fickle {
    fn client(says: &[&[[u8; 4]]]) -> Client {
        let says = says.iter().rev().map(|said| said.iter().map(|address| IpAddr::from(*address)).collect());
        let names: Arc<dyn Names> = Arc::new(Self(Mutex::new(says.collect())));
        Client::asking(&names, Networks::parse(["127.0.0.1"]).unwrap(), false, LIMITS).unwrap()
    }
}

impl Names for Fickle {
    fn addresses(&self, _: &str) -> Answering {
        let mut says = self.0.lock().unwrap();
        let said = if says.len() > 1 { says.pop() } else { says.first().cloned() };
        Box::pin(async move { Ok(said.unwrap()) })
    }
}

#[tokio::test]
async fn attack_45_a_name_that_changes_is_judged_each_time() {
    // One answer to a request, and the connection is gone with it.
    let sink = Sink::new(|_| Reply::With(200, vec!["Connection: close".to_owned()], String::new()));
    let url = format!("http://rebinding.example:{}/", sink.address.port());
    let client = Fickle::client(&[&[[127, 0, 0, 1]], &[[127, 0, 0, 2]]]);
    assert_eq!(carried(&client, &url).await.unwrap().status, 200);
    for _ in 0..3 {
        assert!(carried(&client, &url).await.is_err());
    }
    assert_eq!(sink.count(), 1);
}

#[tokio::test]
async fn attack_45_of_several_addresses_only_those_are_tried_that_may_be() {
    let sink = Sink::content();
    let url = format!("http://both.example:{}/", sink.address.port());
    let both = Fickle::client(&[&[[127, 0, 0, 2], [127, 0, 0, 1], [10, 0, 0, 1]]]);
    assert_eq!(carried(&both, &url).await.unwrap().status, 200);
    let none = Fickle::client(&[&[[127, 0, 0, 2], [10, 0, 0, 1]]]);
    assert!(carried(&none, &url).await.is_err());
    assert_eq!(sink.count(), 1);
}

#[tokio::test]
async fn attack_46_redirects_are_answers() {
    let inner = Sink::content();
    let to = format!("Location: {}", inner.url());
    let outer = Sink::new(move |_| Reply::With(307, vec![to.clone()], String::new()));
    assert_eq!(carried(&open(), &outer.url()).await.unwrap().status, 307);
    assert_eq!(inner.count(), 0);
}

#[tokio::test]
async fn attack_46_whoever_keeps_us_waiting_is_left() {
    let dripping = b"HTTP/1.1 200 OK\r\nx: y\r\n".to_vec();
    for reply in [Reply::Silence, Reply::Bytes(dripping), Reply::After(Duration::from_secs(2), Box::new(Reply::ok()))] {
        let sink = Sink::new(move |_| reply.clone());
        let begun = Instant::now();
        let refused = carried(&open(), &sink.url()).await.unwrap_err();
        assert!(refused.0.starts_with("no answer within"), "{refused}");
        assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn what_said_that_it_arrived_has_arrived_however_it_goes_on() {
    for reply in [
        Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbegin".to_vec()),
        Reply::Bytes(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegin\r\nnonsense".to_vec()),
    ] {
        let sink = Sink::new(move |_| reply.clone());
        let receipt = carried(&open(), &sink.url()).await.unwrap();
        assert_eq!((receipt.status, receipt.answer.as_slice()), (200, &b"begin"[..]));
    }
}

#[tokio::test]
async fn attack_46_bodies_without_an_end_are_cut_off() {
    let sink = Sink::new(|_| Reply::Endless(200));
    let begun = Instant::now();
    let receipt = carried(&open(), &sink.url()).await.unwrap();
    assert_eq!((receipt.status, receipt.answer), (200, vec![b'x'; 100]));
    assert!(begun.elapsed() < LIMITS.whole);
}

#[tokio::test]
async fn attack_46_what_is_packed_is_not_unpacked() {
    let packed = "\u{1f}gzip bomb".to_owned();
    let reply = Reply::With(200, vec!["Content-Encoding: gzip".to_owned()], packed.clone());
    let sink = Sink::new(move |_| reply.clone());
    assert_eq!(carried(&open(), &sink.url()).await.unwrap().answer, packed.into_bytes());
}

#[tokio::test]
async fn attack_46_headers_without_an_end_are_refused() {
    let long = [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'x'; 1 << 20], b"\r\n\r\n".to_vec()].concat();
    let many = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"x: y\r\n".repeat(10_000), b"\r\n".to_vec()].concat();
    for bytes in [long, many, b"nonsense\r\n\r\n".to_vec()] {
        let sink = Sink::new(move |_| Reply::Bytes(bytes.clone()));
        assert!(carried(&open(), &sink.url()).await.is_err());
    }
}

#[tokio::test]
async fn attack_46_a_certificate_that_nobody_vouches_for_is_refused() {
    let (address, _server) = self_signed();
    let refused = carried(&open(), &format!("https://localhost:{}/", address.port())).await.unwrap_err();
    assert!(refused.0.starts_with("no connection"), "{refused}");
}

/// A TLS server whose certificate is its own.
fn self_signed() -> (std::net::SocketAddr, std::thread::JoinHandle<()>) {
    use openssl::{
        asn1::Asn1Time,
        hash::MessageDigest,
        pkey::PKey,
        rsa::Rsa,
        ssl::{SslAcceptor, SslMethod},
        x509::{X509, X509NameBuilder},
    };
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = certificate.build();
    let mut acceptor = SslAcceptor::mozilla_modern_v5(SslMethod::tls()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    let acceptor = acceptor.build();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            drop(acceptor.accept(stream));
        }
    });
    (address, server)
}

#[test]
fn an_endpoint_has_ten_seconds_to_answer() {
    let limits = Limits::default();
    assert_eq!((limits.whole, limits.connect), (Duration::from_secs(10), Duration::from_secs(5)));
}
