//! Keys that sign access tokens.

use std::time::Duration;

use identity::{
    KeyId, SigningAlgorithm, StoredKey,
    signing_key::{KeyState, Occasion, Policy, turn},
};
use kernel::{Change, Code, Sealed};
use platform::Transaction;

use crate::{
    changes::heard,
    support::{Db, at},
};

on_both!(
    a_key_is_kept_changed_and_forgotten_and_each_is_told,
    one_key_signs_and_one_is_next,
    of_many_who_look_at_once_one_makes_the_first_keys,
);

fn key(number: u8, state: KeyState) -> StoredKey {
    StoredKey {
        id: KeyId([number; 32]),
        algorithm: SigningAlgorithm::Es256,
        state,
        public: Sealed(vec![0, 159, number]),
        private: Some(Sealed(vec![0, 146, number])),
        created_at: at(number.into()),
        current_since: None,
        believed_until: None,
        secret_until: None,
    }
}

async fn a_key_is_kept_changed_and_forgotten_and_each_is_told(db: &Db) {
    assert_eq!(db.read(|tx| tx.signing_keys()).await, []);
    let (older, younger) = (key(2, KeyState::Next), key(3, KeyState::Current));
    let heard = heard(db);
    let (first, second) = (older.clone(), younger.clone());
    db.write(move |tx| tx.insert_signing_key(&second)).await;
    db.write(move |tx| tx.insert_signing_key(&first)).await;
    assert_eq!(heard(), [Change::SigningKeys, Change::SigningKeys]);
    assert_eq!(db.read(|tx| tx.signing_keys()).await, [older.clone(), younger.clone()], "oldest first");

    let retired = StoredKey {
        state: KeyState::Retired,
        private: None,
        current_since: Some(at(3)),
        believed_until: Some(at(100)),
        ..younger
    };
    let current =
        StoredKey { state: KeyState::Current, current_since: Some(at(4)), secret_until: Some(at(50)), ..older };
    let (one, other) = (retired.clone(), current.clone());
    db.write(move |tx| {
        tx.update_signing_key(&one)?;
        tx.update_signing_key(&other)
    })
    .await;
    assert_eq!(heard(), [Change::SigningKeys, Change::SigningKeys]);
    assert_eq!(db.read(|tx| tx.signing_keys()).await, [current, retired.clone()]);

    let gone = [retired.id, KeyId([9; 32])];
    db.write(move |tx| tx.delete_signing_keys(&gone)).await;
    assert_eq!(heard(), [Change::SigningKeys]);
    db.write(move |tx| tx.delete_signing_keys(&gone)).await;
    db.write(|tx| tx.delete_signing_keys(&[])).await;
    assert_eq!(heard(), [], "there was none");
    assert_eq!(db.read(|tx| tx.signing_keys()).await.len(), 1);
    assert_eq!(db.refused(move |tx| tx.update_signing_key(&retired)).await, Code::NotFound);
}

async fn one_key_signs_and_one_is_next(db: &Db) {
    db.write(|tx| {
        tx.insert_signing_key(&key(1, KeyState::Current))?;
        tx.insert_signing_key(&key(2, KeyState::Next))?;
        tx.insert_signing_key(&key(3, KeyState::Retired))?;
        tx.insert_signing_key(&key(4, KeyState::Retired))
    })
    .await;
    for state in [KeyState::Current, KeyState::Next] {
        assert_eq!(db.refused(move |tx| tx.insert_signing_key(&key(5, state))).await, Code::Conflict);
    }
    let twice = StoredKey { state: KeyState::Current, ..key(2, KeyState::Next) };
    assert_eq!(db.refused(move |tx| tx.update_signing_key(&twice)).await, Code::Conflict);
}

/// Who writes has looked alone: nobody else's look was before, and their change after it.
async fn of_many_who_look_at_once_one_makes_the_first_keys(db: &Db) {
    const LOOKERS: u8 = 8;
    let policy =
        Policy { algorithm: Some(SigningAlgorithm::Es256), rotate_after: None, longest_token: Duration::from_mins(1) };
    for round in 0..200 {
        let look = |number| {
            move |tx: &mut dyn Transaction| {
                let keys = tx.signing_keys()?;
                let made = turn(&keys, &policy, Occasion::Schedule, at(1000)).signs.is_some();
                if made {
                    tx.insert_signing_key(&key(number, KeyState::Current))?;
                    tx.insert_signing_key(&key(number + LOOKERS, KeyState::Next))?;
                }
                Ok(made)
            }
        };
        let made = db.at_once((0..LOOKERS).map(look)).await;
        assert_eq!(made.into_iter().filter(|made| *made.as_ref().unwrap()).count(), 1, "round {round}");
        let all: Vec<_> = db.read(|tx| tx.signing_keys()).await.iter().map(|key| key.id).collect();
        db.write(move |tx| tx.delete_signing_keys(&all)).await;
    }
}
