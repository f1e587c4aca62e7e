//! `kill -9` under load: what was answered stays, what was revoked stays revoked (attacks 4 and 54).

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::support::{
    Client, PASSWORD, Server, Site,
    client::{Answer, text},
    new_email, until,
};

on_both!(what_was_answered_survives_a_kill);

const ROUNDS: usize = 10;
const CLIENTS: usize = 6;
const OTHER_PASSWORD: &str = "Battery-Staple-2";

/// What was answered to one user before the server went.
struct User {
    email: String,
    tokens: Value,
    last: Answered,
}

enum Answered {
    SignUp,
    SignOut,
    SignOutEverywhere,
    /// With the next pair.
    Refresh(Value),
    PasswordChange,
    /// The server went while it was asked for more: either is right.
    Nothing,
}

fn what_was_answered_survives_a_kill(site: &Site) {
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        let mut server = site.serve();
        // Not before something was answered, and at no moment that could be foreseen.
        let enough = rand::random_range(1..60);
        let answered = AtomicUsize::new(0);
        let users: Vec<User> = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| {
                    let (client, answered) = (server.client(), &answered);
                    scope.spawn(move || live(&client, number, answered))
                })
                .collect();
            until("requests are answered", || (answered.load(Ordering::Relaxed) >= enough).then_some(()));
            server.kill();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        assert!(!users.is_empty());

        let server = site.serve();
        for user in &users {
            check(&server, user, round);
        }
        all.extend(users);
        server.stop();
    }
    // Nothing that came later took anything from those of the first rounds.
    let server = site.serve();
    for user in &all {
        sign_in(&server, user);
    }
}

/// Signs users up, and does something more with most, until the server is gone.
fn live(client: &Client, number: usize, answered: &AtomicUsize) -> Vec<User> {
    let mut users = Vec::new();
    for turn in number.. {
        let email = new_email();
        let new = json!({ "email": email, "password": PASSWORD });
        let Ok(tokens) = done(client.try_send("POST", "/v1/auth/signup", Some(&new)), 201) else { break };
        answered.fetch_add(1, Ordering::Relaxed);
        let last = more(client, &tokens, turn);
        let gone = matches!(last, Answered::Nothing);
        users.push(User { email, tokens, last });
        if gone {
            break;
        }
    }
    users
}

fn more(client: &Client, tokens: &Value, turn: usize) -> Answered {
    let signed_in = client.bearer(&text(&tokens["access_token"]));
    let (path, body): (_, Value) = match turn % 5 {
        0 => return Answered::SignUp,
        1 => ("/v1/auth/logout", json!({ "access_token": tokens["access_token"] })),
        2 => ("/v1/auth/logout-all", json!({})),
        3 => ("/v1/auth/token/refresh", json!({ "refresh_token": tokens["refresh_token"] })),
        _ => ("/v1/auth/change-password", json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD })),
    };
    match (done(signed_in.try_send("POST", path, Some(&body)), 200), turn % 5) {
        (Err(_), _) => Answered::Nothing,
        (Ok(_), 1) => Answered::SignOut,
        (Ok(_), 2) => Answered::SignOutEverywhere,
        (Ok(next), 3) => Answered::Refresh(next),
        (Ok(_), _) => Answered::PasswordChange,
    }
}

/// The data of an answer; the server may go, but while it is there it answers as it should.
fn done(answer: io::Result<Answer>, status: u16) -> io::Result<Value> {
    let answer = answer?;
    assert_eq!(answer.status, status, "{}", answer.body);
    Ok(answer.data())
}

fn check(server: &Server, user: &User, round: usize) {
    let who = format!("round {round}, {}", user.email);
    let signed_in = sign_in(server, user);
    let me = server.client().bearer(&text(&signed_in["access_token"]));
    let organizations = me.get("/v1/me/organizations").data();
    assert_eq!(organizations.as_array().map(Vec::len), Some(1), "{who}: {organizations}");
    assert_eq!(organizations[0]["role"], "owner", "{who}");

    let (access, refresh) = (&user.tokens["access_token"], &user.tokens["refresh_token"]);
    match &user.last {
        Answered::Nothing => {}
        Answered::SignUp => {
            assert_eq!(use_access(server, access), 200, "{who}: signed up");
            assert_eq!(use_refresh(server, refresh), 200, "{who}: signed up");
        }
        Answered::Refresh(next) => {
            assert_eq!(use_access(server, &next["access_token"]), 200, "{who}: refreshed");
            assert_eq!(use_refresh(server, &next["refresh_token"]), 200, "{who}: refreshed");
            assert_eq!(use_refresh(server, refresh), 401, "{who}: a spent token");
        }
        Answered::SignOut | Answered::SignOutEverywhere | Answered::PasswordChange => {
            assert_eq!(use_access(server, access), 401, "{who}: a revoked session");
            assert_eq!(use_refresh(server, refresh), 401, "{who}: a revoked session");
        }
    }
}

fn sign_in(server: &Server, user: &User) -> Value {
    let client = server.client();
    let (old, new) = (|| client.sign_in(&user.email, PASSWORD), || client.sign_in(&user.email, OTHER_PASSWORD));
    let answer = match user.last {
        Answered::PasswordChange => {
            assert_eq!(old().status, 401, "{}: the password before", user.email);
            new()
        }
        // Perhaps it was the change of the password that was not answered.
        Answered::Nothing if old().status == 401 => new(),
        _ => old(),
    };
    assert_eq!(answer.status, 200, "{}: {}", user.email, answer.body);
    answer.data()
}

fn use_access(server: &Server, token: &Value) -> u16 {
    server.client().bearer(&text(token)).get("/v1/me").status
}

fn use_refresh(server: &Server, token: &Value) -> u16 {
    server.client().post("/v1/auth/token/refresh", &json!({ "refresh_token": token })).status
}
