//! Refresh tokens.

use identity::{RefreshToken, refresh_token::Spent};
use kernel::id::RefreshTokenId;

use crate::support::{Db, at};

on_both!(a_token_is_spent_once_and_in_time, of_two_hundred_who_spend_a_token_at_once_one_does);

async fn a_token_is_spent_once_and_in_time(db: &Db) {
    let account = db.account(None).await;
    let (_, token) = db.session(&account).await;
    let (id, successor) = (token.id, RefreshTokenId::generate());
    let spend = |id, now| db.write(move |tx| tx.spend_refresh_token(id, successor, now));
    assert_eq!(spend(RefreshTokenId::generate(), at(1)).await, None, "unknown");
    assert_eq!(spend(id, token.expires_at).await, None, "expired");
    assert_eq!(db.read(move |tx| tx.refresh_token(id)).await, Some(token.clone()));

    let spent = RefreshToken { spent: Some(Spent { at: at(1), successor }), ..token };
    assert_eq!(spend(id, at(1)).await, Some(spent.clone()));
    assert_eq!(spend(id, at(1)).await, None, "spent");
    assert_eq!(db.read(move |tx| tx.refresh_token(id)).await, Some(spent));
}

async fn of_two_hundred_who_spend_a_token_at_once_one_does(db: &Db) {
    let account = db.account(None).await;
    let (_, token) = db.session(&account).await;
    let works = (0..200).map(|_| {
        let successor = RefreshTokenId::generate();
        let next = RefreshToken { id: successor, ..token.clone() };
        move |tx: &mut dyn platform::Transaction| {
            let spent = tx.spend_refresh_token(token.id, successor, at(1))?;
            if spent.is_some() {
                tx.insert_refresh_token(&next)?;
            }
            Ok(spent.is_some().then_some(successor))
        }
    });
    let outcomes = db.at_once(works).await;
    let winners: Vec<_> = outcomes.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(winners.len(), 1);
    let found = db.read(move |tx| tx.refresh_token(token.id)).await.unwrap();
    assert_eq!(found.spent.map(|spent| spent.successor), Some(winners[0]));
    assert_eq!(db.number("SELECT count(*) FROM refresh_tokens"), 2);
}
