//! Events as they happen: on another server than the one where they do, at the console, and until the server stops.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{Server, Site, client::text, new_email, until};

on_both!(
    what_happens_on_one_server_is_heard_on_the_other,
    a_stream_does_not_keep_a_server_from_stopping,
    the_console_tells_what_happens,
);

/// Somebody's own organization, and their token.
pub(super) fn story(server: &Server) -> (String, String) {
    let token = text(&server.client().sign_up(&new_email())["access_token"]);
    let own = server.client().bearer(&token).get("/v1/me/organizations").data();
    (text(&own[0]["id"]), token)
}

pub(super) fn make_team(server: &Server, token: &str, organization: &str, name: &str) {
    let team = json!({ "name": name, "organization_id": organization });
    assert_eq!(server.client().bearer(token).post("/v1/teams", &team).status, 201);
}

/// Begins to listen, and waits until the server has begun to tell.
pub(super) fn listen(server: &Server, token: &str) -> BufReader<TcpStream> {
    open(server, token, "")
}

/// Listens on from behind an event.
pub(super) fn listen_on(server: &Server, token: &str, last: &str) -> BufReader<TcpStream> {
    open(server, token, &format!("Last-Event-ID: {last}\r\n"))
}

fn open(server: &Server, token: &str, headers: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let head = format!(
        "GET /v1/events/stream HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n{headers}\r\n",
        server.address()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while !line.starts_with("retry:") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the stream ended");
    }
    lines
}

/// The name of the team that the next event is about.
pub(super) fn next_team(heard: &mut BufReader<TcpStream>) -> String {
    next_made(heard).1
}

/// The id of the next event that is about a new team, and the team's name.
pub(super) fn next_made(heard: &mut BufReader<TcpStream>) -> (String, String) {
    let (mut line, mut id) = (String::new(), String::new());
    while heard.read_line(&mut line).unwrap() > 0 {
        if let Some(told) = line.strip_prefix("id: ") {
            told.trim_end().clone_into(&mut id);
        }
        if let Some(data) = line.strip_prefix("data: ") {
            let event: Value = serde_json::from_str(data).unwrap();
            if event["kind"] == "team.created" {
                return (id, text(&event["payload"]["name"]));
            }
        }
        line.clear();
    }
    panic!("the stream ended")
}

fn what_happens_on_one_server_is_heard_on_the_other(site: &mut Site) {
    let (first, second) = (site.serve(), site.serve());
    let (organization, token) = story(&first);
    let mut heard = [listen(&first, &token), listen(&second, &token)];
    for name in ["One", "Two"] {
        make_team(&first, &token, &organization, name);
        for heard in &mut heard {
            assert_eq!(next_team(heard), name);
        }
    }
    make_team(&second, &token, &organization, "Three");
    for heard in &mut heard {
        assert_eq!(next_team(heard), "Three");
    }
}

fn a_stream_does_not_keep_a_server_from_stopping(site: &mut Site) {
    site.set("FABRIC_SHUTDOWN_SECONDS", "600");
    let mut server = site.serve();
    let (_, token) = story(&server);
    let mut heard = listen(&server, &token);
    server.process().signal("TERM");
    assert_eq!(server.ended(Duration::from_secs(30)).code(), Some(0), "{}", server.log());
    let mut rest = String::new();
    while heard.read_line(&mut rest).unwrap_or(0) > 0 {}
    assert!(rest.contains("the server stops"), "{rest}");
}

fn the_console_tells_what_happens(site: &mut Site) {
    let server = site.serve();
    let (organization, token) = story(&server);
    let mut command = site.program(env!("CARGO_BIN_EXE_fabric"));
    command.args(["event", "tail", "--json", "--events", "team.*", "--organization", &organization]);
    let mut tail = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    // It begins with what happens from then on, and nobody is told when that is.
    let (mut number, mut told) = (0, None);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Some(Ok(line)) = lines.next()
            && sender.send(line).is_ok()
        {}
    });
    until("the console tells of a team", || {
        number += 1;
        make_team(&server, &token, &organization, &format!("Team {number}"));
        told = receiver.recv_timeout(Duration::from_millis(500)).ok();
        told.is_some().then_some(())
    });
    tail.kill().unwrap();
    tail.wait().unwrap();
    let event: Value = serde_json::from_str(&told.unwrap()).unwrap();
    assert_eq!((&event["kind"], &event["organization_id"]), (&json!("team.created"), &json!(organization)));
    let refused = site.run(&["event", "tail", "--organization", "x"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
}
