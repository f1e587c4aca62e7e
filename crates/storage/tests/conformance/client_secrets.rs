//! Client secrets.

use apps::ClientSecret;
use kernel::{
    SecretHash, Timestamp,
    id::{AppId, ClientSecretId},
};

use crate::support::{Db, at, linger};

on_both!(a_secret_counts_until_it_ends, of_secrets_made_at_once_one_has_no_end);

pub fn secret(app: AppId, expires_at: Option<Timestamp>) -> ClientSecret {
    let id = ClientSecretId::generate();
    ClientSecret { id, app, hash: SecretHash([4; 32]), created_at: at(0), expires_at }
}

async fn a_secret_counts_until_it_ends(db: &Db) {
    let [app, other] = [db.app().await.id, db.app().await.id];
    let secrets = [secret(app, None), secret(app, Some(at(50))), secret(other, None)];
    let new = secrets.clone();
    db.write(move |tx| new.iter().try_for_each(|secret| tx.insert_client_secret(secret))).await;
    let counting = |now| db.read(move |tx| tx.client_secrets(app, now));
    assert_eq!(counting(at(49)).await, secrets[..2]);
    assert_eq!(counting(at(50)).await, secrets[..1]);
    assert_eq!(db.read(move |tx| tx.client_secrets(other, at(60))).await, secrets[2..]);

    db.write(move |tx| tx.expire_client_secrets(app, at(100))).await;
    let ends = [Some(at(100)), Some(at(50))];
    assert_eq!(counting(at(49)).await.iter().map(|secret| secret.expires_at).collect::<Vec<_>>(), ends);
    db.write(move |tx| tx.expire_client_secrets(app, at(10))).await;
    assert!(counting(at(10)).await.is_empty());
    assert_eq!(db.read(move |tx| tx.client_secrets(other, at(60))).await, secrets[2..]);
    // What ended long ago is forgotten when the next one ends.
    let month = 31 * 86_400;
    db.write(move |tx| tx.expire_client_secrets(app, at(month + 40))).await;
    assert_eq!(db.number("SELECT count(*) FROM client_secrets"), 1);
}

async fn of_secrets_made_at_once_one_has_no_end(db: &Db) {
    let app = db.app().await.id;
    let works = (0..12).map(|_| {
        let new = secret(app, None);
        move |tx: &mut dyn platform::Transaction| {
            tx.expire_client_secrets(app, at(10))?;
            linger();
            tx.insert_client_secret(&new)
        }
    });
    assert!(db.at_once(works).await.iter().all(Result::is_ok));
    assert_eq!(db.read(move |tx| tx.client_secrets(app, at(0))).await.len(), 12);
    assert_eq!(db.read(move |tx| tx.client_secrets(app, at(10))).await.len(), 1);
}
