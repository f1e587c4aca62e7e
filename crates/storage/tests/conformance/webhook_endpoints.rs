//! Who is told.

use std::{collections::BTreeMap, fs, path::Path};

use kernel::{
    Code, Sealed, Unchecked,
    id::{AppId, OrganizationId, PrincipalId, WebhookId},
};
use platform::Transaction;
use webhooks::{Endpoint, EndpointUrl, EventFilter, PreviousSecret, ResourceFilter};

use crate::support::{Db, at, execute, linger};

on_both!(
    what_was_written_is_read_back,
    an_organization_lists_its_own,
    an_endpoint_is_out_of_reach_for_another_organization,
    endpoints_of_many_are_found_at_once,
    of_those_who_change_one_at_once_nobody_is_lost,
    those_who_hold_the_organization_are_counted_one_after_the_other,
    what_waits_is_looked_at_when_it_is_woken,
    what_is_on_its_way_goes_with_it,
    it_goes_with_its_organization_and_with_its_app,
    where_set_up_sent_events_to_becomes_an_endpoint,
);

pub fn endpoint(organization: OrganizationId) -> Endpoint {
    let url = EndpointUrl::parse("https://example.com/hooks").unwrap();
    Endpoint::new(WebhookId::generate(), organization, url, at(0))
}

async fn insert(db: &Db, endpoint: &Endpoint) {
    let endpoint = endpoint.clone();
    db.write(move |tx| tx.insert_endpoint(&Unchecked(endpoint.organization), &endpoint)).await;
}

async fn found(db: &Db, id: WebhookId) -> Option<Endpoint> {
    db.read(move |tx| tx.endpoint(id)).await
}

async fn what_was_written_is_read_back(db: &Db) {
    let app = db.app().await;
    let bare = endpoint(app.owner);
    let full = Endpoint {
        id: WebhookId::generate(),
        app: Some(app.id),
        url: EndpointUrl::parse("http://[::1]:8080/a'b?c=\"d\"").unwrap(),
        description: Some("Zoë's 🦊".to_owned()),
        filter: EventFilter::parse(vec!["auth.*".to_owned(), "team.created".to_owned()]).unwrap(),
        resources: ResourceFilter::parse(BTreeMap::from([("a\"".to_owned(), "株".to_owned())])).unwrap(),
        headers: Some(Sealed(vec![0, 159, 146, 150])),
        secret: Some(Sealed(vec![1])),
        previous: Some(PreviousSecret { secret: Sealed(vec![2]), until: at(9) }),
        max_retries: 20,
        rate_per_minute: Some(60_000),
        ordered: true,
        active: false,
        failing_since: Some(at(1)),
        disabled_at: Some(at(2)),
        created_by: Some(PrincipalId::generate()),
        ..bare.clone()
    };
    for endpoint in [&bare, &full] {
        insert(db, endpoint).await;
        assert_eq!(found(db, endpoint.id).await.as_ref(), Some(endpoint));
    }
    // What may change does, in both directions; what may not, does not.
    for (this, like) in [(&bare, &full), (&full, &bare)] {
        let changed = Endpoint { id: this.id, updated_at: at(5), ..like.clone() };
        let (within, kept) = (Unchecked(app.owner), changed.clone());
        db.write(move |tx| tx.update_endpoint(&within, &changed)).await;
        let Endpoint { app, created_by, created_at, .. } = this.clone();
        assert_eq!(found(db, this.id).await, Some(Endpoint { app, created_by, created_at, ..kept }));
    }
    assert_eq!(found(db, WebhookId::generate()).await, None);
}

async fn an_organization_lists_its_own(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let own: Vec<_> = (0..4).map(|_| endpoint(here)).collect();
    for endpoint in own.iter().chain([&endpoint(elsewhere)]) {
        insert(db, endpoint).await;
    }
    db.lists(&own, |endpoint| endpoint.id, move |tx, page| tx.endpoints_in(&Unchecked(here), page)).await;
    assert_eq!(db.read(move |tx| tx.count_endpoints(&Unchecked(here))).await, 4);
}

async fn an_endpoint_is_out_of_reach_for_another_organization(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let endpoint = endpoint(here);
    insert(db, &endpoint).await;
    let id = endpoint.id;
    let changed = Endpoint { max_retries: 0, ..endpoint.clone() };
    let there = Unchecked(elsewhere);
    assert_eq!(db.refused(move |tx| tx.update_endpoint(&there, &changed)).await, Code::NotFound);
    assert_eq!(db.refused(move |tx| tx.wake_endpoint(&there, id, at(1))).await, Code::NotFound);
    assert_eq!(db.refused(move |tx| tx.delete_endpoint(&there, id)).await, Code::NotFound);
    assert_eq!(db.number("SELECT count(*) FROM webhook_queues"), 0);
    assert_eq!(found(db, id).await, Some(endpoint.clone()));
    // Neither does it get into one that there is not, nor to an app that there is not.
    for (place, app) in [(OrganizationId::generate(), None), (here, Some(AppId::generate()))] {
        let endpoint = Endpoint { id: WebhookId::generate(), app, ..endpoint.clone() };
        assert_eq!(db.refused(move |tx| tx.insert_endpoint(&Unchecked(place), &endpoint)).await, Code::NotFound);
    }
}

async fn endpoints_of_many_are_found_at_once(db: &Db) {
    let mut places = Vec::new();
    let mut wanted = Vec::new();
    for _ in 0..3 {
        let place = db.organization().await.id;
        places.push(place);
        for endpoint in [endpoint(place), endpoint(place)] {
            insert(db, &endpoint).await;
            wanted.push(endpoint.id);
        }
    }
    wanted.truncate(4);
    // However many are asked for.
    let asked = [places[0], places[1]].into_iter().chain((0..1000).map(|_| OrganizationId::generate()));
    let asked: Vec<_> = asked.collect();
    let mut of_two: Vec<_> = db.read(move |tx| tx.endpoints_of(&asked)).await.iter().map(|one| one.id).collect();
    of_two.sort();
    wanted.sort();
    assert_eq!(of_two, wanted);
    assert_eq!(db.read(|tx| tx.endpoints_of(&[])).await, []);
}

async fn of_those_who_change_one_at_once_nobody_is_lost(db: &Db) {
    let here = db.organization().await.id;
    let endpoint = Endpoint { max_retries: 0, ..endpoint(here) };
    insert(db, &endpoint).await;
    let id = endpoint.id;
    let works = (0..8).map(|_| {
        move |tx: &mut dyn Transaction| {
            let endpoint = tx.endpoint(id)?.unwrap();
            linger();
            let max_retries = endpoint.max_retries + 1;
            tx.update_endpoint(&Unchecked(here), &Endpoint { max_retries, ..endpoint })
        }
    });
    assert!(db.at_once(works).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(found(db, id).await.unwrap().max_retries, 8);
}

async fn those_who_hold_the_organization_are_counted_one_after_the_other(db: &Db) {
    let here = db.organization().await.id;
    let add = |_| {
        move |tx: &mut dyn Transaction| {
            tx.hold_organization(here)?;
            let count = tx.count_endpoints(&Unchecked(here))?;
            linger();
            if count < 3 { tx.insert_endpoint(&Unchecked(here), &endpoint(here)) } else { Ok(()) }
        }
    };
    assert!(db.at_once((0..8).map(add)).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(db.read(move |tx| tx.count_endpoints(&Unchecked(here))).await, 3);
}

async fn what_waits_is_looked_at_when_it_is_woken(db: &Db) {
    let here = db.organization().await.id;
    let endpoint = endpoint(here);
    insert(db, &endpoint).await;
    let id = endpoint.id;
    // With something waiting for later, held by somebody; and with nothing at all.
    let leased = if db.is_postgres() { "'2031-01-01T00:00:00Z'" } else { "1924992000000000" };
    for _ in 0..2 {
        db.write(move |tx| tx.wake_endpoint(&Unchecked(here), id, at(7))).await;
        assert_eq!(db.number("SELECT count(*) FROM webhook_queues"), 1);
        execute(&db.url, &format!("UPDATE webhook_queues SET due_at = {leased}, leased_until = {leased}"));
    }
    db.write(move |tx| tx.wake_endpoint(&Unchecked(here), id, at(7))).await;
    let moved = format!("SELECT count(*) FROM webhook_queues WHERE due_at <> {leased} AND leased_until = {leased}");
    assert_eq!(db.number(&moved), 1, "due now, and still held");
}

async fn what_is_on_its_way_goes_with_it(db: &Db) {
    let here = db.organization().await.id;
    let [gone, kept] = [endpoint(here), endpoint(here)];
    for endpoint in [&gone, &kept] {
        insert(db, endpoint).await;
        let id = endpoint.id;
        db.write(move |tx| tx.wake_endpoint(&Unchecked(here), id, at(0))).await;
    }
    let id = gone.id;
    db.write(move |tx| tx.delete_endpoint(&Unchecked(here), id)).await;
    assert_eq!((found(db, gone.id).await, found(db, kept.id).await), (None, Some(kept)));
    assert_eq!(db.number("SELECT count(*) FROM webhook_queues"), 1);
    assert_eq!(db.refused(move |tx| tx.delete_endpoint(&Unchecked(here), id)).await, Code::NotFound);
}

async fn it_goes_with_its_organization_and_with_its_app(db: &Db) {
    let (app, other) = (db.app().await, db.app().await);
    let tenant = db.organization().await.id;
    let bound = Endpoint { app: Some(app.id), ..endpoint(app.owner) };
    let kept = [endpoint(app.owner), endpoint(other.owner)];
    for endpoint in kept.iter().chain([&bound, &endpoint(tenant)]) {
        insert(db, endpoint).await;
    }
    db.write(move |tx| tx.delete_organization(&Unchecked(tenant))).await;
    db.write(move |tx| tx.delete_app(&Unchecked(app.owner), app.id)).await;
    assert_eq!(db.number("SELECT count(*) FROM webhook_endpoints"), 2);
    for endpoint in kept {
        assert_eq!(found(db, endpoint.id).await, Some(endpoint));
    }
}

/// The migration takes over what `fabric setup --webhook-url` had written down before there were endpoints.
async fn where_set_up_sent_events_to_becomes_an_endpoint(db: &Db) {
    let [told, quiet] = [db.organization().await.id, db.organization().await.id];
    for organization in [told, quiet] {
        let signing = webhooks::Signing { secret: Sealed(vec![1]), previous: None, created_at: at(3) };
        db.write(move |tx| tx.insert_signing(&Unchecked(organization), &signing)).await;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let folder = folder.join(if db.is_postgres() { "postgres" } else { "sqlite" }).join("0011_webhooks");
    let run = |file: &str| crate::migrations::batch(&db.url, &fs::read_to_string(folder.join(file)).unwrap());
    run("down.sql");
    let id = if db.is_postgres() { format!("'{told}'") } else { format!("x'{}'", told.0.simple()) };
    execute(
        &db.url,
        &format!("UPDATE signing_secrets SET url = 'https://example.com/hooks' WHERE organization_id = {id}"),
    );
    run("up.sql");
    let made = db.read(move |tx| tx.endpoints_of(&[told, quiet])).await;
    let [made] = <[Endpoint; 1]>::try_from(made).unwrap();
    assert_eq!(made, Endpoint { id: made.id, created_at: at(3), updated_at: at(3), ..endpoint(told) });
    let signing = db.read(move |tx| tx.signing(&Unchecked(told))).await.unwrap();
    assert_eq!(signing.secret, Sealed(vec![1]));
}
