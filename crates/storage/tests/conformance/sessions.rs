//! Sessions.

use identity::Session;
use kernel::{Client, id::SessionId};

use crate::support::{Db, at, refresh_token, session};

on_both!(
    a_session_lives_until_it_ends,
    a_session_is_forgotten_after_its_last_refresh_token,
    a_sweep_takes_some_at_a_time,
);

async fn a_session_lives_until_it_ends(db: &Db) {
    let account = db.account(None).await;
    let known = session(&account);
    let unknown = Session { client: Client::default(), ..session(&account) };
    let v4 = Client { ip: Some("192.0.2.1".parse().unwrap()), ..Client::default() };
    let other = Session { client: v4, ..session(&account) };
    for session in [known, unknown, other] {
        let (id, new) = (session.id, session.clone());
        db.write(move |tx| tx.insert_session(&new)).await;
        assert_eq!(db.read(move |tx| tx.live_session(id)).await, Some(session));
        for first in [true, false] {
            assert_eq!(db.write(move |tx| tx.end_session(id, at(1))).await, first);
            assert_eq!(db.read(move |tx| tx.live_session(id)).await, None);
        }
    }
    let never = SessionId::generate();
    assert!(!db.write(move |tx| tx.end_session(never, at(1))).await);
    assert_eq!(db.read(move |tx| tx.live_session(never)).await, None);
}

async fn a_session_is_forgotten_after_its_last_refresh_token(db: &Db) {
    let account = db.account(None).await;
    let session = session(&account);
    let id = session.id;
    db.write(move |tx| {
        tx.insert_session(&session)?;
        for seconds in [100, 300, 200] {
            tx.insert_refresh_token(&refresh_token(&session, at(seconds)))?;
            tx.prolong_session(id, at(seconds))?;
        }
        Ok(())
    })
    .await;
    let sweep = |before| db.write(move |tx| tx.sweep_sessions(before));
    assert_eq!(sweep(at(250)).await, 2, "the tokens that expired");
    assert!(db.read(move |tx| tx.live_session(id)).await.is_some());
    assert_eq!(sweep(at(300)).await, 0, "expires then, not before");
    assert_eq!(sweep(at(301)).await, 2, "the last token and the session");
    assert_eq!(db.number("SELECT count(*) FROM sessions"), 0);
}

async fn a_sweep_takes_some_at_a_time(db: &Db) {
    let account = db.account(None).await;
    db.write(move |tx| (0..700).try_for_each(|_| tx.insert_session(&session(&account)))).await;
    let mut swept = Vec::new();
    for _ in 0..3 {
        swept.push(db.write(|tx| tx.sweep_sessions(at(1))).await);
    }
    assert_eq!(swept, [500, 200, 0]);
}
