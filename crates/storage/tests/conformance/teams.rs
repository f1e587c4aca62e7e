//! Teams and who is in them.

use kernel::{
    Code, Name, Page, Role, Slug, Unchecked,
    id::{PrincipalId, TeamId},
};
use platform::Transaction;
use tenancy::{Team, TeamMember};

use crate::support::{Db, at, linger, team};

on_both!(
    what_was_written_is_read_back,
    a_slug_is_taken_once_in_each_organization,
    an_update_writes_what_can_change_where_it_was_permitted,
    two_changes_of_one_team_are_both_kept,
    an_organization_lists_its_own_teams,
    somebody_is_put_into_a_team_once_and_may_become_something_else_there,
    who_is_no_member_of_the_organization_gets_into_no_team,
    a_team_is_out_of_reach_for_another_organization,
    a_team_lists_who_is_in_it,
    roles_in_teams_are_those_of_one_member,
    an_archived_team_gives_nobody_a_role,
    somebody_sees_their_own_teams_of_one_app,
    who_leaves_the_organization_leaves_its_teams,
    nobody_is_left_in_a_team_who_leaves_while_they_are_put_into_it,
);

async fn what_was_written_is_read_back(db: &Db) {
    let [permitted, other] = [db.organization().await.id, db.organization().await.id];
    let team = Team { archived_at: Some(at(1)), updated_at: at(2), ..team(other) };
    let (id, new) = (team.id, team.clone());
    db.write(move |tx| tx.insert_team(&Unchecked(permitted), &new)).await;
    assert_eq!(db.read(move |tx| tx.team(id)).await, Some(Team { organization: permitted, ..team }));
    assert_eq!(db.read(|tx| tx.team(TeamId::generate())).await, None);
}

async fn a_slug_is_taken_once_in_each_organization(db: &Db) {
    for here in [db.organization().await.id, db.organization().await.id] {
        let kitchen = |team: Team| Team { slug: Slug::from_name("kitchen"), ..team };
        let first = kitchen(team(here));
        db.write(move |tx| tx.insert_team(&Unchecked(here), &first)).await;
        let second = kitchen(team(here));
        assert_eq!(db.refused(move |tx| tx.insert_team(&Unchecked(here), &second)).await, Code::SlugTaken);
        let renamed = kitchen(db.team(here).await);
        assert_eq!(db.refused(move |tx| tx.update_team(&Unchecked(here), &renamed)).await, Code::SlugTaken);
    }
}

async fn an_update_writes_what_can_change_where_it_was_permitted(db: &Db) {
    let here = Unchecked(db.organization().await.id);
    let before = db.team(here.0).await;
    let after = Team {
        slug: Slug::from_name("another"),
        name: Name::constant("Another"),
        archived_at: Some(at(8)),
        updated_at: at(9),
        ..before.clone()
    };
    let (elsewhere, change) = (Unchecked(db.organization().await.id), after.clone());
    let code = db.refused(move |tx| {
        tx.team(change.id)?;
        tx.update_team(&elsewhere, &change)
    });
    assert_eq!(code.await, Code::NotFound);
    for wanted in [after, before.clone()] {
        let change = Team { organization: elsewhere.0, created_at: at(7), ..wanted.clone() };
        db.write(move |tx| tx.update_team(&here, &change)).await;
        assert_eq!(db.read(move |tx| tx.team(before.id)).await, Some(wanted));
    }
    let gone = team(here.0);
    assert_eq!(db.refused(move |tx| tx.update_team(&here, &gone)).await, Code::NotFound);
}

async fn two_changes_of_one_team_are_both_kept(db: &Db) {
    let here = db.organization().await.id;
    let id = db.team(here).await.id;
    let changes: [fn(Team) -> Team; 2] = [
        |before| Team { name: Name::constant("Another"), updated_at: at(1), ..before },
        |before| Team { archived_at: Some(at(2)), updated_at: at(2), ..before },
    ];
    let works = changes.into_iter().map(|change| {
        move |tx: &mut dyn Transaction| {
            let before = tx.team(id)?.unwrap();
            linger();
            tx.update_team(&Unchecked(here), &change(before))
        }
    });
    assert!(db.at_once(works).await.iter().all(Result::is_ok));
    let found = db.read(move |tx| tx.team(id)).await.unwrap();
    assert!(found.name == Name::constant("Another") && found.archived_at.is_some(), "{found:?}");
}

async fn an_organization_lists_its_own_teams(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let mut own = Vec::new();
    for _ in 0..4 {
        own.push(db.team(here).await);
        db.team(elsewhere).await;
    }
    db.lists(&own, |team| team.id, move |tx, page| tx.teams_in(&Unchecked(here), page)).await;
}

async fn somebody_is_put_into_a_team_once_and_may_become_something_else_there(db: &Db) {
    let (here, principal) = (db.organization().await.id, PrincipalId::generate());
    let scope = Unchecked(here);
    db.member(here, principal, Role::Viewer).await;
    let team = db.team(here).await.id;
    let own = db.custom_role(here).await.id;
    for (role, custom_role, created_at) in
        [(Role::Admin, None, at(1)), (Role::Viewer, Some(own), at(2)), (Role::Member, None, at(3))]
    {
        let member = TeamMember { team, principal, role, custom_role, created_at };
        db.write(move |tx| tx.put_team_member(&scope, &member)).await;
        assert_eq!(db.read(move |tx| tx.team_role(&scope, team, principal)).await, Some(role));
        let found = db.read(move |tx| tx.team_members(&scope, team, &Page::new(None, 0, 9)?)).await;
        assert_eq!(found.items, [TeamMember { created_at: at(1), ..member }]);
    }
    db.write(move |tx| tx.delete_team_member(&scope, team, principal)).await;
    assert_eq!(db.read(move |tx| tx.team_role(&scope, team, principal)).await, None);
    assert_eq!(db.refused(move |tx| tx.delete_team_member(&scope, team, principal)).await, Code::NotFound);
}

async fn who_is_no_member_of_the_organization_gets_into_no_team(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let [nobody, foreigner] = [PrincipalId::generate(), PrincipalId::generate()];
    db.member(elsewhere, foreigner, Role::Owner).await;
    let team = db.team(here).await.id;
    for principal in [nobody, foreigner] {
        let member = TeamMember { team, principal, role: Role::Viewer, custom_role: None, created_at: at(0) };
        assert_eq!(db.refused(move |tx| tx.put_team_member(&Unchecked(here), &member)).await, Code::NotFound);
    }
}

async fn a_team_is_out_of_reach_for_another_organization(db: &Db) {
    let (here, stranger) = (db.organization().await.id, Unchecked(db.organization().await.id));
    let [insider, both] = [PrincipalId::generate(), PrincipalId::generate()];
    for principal in [insider, both] {
        db.member(here, principal, Role::Viewer).await;
    }
    db.member(stranger.0, both, Role::Owner).await;
    let team = db.team(here).await;
    db.team_member(&team, insider, Role::Viewer).await;
    db.team_member(&team, both, Role::Viewer).await;

    let id = team.id;
    for principal in [insider, both] {
        let raised = TeamMember { team: id, principal, role: Role::Owner, custom_role: None, created_at: at(1) };
        assert_eq!(db.refused(move |tx| tx.put_team_member(&stranger, &raised)).await, Code::NotFound);
        assert_eq!(db.refused(move |tx| tx.delete_team_member(&stranger, id, principal)).await, Code::NotFound);
        assert_eq!(db.read(move |tx| tx.team_role(&stranger, id, principal)).await, None);
        assert_eq!(db.read(move |tx| tx.team_role(&Unchecked(here), id, principal)).await, Some(Role::Viewer));
    }
    db.lists(&[], |team: &Team| team.id, move |tx, page| tx.teams_in(&stranger, page)).await;
    db.lists(&[], |member: &TeamMember| member.principal, move |tx, page| tx.team_members(&stranger, id, page)).await;
}

async fn a_team_lists_who_is_in_it(db: &Db) {
    let here = db.organization().await.id;
    let [team, other] = [db.team(here).await, db.team(here).await];
    let mut members = Vec::new();
    for role in Role::ALL {
        let principal = PrincipalId::generate();
        db.member(here, principal, Role::Viewer).await;
        members.push(db.team_member(&team, principal, role).await);
        db.team_member(&other, principal, Role::Viewer).await;
    }
    members.sort_by_key(|member| member.principal);
    let id = team.id;
    let list = move |tx: &mut dyn Transaction, page: &Page<_>| tx.team_members(&Unchecked(here), id, page);
    db.lists(&members, |member| member.principal, list).await;
}

async fn roles_in_teams_are_those_of_one_member(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let [principal, other] = [PrincipalId::generate(), PrincipalId::generate()];
    for organization in [here, elsewhere] {
        for principal in [principal, other] {
            db.member(organization, principal, Role::Member).await;
        }
    }
    let [first, second, foreign] = [db.team(here).await, db.team(here).await, db.team(elsewhere).await];
    for (team, role) in [(&first, Role::Admin), (&second, Role::Viewer), (&foreign, Role::Owner)] {
        db.team_member(team, principal, role).await;
        db.team_member(team, other, Role::Owner).await;
    }
    let mut found = db.read(move |tx| tx.places_in_teams(here, principal)).await;
    found.sort_by_key(|place| place.team);
    let roles: Vec<_> = found.iter().map(|place| (place.team, place.principal, place.role)).collect();
    assert_eq!(roles, [(first.id, principal, Role::Admin), (second.id, principal, Role::Viewer)]);
    assert!(db.read(move |tx| tx.places_in_teams(here, PrincipalId::generate())).await.is_empty());
}

async fn an_archived_team_gives_nobody_a_role(db: &Db) {
    let (here, principal) = (db.organization().await.id, PrincipalId::generate());
    db.member(here, principal, Role::Viewer).await;
    let team = db.team(here).await;
    db.team_member(&team, principal, Role::Admin).await;
    for (archived_at, roles) in [(None, 1), (Some(at(1)), 0), (None, 1)] {
        let change = Team { archived_at, ..team.clone() };
        db.write(move |tx| tx.update_team(&Unchecked(here), &change)).await;
        let own = db.read(move |tx| {
            let page = Page::new(None, 0, 9)?.counted(true);
            Ok((tx.places_in_teams(here, principal)?.len(), tx.teams_of(None, None, principal, &page)?.total))
        });
        assert_eq!(own.await, (roles, Some(roles as u64)), "{archived_at:?}");
        let kept = db.read(move |tx| tx.team_role(&Unchecked(here), team.id, principal)).await;
        assert_eq!(kept, Some(Role::Admin), "it comes back with the team");
    }
}

async fn somebody_sees_their_own_teams_of_one_app(db: &Db) {
    let (app, principal) = (db.app().await.id, PrincipalId::generate());
    let organizations = [
        db.organization_in(Some(app)).await.id,
        db.organization_in(Some(app)).await.id,
        db.organization().await.id,
        db.organization_in(Some(db.app().await.id)).await.id,
    ];
    let mut own = Vec::new();
    for organization in organizations {
        db.member(organization, principal, Role::Viewer).await;
        for role in [Role::Admin, Role::Member] {
            let team = db.team(organization).await;
            db.team_member(&team, principal, role).await;
            db.team(organization).await;
            own.push((team, role));
        }
    }
    let list = |app| move |tx: &mut dyn Transaction, page: &Page<_>| tx.teams_of(app, None, principal, page);
    db.lists(&own[..4], |(team, _)| team.id, list(Some(app))).await;
    db.lists(&own[4..6], |(team, _)| team.id, list(None)).await;
}

async fn who_leaves_the_organization_leaves_its_teams(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let [leaver, stayer] = [PrincipalId::generate(), PrincipalId::generate()];
    for organization in [here, elsewhere] {
        let teams = [db.team(organization).await, db.team(organization).await];
        for principal in [leaver, stayer] {
            db.member(organization, principal, Role::Member).await;
            for team in &teams {
                db.team_member(team, principal, Role::Member).await;
            }
        }
    }
    db.write(move |tx| tx.delete_membership(&Unchecked(here), leaver)).await;
    for (organization, principal, teams) in [(here, leaver, 0), (here, stayer, 2), (elsewhere, leaver, 2)] {
        assert_eq!(db.read(move |tx| tx.places_in_teams(organization, principal)).await.len(), teams);
    }
    // Who comes back begins anew.
    db.member(here, leaver, Role::Member).await;
    assert!(db.read(move |tx| tx.places_in_teams(here, leaver)).await.is_empty());
}

async fn nobody_is_left_in_a_team_who_leaves_while_they_are_put_into_it(db: &Db) {
    let here = db.organization().await.id;
    let team = db.team(here).await.id;
    for _ in 0..4 {
        let principal = PrincipalId::generate();
        db.member(here, principal, Role::Member).await;
        let works = [false, true, false, true, false].map(|leaves| {
            move |tx: &mut dyn Transaction| {
                if leaves {
                    tx.delete_membership(&Unchecked(here), principal)?;
                } else {
                    let member =
                        TeamMember { team, principal, role: Role::Member, custom_role: None, created_at: at(0) };
                    tx.put_team_member(&Unchecked(here), &member)?;
                }
                linger();
                Ok(leaves)
            }
        });
        let outcomes = db.at_once(works).await;
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Ok(true))).count(), 1, "{outcomes:?}");
        let refused = outcomes.into_iter().filter_map(Result::err);
        assert!(refused.map(|error| error.code).all(|code| code == Code::NotFound));
        assert_eq!(db.number("SELECT count(*) FROM team_members"), 0);
    }
}
