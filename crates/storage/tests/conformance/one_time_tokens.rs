//! Links in mails.

use identity::{OneTimeToken, Purpose};
use kernel::{
    SecretHash,
    id::{AccountId, OneTimeTokenId},
};

use crate::support::{Db, at, email, linger};

on_both!(
    a_token_is_used_once_for_its_purpose_and_in_time,
    of_many_who_use_a_token_at_once_one_does,
    tokens_stay_good_beside_each_other_until_they_are_voided,
    a_token_gets_another_term_until_it_is_used,
    tokens_that_expired_are_forgotten,
);

pub fn token(account: AccountId, hash: u8) -> OneTimeToken {
    OneTimeToken {
        id: OneTimeTokenId::generate(),
        purpose: Purpose::ResetPassword,
        account,
        email: email("alice@example.com"),
        hash: SecretHash([hash; 32]),
        expires_at: at(100),
    }
}

async fn a_token_is_used_once_for_its_purpose_and_in_time(db: &Db) {
    let account = db.account(None).await.id;
    let token = token(account, 1);
    let new = token.clone();
    db.write(move |tx| tx.insert_one_time_token(&new)).await;
    let hash = token.hash;
    let tries = [
        (Purpose::VerifyEmail, hash, at(1), None),
        (Purpose::ResetPassword, SecretHash([9; 32]), at(1), None),
        (Purpose::ResetPassword, hash, at(100), None),
        (Purpose::ResetPassword, hash, at(99), Some(token)),
        (Purpose::ResetPassword, hash, at(99), None),
    ];
    for (purpose, hash, now, used) in tries {
        assert_eq!(db.write(move |tx| tx.consume_one_time_token(purpose, hash, now)).await, used);
    }
}

async fn of_many_who_use_a_token_at_once_one_does(db: &Db) {
    let account = db.account(None).await.id;
    db.write(move |tx| tx.insert_one_time_token(&token(account, 1))).await;
    let consume = |tx: &mut dyn platform::Transaction| {
        let used = tx.consume_one_time_token(Purpose::ResetPassword, SecretHash([1; 32]), at(1))?;
        linger();
        Ok(used)
    };
    let outcomes = db.at_once(vec![consume; 50]).await;
    assert_eq!(outcomes.into_iter().filter_map(Result::unwrap).count(), 1);
}

async fn tokens_stay_good_beside_each_other_until_they_are_voided(db: &Db) {
    let [account, other] = [db.account(None).await.id, db.account(None).await.id];
    db.write(move |tx| {
        tx.insert_one_time_token(&token(account, 1))?;
        tx.insert_one_time_token(&token(account, 2))?;
        tx.insert_one_time_token(&token(account, 3))?;
        tx.insert_one_time_token(&token(other, 4))?;
        tx.insert_one_time_token(&OneTimeToken { purpose: Purpose::VerifyEmail, ..token(account, 5) })
    })
    .await;
    let used = |hash: u8, purpose| {
        db.write(move |tx| Ok(tx.consume_one_time_token(purpose, SecretHash([hash; 32]), at(2))?.is_some()))
    };
    assert!(used(1, Purpose::ResetPassword).await);
    assert!(used(2, Purpose::ResetPassword).await);
    db.write(move |tx| tx.void_one_time_tokens(account, Purpose::ResetPassword, at(4))).await;
    assert!(!used(3, Purpose::ResetPassword).await);
    assert!(used(4, Purpose::ResetPassword).await, "another account's");
    assert!(used(5, Purpose::VerifyEmail).await, "for another purpose");
}

async fn a_token_gets_another_term_until_it_is_used(db: &Db) {
    let account = db.account(None).await.id;
    let token = token(account, 1);
    let new = token.clone();
    db.write(move |tx| tx.insert_one_time_token(&new)).await;
    let found = |purpose, hash: u8, now| db.read(move |tx| tx.one_time_token(purpose, SecretHash([hash; 32]), now));
    let renew =
        |purpose, hash: u8| db.write(move |tx| tx.renew_one_time_token(purpose, SecretHash([hash; 32]), at(200)));
    assert_eq!(found(Purpose::ResetPassword, 1, at(99)).await, Some(token.clone()), "looking uses nothing up");
    for (purpose, hash, now) in
        [(Purpose::ResetPassword, 1, 100), (Purpose::VerifyEmail, 1, 1), (Purpose::ResetPassword, 2, 1)]
    {
        assert_eq!(found(purpose, hash, at(now)).await, None);
    }
    assert!(!renew(Purpose::VerifyEmail, 1).await && !renew(Purpose::ResetPassword, 2).await);
    assert!(renew(Purpose::ResetPassword, 1).await);
    assert_eq!(
        found(Purpose::ResetPassword, 1, at(199)).await,
        Some(OneTimeToken { expires_at: at(200), ..token.clone() })
    );
    db.write(move |tx| tx.consume_one_time_token(Purpose::ResetPassword, token.hash, at(150))).await.unwrap();
    assert!(!renew(Purpose::ResetPassword, 1).await, "and comes back no more");
    assert_eq!(found(Purpose::ResetPassword, 1, at(150)).await, None);
}

async fn tokens_that_expired_are_forgotten(db: &Db) {
    let account = db.account(None).await.id;
    db.write(move |tx| {
        for seconds in 0..9_u8 {
            let expires_at = at(seconds.into());
            tx.insert_one_time_token(&OneTimeToken { expires_at, ..token(account, seconds) })?;
        }
        Ok(())
    })
    .await;
    assert_eq!(db.write(|tx| tx.sweep_one_time_tokens(at(4))).await, 4);
    assert_eq!(db.write(|tx| tx.sweep_one_time_tokens(at(4))).await, 0);
}
