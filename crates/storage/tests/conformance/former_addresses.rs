//! Addresses that accounts have left.

use identity::FormerAddress;
use kernel::id::{AccountId, AppId, FormerAddressId};

use crate::support::{Db, at, email};

on_both!(
    an_address_is_kept_for_who_left_it_until_it_expires,
    what_an_account_left_comes_in_the_order_in_which_it_did,
    a_principal_is_known_by_the_address_of_now,
    kept_addresses_go_with_the_account_and_with_time,
);

fn left(app: Option<AppId>, account: AccountId, address: &str) -> FormerAddress {
    FormerAddress { id: FormerAddressId::generate(), app, account, email: email(address), expires_at: at(100) }
}

async fn an_address_is_kept_for_who_left_it_until_it_expires(db: &Db) {
    let app = Some(db.app().await.id);
    let (account, other) = (db.account(app).await.id, db.account(None).await.id);
    let (here, there) = (left(app, account, "old@example.com"), left(None, other, "old@example.com"));
    for kept in [here.clone(), there.clone()] {
        db.write(move |tx| tx.keep_former_address(&kept)).await;
    }
    let kept = async |app, address: &'static str, now| {
        db.read(move |tx| tx.former_address(app, &email(address), at(now))).await
    };
    assert_eq!(kept(app, "old@example.com", 99).await, Some(here.clone()));
    assert_eq!(kept(None, "old@example.com", 99).await, Some(there));
    assert_eq!(kept(app, "old@example.com", 100).await, None);
    assert_eq!(kept(app, "new@example.com", 1).await, None);
    db.write(move |tx| tx.forget_former_address(here.id)).await;
    assert_eq!(kept(app, "old@example.com", 1).await, None);
}

async fn what_an_account_left_comes_in_the_order_in_which_it_did(db: &Db) {
    let account = db.account(None).await.id;
    let addresses = ["c@example.com", "a@example.com", "b@example.com"];
    // Ids are made by servers, whose clocks differ.
    let mut ids = addresses.map(|_| FormerAddressId::generate());
    ids.reverse();
    for (place, (address, id)) in (0..).zip(addresses.into_iter().zip(ids)) {
        let former = FormerAddress { id, expires_at: at(100 + place), ..left(None, account, address) };
        db.write(move |tx| tx.keep_former_address(&former)).await;
    }
    let kept = async |now| db.read(move |tx| tx.former_addresses_of(account, at(now))).await;
    assert_eq!(kept(1).await.iter().map(|left| left.email.as_str()).collect::<Vec<_>>(), addresses);
    assert_eq!(kept(102).await, []);
}

async fn a_principal_is_known_by_the_address_of_now(db: &Db) {
    let app = Some(db.app().await.id);
    let (account, other) = (db.account(app).await, db.account(None).await);
    let (principal, before) = (account.principal, account.email.clone());
    let known = async |address: &kernel::Email| {
        let address = address.clone();
        db.write(move |tx| tx.principal_by_email(&address)).await
    };
    let from = before.clone();
    // As long as an account of theirs has it.
    db.write(move |tx| tx.readdress_principal(principal, &from, &email("new@example.com"))).await;
    let expected = known(&before).await;
    assert_eq!(known(&email("new@example.com")).await, None);
    let from = before.clone();
    db.write(move |tx| {
        let account = tx.account(account.id)?.unwrap();
        tx.update_account(&identity::Account { email: email("new@example.com"), ..account })?;
        tx.readdress_principal(principal, &from, &email("new@example.com"))
    })
    .await;
    assert_eq!((known(&before).await, known(&email("new@example.com")).await), (None, expected));
    // What is another's already makes them known by none.
    let taken = other.email.clone();
    db.write(move |tx| {
        let account = tx.account(account.id)?.unwrap();
        tx.update_account(&identity::Account { email: taken.clone(), ..account })?;
        tx.readdress_principal(principal, &email("new@example.com"), &taken)
    })
    .await;
    assert_eq!(known(&email("new@example.com")).await, None);
    assert_eq!(known(&other.email).await, Some(other.principal));
}

async fn kept_addresses_go_with_the_account_and_with_time(db: &Db) {
    let (account, other) = (db.account(None).await, db.account(None).await);
    for id in [account.id, other.id] {
        db.write(move |tx| tx.keep_former_address(&left(None, id, "old@example.com"))).await;
    }
    let principal = account.principal;
    db.write(move |tx| tx.delete_account(&kernel::Unchecked(None), principal, at(1))).await;
    let kept = db.read(move |tx| tx.former_address(None, &email("old@example.com"), at(1))).await;
    assert_eq!(kept.map(|left| left.account), Some(other.id));
    assert_eq!(db.write(move |tx| tx.sweep_former_addresses(at(100))).await, 0);
    assert_eq!(db.write(move |tx| tx.sweep_former_addresses(at(101))).await, 1);
}
