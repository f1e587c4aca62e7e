//! Providers that apps have named, and who is on the way there.

use apps::{AppProvider, ProviderKind, ProviderPlace, SocialProvider};
use identity::SocialFlow;
use kernel::{Code, Sealed, SecretHash, id::AppId};
use platform::Transaction;

use crate::support::{Db, at, linger};

on_both!(
    an_app_has_providers_of_its_own_by_name,
    nobody_has_providers_who_is_no_app,
    what_is_remembered_is_read_once_and_in_time,
    attack_1_of_many_who_come_back_at_once_one_is_known,
    flows_that_expired_are_forgotten,
    flows_and_providers_go_with_their_app,
);

/// How many come at once.
const MANY: usize = 200;

fn provider(app: AppId, name: &str, seconds: i64) -> AppProvider {
    let place = ProviderPlace { issuer: Some("https://id.example.com"), ..ProviderPlace::default() };
    let client_id = format!("client-{seconds}");
    AppProvider {
        app,
        name: name.to_owned(),
        provider: SocialProvider::new(ProviderKind::Oidc, place, &client_id, &["openid".to_owned()]).unwrap(),
        secret: Sealed(vec![1, 2, u8::try_from(seconds).unwrap()]),
        created_at: at(seconds),
        updated_at: at(seconds),
    }
}

fn flow(app: Option<AppId>, hash: u8, seconds: i64) -> SocialFlow {
    SocialFlow { hash: SecretHash([hash; 32]), app, note: Sealed(vec![hash, 7]), expires_at: at(seconds) }
}

async fn an_app_has_providers_of_its_own_by_name(db: &Db) {
    let [app, other] = [db.app().await.id, db.app().await.id];
    let [first, second] = [provider(app, "google", 1), provider(app, "google", 2)];
    let put = [first, second.clone(), provider(app, "acme", 3), provider(other, "google", 4)];
    db.write(move |tx| put.iter().try_for_each(|provider| tx.put_social_provider(provider))).await;
    let all = db.read(move |tx| tx.social_providers(app)).await;
    let latest = AppProvider { created_at: at(1), ..second };
    assert_eq!(all, [provider(app, "acme", 3), latest.clone()], "the last one counts, and has its beginning");
    let found = |app, name: &'static str| db.read(move |tx| tx.social_provider(app, name));
    assert_eq!(found(app, "google").await, Some(latest));
    assert_eq!(found(other, "acme").await, None);
    let delete = |app, name: &'static str| db.write(move |tx| tx.delete_social_provider(app, name, at(1)));
    assert!(!delete(other, "acme").await);
    assert!(delete(app, "google").await && !delete(app, "google").await);
    assert!(found(other, "google").await.is_some());
    // What the name stood for is known, and its secret is gone.
    let place = |app, name: &'static str| db.read(move |tx| tx.place_of_social_provider(app, name));
    let stood = provider(app, "google", 1).provider;
    assert_eq!(place(app, "google").await, Some((stood.kind, stood.url)));
    assert_eq!(place(other, "acme").await, None);
    assert_eq!(db.read(move |tx| tx.social_providers(app)).await.len(), 1);
    assert_eq!(db.number("SELECT count(*) FROM social_providers WHERE length(client_secret) = 0"), 1);
    let again = provider(app, "google", 5);
    db.write(move |tx| tx.put_social_provider(&again)).await;
    assert!(found(app, "google").await.is_some());
}

async fn nobody_has_providers_who_is_no_app(db: &Db) {
    let nobodys = provider(AppId::generate(), "google", 1);
    assert_eq!(db.refused(move |tx| tx.put_social_provider(&nobodys)).await, Code::NotFound);
}

async fn what_is_remembered_is_read_once_and_in_time(db: &Db) {
    let app = db.app().await.id;
    let flows = [flow(None, 1, 10), flow(Some(app), 2, 10)];
    db.write(move |tx| flows.iter().try_for_each(|flow| tx.insert_social_flow(flow))).await;
    let consume = |hash: u8, now| db.write(move |tx| tx.consume_social_flow(SecretHash([hash; 32]), at(now)));
    assert_eq!(consume(3, 1).await, None);
    assert_eq!(consume(1, 10).await, None, "it has expired");
    assert_eq!(consume(1, 9).await, Some(Sealed(vec![1, 7])));
    assert_eq!(consume(1, 9).await, None, "once");
    assert_eq!(consume(2, 9).await, Some(Sealed(vec![2, 7])));
}

async fn attack_1_of_many_who_come_back_at_once_one_is_known(db: &Db) {
    let here = flow(None, 1, 10);
    db.write(move |tx| tx.insert_social_flow(&here)).await;
    let consume = |tx: &mut dyn Transaction| {
        let note = tx.consume_social_flow(SecretHash([1; 32]), at(5))?;
        linger();
        Ok(note)
    };
    let known = db.at_once(vec![consume; MANY]).await;
    assert_eq!(known.into_iter().filter(|outcome| matches!(outcome, Ok(Some(_)))).count(), 1);
}

async fn flows_that_expired_are_forgotten(db: &Db) {
    let flows = [flow(None, 1, 1), flow(None, 2, 2), flow(None, 3, 30)];
    db.write(move |tx| flows.iter().try_for_each(|flow| tx.insert_social_flow(flow))).await;
    assert_eq!(db.write(|tx| tx.sweep_social_flows(at(10))).await, 2);
    assert_eq!(db.write(|tx| tx.sweep_social_flows(at(10))).await, 0);
    assert!(db.write(|tx| tx.consume_social_flow(SecretHash([3; 32]), at(10))).await.is_some());
}

async fn flows_and_providers_go_with_their_app(db: &Db) {
    let app = db.app().await;
    let (id, owner) = (app.id, app.owner);
    let (kept, named) = (flow(Some(id), 1, 10), provider(id, "google", 1));
    db.write(move |tx| {
        tx.insert_social_flow(&kept)?;
        tx.put_social_provider(&named)?;
        tx.delete_app(&kernel::Unchecked(owner), id)
    })
    .await;
    assert_eq!(db.write(|tx| tx.consume_social_flow(SecretHash([1; 32]), at(5))).await, None);
    assert_eq!(db.read(move |tx| tx.social_providers(id)).await, []);
}
