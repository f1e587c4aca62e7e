//! API keys.

use std::time::Duration;

use identity::{ApiKey, Rotation, ServiceAccount};
use kernel::{
    AllowedIps, Code, Name, Page, Role, SecretHash, Unchecked,
    id::{AccountId, ApiKeyId, OrganizationId, PrincipalId},
};

use crate::support::{Db, at, linger, service_account};

on_both!(
    what_was_written_is_read_back,
    a_key_is_found_by_its_prefix,
    a_key_belongs_to_where_it_was_permitted,
    a_key_of_a_service_account_knows_its_team_and_goes_with_it,
    an_update_writes_what_can_change_where_it_was_permitted,
    two_changes_of_one_key_are_both_kept,
    a_rotation_keeps_the_key_before_it_and_no_earlier_one,
    of_rotations_at_once_each_is_whole,
    an_organization_lists_all_keys_or_those_of_one_principal,
    somebody_lists_their_own_keys_of_one_app,
    a_key_is_deleted_where_it_was_permitted,
    all_keys_of_a_principal_in_an_organization_go_at_once,
    a_use_is_noted_once_a_minute,
    whoever_counts_lets_nobody_else_add,
);

pub fn key(organization: OrganizationId, account: Option<AccountId>, principal: PrincipalId) -> ApiKey {
    let id = ApiKeyId::generate();
    ApiKey {
        id,
        prefix: format!("fab_{}", &id.to_string()[28..]),
        hash: SecretHash([7; 32]),
        previous: Some((SecretHash([6; 32]), at(9))),
        organization,
        app: None,
        principal,
        account,
        service_account: None,
        team: None,
        name: Name::constant("Deploys"),
        description: Some("Zoë's 🦊".to_owned()),
        role: Some(Role::Member),
        scopes: vec!["teams:read".to_owned(), "it's".to_owned()],
        allowed_ips: AllowedIps::parse(["203.0.113.0/24", "2001:db8::/32"]).unwrap(),
        disabled_at: Some(at(1)),
        disabled_by: None,
        own_roles: false,
        expires_at: Some(at(2)),
        last_used_at: Some(at(4)),
        created_by: Some(principal),
        created_at: at(3),
        updated_at: at(5),
    }
}

async fn insert(db: &Db, key: &ApiKey) {
    let key = key.clone();
    db.write(move |tx| tx.insert_api_key(&Unchecked(key.organization), &key)).await;
}

async fn insert_one(db: &Db) -> ApiKey {
    let key = key(db.organization().await.id, None, PrincipalId::generate());
    insert(db, &key).await;
    key
}

async fn found(db: &Db, id: ApiKeyId) -> Option<ApiKey> {
    db.read(move |tx| tx.api_key(id)).await
}

async fn what_was_written_is_read_back(db: &Db) {
    let app = db.app().await.id;
    for app in [None, Some(app)] {
        let organization = db.organization_in(app).await.id;
        let full = ApiKey { app, ..key(organization, None, PrincipalId::generate()) };
        let empty = ApiKey {
            previous: None,
            description: None,
            role: None,
            scopes: Vec::new(),
            allowed_ips: AllowedIps::default(),
            disabled_at: None,
            expires_at: None,
            last_used_at: None,
            created_by: None,
            ..ApiKey { app, ..key(organization, None, PrincipalId::generate()) }
        };
        for key in [full, empty] {
            insert(db, &key).await;
            assert_eq!(found(db, key.id).await, Some(key));
        }
    }
    assert_eq!(found(db, ApiKeyId::generate()).await, None);
}

async fn a_key_is_found_by_its_prefix(db: &Db) {
    let key = insert_one(db).await;
    for (prefix, wanted) in [
        (key.prefix.clone(), Some(key.clone())),
        (key.prefix.to_uppercase(), None),
        (key.prefix[..11].to_owned(), None),
        ("fab_xxxxxxxx".to_owned(), None),
    ] {
        assert_eq!(db.read(move |tx| tx.api_key_by_prefix(&prefix)).await, wanted);
    }
}

async fn a_key_belongs_to_where_it_was_permitted(db: &Db) {
    let [permitted, other] = [db.organization().await.id, db.organization().await.id];
    let key = key(other, None, PrincipalId::generate());
    let id = key.id;
    db.write(move |tx| tx.insert_api_key(&Unchecked(permitted), &key)).await;
    assert_eq!(found(db, id).await.unwrap().organization, permitted);
}

async fn a_key_of_a_service_account_knows_its_team_and_goes_with_it(db: &Db) {
    let organization = db.organization().await.id;
    let team = db.team(organization).await.id;
    let account = ServiceAccount { team: Some(team), ..service_account(organization) };
    let new = account.clone();
    db.write(move |tx| tx.insert_service_account(&Unchecked(organization), &new)).await;
    let key =
        ApiKey { service_account: Some(account.id), team: Some(team), ..key(organization, None, account.principal()) };
    insert(db, &key).await;
    let id = key.id;
    assert_eq!(found(db, id).await, Some(key));
    db.write(move |tx| tx.delete_service_account(&Unchecked(organization), account.id)).await;
    assert_eq!(found(db, id).await, None);
}

async fn an_update_writes_what_can_change_where_it_was_permitted(db: &Db) {
    let before = insert_one(db).await;
    let after = ApiKey {
        name: Name::constant("Another"),
        description: None,
        allowed_ips: AllowedIps::default(),
        disabled_at: None,
        updated_at: at(8),
        ..before.clone()
    };
    let wish = ApiKey {
        hash: SecretHash([1; 32]),
        role: Some(Role::Owner),
        scopes: Vec::new(),
        principal: PrincipalId::generate(),
        ..after.clone()
    };
    let (here, elsewhere) = (Unchecked(before.organization), Unchecked(db.organization().await.id));
    let (there, again) = (wish.clone(), wish);
    assert_eq!(db.refused(move |tx| tx.update_api_key(&elsewhere, &there)).await, Code::NotFound);
    db.write(move |tx| tx.update_api_key(&here, &again)).await;
    assert_eq!(found(db, before.id).await, Some(after));
}

async fn two_changes_of_one_key_are_both_kept(db: &Db) {
    let key = insert_one(db).await;
    let (id, here) = (key.id, Unchecked(key.organization));
    let change = move |index: i64| {
        move |tx: &mut dyn platform::Transaction| {
            let key = tx.api_key(id)?.unwrap();
            linger();
            let key = match index {
                0 => ApiKey { name: Name::constant("Renamed"), ..key },
                _ => ApiKey { disabled_at: None, ..key },
            };
            tx.update_api_key(&here, &ApiKey { updated_at: at(100 + index), ..key })
        }
    };
    assert!(db.at_once((0..2).map(change)).await.into_iter().all(|outcome| outcome.is_ok()));
    let key = found(db, id).await.unwrap();
    assert_eq!((key.name.as_str(), key.disabled_at), ("Renamed", None));
}

fn to(byte: u8, overlap: Option<i64>) -> Rotation {
    Rotation { hash: SecretHash([byte; 32]), previous_until: overlap.map(at), at: at(50) }
}

async fn a_rotation_keeps_the_key_before_it_and_no_earlier_one(db: &Db) {
    let key = insert_one(db).await;
    let (id, here, elsewhere) = (key.id, Unchecked(key.organization), Unchecked(db.organization().await.id));
    assert_eq!(db.refused(move |tx| tx.rotate_api_key(&elsewhere, id, to(1, None))).await, Code::NotFound);
    for (rotation, previous) in [
        (to(1, Some(60)), Some((SecretHash([7; 32]), at(60)))),
        (to(2, Some(70)), Some((SecretHash([1; 32]), at(70)))),
        (to(3, None), None),
    ] {
        db.write(move |tx| tx.rotate_api_key(&here, id, rotation)).await;
        let wanted = ApiKey { hash: rotation.hash, previous, updated_at: at(50), ..key.clone() };
        assert_eq!(found(db, id).await, Some(wanted));
    }
    let gone = ApiKeyId::generate();
    assert_eq!(db.refused(move |tx| tx.rotate_api_key(&here, gone, to(1, None))).await, Code::NotFound);
}

async fn of_rotations_at_once_each_is_whole(db: &Db) {
    let key = insert_one(db).await;
    let (id, here) = (key.id, Unchecked(key.organization));
    let rotate = |byte: u8| move |tx: &mut dyn platform::Transaction| tx.rotate_api_key(&here, id, to(byte, Some(60)));
    assert!(db.at_once((10..18).map(rotate)).await.into_iter().all(|outcome| outcome.is_ok()));
    let key = found(db, id).await.unwrap();
    let one_of_them = |hash: SecretHash| (10..18).any(|byte| hash == SecretHash([byte; 32]));
    let (previous, _) = key.previous.unwrap();
    assert!(one_of_them(key.hash) && one_of_them(previous) && key.hash != previous);
}

async fn an_organization_lists_all_keys_or_those_of_one_principal(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let [one, other] = [PrincipalId::generate(), PrincipalId::generate()];
    let keys = [key(here, None, one), key(here, None, other), key(here, None, one)];
    for key in keys.iter().chain([&key(elsewhere, None, one)]) {
        insert(db, key).await;
    }
    db.lists(&keys, |key| key.id, move |tx, page| tx.api_keys_in(&Unchecked(here), None, page)).await;
    let own = [keys[0].clone(), keys[2].clone()];
    db.lists(&own, |key| key.id, move |tx, page| tx.api_keys_in(&Unchecked(here), Some(one), page)).await;
}

async fn somebody_lists_their_own_keys_of_one_app(db: &Db) {
    let app = Some(db.app().await.id);
    let [here, there] = [db.organization_in(app).await.id, db.organization_in(app).await.id];
    let platforms = db.organization().await.id;
    let one = PrincipalId::generate();
    let of = |place| ApiKey { app, ..key(place, None, one) };
    let keys = [of(here), of(there), of(here)];
    let strangers = key(here, None, PrincipalId::generate());
    for key in keys.iter().chain([&key(platforms, None, one), &strangers]) {
        insert(db, key).await;
    }
    db.lists(&keys, |key| key.id, move |tx, page| tx.api_keys_held(app, None, one, page)).await;
    let own = [keys[0].clone(), keys[2].clone()];
    db.lists(&own, |key| key.id, move |tx, page| tx.api_keys_held(app, Some(here), one, page)).await;
    let foreign = move |tx: &mut dyn platform::Transaction| {
        let page = Page::new(None, 0, 10)?;
        Ok(tx.api_keys_held(app, Some(platforms), one, &page)?.items)
    };
    assert_eq!(db.read(foreign).await, []);
}

async fn a_key_is_deleted_where_it_was_permitted(db: &Db) {
    let key = insert_one(db).await;
    let (id, here, elsewhere) = (key.id, Unchecked(key.organization), Unchecked(db.organization().await.id));
    assert_eq!(db.refused(move |tx| tx.delete_api_key(&elsewhere, id)).await, Code::NotFound);
    db.write(move |tx| tx.delete_api_key(&here, id)).await;
    assert_eq!(db.refused(move |tx| tx.delete_api_key(&here, id)).await, Code::NotFound);
    assert_eq!(found(db, id).await, None);
}

async fn all_keys_of_a_principal_in_an_organization_go_at_once(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let [one, other] = [PrincipalId::generate(), PrincipalId::generate()];
    let gone = [key(here, None, one), key(here, None, one)];
    let kept = [key(here, None, other), key(elsewhere, None, one)];
    for key in gone.iter().chain(&kept) {
        insert(db, key).await;
    }
    db.write(move |tx| tx.delete_api_keys_of(&Unchecked(here), one)).await;
    for key in gone {
        assert_eq!(found(db, key.id).await, None);
    }
    for key in kept {
        assert_eq!(found(db, key.id).await, Some(key));
    }
}

async fn a_use_is_noted_once_a_minute(db: &Db) {
    let key = insert_one(db).await;
    let unused = ApiKey { last_used_at: None, ..crate::api_keys::key(key.organization, None, key.principal) };
    insert(db, &unused).await;
    let first = key.last_used_at.unwrap();
    let after = |seconds| first.after(Duration::from_secs(seconds));
    for (at, noted) in [(after(59), first), (after(60), after(60)), (after(5), after(60)), (after(300), after(300))] {
        let uses = [(key.id, at), (unused.id, at), (ApiKeyId::generate(), at)];
        db.write(move |tx| tx.note_api_key_uses(&uses)).await;
        let updated = key.updated_at;
        let key = found(db, key.id).await.unwrap();
        assert_eq!((key.last_used_at, key.updated_at), (Some(noted), updated));
    }
    assert_eq!(found(db, unused.id).await.unwrap().last_used_at, Some(after(300)));
}

async fn whoever_counts_lets_nobody_else_add(db: &Db) {
    let (here, one) = (db.organization().await.id, PrincipalId::generate());
    let add = |_| {
        move |tx: &mut dyn platform::Transaction| {
            let count = tx.count_api_keys_of(here, one)?;
            linger();
            if count < 3 { tx.insert_api_key(&Unchecked(here), &key(here, None, one)) } else { Ok(()) }
        }
    };
    assert!(db.at_once((0..8).map(add)).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(db.read(move |tx| tx.count_api_keys_of(here, one)).await, 3);
}
