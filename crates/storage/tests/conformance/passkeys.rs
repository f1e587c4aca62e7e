//! Passkeys, and the challenges that they answer.

use identity::{Ceremony, Passkey, PasskeyChallenge};
use kernel::{
    Code, Name, SecretHash, Unchecked,
    id::{AccountId, AppId, PasskeyId},
};
use platform::Transaction;
use uuid::Uuid;

use crate::support::{Db, at, linger};

on_both!(
    what_is_kept_comes_back,
    a_credential_id_is_unique_in_its_app,
    only_an_accounts_own_passkeys_are_renamed_and_removed,
    attack_07_a_passkey_that_counts_counts_on,
    attack_07_of_many_who_use_a_count_at_once_one_does,
    attack_07_of_many_who_answer_a_challenge_at_once_one_does,
    attack_07_a_challenge_is_consumed_for_what_and_for_whom_it_was_made,
    passkeys_and_challenges_go_with_their_account,
    challenges_that_expired_are_forgotten,
);

/// How many come at once.
const MANY: usize = 200;

fn passkey(account: AccountId, app: Option<AppId>, credential_id: &[u8]) -> Passkey {
    Passkey {
        id: PasskeyId::generate(),
        account,
        app,
        rp_id: "example.com".to_owned(),
        credential_id: credential_id.to_vec(),
        credential: r#"{"key":1}"#.to_owned(),
        counter: 0,
        backup_eligible: true,
        backed_up: false,
        aaguid: Some(Uuid::from_u128(7)),
        transports: vec!["internal".to_owned(), "hybrid".to_owned()],
        name: Name::constant("Phone"),
        created_at: at(1),
        last_used_at: None,
    }
}

fn challenge(account: Option<AccountId>, hash: u8) -> PasskeyChallenge {
    PasskeyChallenge {
        hash: SecretHash([hash; 32]),
        ceremony: Ceremony::SignIn,
        account,
        named: account.is_some(),
        state: r#"{"challenge":1}"#.to_owned(),
        expires_at: at(100),
    }
}

async fn kept(db: &Db, passkey: &Passkey) {
    let passkey = passkey.clone();
    db.write(move |tx| tx.insert_passkey(&passkey)).await;
}

async fn issued(db: &Db, challenge: &PasskeyChallenge) {
    let challenge = challenge.clone();
    db.write(move |tx| tx.insert_passkey_challenge(&challenge)).await;
}

async fn what_is_kept_comes_back(db: &Db) {
    let account = db.account(None).await.id;
    let [first, second] = [passkey(account, None, &[1]), passkey(account, None, &[2])];
    let second = Passkey { aaguid: None, transports: Vec::new(), last_used_at: Some(at(3)), ..second };
    kept(db, &first).await;
    kept(db, &second).await;
    assert_eq!(db.read(move |tx| tx.passkeys_of(account)).await, [first.clone(), second.clone()]);
    assert_eq!(db.read(|tx| tx.passkey_by_credential(None, &[2])).await, Some(second.clone()));
    assert_eq!(db.read(|tx| tx.passkey_by_credential(None, &[3])).await, None);
    assert_eq!(db.read(|tx| tx.passkey_by_credential(Some(AppId::generate()), &[2])).await, None);
    let id = first.id;
    assert!(db.write(move |tx| tx.use_passkey(id, 0, true, at(5))).await);
    let used = Passkey { backed_up: true, last_used_at: Some(at(5)), ..first };
    assert_eq!(db.read(|tx| tx.passkey_by_credential(None, &[1])).await, Some(used.clone()));
    assert_eq!(db.write(move |tx| tx.remove_passkeys(account)).await.len(), 2);
    assert_eq!(db.write(move |tx| tx.remove_passkeys(account)).await, []);
}

async fn a_credential_id_is_unique_in_its_app(db: &Db) {
    let app = db.app().await.id;
    for place in [None, Some(app)] {
        let (alice, bob) = (db.account(place).await.id, db.account(place).await.id);
        kept(db, &passkey(alice, place, &[1])).await;
        let twice = passkey(bob, place, &[1]);
        assert_eq!(db.refused(move |tx| tx.insert_passkey(&twice)).await, Code::Conflict);
        kept(db, &passkey(bob, place, &[2])).await;
    }
}

async fn only_an_accounts_own_passkeys_are_renamed_and_removed(db: &Db) {
    let (alice, bob) = (db.account(None).await.id, db.account(None).await.id);
    let own = passkey(alice, None, &[1]);
    kept(db, &own).await;
    let id = own.id;
    let name = Name::constant("Red key");
    let rename = |account| {
        let name = name.clone();
        db.write(move |tx| tx.rename_passkey(account, id, &name))
    };
    assert_eq!(rename(bob).await, None);
    assert_eq!(db.write(move |tx| tx.remove_passkey(bob, id)).await, None);
    let renamed = Passkey { name: name.clone(), ..own };
    assert_eq!(rename(alice).await, Some(renamed.clone()));
    assert_eq!(db.write(move |tx| tx.remove_passkey(alice, id)).await, Some(renamed));
    assert_eq!(db.write(move |tx| tx.remove_passkey(alice, id)).await, None);
}

async fn attack_07_a_passkey_that_counts_counts_on(db: &Db) {
    let passkey = passkey(db.account(None).await.id, None, &[1]);
    let id = passkey.id;
    kept(db, &passkey).await;
    for (counter, used) in
        [(0, true), (0, true), (5, true), (5, false), (4, false), (0, false), (6, true), (u32::MAX, true)]
    {
        assert_eq!(db.write(move |tx| tx.use_passkey(id, counter, false, at(2))).await, used, "{counter}");
    }
    assert!(!db.write(|tx| tx.use_passkey(PasskeyId::generate(), 9, false, at(2))).await);
}

async fn attack_07_of_many_who_use_a_count_at_once_one_does(db: &Db) {
    let passkey = passkey(db.account(None).await.id, None, &[1]);
    let id = passkey.id;
    kept(db, &passkey).await;
    let consume = move |tx: &mut dyn Transaction| {
        let used = tx.use_passkey(id, 1, false, at(2))?;
        linger();
        Ok(used)
    };
    let outcomes = db.at_once(vec![consume; MANY]).await;
    assert_eq!(outcomes.into_iter().filter(|used| matches!(used, Ok(true))).count(), 1);
}

async fn attack_07_of_many_who_answer_a_challenge_at_once_one_does(db: &Db) {
    let hash = challenge(None, 1).hash;
    issued(db, &challenge(None, 1)).await;
    let consume = move |tx: &mut dyn Transaction| {
        let used = tx.consume_passkey_challenge(Ceremony::SignIn, hash, None, at(2))?;
        linger();
        Ok(used)
    };
    let outcomes = db.at_once(vec![consume; MANY]).await;
    assert_eq!(outcomes.into_iter().filter(|used| matches!(used, Ok(true))).count(), 1);
}

async fn attack_07_a_challenge_is_consumed_for_what_and_for_whom_it_was_made(db: &Db) {
    let (alice, bob) = (db.account(None).await.id, db.account(None).await.id);
    let (named, open) = (challenge(Some(alice), 1), challenge(None, 2));
    issued(db, &named).await;
    issued(db, &open).await;
    let read = |ceremony, hash, now| db.read(move |tx| tx.passkey_challenge(ceremony, hash, at(now)));
    assert_eq!(read(Ceremony::SignIn, named.hash, 99).await, Some(named.clone()));
    assert_eq!(read(Ceremony::SignIn, named.hash, 100).await, None, "too late");
    assert_eq!(read(Ceremony::Register, named.hash, 1).await, None);
    let consume = |ceremony, hash, account, now| {
        db.write(move |tx| tx.consume_passkey_challenge(ceremony, hash, account, at(now)))
    };
    assert!(!consume(Ceremony::Register, named.hash, Some(alice), 1).await);
    assert!(!consume(Ceremony::SignIn, named.hash, Some(bob), 1).await);
    assert!(!consume(Ceremony::SignIn, named.hash, None, 1).await);
    assert!(!consume(Ceremony::SignIn, named.hash, Some(alice), 100).await);
    assert!(!consume(Ceremony::SignIn, SecretHash([9; 32]), None, 1).await);
    assert!(!consume(Ceremony::SignIn, open.hash, Some(alice), 1).await);
    assert!(consume(Ceremony::SignIn, named.hash, Some(alice), 1).await);
    assert!(!consume(Ceremony::SignIn, named.hash, Some(alice), 1).await, "once");
    assert!(consume(Ceremony::SignIn, open.hash, None, 1).await);
    assert_eq!(read(Ceremony::SignIn, open.hash, 1).await, None);
}

async fn passkeys_and_challenges_go_with_their_account(db: &Db) {
    let account = db.account(None).await;
    let id = account.id;
    kept(db, &passkey(id, None, &[1])).await;
    issued(db, &challenge(Some(id), 1)).await;
    issued(db, &challenge(None, 2)).await;
    db.write(move |tx| tx.delete_account(&Unchecked(None), account.principal, at(5))).await;
    assert_eq!(db.read(|tx| tx.passkey_by_credential(None, &[1])).await, None);
    let left = |hash| db.read(move |tx| tx.passkey_challenge(Ceremony::SignIn, SecretHash([hash; 32]), at(5)));
    assert!(left(1).await.is_none() && left(2).await.is_some());
}

async fn challenges_that_expired_are_forgotten(db: &Db) {
    for hash in 1..=4 {
        issued(db, &PasskeyChallenge { expires_at: at(3), ..challenge(None, hash) }).await;
    }
    issued(db, &challenge(None, 5)).await;
    assert_eq!(db.write(|tx| tx.sweep_passkey_challenges(at(4))).await, 4);
    assert_eq!(db.write(|tx| tx.sweep_passkey_challenges(at(4))).await, 0);
}
