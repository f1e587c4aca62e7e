//! Service accounts.

use identity::ServiceAccount;
use kernel::{
    Code, Name, Role, Unchecked,
    id::{OrganizationId, PrincipalId, ServiceAccountId},
};
use platform::Transaction;

use crate::support::{Db, at, linger, service_account};

on_both!(
    what_was_written_is_read_back,
    one_is_found_where_it_acts,
    an_update_writes_what_can_change_where_it_was_permitted,
    two_changes_of_one_are_both_kept,
    an_organization_lists_its_own,
    one_is_deleted_where_it_was_permitted,
    whoever_counts_lets_nobody_else_add,
);

async fn insert(db: &Db, account: &ServiceAccount) {
    let account = account.clone();
    db.write(move |tx| tx.insert_service_account(&Unchecked(account.organization), &account)).await;
}

async fn insert_one(db: &Db) -> ServiceAccount {
    let account = service_account(db.organization().await.id);
    insert(db, &account).await;
    account
}

async fn found(db: &Db, id: ServiceAccountId) -> Option<ServiceAccount> {
    db.read(move |tx| tx.service_account(id)).await
}

async fn what_was_written_is_read_back(db: &Db) {
    let here = db.organization().await.id;
    let full = ServiceAccount {
        team: Some(db.team(here).await.id),
        description: Some("Zoë's 🦊".to_owned()),
        created_by: Some(PrincipalId::generate()),
        custom_role: Some(db.custom_role(here).await.id),
        disabled_at: Some(at(1)),
        updated_at: at(2),
        ..service_account(here)
    };
    for account in [full, service_account(here)] {
        insert(db, &account).await;
        assert_eq!(found(db, account.id).await, Some(account));
    }
    assert_eq!(found(db, ServiceAccountId::generate()).await, None);
}

async fn one_is_found_where_it_acts(db: &Db) {
    let account = insert_one(db).await;
    let (here, elsewhere) = (account.organization, db.organization().await.id);
    let wanted = Some(account.clone());
    let of = move |organization: OrganizationId| {
        let (principal, name) = (account.principal(), account.name.clone());
        move |tx: &mut dyn Transaction| {
            let by_name = tx.service_account_by_name(&Unchecked(organization), &name)?;
            Ok([tx.service_account_of(organization, principal)?, by_name])
        }
    };
    assert_eq!(db.read(of(here)).await, [wanted.clone(), wanted.clone()]);
    assert_eq!(db.write(of(here)).await, [wanted.clone(), wanted]);
    assert_eq!(db.read(of(elsewhere)).await, [None, None]);
}

async fn an_update_writes_what_can_change_where_it_was_permitted(db: &Db) {
    let before = insert_one(db).await;
    let after = ServiceAccount {
        name: Name::constant("Another"),
        description: Some("Another".to_owned()),
        role: Role::Owner,
        custom_role: Some(db.custom_role(before.organization).await.id),
        disabled_at: Some(at(7)),
        updated_at: at(8),
        ..before.clone()
    };
    let wish = ServiceAccount { created_by: Some(PrincipalId::generate()), created_at: at(99), ..after.clone() };
    let (here, elsewhere) = (Unchecked(before.organization), Unchecked(db.organization().await.id));
    let (there, again) = (wish.clone(), wish);
    assert_eq!(db.refused(move |tx| tx.update_service_account(&elsewhere, &there)).await, Code::NotFound);
    db.write(move |tx| tx.update_service_account(&here, &again)).await;
    assert_eq!(found(db, before.id).await, Some(after));
}

async fn two_changes_of_one_are_both_kept(db: &Db) {
    let account = insert_one(db).await;
    let (id, here) = (account.id, Unchecked(account.organization));
    let change = move |index: i64| {
        move |tx: &mut dyn Transaction| {
            let account = tx.service_account(id)?.unwrap();
            linger();
            let account = match index {
                0 => ServiceAccount { name: Name::constant("Renamed"), ..account },
                _ => ServiceAccount { role: Role::Admin, ..account },
            };
            tx.update_service_account(&here, &ServiceAccount { updated_at: at(100 + index), ..account })
        }
    };
    assert!(db.at_once((0..2).map(change)).await.into_iter().all(|outcome| outcome.is_ok()));
    let account = found(db, id).await.unwrap();
    assert_eq!((account.name.as_str(), account.role), ("Renamed", Role::Admin));
}

async fn an_organization_lists_its_own(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let own = [service_account(here), service_account(here), service_account(here)];
    for account in own.iter().chain([&service_account(elsewhere)]) {
        insert(db, account).await;
    }
    db.lists(&own, |account| account.id, move |tx, page| tx.service_accounts_in(&Unchecked(here), page)).await;
}

async fn one_is_deleted_where_it_was_permitted(db: &Db) {
    let account = insert_one(db).await;
    let (id, here, elsewhere) = (account.id, Unchecked(account.organization), Unchecked(db.organization().await.id));
    assert_eq!(db.refused(move |tx| tx.delete_service_account(&elsewhere, id)).await, Code::NotFound);
    db.write(move |tx| tx.delete_service_account(&here, id)).await;
    assert_eq!(db.refused(move |tx| tx.delete_service_account(&here, id)).await, Code::NotFound);
    assert_eq!(found(db, id).await, None);
}

async fn whoever_counts_lets_nobody_else_add(db: &Db) {
    let here = Unchecked(db.organization().await.id);
    let add = |_| {
        move |tx: &mut dyn Transaction| {
            let count = tx.count_service_accounts(&here)?;
            linger();
            if count < 3 { tx.insert_service_account(&here, &service_account(here.0)) } else { Ok(()) }
        }
    };
    assert!(db.at_once((0..8).map(add)).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(db.read(move |tx| tx.count_service_accounts(&here)).await, 3);
}
