//! API keys.

use identity::ApiKey;
use kernel::{
    Name, Role, SecretHash, Unchecked,
    id::{AccountId, ApiKeyId, OrganizationId, PrincipalId},
};

use crate::support::{Db, at};

on_both!(a_key_is_found_by_its_prefix_and_knows_its_app, a_key_belongs_to_where_it_was_permitted);

pub fn key(organization: OrganizationId, account: Option<AccountId>, principal: PrincipalId) -> ApiKey {
    let id = ApiKeyId::generate();
    ApiKey {
        id,
        prefix: format!("fab_{}", &id.to_string()[28..]),
        hash: SecretHash([7; 32]),
        organization,
        app: None,
        principal,
        account,
        name: Name::constant("Deploys"),
        role: Role::Member,
        scopes: vec!["teams:read".to_owned(), "it's".to_owned()],
        disabled_at: Some(at(1)),
        expires_at: Some(at(2)),
        created_at: at(3),
    }
}

async fn a_key_is_found_by_its_prefix_and_knows_its_app(db: &Db) {
    let app = db.app().await.id;
    for app in [None, Some(app)] {
        let organization = db.organization_in(app).await.id;
        let key = ApiKey { app, ..key(organization, None, PrincipalId::generate()) };
        let new = key.clone();
        db.write(move |tx| tx.insert_api_key(&Unchecked(organization), &new)).await;
        let prefix = key.prefix.clone();
        let found = db.read(move |tx| tx.api_key_by_prefix(&prefix)).await;
        assert_eq!(found, Some(key));
    }
    assert_eq!(db.read(|tx| tx.api_key_by_prefix("fab_xxxxxxxx")).await, None);
}

async fn a_key_belongs_to_where_it_was_permitted(db: &Db) {
    let [permitted, other] = [db.organization().await.id, db.organization().await.id];
    let key = key(other, None, PrincipalId::generate());
    let prefix = key.prefix.clone();
    db.write(move |tx| tx.insert_api_key(&Unchecked(permitted), &key)).await;
    let found = db.read(move |tx| tx.api_key_by_prefix(&prefix)).await.unwrap();
    assert_eq!(found.organization, permitted);
}
