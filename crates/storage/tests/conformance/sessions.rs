//! Sessions.

use identity::{SecondFactor, Session};
use kernel::{Client, Page, id::SessionId};

use crate::support::{Db, at, refresh_token, session};

on_both!(
    a_session_lives_until_it_ends,
    a_session_is_forgotten_after_its_last_refresh_token,
    a_sweep_takes_some_at_a_time,
    sessions_that_go_on_are_listed_and_ended,
    a_device_is_known_to_who_has_used_it,
    uses_are_noted_once_a_minute,
);

async fn a_session_lives_until_it_ends(db: &Db) {
    let account = db.account(None).await;
    let known = session(&account);
    let unknown = Session { client: Client::default(), ..session(&account) };
    let v4 = Client { ip: Some("192.0.2.1".parse().unwrap()), ..Client::default() };
    let other = Session { client: v4, ..session(&account) };
    let [totp, recovered] =
        SecondFactor::ALL.map(|factor| Session { second_factor: Some(factor), ..session(&account) });
    for session in [known, unknown, other, totp, recovered] {
        let (id, new) = (session.id, session.clone());
        db.write(move |tx| tx.insert_session(&new)).await;
        assert_eq!(db.read(move |tx| tx.live_session(id)).await, Some(session));
        assert!(db.write(move |tx| tx.keep_session(id)).await);
        for first in [true, false] {
            assert_eq!(db.write(move |tx| tx.end_session(id, at(1))).await, first);
            assert_eq!(db.read(move |tx| tx.live_session(id)).await, None);
            assert!(!db.write(move |tx| tx.keep_session(id)).await);
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
            tx.prolong_session(id, at(seconds), at(seconds))?;
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

async fn sessions_that_go_on_are_listed_and_ended(db: &Db) {
    let (account, other) = (db.account(None).await, db.account(None).await);
    let [mut one, two, three, late, ended, before] = [(); 6].map(|()| session(&account));
    one.expires_at = at(100);
    let [two, three] = [two, three].map(|session| Session { expires_at: at(100), ..session });
    let late = Session { expires_at: at(10), ..late };
    let ended = Session { expires_at: at(100), ..ended };
    let before = Session { expires_at: at(100), epoch: account.epoch - 1, ..before };
    let theirs = Session { expires_at: at(100), ..session(&other) };
    let (all, gone) = ([&one, &two, &three, &late, &ended, &before, &theirs].map(Clone::clone), ended.id);
    db.write(move |tx| all.iter().try_for_each(|session| tx.insert_session(session))).await;
    db.write(move |tx| tx.end_session(gone, at(1))).await;
    let id = account.id;
    let listed = async |after, limit| {
        let page = Page::new(after, 0, limit).unwrap().counted(true);
        db.read(move |tx| tx.sessions_of(id, at(10), &page)).await
    };
    let all = listed(None, 10).await;
    assert_eq!((all.items, all.next, all.total), (vec![three.clone(), two.clone(), one.clone()], None, Some(3)));
    let first = listed(None, 2).await;
    assert_eq!((first.items, first.next), (vec![three.clone(), two.clone()], Some(two.id)));
    assert_eq!(listed(Some(two.id), 2).await.items, [one.clone()]);
    let (epoch, kept) = (account.epoch, two.id);
    assert_eq!(db.write(move |tx| tx.end_other_sessions(id, epoch, Some(kept), at(11))).await, 2);
    assert_eq!(listed(None, 10).await.items, [two]);
    assert_eq!(db.write(move |tx| tx.end_other_sessions(id, epoch, None, at(12))).await, 1);
    assert!(listed(None, 10).await.items.is_empty());
    let theirs = theirs.id;
    assert!(db.read(move |tx| tx.live_session(theirs)).await.is_some());
}

async fn a_device_is_known_to_who_has_used_it(db: &Db) {
    let (account, other) = (db.account(None).await, db.account(None).await);
    let (id, begun) = (account.id, session(&account));
    let (known, theirs) = (begun.client.clone(), session(&other));
    let strange = Client { user_agent: Some("another".to_owned()), ..known.clone() };
    db.write(move |tx| tx.insert_session(&theirs)).await;
    let knows = async |client: &Client| {
        let client = client.clone();
        db.read(move |tx| tx.knows_device(id, &client)).await
    };
    assert_eq!((knows(&known).await, knows(&strange).await), (None, None));
    db.write(move |tx| tx.insert_session(&begun)).await;
    assert_eq!((knows(&known).await, knows(&strange).await), (Some(true), Some(false)));
}

async fn uses_are_noted_once_a_minute(db: &Db) {
    let account = db.account(None).await;
    let begun = session(&account);
    let id = begun.id;
    db.write(move |tx| tx.insert_session(&begun)).await;
    for (used, seen) in [(59, 0), (60, 60), (100, 60), (30, 60), (120, 120)] {
        db.write(move |tx| tx.note_session_uses(&[(id, at(used)), (SessionId::generate(), at(used))])).await;
        assert_eq!(db.read(move |tx| tx.live_session(id)).await.unwrap().last_seen_at, at(seen));
    }
}
