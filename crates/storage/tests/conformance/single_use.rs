//! What is good once, two hundred times over: each time several threads come for it together, and one of them has it. The
//! stories beside the repositories have two hundred come for one.

use identity::{
    Ceremony, Challenge, OneTimeToken, Passkey, PasskeyChallenge, Purpose, RefreshToken, SocialFlow, totp::Step,
};
use kernel::{
    Name, Result, Sealed, SecretHash,
    id::{OneTimeTokenId, PasskeyId, RefreshTokenId},
};
use platform::Transaction;
use tenancy::InvitationStatus;

use crate::{
    links::link,
    one_time_tokens::token,
    second_factor,
    support::{Db, at, invitation},
};

on_both!(
    attack_2_a_refresh_token_is_spent_once_every_time,
    attack_5_a_step_is_used_once_every_time,
    attack_5_an_enrolment_counts_once_every_time,
    attack_6_a_link_or_code_that_was_mailed_is_used_once_every_time,
    attack_6_a_recovery_code_is_used_once_every_time,
    attack_6_an_invitation_is_answered_once_every_time,
    attack_6_somebody_elsewhere_is_linked_once_every_time,
    attack_7_a_passkeys_challenge_is_answered_once_every_time,
    attack_7_a_count_is_used_once_every_time,
    attack_14_a_challenge_is_met_once_every_time,
    attack_19_a_state_and_a_code_are_used_once_every_time,
);

/// How often a race is run.
const ROUNDS: u16 = 200;
/// How many come for one thing at once: more than there are threads that run them.
const AT_ONCE: usize = 8;

/// One for each round.
fn hash(round: u16) -> SecretHash {
    let mut hash = [7; 32];
    hash[..2].copy_from_slice(&round.to_be_bytes());
    SecretHash(hash)
}

/// Lets many come for each of these.
async fn race<T: Copy + Send + 'static>(
    db: &Db,
    things: impl IntoIterator<Item = T>,
    take: impl Fn(&mut dyn Transaction, T) -> Result<bool> + Copy + Send + 'static,
) {
    let mut rounds = 0;
    for thing in things {
        let come = move |tx: &mut dyn Transaction| take(tx, thing);
        let taken = db.at_once(vec![come; AT_ONCE]).await;
        let winners = taken.iter().filter(|taken| matches!(taken, Ok(true))).count();
        assert_eq!(winners, 1, "round {rounds}: {taken:?}");
        rounds += 1;
    }
    assert_eq!(rounds, ROUNDS);
}

async fn attack_2_a_refresh_token_is_spent_once_every_time(db: &Db) {
    let (_, first) = db.session(&db.account(None).await).await;
    let ids: Vec<_> = (0..ROUNDS).map(|_| RefreshTokenId::generate()).collect();
    let family: Vec<_> = ids.iter().map(|id| RefreshToken { id: *id, ..first.clone() }).collect();
    db.write(move |tx| family.iter().try_for_each(|token| tx.insert_refresh_token(token))).await;
    race(db, ids, |tx, id| Ok(tx.spend_refresh_token(id, RefreshTokenId::generate(), at(1))?.is_some())).await;
    let spent = db.number("SELECT count(DISTINCT successor_id) FROM refresh_tokens WHERE spent_at IS NOT NULL");
    assert_eq!(spent, i64::from(ROUNDS), "each has one successor");
}

async fn attack_5_a_step_is_used_once_every_time(db: &Db) {
    let totp = second_factor::totp(db.account(None).await.id);
    let id = totp.id;
    db.write(move |tx| {
        assert!(tx.enroll_totp(&totp, &[])?);
        tx.activate_totp(id, Step(1), at(2))
    })
    .await;
    race(db, 2..ROUNDS + 2, move |tx, round| tx.use_totp_step(id, Step(round.into()))).await;
}

async fn attack_5_an_enrolment_counts_once_every_time(db: &Db) {
    let mut ids = Vec::new();
    for _ in 0..ROUNDS {
        let totp = second_factor::totp(db.account(None).await.id);
        ids.push(totp.id);
        assert!(db.write(move |tx| tx.enroll_totp(&totp, &[])).await);
    }
    race(db, ids, |tx, id| tx.activate_totp(id, Step(9), at(2))).await;
}

async fn attack_6_a_link_or_code_that_was_mailed_is_used_once_every_time(db: &Db) {
    let account = db.account(None).await.id;
    for purpose in [
        Purpose::VerifyEmail,
        Purpose::ResetPassword,
        Purpose::MagicLink,
        Purpose::EmailCode,
        Purpose::ChangeEmail,
        Purpose::UndoEmailChange,
    ] {
        // What is stored of a token is another hash for each purpose.
        let hash = move |round| {
            let mut hash = hash(round);
            hash.0[2] = purpose as u8;
            hash
        };
        db.write(move |tx| {
            (0..ROUNDS).try_for_each(|round| {
                let id = OneTimeTokenId::generate();
                tx.insert_one_time_token(&OneTimeToken { id, purpose, hash: hash(round), ..token(account, 0) })
            })
        })
        .await;
        let used = move |tx: &mut dyn Transaction, hash| Ok(tx.consume_one_time_token(purpose, hash, at(1))?.is_some());
        race(db, (0..ROUNDS).map(hash), used).await;
    }
}

async fn attack_6_a_recovery_code_is_used_once_every_time(db: &Db) {
    let totp = second_factor::totp(db.account(None).await.id);
    let id = totp.id;
    let codes: Vec<_> = (0..ROUNDS).map(hash).collect();
    db.write(move |tx| {
        assert!(tx.enroll_totp(&totp, &codes)?);
        tx.activate_totp(id, Step(1), at(2))
    })
    .await;
    race(db, (0..ROUNDS).map(hash), move |tx, code| tx.use_recovery_code(id, code, at(3))).await;
    assert_eq!(db.read(move |tx| tx.recovery_codes_left(id)).await, 0);
}

async fn attack_6_an_invitation_is_answered_once_every_time(db: &Db) {
    let organization = db.organization().await.id;
    let mut ids = Vec::new();
    for _ in 0..ROUNDS {
        ids.push(db.inserted(invitation(organization)).await.id);
    }
    let answer =
        |tx: &mut dyn Transaction, id| Ok(tx.close_invitation(id, InvitationStatus::Accepted, at(1))?.is_some());
    race(db, ids, answer).await;
}

async fn attack_6_somebody_elsewhere_is_linked_once_every_time(db: &Db) {
    let account = db.account(None).await.id;
    race(db, 0..ROUNDS, move |tx, round| {
        tx.insert_link(&link(None, account, &round.to_string()))?;
        Ok(true)
    })
    .await;
    assert_eq!(db.number("SELECT count(*) FROM links"), i64::from(ROUNDS));
}

async fn attack_7_a_passkeys_challenge_is_answered_once_every_time(db: &Db) {
    let account = db.account(None).await.id;
    for (ceremony, whose) in [(Ceremony::Register, Some(account)), (Ceremony::SignIn, None)] {
        let hash = move |round| hash(round + u16::from(whose.is_none()) * ROUNDS);
        db.write(move |tx| {
            (0..ROUNDS).try_for_each(|round| {
                tx.insert_passkey_challenge(&PasskeyChallenge {
                    hash: hash(round),
                    ceremony,
                    account: whose,
                    named: false,
                    state: "{}".to_owned(),
                    expires_at: at(100),
                })
            })
        })
        .await;
        let answer = move |tx: &mut dyn Transaction, hash| tx.consume_passkey_challenge(ceremony, hash, whose, at(1));
        race(db, (0..ROUNDS).map(hash), answer).await;
    }
}

async fn attack_7_a_count_is_used_once_every_time(db: &Db) {
    let account = db.account(None).await.id;
    let id = PasskeyId::generate();
    db.write(move |tx| {
        tx.insert_passkey(&Passkey {
            id,
            account,
            app: None,
            rp_id: "example.com".to_owned(),
            credential_id: vec![1],
            credential: "{}".to_owned(),
            counter: 0,
            backup_eligible: false,
            backed_up: false,
            aaguid: None,
            transports: Vec::new(),
            name: Name::constant("Key"),
            created_at: at(0),
            last_used_at: None,
        })
    })
    .await;
    race(db, 1..=ROUNDS, move |tx, round| tx.use_passkey(id, round.into(), false, at(2))).await;
}

async fn attack_14_a_challenge_is_met_once_every_time(db: &Db) {
    let account = db.account(None).await.id;
    db.write(move |tx| {
        (0..ROUNDS).try_for_each(|round| {
            tx.insert_challenge(&Challenge { hash: hash(round), ..second_factor::challenge(account, 0) })
        })
    })
    .await;
    race(db, (0..ROUNDS).map(hash), |tx, hash| tx.consume_challenge(hash, at(1))).await;
}

/// On the way to a provider, and on the way back to the app: both are kept alike.
async fn attack_19_a_state_and_a_code_are_used_once_every_time(db: &Db) {
    db.write(move |tx| {
        (0..ROUNDS).try_for_each(|round| {
            let note = Sealed(vec![1, 2]);
            tx.insert_social_flow(&SocialFlow { hash: hash(round), app: None, note, expires_at: at(100) })
        })
    })
    .await;
    race(db, (0..ROUNDS).map(hash), |tx, hash| Ok(tx.consume_social_flow(hash, at(1))?.is_some())).await;
}
