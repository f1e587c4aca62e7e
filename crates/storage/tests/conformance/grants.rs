//! Grants.

use authz::{ActionPattern, Effect, Grant, ResourcePattern};
use kernel::{
    Code, Page, Unchecked,
    id::{GrantId, PrincipalId},
};
use platform::Transaction;

use crate::support::{Db, at, grant};

on_both!(
    what_was_written_is_read_back,
    a_grant_counts_where_it_was_permitted,
    a_grant_is_out_of_reach_for_another_organization,
    an_organization_lists_its_own_grants_or_those_of_one_principal,
    somebody_sees_their_own_grants_of_one_app,
    what_is_taken_back_is_gone,
    all_that_somebody_has_in_an_organization_is_taken_back_at_once,
    all_that_somebody_has_in_an_app_is_taken_back_at_once,
);

async fn what_was_written_is_read_back(db: &Db) {
    let (here, principal) = (db.organization().await.id, PrincipalId::generate());
    let team = db.team(here).await.id;
    let resource = |kind, id| Some(ResourcePattern::new(kind, id).unwrap());
    let plain = || grant(here, principal);
    let grants = [
        plain(),
        Grant { team: Some(team), created_at: at(1), ..plain() },
        Grant { effect: Effect::Deny, action: ActionPattern::parse("*", None).unwrap(), ..plain() },
        Grant { resource: resource("workflow", "research/'🦊\"\\:*"), ..plain() },
        Grant { team: Some(team), resource: resource("team", &team.to_string()), ..plain() },
    ];
    for grant in &grants {
        let (id, new) = (grant.id, grant.clone());
        db.write(move |tx| tx.insert_grant(&Unchecked(here), &new)).await;
        assert_eq!(db.read(move |tx| tx.grant(id)).await.as_ref(), Some(grant));
    }
    let found = db.read(move |tx| Ok((tx.grants_of(here, principal)?, tx.count_grants_of(here, principal)?)));
    assert_eq!(found.await, (grants.to_vec(), 5));
    assert_eq!(db.read(|tx| tx.grant(GrantId::generate())).await, None);
}

async fn a_grant_counts_where_it_was_permitted(db: &Db) {
    let [permitted, other] = [db.organization().await.id, db.organization().await.id];
    let grant = grant(other, PrincipalId::generate());
    let (id, new) = (grant.id, grant.clone());
    db.write(move |tx| tx.insert_grant(&Unchecked(permitted), &new)).await;
    assert_eq!(db.read(move |tx| tx.grant(id)).await, Some(Grant { organization: permitted, ..grant }));
}

async fn a_grant_is_out_of_reach_for_another_organization(db: &Db) {
    let (here, stranger) = (db.organization().await.id, Unchecked(db.organization().await.id));
    let grant = db.grant(here, PrincipalId::generate()).await;
    let (id, principal) = (grant.id, grant.principal);
    assert_eq!(db.refused(move |tx| tx.delete_grant(&stranger, id)).await, Code::NotFound);
    db.write(move |tx| tx.delete_grants_of(&stranger, principal)).await;
    for principal in [None, Some(principal)] {
        db.lists(&[], |grant: &Grant| grant.id, move |tx, page| tx.grants_in(&stranger, principal, page)).await;
    }
    let seen =
        db.read(move |tx| Ok((tx.grants_of(stranger.0, principal)?, tx.count_grants_of(stranger.0, principal)?)));
    assert_eq!(seen.await, (vec![], 0));
    assert_eq!(db.read(move |tx| tx.grant(id)).await, Some(grant));
}

async fn an_organization_lists_its_own_grants_or_those_of_one_principal(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let [alice, bob] = [PrincipalId::generate(), PrincipalId::generate()];
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(db.grant(here, alice).await);
        all.push(db.grant(here, bob).await);
        db.grant(elsewhere, alice).await;
    }
    let list =
        |principal| move |tx: &mut dyn Transaction, page: &Page<_>| tx.grants_in(&Unchecked(here), principal, page);
    db.lists(&all, |grant| grant.id, list(None)).await;
    all.retain(|grant| grant.principal == alice);
    db.lists(&all, |grant| grant.id, list(Some(alice))).await;
    assert_eq!(db.read(move |tx| tx.grants_of(here, alice)).await, all);
    assert_eq!(db.read(move |tx| tx.count_grants_of(here, alice)).await, 3);
}

/// Grants of one principal in two organizations of an app, in one of the platform and in one of another app.
async fn held(db: &Db, principal: PrincipalId) -> (kernel::id::AppId, Vec<Grant>) {
    let app = db.app().await.id;
    let mut held = Vec::new();
    for app in [Some(app), Some(app), None, Some(db.app().await.id)] {
        let organization = db.organization_in(app).await.id;
        for _ in 0..2 {
            held.push(db.grant(organization, principal).await);
            db.grant(organization, PrincipalId::generate()).await;
        }
    }
    (app, held)
}

async fn somebody_sees_their_own_grants_of_one_app(db: &Db) {
    let principal = PrincipalId::generate();
    let (app, held) = held(db, principal).await;
    let list = |app| move |tx: &mut dyn Transaction, page: &Page<_>| tx.grants_held(app, None, principal, page);
    db.lists(&held[..4], |grant| grant.id, list(Some(app))).await;
    db.lists(&held[4..6], |grant| grant.id, list(None)).await;
}

async fn what_is_taken_back_is_gone(db: &Db) {
    let (here, principal) = (Unchecked(db.organization().await.id), PrincipalId::generate());
    let [gone, kept] = [db.grant(here.0, principal).await, db.grant(here.0, principal).await];
    let id = gone.id;
    db.write(move |tx| tx.delete_grant(&here, id)).await;
    assert_eq!(db.read(move |tx| tx.grants_of(here.0, principal)).await, [kept]);
    assert_eq!(db.refused(move |tx| tx.delete_grant(&here, id)).await, Code::NotFound);
}

async fn all_that_somebody_has_in_an_organization_is_taken_back_at_once(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let [leaver, stayer] = [PrincipalId::generate(), PrincipalId::generate()];
    for (organization, principal) in [(here, leaver), (here, leaver), (here, stayer), (elsewhere, leaver)] {
        db.grant(organization, principal).await;
    }
    for _ in 0..2 {
        db.write(move |tx| tx.delete_grants_of(&Unchecked(here), leaver)).await;
        for (organization, principal, left) in [(here, leaver, 0), (here, stayer, 1), (elsewhere, leaver, 1)] {
            assert_eq!(db.read(move |tx| tx.count_grants_of(organization, principal)).await, left);
        }
    }
}

async fn all_that_somebody_has_in_an_app_is_taken_back_at_once(db: &Db) {
    let principal = PrincipalId::generate();
    let (app, held) = held(db, principal).await;
    let bystanders = held.len();
    for (app, gone) in [(Some(app), 4), (Some(app), 4), (None, 6)] {
        db.write(move |tx| tx.delete_grants_in_app(app, principal)).await;
        for (index, grant) in held.iter().enumerate() {
            let id = grant.id;
            assert_eq!(db.read(move |tx| tx.grant(id)).await.is_none(), index < gone, "{index}");
        }
        assert_eq!(db.number("SELECT count(*) FROM grants"), i64::try_from(held.len() - gone + bystanders).unwrap());
    }
}
