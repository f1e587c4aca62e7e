//! Authenticator apps, recovery codes, and challenges to show them.

use identity::{Challenge, ChallengePurpose, Totp, mfa_challenge::MOST_FAILURES, totp::Step};
use kernel::{
    Sealed, SecretHash,
    id::{AccountId, TotpId},
};
use platform::Transaction;

use crate::support::{Db, at, linger};

on_both!(
    an_enrolment_is_replaced_until_it_counts,
    attack_05_of_many_who_show_a_code_at_once_one_has_its_step,
    a_step_takes_those_before_it_along,
    attack_05_of_many_who_activate_at_once_one_does,
    attack_06_of_many_who_use_a_recovery_code_at_once_one_does,
    an_enrolment_goes_with_its_codes,
    a_challenge_is_met_once_and_in_time,
    attack_14_of_many_who_meet_a_challenge_at_once_one_does,
    a_challenge_ends_with_too_many_wrong_tries,
    challenges_that_expired_are_forgotten,
);

/// How many come at once.
const MANY: usize = 200;

pub fn totp(account: AccountId) -> Totp {
    Totp {
        id: TotpId::generate(),
        account,
        seed: Sealed(vec![1, 2, 3]),
        last_step: Step(0),
        verified_at: None,
        created_at: at(1),
    }
}

/// One that counts since step 10, with two recovery codes.
async fn enrolled(db: &Db) -> Totp {
    let totp = totp(db.account(None).await.id);
    let new = totp.clone();
    db.write(move |tx| {
        assert!(tx.enroll_totp(&new, &[SecretHash([1; 32]), SecretHash([2; 32])])?);
        assert!(tx.activate_totp(new.id, Step(10), at(2))?);
        Ok(())
    })
    .await;
    totp
}

pub fn challenge(account: AccountId, hash: u8) -> Challenge {
    Challenge {
        hash: SecretHash([hash; 32]),
        purpose: ChallengePurpose::SignIn,
        account,
        method: "password".to_owned(),
        epoch: 3,
        failures: 0,
        expires_at: at(100),
    }
}

async fn an_enrolment_is_replaced_until_it_counts(db: &Db) {
    let account = db.account(None).await.id;
    let [first, second, third] = [totp(account), totp(account), totp(account)];
    let enroll = |totp: &Totp| {
        let totp = totp.clone();
        db.write(move |tx| tx.enroll_totp(&totp, &[SecretHash([7; 32])]))
    };
    let there = || db.read(move |tx| tx.totp(account));
    assert_eq!(there().await, None);
    assert!(enroll(&first).await && enroll(&second).await);
    assert_eq!(there().await, Some(second.clone()));
    let activate = |id: TotpId, step: i64| db.write(move |tx| tx.activate_totp(id, Step(step), at(5)));
    assert!(!activate(first.id, 9).await, "it was replaced");
    let used = |id: TotpId, step: i64| db.write(move |tx| tx.use_totp_step(id, Step(step)));
    assert!(!used(second.id, 9).await, "it does not count yet");
    assert!(activate(second.id, 9).await);
    assert!(!activate(second.id, 10).await, "once");
    assert!(!enroll(&third).await);
    let active = Totp { last_step: Step(9), verified_at: Some(at(5)), ..second };
    assert_eq!(there().await, Some(active));
}

async fn attack_05_of_many_who_show_a_code_at_once_one_has_its_step(db: &Db) {
    let id = enrolled(db).await.id;
    let consume = move |tx: &mut dyn Transaction| {
        let used = tx.use_totp_step(id, Step(11))?;
        linger();
        Ok(used)
    };
    let outcomes = db.at_once(vec![consume; MANY]).await;
    assert_eq!(outcomes.into_iter().filter(|used| matches!(used, Ok(true))).count(), 1);
}

async fn a_step_takes_those_before_it_along(db: &Db) {
    let id = enrolled(db).await.id;
    for (step, used) in [(10, false), (9, false), (12, true), (12, false), (11, false), (13, true)] {
        assert_eq!(db.write(move |tx| tx.use_totp_step(id, Step(step))).await, used, "{step}");
    }
    assert!(!db.write(|tx| tx.use_totp_step(TotpId::generate(), Step(99))).await);
}

async fn attack_05_of_many_who_activate_at_once_one_does(db: &Db) {
    let totp = totp(db.account(None).await.id);
    let id = totp.id;
    db.write(move |tx| tx.enroll_totp(&totp, &[])).await;
    let activate = move |tx: &mut dyn Transaction| {
        let activated = tx.activate_totp(id, Step(11), at(3))?;
        linger();
        Ok(activated)
    };
    let outcomes = db.at_once(vec![activate; MANY]).await;
    assert_eq!(outcomes.into_iter().filter(|activated| matches!(activated, Ok(true))).count(), 1);
}

async fn attack_06_of_many_who_use_a_recovery_code_at_once_one_does(db: &Db) {
    let id = enrolled(db).await.id;
    let consume = move |tx: &mut dyn Transaction| {
        let used = tx.use_recovery_code(id, SecretHash([1; 32]), at(3))?;
        linger();
        Ok(used)
    };
    let outcomes = db.at_once(vec![consume; MANY]).await;
    assert_eq!(outcomes.into_iter().filter(|used| matches!(used, Ok(true))).count(), 1);
    assert_eq!(db.read(move |tx| tx.recovery_codes_left(id)).await, 1);
    assert!(!db.write(move |tx| tx.use_recovery_code(id, SecretHash([3; 32]), at(3))).await);
    let other = enrolled(db).await.id;
    assert!(db.write(move |tx| tx.use_recovery_code(other, SecretHash([1; 32]), at(3))).await, "another's");
}

async fn an_enrolment_goes_with_its_codes(db: &Db) {
    let [gone, stays] = [enrolled(db).await, enrolled(db).await];
    let account = gone.account;
    let removed = db.write(move |tx| tx.remove_totp(account)).await;
    assert_eq!(removed.map(|totp| (totp.id, totp.verified_at)), Some((gone.id, Some(at(2)))));
    assert_eq!(db.write(move |tx| tx.remove_totp(account)).await, None);
    assert!(db.read(move |tx| tx.totp(stays.account)).await.is_some());
    assert_eq!(db.number("SELECT count(*) FROM recovery_codes"), 2);
}

async fn a_challenge_is_met_once_and_in_time(db: &Db) {
    let account = db.account(None).await.id;
    let new = challenge(account, 1);
    db.write(move |tx| tx.insert_challenge(&new)).await;
    let hash = SecretHash([1; 32]);
    let seen = |hash, now| db.read(move |tx| tx.challenge(hash, at(now)));
    assert_eq!(seen(hash, 99).await, Some(challenge(account, 1)));
    assert_eq!((seen(hash, 100).await, seen(SecretHash([2; 32]), 1).await), (None, None));
    let met = |hash, now| db.write(move |tx| tx.consume_challenge(hash, at(now)));
    assert!(!met(hash, 100).await && !met(SecretHash([2; 32]), 1).await);
    assert!(met(hash, 99).await);
    assert!(!met(hash, 99).await);
    assert_eq!(seen(hash, 1).await, None);
}

async fn attack_14_of_many_who_meet_a_challenge_at_once_one_does(db: &Db) {
    let account = db.account(None).await.id;
    db.write(move |tx| tx.insert_challenge(&challenge(account, 1))).await;
    let meet = |tx: &mut dyn Transaction| {
        let met = tx.consume_challenge(SecretHash([1; 32]), at(1))?;
        linger();
        Ok(met)
    };
    let outcomes = db.at_once(vec![meet; MANY]).await;
    assert_eq!(outcomes.into_iter().filter(|met| matches!(met, Ok(true))).count(), 1);
}

async fn a_challenge_ends_with_too_many_wrong_tries(db: &Db) {
    let account = db.account(None).await.id;
    let hash = SecretHash([1; 32]);
    db.write(move |tx| tx.insert_challenge(&challenge(account, 1))).await;
    for failures in 0..MOST_FAILURES {
        let there = db.read(move |tx| tx.challenge(hash, at(1))).await;
        assert_eq!(there.map(|challenge| challenge.failures), Some(failures));
        db.write(move |tx| tx.fail_challenge(hash)).await;
    }
    assert_eq!(db.read(move |tx| tx.challenge(hash, at(1))).await, None);
    assert!(!db.write(move |tx| tx.consume_challenge(hash, at(1))).await);
}

async fn challenges_that_expired_are_forgotten(db: &Db) {
    let account = db.account(None).await.id;
    db.write(move |tx| {
        for seconds in 0..9_u8 {
            tx.insert_challenge(&Challenge { expires_at: at(seconds.into()), ..challenge(account, seconds) })?;
        }
        Ok(())
    })
    .await;
    assert_eq!(db.write(|tx| tx.sweep_challenges(at(4))).await, 4);
    assert_eq!(db.write(|tx| tx.sweep_challenges(at(4))).await, 0);
}
