//! Secrets that organizations keep.

use kernel::{Code, Sealed, Unchecked, id::OrganizationId};
use platform::Transaction;
use tenancy::{OrganizationSecret, SecretName};

use crate::support::{Db, at, linger};

on_both!(
    a_secret_is_set_read_sealed_and_deleted,
    another_value_takes_the_place_of_the_one_before,
    an_organization_lists_its_secrets_by_name,
    a_secret_is_out_of_reach_for_another_organization,
    of_two_who_set_a_secret_at_once_one_is_last,
);

fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

async fn set(db: &Db, organization: OrganizationId, text: &str, value: &[u8], seconds: i64) -> OrganizationSecret {
    let (name, value) = (name(text), Sealed(value.to_vec()));
    db.write(move |tx| tx.set_secret(&Unchecked(organization), &name, &value, at(seconds))).await
}

async fn sealed(db: &Db, organization: OrganizationId, text: &str) -> Option<Vec<u8>> {
    let name = name(text);
    db.read(move |tx| Ok(tx.sealed_secret(&Unchecked(organization), &name)?.map(|sealed| sealed.0))).await
}

async fn a_secret_is_set_read_sealed_and_deleted(db: &Db) {
    let here = db.organization().await.id;
    let value: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let made = set(db, here, "KEY", &value, 1).await;
    assert_eq!(made, OrganizationSecret { name: name("KEY"), created_at: at(1), updated_at: at(1) });
    assert_eq!(sealed(db, here, "KEY").await, Some(value));
    assert_eq!(sealed(db, here, "key").await, None, "names are what they are, letter by letter");
    assert_eq!(db.read(move |tx| tx.count_secrets(&Unchecked(here))).await, 1);
    db.write(move |tx| tx.delete_secret(&Unchecked(here), &name("KEY"))).await;
    assert_eq!(sealed(db, here, "KEY").await, None);
    assert_eq!(db.refused(move |tx| tx.delete_secret(&Unchecked(here), &name("KEY"))).await, Code::NotFound);
}

async fn another_value_takes_the_place_of_the_one_before(db: &Db) {
    let here = db.organization().await.id;
    set(db, here, "KEY", b"one", 1).await;
    let changed = set(db, here, "KEY", b"two", 2).await;
    assert_eq!(changed, OrganizationSecret { name: name("KEY"), created_at: at(1), updated_at: at(2) });
    assert_eq!(sealed(db, here, "KEY").await.as_deref(), Some(b"two".as_slice()));
    assert_eq!(db.number("SELECT count(*) FROM organization_secrets"), 1);
}

async fn an_organization_lists_its_secrets_by_name(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    // As bytes compare, on both databases: no language has a say in it.
    let names = ["-", ".env", "0", "A", "Z", "_", "a", "a-b", "a.b", "aa", "z"];
    for text in names.iter().rev() {
        set(db, here, text, b"x", 1).await;
        set(db, elsewhere, text, b"x", 1).await;
    }
    let list = |limit, after: Option<&str>| {
        let page = kernel::Page::new(after.map(name), 0, limit).unwrap().counted(true);
        db.read(move |tx| tx.secrets_in(&Unchecked(here), &page))
    };
    let mut seen = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = list(3, after.as_deref()).await;
        assert!(page.items.len() <= 3 && page.total == Some(11), "{page:?}");
        seen.extend(page.items.into_iter().map(|secret| secret.name.to_string()));
        match page.next {
            Some(next) => after = Some(next.to_string()),
            None => break,
        }
    }
    assert_eq!(seen, names);
    assert_eq!(list(200, Some("aaa")).await.items.len(), 1, "behind one that is not there");
}

async fn a_secret_is_out_of_reach_for_another_organization(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    set(db, here, "KEY", b"one", 1).await;
    assert_eq!(sealed(db, elsewhere, "KEY").await, None);
    assert_eq!(db.refused(move |tx| tx.delete_secret(&Unchecked(elsewhere), &name("KEY"))).await, Code::NotFound);
    set(db, elsewhere, "KEY", b"two", 2).await;
    assert_eq!(sealed(db, here, "KEY").await.as_deref(), Some(b"one".as_slice()));
    let nowhere = OrganizationId::generate();
    let into_nothing =
        move |tx: &mut dyn Transaction| tx.set_secret(&Unchecked(nowhere), &name("KEY"), &Sealed(vec![1]), at(0));
    assert_eq!(db.refused(into_nothing).await, Code::NotFound);
}

async fn of_two_who_set_a_secret_at_once_one_is_last(db: &Db) {
    let here = db.organization().await.id;
    let works = (0..8_u8).map(|number| {
        move |tx: &mut dyn Transaction| {
            let set = tx.set_secret(&Unchecked(here), &name("KEY"), &Sealed(vec![number]), at(i64::from(number)))?;
            linger();
            Ok(set)
        }
    });
    assert!(db.at_once(works).await.iter().all(Result::is_ok));
    assert_eq!(db.number("SELECT count(*) FROM organization_secrets"), 1);
    assert!(sealed(db, here, "KEY").await.is_some_and(|value| value[0] < 8));
}
