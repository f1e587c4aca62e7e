//! Roles that organizations made for themselves.

use authz::{ActionSet, CustomRole, RoleName};
use identity::ServiceAccount;
use kernel::{
    Code, Role, Unchecked,
    id::{PrincipalId, RoleId},
};
use platform::Transaction;
use tenancy::TeamMember;

use crate::support::{Db, at, custom_role, linger, service_account};

on_both!(
    what_was_written_is_read_back,
    a_name_is_taken_once_in_each_organization,
    an_update_writes_what_can_change_where_it_was_permitted,
    two_changes_of_one_role_are_both_kept,
    an_organization_lists_its_own_roles,
    a_role_is_out_of_reach_for_another_organization,
    some_of_an_organizations_roles_are_read_together,
    somebody_holds_roles_in_organizations_and_in_their_teams,
    a_role_that_somebody_has_is_not_deleted,
    a_role_that_is_held_in_a_team_or_by_a_program_is_not_deleted,
    a_role_is_either_given_or_deleted,
);

fn name(text: &str) -> RoleName {
    RoleName::parse(text).unwrap()
}

async fn what_was_written_is_read_back(db: &Db) {
    let [permitted, other] = [db.organization().await.id, db.organization().await.id];
    let full = CustomRole {
        description: Some("Zoë's 🦊".to_owned()),
        actions: ActionSet::parse(["*", "a.b", "team.*"]).unwrap(),
        updated_at: at(2),
        ..custom_role(other)
    };
    let empty = CustomRole { actions: ActionSet::default(), ..custom_role(permitted) };
    for role in [full, empty] {
        let (id, new) = (role.id, role.clone());
        db.write(move |tx| tx.insert_custom_role(&Unchecked(permitted), &new)).await;
        let wanted = Some(CustomRole { organization: permitted, ..role.clone() });
        let find = move |tx: &mut dyn Transaction| {
            Ok([tx.custom_role(permitted, id)?, tx.custom_role_by_name(permitted, &role.name)?])
        };
        assert_eq!(db.read(find.clone()).await, [wanted.clone(), wanted.clone()]);
        assert_eq!(db.write(find).await, [wanted.clone(), wanted]);
    }
    let none = db.read(move |tx| {
        Ok([tx.custom_role(permitted, RoleId::generate())?, tx.custom_role_by_name(permitted, &name("nobody"))?])
    });
    assert_eq!(none.await, [None, None]);
}

async fn a_name_is_taken_once_in_each_organization(db: &Db) {
    for here in [db.organization().await.id, db.organization().await.id] {
        let baker = |role: CustomRole| CustomRole { name: name("baker"), ..role };
        let first = baker(custom_role(here));
        db.write(move |tx| tx.insert_custom_role(&Unchecked(here), &first)).await;
        let second = baker(custom_role(here));
        assert_eq!(db.refused(move |tx| tx.insert_custom_role(&Unchecked(here), &second)).await, Code::Conflict);
        let renamed = baker(db.custom_role(here).await);
        assert_eq!(db.refused(move |tx| tx.update_custom_role(&Unchecked(here), &renamed)).await, Code::Conflict);
    }
}

async fn an_update_writes_what_can_change_where_it_was_permitted(db: &Db) {
    let here = Unchecked(db.organization().await.id);
    let before = db.custom_role(here.0).await;
    let after = CustomRole {
        name: name("another"),
        description: Some("Another".to_owned()),
        actions: ActionSet::parse(["another.*"]).unwrap(),
        updated_at: at(9),
        ..before.clone()
    };
    let (elsewhere, change) = (Unchecked(db.organization().await.id), after.clone());
    let code = db.refused(move |tx| {
        tx.custom_role(here.0, change.id)?;
        tx.update_custom_role(&elsewhere, &change)
    });
    assert_eq!(code.await, Code::NotFound);
    for wanted in [after, before.clone()] {
        let change = CustomRole { organization: elsewhere.0, created_at: at(7), ..wanted.clone() };
        db.write(move |tx| tx.update_custom_role(&here, &change)).await;
        assert_eq!(db.read(move |tx| tx.custom_role(here.0, before.id)).await, Some(wanted));
    }
    let gone = custom_role(here.0);
    assert_eq!(db.refused(move |tx| tx.update_custom_role(&here, &gone)).await, Code::NotFound);
}

async fn two_changes_of_one_role_are_both_kept(db: &Db) {
    let here = db.organization().await.id;
    let id = db.custom_role(here).await.id;
    let changes: [fn(CustomRole) -> CustomRole; 2] = [
        |before| CustomRole { name: name("another"), updated_at: at(1), ..before },
        |before| CustomRole { description: Some("Another".to_owned()), updated_at: at(2), ..before },
    ];
    let works = changes.into_iter().map(|change| {
        move |tx: &mut dyn Transaction| {
            let before = tx.custom_role(here, id)?.unwrap();
            linger();
            tx.update_custom_role(&Unchecked(here), &change(before))
        }
    });
    assert!(db.at_once(works).await.iter().all(Result::is_ok));
    let found = db.read(move |tx| tx.custom_role(here, id)).await.unwrap();
    assert!(found.name == name("another") && found.description.is_some(), "{found:?}");
}

async fn an_organization_lists_its_own_roles(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let mut own = Vec::new();
    for _ in 0..4 {
        own.push(db.custom_role(here).await);
        db.custom_role(elsewhere).await;
    }
    db.lists(&own, |role| role.id, move |tx, page| tx.custom_roles_in(&Unchecked(here), page)).await;
}

async fn a_role_is_out_of_reach_for_another_organization(db: &Db) {
    let (here, stranger) = (db.organization().await.id, Unchecked(db.organization().await.id));
    let role = db.custom_role(here).await;
    let id = role.id;
    assert_eq!(db.refused(move |tx| tx.delete_custom_role(&stranger, id)).await, Code::NotFound);
    let wanted = role.name.clone();
    let seen = move |tx: &mut dyn Transaction| {
        Ok([tx.custom_role(stranger.0, id)?, tx.custom_role_by_name(stranger.0, &wanted)?])
    };
    assert_eq!(db.write(seen).await, [None, None]);
    db.lists(&[], |role: &CustomRole| role.id, move |tx, page| tx.custom_roles_in(&stranger, page)).await;
    assert_eq!(db.read(move |tx| tx.custom_role(here, id)).await, Some(role));
}

async fn some_of_an_organizations_roles_are_read_together(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let [one, two, _, foreign] = [
        db.custom_role(here).await,
        db.custom_role(here).await,
        db.custom_role(here).await,
        db.custom_role(elsewhere).await,
    ];
    let ids = [two.id, one.id, foreign.id, RoleId::generate()];
    let find = move |tx: &mut dyn Transaction| tx.custom_roles(here, &ids);
    let wanted = vec![one, two];
    assert_eq!(db.read(find).await, wanted);
    assert_eq!(db.write(find).await, wanted);
    assert_eq!(db.read(move |tx| tx.custom_roles(here, &[])).await, []);
}

async fn somebody_holds_roles_in_organizations_and_in_their_teams(db: &Db) {
    let [here, there, elsewhere] = [db.organization().await.id, db.organization().await.id, db.organization().await.id];
    let [principal, other] = [PrincipalId::generate(), PrincipalId::generate()];
    let mut wanted = Vec::new();
    for organization in [here, there, elsewhere] {
        let [of_member, of_team] = [db.custom_role(organization).await, db.custom_role(organization).await];
        let [team, plain] = [db.team(organization).await, db.team(organization).await];
        for who in [principal, other] {
            db.member(organization, who, Role::Viewer).await;
            db.team_member(&plain, who, Role::Admin).await;
        }
        let (scope, id, custom_role) = (Unchecked(organization), of_member.id, Some(of_team.id));
        let place = TeamMember { team: team.id, principal, role: Role::Viewer, custom_role, created_at: at(0) };
        db.write(move |tx| {
            tx.set_role(&scope, principal, Role::Viewer, Some(id))?;
            tx.put_team_member(&scope, &place)
        })
        .await;
        wanted.extend([(organization, None, of_member.name), (organization, Some(team.id), of_team.name)]);
    }
    wanted.truncate(4);
    let mut found = db.read(move |tx| tx.custom_roles_held(principal, &[here, there])).await;
    found.sort_by_key(|(organization, team, _)| (*organization, *team));
    wanted.sort_by_key(|(organization, team, _)| (*organization, *team));
    assert_eq!(found, wanted);
    assert_eq!(db.read(move |tx| tx.custom_roles_held(other, &[here, there])).await, []);
    assert_eq!(db.read(move |tx| tx.custom_roles_held(principal, &[])).await, []);
}

async fn a_role_that_is_held_in_a_team_or_by_a_program_is_not_deleted(db: &Db) {
    let (here, principal) = (Unchecked(db.organization().await.id), PrincipalId::generate());
    let [in_team, by_program] = [db.custom_role(here.0).await.id, db.custom_role(here.0).await.id];
    let team = db.team(here.0).await.id;
    db.member(here.0, principal, Role::Viewer).await;
    let role = Role::Viewer;
    let place = TeamMember { team, principal, role, custom_role: Some(in_team), created_at: at(0) };
    db.write(move |tx| tx.put_team_member(&here, &place)).await;
    let account = ServiceAccount { role, custom_role: Some(by_program), ..service_account(here.0) };
    let program = account.id;
    db.write(move |tx| tx.insert_service_account(&here, &account)).await;
    for id in [in_team, by_program] {
        assert_eq!(db.refused(move |tx| tx.delete_custom_role(&here, id)).await, Code::Conflict);
    }
    db.write(move |tx| tx.put_team_member(&here, &TeamMember { custom_role: None, ..place })).await;
    db.write(move |tx| tx.delete_service_account(&here, program)).await;
    for id in [in_team, by_program] {
        db.write(move |tx| tx.delete_custom_role(&here, id)).await;
    }
    assert_eq!(db.number("SELECT count(*) FROM roles"), 0);
}

async fn a_role_that_somebody_has_is_not_deleted(db: &Db) {
    let (here, principal) = (Unchecked(db.organization().await.id), PrincipalId::generate());
    let [given, free] = [db.custom_role(here.0).await.id, db.custom_role(here.0).await.id];
    db.member(here.0, principal, Role::Viewer).await;
    db.write(move |tx| tx.set_role(&here, principal, Role::Viewer, Some(given))).await;
    db.write(move |tx| tx.delete_custom_role(&here, free)).await;
    assert_eq!(db.refused(move |tx| tx.delete_custom_role(&here, given)).await, Code::Conflict);
    db.write(move |tx| tx.delete_membership(&here, principal)).await;
    db.write(move |tx| tx.delete_custom_role(&here, given)).await;
    assert_eq!(db.refused(move |tx| tx.delete_custom_role(&here, given)).await, Code::NotFound);
    assert_eq!(db.number("SELECT count(*) FROM roles"), 0);
}

async fn a_role_is_either_given_or_deleted(db: &Db) {
    let here = db.organization().await.id;
    let principals = [0; 3].map(|_| PrincipalId::generate());
    for principal in principals {
        db.member(here, principal, Role::Viewer).await;
    }
    for round in 0..6 {
        let id = db.custom_role(here).await.id;
        let mut takers = vec![None];
        takers.extend(principals.map(Some));
        // Now the one is first and now the others.
        takers.rotate_left(round % 2);
        let works = takers.into_iter().map(|taker| {
            move |tx: &mut dyn Transaction| {
                let Some(taker) = taker else {
                    tx.delete_custom_role(&Unchecked(here), id)?;
                    linger();
                    return Ok(false);
                };
                tx.custom_role(here, id)?.ok_or_else(kernel::Error::not_found)?;
                linger();
                tx.set_role(&Unchecked(here), taker, Role::Viewer, Some(id))?;
                Ok(true)
            }
        });
        let outcomes = db.at_once(works).await;
        let (given, deleted) =
            (outcomes.iter().any(|it| matches!(it, Ok(true))), outcomes.iter().any(|it| matches!(it, Ok(false))));
        assert!(given != deleted, "{outcomes:?}");
        let other = if deleted { Code::NotFound } else { Code::Conflict };
        assert!(outcomes.into_iter().filter_map(Result::err).all(|error| error.code == other));
        assert_eq!(db.read(move |tx| tx.custom_role(here, id)).await.is_none(), deleted);
    }
}
