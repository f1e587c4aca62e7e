//! Links to identities at other providers.

use identity::{Link, Linked};
use kernel::{
    Code, Unchecked,
    id::{AccountId, AppId},
};

use crate::support::{Db, at};

on_both!(
    somebody_at_a_provider_is_linked_once_in_each_app,
    a_link_outlives_its_account_and_is_tied_anew,
    a_subject_may_be_any_text,
    a_link_is_cut_and_others_stay,
);

pub fn link(app: Option<AppId>, account: AccountId, subject: &str) -> Link {
    Link { provider: "supabase".to_owned(), subject: subject.to_owned(), app, account, created_at: at(0) }
}

async fn somebody_at_a_provider_is_linked_once_in_each_app(db: &Db) {
    let app = db.app().await.id;
    for app in [None, Some(app)] {
        let [first, second] = [db.account(app).await.id, db.account(app).await.id];
        db.write(move |tx| tx.insert_link(&link(app, first, "1"))).await;
        let again = db.refused(move |tx| tx.insert_link(&link(app, second, "1"))).await;
        assert_eq!(again, Code::Conflict);
        db.write(move |tx| tx.insert_link(&link(app, second, "2"))).await;
        let found = db.read(move |tx| {
            Ok([
                tx.linked(app, "supabase", "1")?,
                tx.linked(app, "supabase", "2")?,
                tx.linked(app, "supabase", "3")?,
                tx.linked(app, "other", "1")?,
            ])
        });
        assert_eq!(found.await, [Some(Linked::To(first)), Some(Linked::To(second)), None, None]);
    }
}

async fn a_link_outlives_its_account_and_is_tied_anew(db: &Db) {
    let app = db.app().await.id;
    for app in [None, Some(app)] {
        let [first, second] = [db.account(app).await, db.account(app).await];
        let id = first.id;
        db.write(move |tx| tx.insert_link(&link(app, id, "1"))).await;
        db.write(move |tx| tx.delete_account(&Unchecked(app), first.principal, at(5))).await;
        let linked = || db.read(move |tx| tx.linked(app, "supabase", "1"));
        assert_eq!(linked().await, Some(Linked::Severed(at(5))));
        db.write(move |tx| tx.insert_link(&link(app, second.id, "1"))).await;
        assert_eq!(linked().await, Some(Linked::To(second.id)));
    }
}

async fn a_subject_may_be_any_text(db: &Db) {
    let account = db.account(None).await.id;
    let odd = "'; DROP TABLE links; -- 🦊";
    db.write(move |tx| tx.insert_link(&link(None, account, odd))).await;
    assert_eq!(db.read(move |tx| tx.linked(None, "supabase", odd)).await, Some(Linked::To(account)));
    // PostgreSQL has no NUL: the client is told, and it is no fault of ours.
    let nul = db.store.read(|tx| tx.linked(None, "supabase", "a\0b")).await;
    match nul {
        Ok(found) => assert_eq!(found, None),
        Err(error) => assert_eq!(error.code, Code::InvalidRequest),
    }
}

async fn a_link_is_cut_and_others_stay(db: &Db) {
    let [account, other] = [db.account(None).await.id, db.account(None).await.id];
    let own = ["github", "google"].map(|provider| Link { provider: provider.to_owned(), ..link(None, account, "1") });
    let theirs = Link { provider: "github".to_owned(), ..link(None, other, "2") };
    for new in [own[0].clone(), own[1].clone(), theirs.clone()] {
        db.write(move |tx| tx.insert_link(&new)).await;
    }
    assert_eq!(db.read(move |tx| tx.links_of(account)).await, own);
    assert!(db.write(move |tx| tx.sever(account, "github", at(1))).await);
    assert!(!db.write(move |tx| tx.sever(account, "github", at(2))).await);
    assert!(!db.write(move |tx| tx.sever(account, "nobody", at(2))).await);
    assert_eq!(db.read(move |tx| tx.links_of(account)).await, own[1..]);
    assert_eq!(db.read(move |tx| tx.links_of(other)).await, [theirs]);
    let cut = db.read(|tx| tx.linked(None, "github", "1")).await;
    assert_eq!(cut, Some(Linked::Severed(at(1))));
}
