//! Revoked tokens, sealing keys, signing secrets and the ledger.

use kernel::{
    Code, Event, EventKind, Sealed, Unchecked,
    id::{AppId, EventId, OrganizationId, PrincipalId, TokenId},
};
use platform::records::SealingKeyId;
use serde_json::json;
use webhooks::{PreviousSecret, Signing};

use crate::support::{Db, at};

on_both!(
    a_token_is_revoked_until_it_is_forgotten,
    a_sealing_key_is_noted_once,
    an_organization_has_one_signing_secret,
    the_ledger_has_what_was_committed_and_nothing_else,
);

async fn a_token_is_revoked_until_it_is_forgotten(db: &Db) {
    let [token, later] = [TokenId::generate(), TokenId::generate()];
    assert!(!db.read(move |tx| tx.is_token_revoked(token)).await);
    for first in [true, false] {
        assert_eq!(db.write(move |tx| tx.revoke_token(token, at(10))).await, first);
        assert!(db.read(move |tx| tx.is_token_revoked(token)).await);
    }
    db.write(move |tx| tx.revoke_token(later, at(20))).await;
    assert_eq!(db.write(|tx| tx.sweep_revoked_tokens(at(10))).await, 0);
    assert_eq!(db.write(|tx| tx.sweep_revoked_tokens(at(11))).await, 1);
    let revoked = db.read(move |tx| Ok([tx.is_token_revoked(token)?, tx.is_token_revoked(later)?])).await;
    assert_eq!(revoked, [false, true]);
}

async fn a_sealing_key_is_noted_once(db: &Db) {
    let [first, second] = [SealingKeyId([2; 8]), SealingKeyId([1; 8])];
    db.write(move |tx| {
        tx.note_sealing_key(first, at(0))?;
        tx.note_sealing_key(second, at(1))?;
        tx.note_sealing_key(first, at(2))
    })
    .await;
    assert_eq!(db.read(|tx| tx.sealing_keys()).await, [first, second]);
}

async fn an_organization_has_one_signing_secret(db: &Db) {
    let [organization, other] = [Unchecked(db.organization().await.id), Unchecked(db.organization().await.id)];
    let signing = Signing {
        secret: Sealed(vec![0, 159, 146, 150]),
        previous: Some(PreviousSecret { secret: Sealed(vec![7]), until: at(5) }),
        created_at: at(0),
    };
    let new = signing.clone();
    db.write(move |tx| tx.insert_signing(&organization, &new)).await;
    let new = signing.clone();
    assert_eq!(db.refused(move |tx| tx.insert_signing(&organization, &new)).await, Code::Conflict);
    let found = db.read(move |tx| Ok((tx.signing(&organization)?, tx.signing(&other)?))).await;
    assert_eq!(found, (Some(signing), None));
}

async fn the_ledger_has_what_was_committed_and_nothing_else(db: &Db) {
    let full = Event {
        id: EventId::generate(),
        kind: EventKind::OrganizationCreated,
        // It refers to nothing: what it tells of may be gone.
        app: Some(AppId::generate()),
        organization: Some(OrganizationId::generate()),
        actor: Some(PrincipalId::generate()),
        payload: json!({ "name": "Zoë\0🦊" }),
        at: at(0),
    };
    let bare = Event::new(EventKind::AuthLogin, at(1));
    db.write(move |tx| {
        tx.append(&full)?;
        tx.append(&bare)
    })
    .await;
    let lost = db.refused(|tx| {
        tx.append(&Event::new(EventKind::AuthSignup, at(2)))?;
        Err::<(), _>(kernel::Error::not_found())
    });
    assert_eq!(lost.await, Code::NotFound);
    assert_eq!(db.number("SELECT count(*) FROM events"), 2);
    let waiting = "SELECT count(*) FROM events WHERE position IS NULL AND kind = 'organization.created'";
    assert_eq!(db.number(waiting), 1);
}
