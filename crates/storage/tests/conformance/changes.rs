//! Who holds copies is told of every committed change, and of nothing else.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use apps::App;
use identity::{Account, PasswordHash, Rotation};
use kernel::{
    Change, Error, Role, SecretHash, Unchecked,
    id::{PrincipalId, TokenId},
};
use tenancy::{Team, TeamMember};

use crate::support::{Db, at, custom_role, grant, membership, service_account, team};

on_both!(
    every_change_is_told_before_its_author_is_answered,
    every_change_of_a_service_account_is_told,
    every_change_of_what_somebody_is_in_an_organization_is_told,
    every_change_of_what_many_are_in_an_organization_is_told,
    what_is_rolled_back_or_only_read_is_not_told,
    with_an_account_go_its_sessions_and_keys,
    a_listener_that_panics_harms_nobody,
);

pub fn heard(db: &Db) -> impl Fn() -> Vec<Change> + use<> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    db.store.listen(Arc::new(move |changes: &[Change]| hears.lock().unwrap().extend(changes)));
    move || std::mem::take(&mut *heard.lock().unwrap())
}

async fn every_change_is_told_before_its_author_is_answered(db: &Db) {
    let app = db.app().await;
    let account = db.account(None).await;
    let (session, _) = db.session(&account).await;
    let organization = db.organization().await.id;
    let token = TokenId::generate();
    let heard = heard(db);
    let id = account.id;

    db.write(move |tx| tx.end_session(session.id, at(1))).await;
    assert_eq!(heard(), [Change::Session(session.id)]);
    db.write(move |tx| tx.end_session(session.id, at(1))).await;
    assert_eq!(heard(), [], "it had ended");

    db.write(move |tx| tx.revoke_token(token, at(1))).await;
    assert_eq!(heard(), [Change::Token(token)]);

    db.write(move |tx| tx.raise_epoch(id, at(1))).await;
    assert_eq!(heard(), [Change::Account(id)]);
    let change = Account { metadata: crate::support::metadata("changed"), ..account.clone() };
    db.write(move |tx| tx.update_account(&change)).await;
    assert_eq!(heard(), [Change::Account(id)]);
    let hash = || PasswordHash::from_stored("hash".to_owned());
    db.write(move |tx| tx.replace_password(id, None, &hash())).await;
    assert_eq!(heard(), [Change::Account(id)]);
    db.write(move |tx| tx.replace_password(id, None, &hash())).await;
    assert_eq!(heard(), [], "it was not replaced");
    db.write(move |tx| tx.remove_password(id)).await;
    assert_eq!(heard(), [Change::Account(id)]);

    let (owner, app_id) = (Unchecked(app.owner), app.id);
    let change = App { disabled_at: Some(at(1)), ..app };
    db.write(move |tx| tx.update_app(&owner, &change)).await;
    assert_eq!(heard(), [Change::App(app_id)]);
    db.write(move |tx| tx.insert_client_secret(&crate::client_secrets::secret(app_id, None))).await;
    assert_eq!(heard(), [Change::App(app_id)]);
    db.write(move |tx| tx.expire_client_secrets(app_id, at(1))).await;
    assert_eq!(heard(), [Change::App(app_id)]);
    db.write(move |tx| tx.delete_app(&owner, app_id)).await;
    assert_eq!(heard(), [Change::App(app_id)]);

    let key = crate::api_keys::key(organization, None, account.principal);
    let key_id = key.id;
    let change = key.clone();
    let here = Unchecked(organization);
    db.write(move |tx| tx.insert_api_key(&here, &key)).await;
    assert_eq!(heard(), [Change::ApiKey(key_id)]);
    db.write(move |tx| tx.update_api_key(&here, &change)).await;
    assert_eq!(heard(), [Change::ApiKey(key_id)]);
    let rotation = Rotation { hash: SecretHash([1; 32]), previous_until: None, at: at(1) };
    db.write(move |tx| tx.rotate_api_key(&here, key_id, rotation)).await;
    assert_eq!(heard(), [Change::ApiKey(key_id)]);
    db.write(move |tx| tx.note_api_key_uses(&[(key_id, at(1))])).await;
    assert_eq!(heard(), [], "it decides nothing");
    db.write(move |tx| tx.delete_api_key(&here, key_id)).await;
    assert_eq!(heard(), [Change::ApiKey(key_id)]);
    let key = crate::api_keys::key(organization, None, account.principal);
    let key_id = key.id;
    db.write(move |tx| tx.insert_api_key(&here, &key)).await;
    db.write(move |tx| tx.delete_api_keys_of(&here, account.principal)).await;
    assert_eq!(heard(), [Change::ApiKey(key_id), Change::ApiKey(key_id)]);
}

async fn every_change_of_a_service_account_is_told(db: &Db) {
    let account = service_account(db.organization().await.id);
    let (here, id) = (Unchecked(account.organization), account.id);
    let heard = heard(db);
    let told = [Change::ServiceAccount(id), Change::Authority(here.0, account.principal())];
    let change = account.clone();
    db.write(move |tx| tx.insert_service_account(&here, &account)).await;
    assert_eq!(heard(), told);
    db.write(move |tx| tx.update_service_account(&here, &change)).await;
    assert_eq!(heard(), told);
    db.write(move |tx| tx.delete_service_account(&here, id)).await;
    assert_eq!(heard(), told);
}

async fn every_change_of_what_somebody_is_in_an_organization_is_told(db: &Db) {
    let [here, elsewhere] = [Unchecked(db.organization().await.id), Unchecked(db.organization().await.id)];
    let principal = PrincipalId::generate();
    let team = db.team(here.0).await.id;
    let heard = heard(db);
    let told = [Change::Authority(here.0, principal)];

    db.write(move |tx| tx.insert_membership(&membership(here.0, principal, Role::Viewer))).await;
    assert_eq!(heard(), told);
    db.write(move |tx| tx.set_role(&here, principal, Role::Admin, None)).await;
    assert_eq!(heard(), told);
    for role in [Role::Member, Role::Admin] {
        let member = TeamMember { team, principal, role, custom_role: None, created_at: at(0) };
        db.write(move |tx| tx.put_team_member(&here, &member)).await;
        assert_eq!(heard(), told);
    }
    db.write(move |tx| tx.delete_team_member(&here, team, principal)).await;
    assert_eq!(heard(), told);
    db.write(move |tx| tx.delete_membership(&here, principal)).await;
    assert_eq!(heard(), told);

    let id = db.grant(here.0, principal).await.id;
    assert_eq!(heard(), told);
    db.write(move |tx| tx.delete_grant(&here, id)).await;
    assert_eq!(heard(), told);
    db.grant(here.0, principal).await;
    assert_eq!(heard(), told);
    db.write(move |tx| tx.delete_grants_of(&here, principal)).await;
    assert_eq!(heard(), told);
    db.write(move |tx| tx.delete_grants_of(&here, principal)).await;
    assert_eq!(heard(), [], "there were none");

    db.write(move |tx| {
        tx.insert_grant(&here, &grant(here.0, principal))?;
        tx.insert_grant(&elsewhere, &grant(elsewhere.0, principal))
    })
    .await;
    let everywhere = HashSet::from([told[0], Change::Authority(elsewhere.0, principal)]);
    assert_eq!(HashSet::from_iter(heard()), everywhere);
    db.write(move |tx| tx.delete_grants_in_app(None, principal)).await;
    assert_eq!(HashSet::from_iter(heard()), everywhere);
}

async fn every_change_of_what_many_are_in_an_organization_is_told(db: &Db) {
    let organization = db.organization().await;
    let here = Unchecked(organization.id);
    let heard = heard(db);
    let told = [Change::Organization(here.0)];

    db.write(move |tx| tx.update_organization(&here, &organization)).await;
    assert_eq!(heard(), told);

    let team = team(here.0);
    let made = Change::Team(team.id);
    let (new, archived) = (team.clone(), Team { archived_at: Some(at(1)), ..team });
    db.write(move |tx| tx.insert_team(&here, &new)).await;
    assert_eq!(heard(), [made]);
    db.write(move |tx| tx.update_team(&here, &archived)).await;
    assert_eq!(heard(), told);

    let role = custom_role(here.0);
    let (id, new) = (role.id, role.clone());
    db.write(move |tx| tx.insert_custom_role(&here, &new)).await;
    assert_eq!(heard(), [], "nobody has it yet");
    db.write(move |tx| tx.update_custom_role(&here, &role)).await;
    assert_eq!(heard(), told);
    db.write(move |tx| tx.delete_custom_role(&here, id)).await;
    assert_eq!(heard(), told);
}

async fn what_is_rolled_back_or_only_read_is_not_told(db: &Db) {
    let account = db.account(None).await;
    let id = account.id;
    let heard = heard(db);
    for panics in [false, true] {
        let code = db.refused(move |tx| {
            tx.raise_epoch(id, at(1))?;
            assert!(!panics, "on purpose");
            Err::<(), _>(Error::not_found())
        });
        code.await;
    }
    db.read(move |tx| tx.account(id)).await;
    assert_eq!(heard(), []);
}

async fn with_an_account_go_its_sessions_and_keys(db: &Db) {
    let account = db.account(None).await;
    let (live, _) = db.session(&account).await;
    let (ended, _) = db.session(&account).await;
    let organization = db.organization().await.id;
    let key = crate::api_keys::key(organization, Some(account.id), account.principal);
    let key_id = key.id;
    db.write(move |tx| {
        tx.end_session(ended.id, at(1))?;
        tx.insert_api_key(&Unchecked(organization), &key)
    })
    .await;
    let heard = heard(db);
    db.write(move |tx| tx.delete_account(&Unchecked(None), account.principal, at(1))).await;
    assert_eq!(heard(), [Change::Account(account.id), Change::Session(live.id), Change::ApiKey(key_id)]);
}

async fn a_listener_that_panics_harms_nobody(db: &Db) {
    db.store.listen(Arc::new(|_: &[Change]| panic!("on purpose")));
    for _ in 0..20 {
        db.write(|tx| tx.revoke_token(TokenId::generate(), at(1))).await;
    }
    assert_eq!(db.number("SELECT count(*) FROM revoked_tokens"), 20);
}
