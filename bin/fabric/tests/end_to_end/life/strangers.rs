//! Peers that do not speak HTTP, or take their time.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use crate::support::{PASSWORD, Server, Site, client::Answer, new_email};

on_both!(
    garbage_is_refused_and_hurts_nobody,
    half_a_request_hurts_nobody,
    headers_that_dribble_in_hold_nobody_up_and_are_cut_off,
    a_body_that_never_comes_is_not_waited_for_for_ever,
    headers_without_end_are_refused,
    a_peer_that_goes_before_its_answer_hurts_nobody,
);

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream.set_write_timeout(Some(Duration::from_mins(1))).unwrap();
    stream
}

/// What the server says before it hangs up, which it has to. That it hangs up on somebody who still talks is an error to
/// them, and all right.
fn last_words(mut stream: TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    if let Err(error) = stream.read_to_end(&mut said) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "the server does not hang up");
    }
    said
}

fn assert_well(server: &Server) {
    let (client, email) = (server.client(), new_email());
    client.sign_up(&email);
    assert_eq!(client.sign_in(&email, PASSWORD).status, 200);
}

fn garbage_is_refused_and_hurts_nobody(site: &Site) {
    let server = site.serve();
    let noise: Vec<u8> = (0..4096_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for garbage in [
        &noise[..],
        b"\0\0\0\0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut stream = connect(&server);
        // It may have hung up already.
        drop(stream.write_all(garbage));
        drop(stream.shutdown(Shutdown::Write));
        let said = last_words(stream);
        if let Some(answer) = Answer::read(&said) {
            assert!((400..500).contains(&answer.status), "{garbage:?}: {answer:?}");
        }
    }
    assert_well(&server);
    server.stop();
}

fn half_a_request_hurts_nobody(site: &Site) {
    let server = site.serve();
    let head =
        "POST /v1/auth/signup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n";
    let halves: Vec<_> = (0..64)
        .map(|number| {
            let mut stream = connect(&server);
            let half = if number % 2 == 0 { &head[..head.len() / 2] } else { head };
            stream.write_all(format!("{half}{{").as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_well(&server);
    for stream in halves {
        drop(stream.shutdown(Shutdown::Write));
        let said = last_words(stream);
        if let Some(answer) = Answer::read(&said) {
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
    }
    assert_well(&server);
    server.stop();
}

fn headers_that_dribble_in_hold_nobody_up_and_are_cut_off(site: &Site) {
    let server = site.serve();
    let slow: Vec<_> = (0..256)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
            stream
        })
        .collect();
    for _ in 0..8 {
        assert_well(&server);
    }
    for mut stream in slow {
        drop(stream.write_all(b"."));
        let said = last_words(stream);
        if let Some(answer) = Answer::read(&said) {
            assert_eq!(answer.status, 408);
        }
    }
    server.stop();
}

fn a_body_that_never_comes_is_not_waited_for_for_ever(site: &Site) {
    let server = site.serve();
    let mut stream = connect(&server);
    let head =
        "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n";
    stream.write_all(format!("{head}{{").as_bytes()).unwrap();
    let answer = Answer::read(&last_words(stream)).expect("an answer, and then the server hangs up");
    assert!((400..500).contains(&answer.status), "{answer:?}");
    server.stop();
}

fn headers_without_end_are_refused(site: &Site) {
    let server = site.serve();
    let mut stream = connect(&server);
    drop(stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: "));
    for _ in 0..4096 {
        if stream.write_all(&[b'a'; 1024]).is_err() {
            break;
        }
    }
    let said = last_words(stream);
    if let Some(answer) = Answer::read(&said) {
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    assert_well(&server);
    server.stop();
}

fn a_peer_that_goes_before_its_answer_hurts_nobody(site: &Site) {
    let server = site.serve();
    for _ in 0..64 {
        let body = format!(r#"{{"email":"{}","password":"{PASSWORD}"}}"#, new_email());
        let head = "POST /v1/auth/signup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        connect(&server).write_all(request.as_bytes()).unwrap();
    }
    assert_well(&server);
    server.stop();
}
