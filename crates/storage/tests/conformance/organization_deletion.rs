//! How organizations end.

use std::collections::HashSet;

use kernel::{
    Change, Code, Event, EventKind, Role, Sealed, Unchecked,
    id::{OrganizationId, PrincipalId},
};
use platform::Transaction;
use tenancy::{Asset, ConcurrencyLimit, Limited, Organization, SecretName};

use crate::support::{Db, app, at, linger, team};

on_both!(
    what_is_due_is_found_in_its_order,
    what_somebody_changes_is_not_due_for_others,
    an_organization_goes_with_everything_in_it_and_nothing_else,
    who_holds_copies_is_told_of_all_that_goes,
    an_organization_that_owns_apps_stays,
    an_organization_is_deleted_or_kept,
    an_organization_is_deleted_or_comes_by_an_app,
);

async fn waiting(db: &Db, seconds: i64) -> Organization {
    let organization = Organization { delete_at: Some(at(seconds)), ..db.organization().await };
    let change = organization.clone();
    db.write(move |tx| tx.update_organization(&Unchecked(change.id), &change)).await;
    organization
}

async fn due(db: &Db, seconds: i64) -> Option<OrganizationId> {
    db.write(move |tx| Ok(tx.organization_due(at(seconds))?.map(|organization| organization.id))).await
}

async fn what_is_due_is_found_in_its_order(db: &Db) {
    db.organization().await;
    let [second, first, third] = [waiting(db, 2).await, waiting(db, 1).await, waiting(db, 3).await];
    assert_eq!(due(db, 0).await, None);
    assert_eq!(due(db, 1).await, Some(first.id), "on the dot");
    assert_eq!(due(db, 9).await, Some(first.id));
    for organization in [first, second, third] {
        assert_eq!(due(db, 9).await, Some(organization.id));
        db.write(move |tx| tx.delete_organization(&Unchecked(organization.id))).await;
    }
    assert_eq!(due(db, 9).await, None);
}

async fn what_somebody_changes_is_not_due_for_others(db: &Db) {
    let organization = waiting(db, 1).await;
    let id = organization.id;
    let works = (0..4).map(|_| {
        move |tx: &mut dyn Transaction| {
            let Some(due) = tx.organization_due(at(9))? else { return Ok(0) };
            linger();
            tx.delete_organization(&Unchecked(due.id))?;
            Ok(1)
        }
    });
    let deleted: i32 = db.at_once(works).await.into_iter().map(|outcome| outcome.unwrap()).sum();
    assert_eq!(deleted, 1, "one of those who come at once takes it");
    assert_eq!(db.read(move |tx| tx.organization(id)).await, None);
}

/// Something of everything that an organization has.
async fn furnish(db: &Db, organization: OrganizationId, principal: PrincipalId) {
    db.member(organization, principal, Role::Owner).await;
    let team = db.team(organization).await;
    db.team_member(&team, principal, Role::Member).await;
    let role = db.custom_role(organization).await.id;
    db.grant(organization, principal).await;
    let key = crate::api_keys::key(organization, None, principal);
    db.write(move |tx| {
        let within = Unchecked(organization);
        tx.set_role(&within, principal, Role::Owner, Some(role))?;
        tx.insert_api_key(&within, &key)?;
        tx.set_secret(&within, &SecretName::parse("KEY")?, &Sealed(vec![1]), at(0))?;
        tx.insert_asset(&within, &Asset { team: Some(team.id), ..crate::assets::asset(organization) })?;
        tx.record_usage(&within, &crate::usage::record(organization, "run"))?;
        for limited in [Limited::Organization(organization), Limited::Team(team.id, organization)] {
            tx.set_concurrency_limit(&ConcurrencyLimit { limited, max_runs: 1, updated_at: at(0) })?;
        }
        tx.append(&Event { organization: Some(organization), ..Event::example(EventKind::OrganizationCreated, at(0)) })
    })
    .await;
}

const TABLES: [&str; 12] = [
    "organizations",
    "memberships",
    "teams",
    "team_members",
    "roles",
    "grants",
    "api_keys",
    "organization_secrets",
    "assets",
    "usage_records",
    "usage_days",
    "(SELECT DISTINCT organization_id FROM concurrency_limits) AS limited",
];

async fn an_organization_goes_with_everything_in_it_and_nothing_else(db: &Db) {
    let account = db.account(None).await;
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    for place in [here, elsewhere] {
        furnish(db, place, account.principal).await;
    }
    db.write(move |tx| tx.delete_organization(&Unchecked(here))).await;
    for table in TABLES {
        assert_eq!(db.number(&format!("SELECT count(*) FROM {table}")), 1, "{table}");
    }
    assert_eq!(db.number("SELECT count(*) FROM events"), 2, "the ledger forgets nothing");
    assert_eq!(db.read(move |tx| tx.account(account.id)).await, Some(account), "people are no organization's");
    assert_eq!(db.refused(move |tx| tx.delete_organization(&Unchecked(here))).await, Code::NotFound);
}

async fn who_holds_copies_is_told_of_all_that_goes(db: &Db) {
    let principals = [0; 3].map(|_| PrincipalId::generate());
    let id = db.organization().await.id;
    for principal in principals {
        db.member(id, principal, Role::Viewer).await;
    }
    let team = db.write(move |tx| {
        let team = team(id);
        tx.insert_team(&Unchecked(id), &team).map(|()| team.id)
    });
    let team = team.await;
    let key = crate::api_keys::key(id, None, principals[0]);
    let key_id = key.id;
    db.write(move |tx| tx.insert_api_key(&Unchecked(id), &key)).await;
    let heard = crate::changes::heard(db);
    db.write(move |tx| tx.delete_organization(&Unchecked(id))).await;
    let mut expected: HashSet<_> = principals.into_iter().map(|principal| Change::Authority(id, principal)).collect();
    expected.extend([Change::Team(team), Change::ApiKey(key_id), Change::Organization(id)]);
    assert_eq!(HashSet::from_iter(heard()), expected);
}

async fn an_organization_that_owns_apps_stays(db: &Db) {
    let app = db.app().await;
    let owner = Unchecked(app.owner);
    assert_eq!(db.refused(move |tx| tx.delete_organization(&owner)).await, Code::Conflict);
    assert_eq!(db.read(move |tx| tx.app(app.id)).await, Some(app.clone()));
    db.write(move |tx| tx.delete_app(&owner, app.id)).await;
    db.write(move |tx| tx.delete_organization(&owner)).await;
}

async fn an_organization_is_deleted_or_kept(db: &Db) {
    for round in 0..6 {
        let organization = waiting(db, 1).await;
        let id = organization.id;
        let mut deleters = vec![true, false, false];
        // Now the one is first and now the others.
        deleters.rotate_left(round % 2);
        let works = deleters.into_iter().map(|deletes| {
            move |tx: &mut dyn Transaction| {
                if deletes {
                    let Some(due) = tx.organization_due(at(9))? else { return Ok(None) };
                    linger();
                    tx.delete_organization(&Unchecked(due.id))?;
                    return Ok(Some(true));
                }
                tx.hold_organization(id)?;
                let Some(found) = tx.organization(id)? else { return Ok(None) };
                linger();
                tx.update_organization(&Unchecked(id), &Organization { delete_at: None, updated_at: at(5), ..found })?;
                Ok(Some(false))
            }
        });
        let outcomes: Vec<_> = db.at_once(works).await.into_iter().map(|outcome| outcome.unwrap()).collect();
        let (deleted, kept) = (outcomes.contains(&Some(true)), outcomes.contains(&Some(false)));
        assert!(deleted != kept, "{outcomes:?}");
        let found = db.read(move |tx| tx.organization(id)).await;
        assert_eq!(found.map(|found| found.delete_at), kept.then_some(None));
    }
}

async fn an_organization_is_deleted_or_comes_by_an_app(db: &Db) {
    for round in 0..6 {
        let id = db.organization().await.id;
        let mut deleters = vec![true, false];
        deleters.rotate_left(round % 2);
        let works = deleters.into_iter().map(|deletes| {
            let new = app(id);
            move |tx: &mut dyn Transaction| {
                if deletes {
                    linger();
                    return tx.delete_organization(&Unchecked(id));
                }
                tx.insert_app(&Unchecked(id), &new)?;
                linger();
                Ok(())
            }
        });
        let outcomes = db.at_once(works).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        let there = db.read(move |tx| tx.organization(id)).await.is_some();
        let owns =
            db.read(move |tx| Ok(!tx.apps_in(&Unchecked(id), &kernel::Page::new(None, 0, 1)?)?.items.is_empty()));
        assert_eq!(owns.await, there);
    }
}
