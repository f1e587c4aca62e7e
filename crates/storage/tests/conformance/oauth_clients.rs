//! OAuth clients.

use apps::{ClientId, OauthClient, RedirectUrl};
use identity::ServiceAccount;
use kernel::{
    Code, Scope, SecretHash, Unchecked,
    id::{AppId, OauthClientId, OrganizationId},
};

use crate::support::{Db, at, service_account};

on_both!(
    what_was_written_is_read_back,
    a_client_goes_with_its_service_account_and_is_disabled_with_it,
    a_client_is_made_where_its_service_account_is,
    organizations_list_their_clients,
);

/// A client and its service account.
pub fn client(organization: OrganizationId, app: Option<AppId>) -> (ServiceAccount, OauthClient) {
    let account = service_account(organization);
    let client = OauthClient {
        id: OauthClientId::generate(),
        service_account: account.id,
        name: account.name.clone(),
        organization,
        app,
        disabled_at: None,
        client_id: ClientId::from_random(std::array::from_fn(|index| account.id.0.as_bytes()[index % 16])),
        hash: SecretHash([7; 32]),
        redirect_uris: vec![RedirectUrl::parse("https://app.example.com/it's?a=\u{e9}").unwrap()],
        scopes: vec!["members:read".to_owned()],
        created_at: at(3),
    };
    (account, client)
}

async fn insert(db: &Db, organization: OrganizationId, app: Option<AppId>) -> OauthClient {
    let (account, client) = client(organization, app);
    let new = client.clone();
    db.write(move |tx| {
        tx.insert_service_account(&Unchecked(organization), &account)?;
        tx.insert_oauth_client(&Unchecked(organization), &new)
    })
    .await;
    client
}

async fn found(db: &Db, client: &OauthClient) -> [Option<OauthClient>; 3] {
    let (id, client_id, account) = (client.id, client.client_id.clone(), client.service_account);
    let find = db.read(move |tx| {
        Ok([tx.oauth_client(id)?, tx.oauth_client_by_client_id(&client_id)?, tx.oauth_client_of(account)?])
    });
    find.await
}

async fn what_was_written_is_read_back(db: &Db) {
    let app = db.app().await.id;
    for app in [None, Some(app)] {
        let organization = db.organization_in(app).await.id;
        let client = insert(db, organization, app).await;
        let wanted = Some(client.clone());
        assert_eq!(found(db, &client).await, [wanted.clone(), wanted.clone(), wanted]);
    }
}

async fn a_client_goes_with_its_service_account_and_is_disabled_with_it(db: &Db) {
    let here = Unchecked(db.organization().await.id);
    let client = insert(db, here.0, None).await;
    let id = client.service_account;
    db.write(move |tx| {
        let account = tx.service_account(id)?.unwrap();
        tx.update_service_account(&here, &ServiceAccount { disabled_at: Some(at(5)), ..account })
    })
    .await;
    let disabled = Some(OauthClient { disabled_at: Some(at(5)), ..client.clone() });
    assert_eq!(found(db, &client).await, [disabled.clone(), disabled.clone(), disabled]);
    db.write(move |tx| tx.delete_service_account(&here, id)).await;
    assert_eq!(found(db, &client).await, [None, None, None]);
}

async fn a_client_is_made_where_its_service_account_is(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let (account, client) = client(here, None);
    db.write(move |tx| tx.insert_service_account(&Unchecked(here), &account)).await;
    assert_eq!(db.refused(move |tx| tx.insert_oauth_client(&Unchecked(elsewhere), &client)).await, Code::NotFound);
}

async fn organizations_list_their_clients(db: &Db) {
    let [here, there, elsewhere] = [db.organization().await.id, db.organization().await.id, db.organization().await.id];
    let mut clients = Vec::new();
    for place in [here, there, here] {
        clients.push(insert(db, place, None).await);
    }
    insert(db, elsewhere, None).await;
    db.lists(
        &clients,
        |client| client.id,
        move |tx, page| {
            let places = [&Unchecked(here) as &dyn Scope, &Unchecked(there)];
            tx.oauth_clients_in(&places, page)
        },
    )
    .await;
    let own = [clients[0].clone(), clients[2].clone()];
    db.lists(&own, |client| client.id, move |tx, page| tx.oauth_clients_in(&[&Unchecked(here)], page)).await;
}
