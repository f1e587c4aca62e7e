//! Apps, as they are written, found and listed.

use apps::{App, AppSettings, Origin, SettingsChange, Usage};
use kernel::{Code, Name, Page, Role, Slug, Unchecked, id::PrincipalId};

use crate::support::{Db, app, at, metadata};

on_both!(
    what_was_written_is_read_back,
    a_slug_is_taken_once_by_each_owner,
    an_update_writes_everything_but_slug_and_owner,
    two_changes_of_one_app_are_both_kept,
    an_app_is_out_of_reach_for_who_does_not_own_it,
    an_origin_is_allowed_by_the_apps_whose_pages_live_there,
    a_list_shows_one_owners_apps_or_those_of_a_members_organizations_or_all,
    an_owner_lists_their_own_apps,
    usage_counts_what_is_in_an_app,
);

fn origins(origins: &[&str]) -> SettingsChange {
    let origins = origins.iter().map(|origin| Origin::parse(origin).unwrap()).collect();
    SettingsChange { allowed_origins: Some(origins), ..SettingsChange::default() }
}

async fn what_was_written_is_read_back(db: &Db) {
    let owner = db.organization().await.id;
    let settings = SettingsChange {
        auto_create_org: Some(false),
        lockout_threshold: Some(9),
        ..origins(&["https://a.example", "http://localhost:3000"])
    };
    let app = App {
        settings: AppSettings::default().changed(settings).unwrap(),
        disabled_at: Some(at(1)),
        created_at: at(2),
        updated_at: at(3),
        ..app(owner)
    };
    let new = app.clone();
    db.write(move |tx| tx.insert_app(&Unchecked(owner), &new)).await;
    let wanted = app.clone();
    let found = db.read(move |tx| {
        assert!(tx.app_slug_taken(&Unchecked(owner), &wanted.slug)?);
        assert!(!tx.app_slug_taken(&Unchecked(owner), &Slug::from_name("another"))?);
        Ok([
            tx.app(wanted.id)?,
            tx.app_by_client_id(&wanted.client_id)?,
            tx.app_by_name(&Unchecked(owner), &wanted.name)?,
        ])
    });
    assert_eq!(found.await, [0, 1, 2].map(|_| Some(app.clone())));
    let other = db.app().await;
    let none = db.read(move |tx| tx.app_by_name(&Unchecked(other.owner), &Name::constant("Another"))).await;
    assert_eq!(none, None);
}

async fn a_slug_is_taken_once_by_each_owner(db: &Db) {
    let first = db.app().await;
    let second = App { slug: first.slug.clone(), ..app(first.owner) };
    assert_eq!(db.refused(move |tx| tx.insert_app(&Unchecked(second.owner), &second)).await, Code::SlugTaken);
    let owner = db.organization().await.id;
    let elsewhere = App { slug: first.slug, ..app(owner) };
    db.write(move |tx| tx.insert_app(&Unchecked(owner), &elsewhere)).await;
}

async fn an_update_writes_everything_but_slug_and_owner(db: &Db) {
    let before = db.app().await;
    let change = SettingsChange { open_sign_up: Some(false), ..origins(&["https://b.example"]) };
    let after = App {
        name: Name::constant("Another"),
        settings: before.settings.changed(change).unwrap(),
        metadata: metadata("another"),
        disabled_at: Some(at(8)),
        updated_at: at(9),
        ..before.clone()
    };
    for wanted in [after, before.clone()] {
        let written = App { slug: Slug::from_name("ignored"), ..wanted.clone() };
        db.write(move |tx| tx.update_app(&Unchecked(written.owner), &written)).await;
        assert_eq!(db.read(move |tx| tx.app(before.id)).await, Some(wanted));
    }
}

async fn two_changes_of_one_app_are_both_kept(db: &Db) {
    let id = db.app().await.id;
    let changes: [fn(App) -> App; 2] = [
        |app| App { name: Name::constant("Another"), updated_at: at(1), ..app },
        |app| App { disabled_at: Some(at(2)), updated_at: at(2), ..app },
    ];
    let works = changes.into_iter().map(|change| {
        move |tx: &mut dyn platform::Transaction| {
            let app = tx.app(id)?.unwrap();
            crate::support::linger();
            tx.update_app(&Unchecked(app.owner), &change(app))
        }
    });
    assert!(db.at_once(works).await.iter().all(Result::is_ok));
    let found = db.read(move |tx| tx.app(id)).await.unwrap();
    assert!(found.name == Name::constant("Another") && found.disabled_at.is_some(), "{found:?}");
}

async fn an_app_is_out_of_reach_for_who_does_not_own_it(db: &Db) {
    let app = db.app().await;
    let stranger = Unchecked(db.organization().await.id);
    let (id, change) = (app.id, App { name: Name::constant("Stolen"), updated_at: at(9), ..app.clone() });
    let code = db.refused(move |tx| {
        tx.app(id)?;
        tx.update_app(&stranger, &change)
    });
    assert_eq!(code.await, Code::NotFound);
    assert_eq!(db.refused(move |tx| tx.delete_app(&stranger, id)).await, Code::NotFound);
    let (name, slug) = (app.name.clone(), app.slug.clone());
    let seen = db.read(move |tx| Ok((tx.app_by_name(&stranger, &name)?, tx.app_slug_taken(&stranger, &slug)?)));
    assert_eq!(seen.await, (None, false));
    assert_eq!(db.read(move |tx| tx.app(id)).await, Some(app));
}

async fn an_origin_is_allowed_by_the_apps_whose_pages_live_there(db: &Db) {
    let [mut first, mut second] = [db.app().await, db.app().await];
    let allowed = |origin: &str, app| {
        let origin = Origin::parse(origin).unwrap();
        db.read(move |tx| tx.is_origin_allowed(&origin, app))
    };
    let [first_id, second_id] = [Some(first.id), Some(second.id)];
    for (app, list) in [
        (&mut first, &["https://a.example", "https://shared.example", "https://shared.example"][..]),
        (&mut second, &["https://shared.example"]),
    ] {
        app.settings = app.settings.changed(origins(list)).unwrap();
        let change = app.clone();
        db.write(move |tx| tx.update_app(&Unchecked(change.owner), &change)).await;
    }
    for (origin, app, is) in [
        ("https://a.example", first_id, true),
        ("https://a.example", second_id, false),
        ("https://a.example", None, true),
        ("https://shared.example", first_id, true),
        ("https://shared.example", second_id, true),
        ("https://b.example", None, false),
    ] {
        assert_eq!(allowed(origin, app).await, is, "{origin} {app:?}");
    }
    first.settings = first.settings.changed(origins(&[])).unwrap();
    db.write(move |tx| tx.update_app(&Unchecked(first.owner), &first)).await;
    assert!(!allowed("https://a.example", None).await);
    assert!(!allowed("https://shared.example", first_id).await && allowed("https://shared.example", None).await);
}

async fn a_list_shows_one_owners_apps_or_those_of_a_members_organizations_or_all(db: &Db) {
    let principal = PrincipalId::generate();
    let [mine, also_mine, foreign] = [db.app().await, db.app().await, db.app().await];
    db.member(mine.owner, principal, Role::Viewer).await;
    db.member(also_mine.owner, principal, Role::Owner).await;
    db.member(foreign.owner, PrincipalId::generate(), Role::Owner).await;
    // A member of an organization inside an app is no developer.
    let tenant = db.organization_in(Some(foreign.id)).await.id;
    db.member(tenant, principal, Role::Owner).await;

    let page = Page::new(None, 0, 10).unwrap();
    let (owner, all) = (Unchecked(mine.owner), vec![mine.clone(), also_mine.clone(), foreign]);
    let listed = db.read(move |tx| {
        Ok([tx.apps_in(&owner, &page)?.items, tx.apps_of(principal, &page)?.items, tx.all_apps(&page)?.items])
    });
    assert_eq!(listed.await, [vec![mine.clone()], vec![mine, also_mine], all]);
}

async fn an_owner_lists_their_own_apps(db: &Db) {
    let owner = db.organization().await.id;
    let mut all = Vec::new();
    for _ in 0..4 {
        let app = app(owner);
        all.push(app.clone());
        db.write(move |tx| tx.insert_app(&Unchecked(owner), &app)).await;
        db.app().await;
    }
    db.lists(&all, |app| app.id, move |tx, page| tx.apps_in(&Unchecked(owner), page)).await;
}

async fn usage_counts_what_is_in_an_app(db: &Db) {
    let [app, other] = [db.app().await.id, db.app().await.id];
    db.account(Some(app)).await;
    db.account(Some(app)).await;
    db.account(Some(other)).await;
    db.organization_in(Some(app)).await;
    assert_eq!(db.read(move |tx| tx.app_usage(app)).await, Usage { organizations: 1, accounts: 2 });
}
