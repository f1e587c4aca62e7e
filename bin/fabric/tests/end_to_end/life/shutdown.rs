//! SIGTERM: no new requests, and an answer for each that is under way.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{PASSWORD, Site, client::Answer, new_email, until};

on_both!(
    requests_under_way_are_answered_and_new_ones_refused,
    whoever_only_stays_connected_is_not_waited_for,
    a_request_that_never_ends_is_waited_for_no_longer_than_set,
    an_interrupt_is_as_good,
);

/// What a busy machine may take for everything that was asked of it.
const BUSY: Duration = Duration::from_mins(5);
/// Long before this a server has stopped that waits for nobody.
const SOON: Duration = Duration::from_secs(30);

fn requests_under_way_are_answered_and_new_ones_refused(site: &mut Site) {
    // Hashing takes so long that requests are under way when the signal comes; and a busy machine gets the time it needs.
    site.set("FABRIC_HASH_MEMORY_KIB", "65536").set("FABRIC_HASH_PASSES", "6").set("FABRIC_SHUTDOWN_SECONDS", "600");
    let mut server = site.serve();
    let at_once = thread::available_parallelism().map_or(1, usize::from);
    let emails: Vec<_> = (0..3 * at_once).map(|_| new_email()).collect();
    let (answers, answered) = mpsc::channel();
    thread::scope(|scope| {
        for email in &emails {
            let (client, answers) = (server.client(), answers.clone());
            scope.spawn(move || {
                let body = json!({ "email": email, "password": PASSWORD });
                answers.send(client.try_send("POST", "/v1/auth/signup", Some(&body))).unwrap();
            });
        }
        // The first is through: the others are under way, because they wait for the same processors.
        let first: Answer = answered.recv_timeout(BUSY).unwrap().unwrap();
        assert_eq!(first.status, 201, "{}", first.body);
        server.process().signal("TERM");
        until("nobody new is let in", || TcpStream::connect(server.address()).err());
        for _ in 1..emails.len() {
            let answer = answered.recv_timeout(BUSY).unwrap().expect("an answer");
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
    });
    assert_eq!(server.ended(SOON).code(), Some(0), "{}", server.log());
    let log = server.log();
    assert!(log.contains("stopping") && log.contains("stopped"), "{log}");

    let server = site.serve();
    for email in &emails {
        assert_eq!(server.client().sign_in(email, PASSWORD).status, 200, "{email}");
    }
}

fn whoever_only_stays_connected_is_not_waited_for(site: &mut Site) {
    site.set("FABRIC_SHUTDOWN_SECONDS", "600");
    let mut server = site.serve();
    let silent = TcpStream::connect(server.address()).unwrap();
    let mut idle = TcpStream::connect(server.address()).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    until("an answer", || (idle.peek(&mut [0]).unwrap() > 0).then_some(()));
    server.process().signal("TERM");
    assert_eq!(server.ended(SOON).code(), Some(0), "{}", server.log());
    drop((silent, idle));
}

fn a_request_that_never_ends_is_waited_for_no_longer_than_set(site: &mut Site) {
    site.set("FABRIC_SHUTDOWN_SECONDS", "1");
    let mut server = site.serve();
    let mut endless = TcpStream::connect(server.address()).unwrap();
    let head = "POST /v1/auth/signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    endless.write_all(format!("{head}Content-Length: 100\r\n\r\n{{").as_bytes()).unwrap();
    assert_eq!(server.client().get("/healthz").status, 200);
    let begun = Instant::now();
    server.process().signal("TERM");
    assert_eq!(server.ended(SOON).code(), Some(0), "{}", server.log());
    assert!(begun.elapsed() < SOON);
}

fn an_interrupt_is_as_good(site: &Site) {
    let mut server = site.serve();
    server.process().signal("INT");
    assert_eq!(server.ended(SOON).code(), Some(0), "{}", server.log());
}
