//! Organizations.

use kernel::{
    Code, Name, Page, Role, Slug, Unchecked,
    id::{OrganizationId, PrincipalId},
};
use platform::Transaction;
use tenancy::Organization;

use crate::support::{Db, at, linger, metadata, organization};

on_both!(
    what_was_written_is_read_back,
    a_slug_is_taken_once_in_each_app,
    an_update_writes_what_can_change_where_it_was_permitted,
    two_changes_of_one_organization_are_both_kept,
    somebody_sees_their_own_organizations_of_one_app,
    an_app_has_its_organizations,
);

async fn what_was_written_is_read_back(db: &Db) {
    let app = db.app().await.id;
    for app in [None, Some(app)] {
        let organization =
            Organization { archived_at: Some(at(1)), delete_at: Some(at(3)), updated_at: at(2), ..organization(app) };
        let (id, new) = (organization.id, organization.clone());
        let slug = organization.slug.clone();
        db.write(move |tx| tx.insert_organization(&new)).await;
        assert_eq!(db.read(move |tx| tx.organization(id)).await, Some(organization.clone()));
        let (name, other) = (slug.clone(), Some(kernel::id::AppId::generate()));
        let found = move |place| {
            let name = name.clone();
            db.read(move |tx| tx.organization_by_slug(&Unchecked(place), &name))
        };
        assert_eq!((found(app).await, found(other).await), (Some(organization), None));
        let taken = db.read(move |tx| {
            Ok([
                tx.organization_slug_taken(app, &slug)?,
                tx.organization_slug_taken(app, &Slug::from_name("another"))?,
                tx.organization_slug_taken(Some(kernel::id::AppId::generate()), &slug)?,
            ])
        });
        assert_eq!(taken.await, [true, false, false]);
    }
    assert_eq!(db.read(|tx| tx.organization(OrganizationId::generate())).await, None);
}

async fn a_slug_is_taken_once_in_each_app(db: &Db) {
    let [app, other] = [db.app().await.id, db.app().await.id];
    let slug = Slug::from_name("acme");
    for app in [None, Some(app), Some(other)] {
        let first = Organization { slug: slug.clone(), ..organization(app) };
        db.write(move |tx| tx.insert_organization(&first)).await;
        let second = Organization { slug: slug.clone(), ..organization(app) };
        assert_eq!(db.refused(move |tx| tx.insert_organization(&second)).await, Code::SlugTaken);
        let renamed = Organization { slug: slug.clone(), ..db.organization_in(app).await };
        let code = db.refused(move |tx| tx.update_organization(&Unchecked(renamed.id), &renamed)).await;
        assert_eq!(code, Code::SlugTaken);
    }
}

async fn an_update_writes_what_can_change_where_it_was_permitted(db: &Db) {
    let before = db.organization().await;
    let after = Organization {
        slug: Slug::from_name("another"),
        name: Name::constant("Another"),
        metadata: metadata("another"),
        archived_at: Some(at(8)),
        delete_at: Some(at(10)),
        updated_at: at(9),
        ..before.clone()
    };
    let elsewhere = Unchecked(db.organization().await.id);
    let change = after.clone();
    assert_eq!(db.refused(move |tx| tx.update_organization(&elsewhere, &change)).await, Code::NotFound);
    for wanted in [after, before.clone()] {
        let change = wanted.clone();
        db.write(move |tx| tx.update_organization(&Unchecked(change.id), &change)).await;
        assert_eq!(db.read(move |tx| tx.organization(before.id)).await, Some(wanted));
    }
    let gone = organization(None);
    assert_eq!(db.refused(move |tx| tx.update_organization(&Unchecked(gone.id), &gone)).await, Code::NotFound);
}

async fn two_changes_of_one_organization_are_both_kept(db: &Db) {
    let id = db.organization().await.id;
    let changes: [fn(Organization) -> Organization; 2] = [
        |before| Organization { name: Name::constant("Another"), updated_at: at(1), ..before },
        |before| Organization { archived_at: Some(at(2)), updated_at: at(2), ..before },
    ];
    let works = changes.into_iter().map(|change| {
        move |tx: &mut dyn Transaction| {
            let before = tx.organization(id)?.unwrap();
            linger();
            tx.update_organization(&Unchecked(id), &change(before))
        }
    });
    assert!(db.at_once(works).await.iter().all(Result::is_ok));
    let found = db.read(move |tx| tx.organization(id)).await.unwrap();
    assert!(found.name == Name::constant("Another") && found.archived_at.is_some(), "{found:?}");
}

async fn somebody_sees_their_own_organizations_of_one_app(db: &Db) {
    let (app, principal) = (db.app().await.id, PrincipalId::generate());
    let mut own = Vec::new();
    for role in [Role::Owner, Role::Admin, Role::Member, Role::Viewer, Role::Owner] {
        let organization = db.organization_in(Some(app)).await;
        db.member(organization.id, principal, role).await;
        db.member(organization.id, PrincipalId::generate(), Role::Owner).await;
        own.push((organization, role));
    }
    let platforms = db.organization().await;
    db.member(platforms.id, principal, Role::Owner).await;
    db.organization_in(Some(app)).await;

    let list = |app| move |tx: &mut dyn Transaction, page: &Page<_>| tx.organizations_of(app, principal, page);
    db.lists(&own, |(organization, _)| organization.id, list(Some(app))).await;
    db.lists(&[(platforms, Role::Owner)], |(organization, _)| organization.id, list(None)).await;
}

async fn an_app_has_its_organizations(db: &Db) {
    let [app, other] = [db.app().await.id, db.app().await.id];
    for place in [None, Some(app), Some(other)] {
        let mut own = Vec::new();
        if place.is_none() {
            // Those that own the apps.
            own = db.read(|tx| Ok(tx.organizations_in(&Unchecked(None), &Page::new(None, 0, 9)?)?.items)).await;
        }
        for _ in 0..3 {
            own.push(db.organization_in(place).await);
        }
        let scope = Unchecked(place);
        let list = move |tx: &mut dyn Transaction, page: &Page<_>| tx.organizations_in(&scope, page);
        db.lists(&own, |organization| organization.id, list).await;
        let wanted = own.pop().unwrap();
        let slug = wanted.slug.clone();
        let found = db.read(move |tx| {
            Ok([None, Some(app), Some(other)].map(|place| tx.organization_by_slug(&Unchecked(place), &slug).unwrap()))
        });
        let expected = [None, Some(app), Some(other)].map(|other| (other == place).then(|| wanted.clone()));
        assert_eq!(found.await, expected);
    }
}
