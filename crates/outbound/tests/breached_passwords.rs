//! How somebody is asked whether a password was published.

use fabric_outbound::{Networks, PasswordRanges};
use platform::breached_passwords::BreachedPasswords as _;
use testbed::sink::{Reply, Sink};

fn ranges(base: &str, allowed: Networks) -> PasswordRanges {
    PasswordRanges::new(base.to_owned(), allowed, false).unwrap()
}

#[tokio::test]
async fn a_range_is_asked_for_by_its_digits_and_comes_as_it_is() {
    let sink = Sink::new(|_| Reply::Status(200, "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n".to_owned()));
    let base = format!("http://{}/mirror", sink.address);
    let told = ranges(&base, Networks::loopback()).range("8BE3C").await.unwrap();
    assert_eq!(told, b"0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n");
    let asked = sink.take().remove(0);
    assert_eq!((asked.path.as_str(), asked.header("add-padding")), ("/mirror/range/8BE3C", Some("true")));
    assert_eq!((asked.header("user-agent"), asked.header("accept-encoding")), (Some("fabric"), None));
}

/// Attack 53: why there is no answer is written to the log, beside the request of whoever chose the password.
#[tokio::test]
async fn why_there_is_no_answer_tells_nothing_of_what_was_asked() {
    let huge = "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n".repeat(10_000);
    let bad = [
        Reply::Status(500, "8BE3C".to_owned()),
        Reply::Status(200, huge),
        Reply::Bytes(b"8BE3C\r\n\r\n".to_vec()),
        Reply::Bytes(b"HTTP/1.1 200 Said\r\ncontent-length: 9\r\n\r\n8BE3C".to_vec()),
        Reply::Endless(200),
        Reply::Hangup,
        Reply::Silence,
    ];
    for reply in bad {
        let said = format!("{reply:.40?}");
        let sink = Sink::new(move |_| reply.clone());
        let base = format!("http://{}", sink.address);
        let why = ranges(&base, Networks::loopback()).range("8BE3C").await.unwrap_err();
        assert!(!why.0.contains("8BE3C") && !why.0.contains("range"), "{said}: {why}");
    }
}

#[tokio::test]
async fn attack_45_nobody_inside_is_asked_whose_network_is_not_allowed() {
    let sink = Sink::content();
    let base = format!("http://{}", sink.address);
    assert!(ranges(&base, Networks::default()).range("8BE3C").await.is_err());
    assert_eq!(sink.count(), 0);
}
