//! Who is asked whether a password was published may be away, slow, or somebody else: nobody is kept out because of it, and
//! it is counted.

use std::net::TcpListener;

use serde_json::json;
use testbed::sink::{Reply, Sink};

use crate::{
    counted,
    support::{PASSWORD, World, ranges},
};

on_both!(whoever_gives_no_answer_keeps_nobody_out, what_is_found_is_counted);

const OUTCOMES: [&str; 3] = ["found", "not_found", "unanswered"];

fn outcomes() -> [u64; 3] {
    OUTCOMES.map(|outcome| counted(&format!("fabric_breached_password_checks_total{{outcome=\"{outcome}\"}}")))
}

async fn sign_up(world: &World, name: &str, password: &str) -> u16 {
    let body = json!({ "email": format!("{name}@example.com"), "password": password });
    world.post("/v1/auth/signup", &body).send().await.status
}

async fn whoever_gives_no_answer_keeps_nobody_out(world: &World) {
    // What a range has is some 40 KB.
    let huge = "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n".repeat(10_000);
    let moved = Reply::With(302, vec!["location: /range/00000".to_owned()], String::new());
    let replies = [
        Reply::Status(500, String::new()),
        Reply::Status(404, String::new()),
        Reply::Status(429, "0018A45C4D1DEF81644B54AB7F969B88D65:1".to_owned()),
        Reply::Status(200, "<html>Sign in to this network</html>".to_owned()),
        Reply::Status(200, huge),
        Reply::Bytes(b"\x16\x03\x01".to_vec()),
        moved,
        Reply::Endless(200),
        Reply::Hangup,
        Reply::Silence,
    ];
    let (before, asked) = (outcomes(), replies.len() as u64);
    for (name, reply) in replies.into_iter().enumerate() {
        let sink = Sink::new(move |_| reply.clone());
        let world = world.asking(&sink).await;
        assert_eq!(sign_up(&world, &format!("user{name}"), PASSWORD).await, 201, "{name}");
        assert_eq!(sink.count(), 1, "{name}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = listener.local_addr().unwrap();
    drop(listener);
    let world = world.asking_at(format!("http://{nowhere}")).await;
    assert_eq!(sign_up(&world, "last", PASSWORD).await, 201);
    assert_eq!(outcomes(), [before[0], before[1], before[2] + asked + 1]);
}

async fn what_is_found_is_counted(world: &World) {
    let sink = ranges(&[("Marmalade-Sky-7", 1)]);
    let world = world.asking(&sink).await;
    let before = outcomes();
    assert_eq!(sign_up(&world, "alice", "Marmalade-Sky-7").await, 400);
    assert_eq!(sign_up(&world, "alice", PASSWORD).await, 201);
    assert_eq!(outcomes(), [before[0] + 1, before[1] + 1, before[2]]);
}
