//! Revoked tokens, sealing keys, signing secrets and the ledger.

use audit::Link;
use kernel::{
    Code, Event, EventKind, Result, Sealed, Unchecked,
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
    who_reads_on_finds_what_is_theirs_in_the_order_of_positions,
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
        payload: json!({ "name": "Zoë\0🦊", "slug": "zoe", "principal_id": PrincipalId::generate() }),
        at: at(0),
    };
    let bare = Event::example(EventKind::AuthLogin, at(1));
    db.write(move |tx| {
        tx.append(&full)?;
        tx.append(&bare)
    })
    .await;
    let lost = db.refused(|tx| {
        tx.append(&Event::example(EventKind::AuthSignup, at(2)))?;
        Err::<(), _>(kernel::Error::not_found())
    });
    assert_eq!(lost.await, Code::NotFound);
    assert_eq!(db.number("SELECT count(*) FROM events"), 2);
    let waiting = "SELECT count(*) FROM events WHERE position IS NULL AND kind = 'organization.created'";
    assert_eq!(db.number(waiting), 1);
}

async fn who_reads_on_finds_what_is_theirs_in_the_order_of_positions(db: &Db) {
    let (app, organization) = (AppId::generate(), OrganizationId::generate());
    let theirs = |kind| Event { app: Some(app), organization: Some(organization), ..Event::example(kind, at(0)) };
    let [first, second] = [theirs(EventKind::TeamCreated), theirs(EventKind::TeamUpdated)];
    let signed_up = Event { app: Some(app), ..Event::example(EventKind::AuthSignup, at(0)) };
    let [elsewhere, late] = [Event::example(EventKind::AuthLogin, at(0)), theirs(EventKind::TeamArchived)];
    let all = [&first, &second, &signed_up, &elsewhere, &late].map(Clone::clone);
    db.write(move |tx| all.iter().try_for_each(|event| tx.append(event))).await;
    // Not in the order in which they were made, and the last one not yet.
    let link = Link([7; 40]);
    let placed = [(second.id, 1, link), (elsewhere.id, 2, link), (first.id, 3, link), (signed_up.id, 4, link)];
    db.write(move |tx| tx.sequence(&placed)).await;
    let found = db.read(move |tx| {
        let (here, app) = (Unchecked(organization), Unchecked(Some(app)));
        let found = [
            tx.sequenced_in(&here, 0)?,
            tx.sequenced_in(&here, 1)?,
            tx.sequenced_of(&app, 0)?,
            tx.sequenced_of(&Unchecked(None), 1)?,
        ];
        Ok(found.map(|entries| entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>()))
    });
    let of_app = vec![second.id, first.id, signed_up.id];
    let behind = vec![elsewhere.id, first.id, signed_up.id];
    assert_eq!(found.await, [vec![second.id, first.id], vec![first.id], of_app, behind]);
    let ids = [first.id, late.id, EventId::generate()];
    let positions = db.read(move |tx| ids.into_iter().map(|id| tx.position_of(id)).collect::<Result<Vec<_>>>()).await;
    assert_eq!(positions, [Some(3), None, None]);
}
