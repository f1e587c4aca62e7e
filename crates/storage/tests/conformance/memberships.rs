//! Memberships.

use std::sync::{Arc, Mutex};

use kernel::{
    Code, Error, Role, Unchecked,
    id::{OrganizationId, PrincipalId},
};
use platform::Transaction;
use tenancy::{Membership, Organization, Place, Standing, membership::Departure};

use crate::support::{Db, at, linger, membership, pause};

on_both!(
    a_standing_tells_role_and_app,
    a_standing_tells_whether_the_organization_is_archived,
    somebody_belongs_to_an_organization_once,
    a_member_is_found_where_they_belong,
    an_organization_lists_its_members,
    a_member_gets_another_role_where_it_was_permitted,
    owners_are_counted_where_they_own,
    owners_are_named_where_they_own,
    somebody_sees_everywhere_they_belong,
    a_place_counts_the_others,
    of_two_owners_who_leave_at_once_one_stays,
    of_owners_who_demote_each_other_at_once_one_stays,
    a_member_who_leaves_while_another_joins_does_not_empty_the_organization,
    what_a_permit_was_decided_from_holds_until_the_commit,
);

async fn a_standing_tells_role_and_app(db: &Db) {
    let app = db.app().await.id;
    for app in [None, Some(app)] {
        let organization = db.organization_in(app).await.id;
        for role in Role::ALL {
            let principal = PrincipalId::generate();
            db.member(organization, principal, role).await;
            let member = db.read(move |tx| tx.membership(&Unchecked(organization), principal)).await.unwrap();
            let standing = Some(Standing { id: member.id, app, archived: false, role, custom_role: None });
            assert_eq!(db.read(move |tx| tx.standing(organization, principal)).await, standing);
            assert_eq!(db.write(move |tx| tx.standing(organization, principal)).await, standing);
        }
        let stranger = db.write(move |tx| tx.standing(organization, PrincipalId::generate())).await;
        assert_eq!(stranger, None);
    }
}

async fn a_standing_tells_whether_the_organization_is_archived(db: &Db) {
    let (organization, principal) = (db.organization().await, PrincipalId::generate());
    let id = organization.id;
    db.member(id, principal, Role::Owner).await;
    for archived_at in [Some(at(1)), None] {
        let change = Organization { archived_at, ..organization.clone() };
        db.write(move |tx| tx.update_organization(&Unchecked(id), &change)).await;
        let standing = db.read(move |tx| tx.standing(id, principal)).await.unwrap();
        assert_eq!(standing.archived, archived_at.is_some());
    }
}

async fn somebody_belongs_to_an_organization_once(db: &Db) {
    let [here, there] = [db.organization().await.id, db.organization().await.id];
    let principal = PrincipalId::generate();
    db.member(here, principal, Role::Viewer).await;
    let again = db.refused(move |tx| tx.insert_membership(&membership(here, principal, Role::Owner))).await;
    assert_eq!(again, Code::Conflict);
    assert_eq!(db.refused(move |tx| tx.delete_membership(&Unchecked(there), principal)).await, Code::NotFound);
    db.write(move |tx| tx.delete_membership(&Unchecked(here), principal)).await;
    assert_eq!(db.refused(move |tx| tx.delete_membership(&Unchecked(here), principal)).await, Code::NotFound);
}

async fn a_member_is_found_where_they_belong(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let role = db.custom_role(here).await.id;
    for custom_role in [None, Some(role)] {
        let member = Membership { custom_role, ..membership(here, PrincipalId::generate(), Role::Viewer) };
        let (id, principal, new) = (member.id, member.principal, member.clone());
        db.write(move |tx| tx.insert_membership(&new)).await;
        let found = db.read(move |tx| {
            Ok([tx.membership(&Unchecked(here), principal)?, tx.membership(&Unchecked(elsewhere), principal)?])
        });
        assert_eq!(found.await, [Some(member), None]);
        let standing = Some(Standing { id, app: None, archived: false, role: Role::Viewer, custom_role });
        assert_eq!(db.read(move |tx| tx.standing(here, principal)).await, standing);
    }
}

async fn an_organization_lists_its_members(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let mut members = Vec::new();
    for role in Role::ALL {
        let member = membership(here, PrincipalId::generate(), role);
        members.push(member.clone());
        db.write(move |tx| tx.insert_membership(&member)).await;
        db.member(elsewhere, PrincipalId::generate(), role).await;
    }
    db.lists(&members, |member| member.id, move |tx, page| tx.members_in(&Unchecked(here), page)).await;
}

async fn a_member_gets_another_role_where_it_was_permitted(db: &Db) {
    let [here, elsewhere] = [Unchecked(db.organization().await.id), Unchecked(db.organization().await.id)];
    let [principal, other] = [PrincipalId::generate(), PrincipalId::generate()];
    let before = membership(here.0, principal, Role::Member);
    let new = before.clone();
    db.write(move |tx| tx.insert_membership(&new)).await;
    db.member(here.0, other, Role::Member).await;
    let own = db.custom_role(here.0).await.id;
    for (role, custom_role) in [(Role::Viewer, Some(own)), (Role::Owner, None)] {
        assert_eq!(db.refused(move |tx| tx.set_role(&elsewhere, principal, role, custom_role)).await, Code::NotFound);
        db.write(move |tx| tx.set_role(&here, principal, role, custom_role)).await;
        let found = db.read(move |tx| tx.membership(&here, principal)).await;
        assert_eq!(found, Some(Membership { role, custom_role, ..before.clone() }));
    }
    let bystander = db.read(move |tx| tx.membership(&here, other)).await.unwrap();
    assert_eq!((bystander.role, bystander.custom_role), (Role::Member, None));
    let stranger = db.refused(move |tx| tx.set_role(&here, PrincipalId::generate(), Role::Owner, None)).await;
    assert_eq!(stranger, Code::NotFound);
}

async fn owners_are_counted_where_they_own(db: &Db) {
    let [here, elsewhere] = [Unchecked(db.organization().await.id), Unchecked(db.organization().await.id)];
    let [owner, admin] = [PrincipalId::generate(), PrincipalId::generate()];
    for (principal, role) in [(owner, Role::Owner), (PrincipalId::generate(), Role::Owner), (admin, Role::Admin)] {
        db.member(here.0, principal, role).await;
    }
    for (scope, principal, owners) in [(here, owner, 1), (here, admin, 2), (elsewhere, owner, 0)] {
        assert_eq!(db.read(move |tx| tx.owners_besides(scope.0, principal)).await, owners);
        assert_eq!(db.write(move |tx| tx.owners_besides(scope.0, principal)).await, owners);
    }
}

async fn owners_are_named_where_they_own(db: &Db) {
    let [here, elsewhere] = [Unchecked(db.organization().await.id), Unchecked(db.organization().await.id)];
    let [first, admin, second, third] = std::array::from_fn(|_| PrincipalId::generate());
    for (principal, role) in [(first, Role::Owner), (admin, Role::Admin), (second, Role::Owner), (third, Role::Owner)] {
        db.member(here.0, principal, role).await;
    }
    assert_eq!(db.read(move |tx| tx.owners_in(&here, 9)).await, [first, second, third]);
    assert_eq!(db.read(move |tx| tx.owners_in(&here, 2)).await, [first, second]);
    assert_eq!(db.read(move |tx| tx.owners_in(&elsewhere, 9)).await, []);
}

async fn somebody_sees_everywhere_they_belong(db: &Db) {
    let (app, principal) = (db.app().await.id, PrincipalId::generate());
    let mut places = Vec::new();
    for app in [None, Some(app), None, Some(db.app().await.id)] {
        let organization = db.organization_in(app).await.id;
        db.member(organization, principal, Role::Viewer).await;
        db.member(db.organization_in(app).await.id, PrincipalId::generate(), Role::Owner).await;
        places.push((app, organization));
    }
    db.pages(&places, |(_, organization)| *organization, move |tx, page| tx.belongs_to(principal, page)).await;
}

async fn a_place_counts_the_others(db: &Db) {
    let (app, principal) = (db.app().await.id, PrincipalId::generate());
    let mut expected = Vec::new();
    for (role, others) in [
        (Role::Owner, vec![]),
        (Role::Member, vec![Role::Owner, Role::Owner, Role::Viewer]),
        (Role::Owner, vec![Role::Admin]),
    ] {
        let organization = db.organization_in(Some(app)).await.id;
        db.member(organization, principal, role).await;
        let owners = others.iter().filter(|role| **role == Role::Owner).count();
        let count = others.len();
        for other in others {
            db.member(organization, PrincipalId::generate(), other).await;
        }
        expected.push(Place {
            organization,
            role,
            others: i64::try_from(count).unwrap(),
            other_owners: i64::try_from(owners).unwrap(),
        });
    }
    db.member(db.organization().await.id, principal, Role::Owner).await;
    let wanted = expected.clone();
    assert_eq!(db.read(move |tx| tx.places(Some(app), principal)).await, wanted);
    assert_eq!(db.write(move |tx| tx.places(Some(app), principal)).await, expected);
    assert!(db.read(move |tx| tx.places(Some(app), PrincipalId::generate())).await.is_empty());
}

/// Leaves as somebody does whose account is deleted.
fn leave(
    organization: OrganizationId,
    principal: PrincipalId,
) -> impl FnMut(&mut dyn Transaction) -> Result<Departure, Error> {
    move |tx| {
        let places = tx.places(None, principal)?;
        let departure = places.first().ok_or_else(Error::not_found)?.depart()?;
        linger();
        tx.delete_membership(&Unchecked(organization), principal)?;
        Ok(departure)
    }
}

async fn of_two_owners_who_leave_at_once_one_stays(db: &Db) {
    let organization = db.organization().await.id;
    let owners = [0; 4].map(|_| PrincipalId::generate());
    for owner in owners {
        db.member(organization, owner, Role::Owner).await;
    }
    db.member(organization, PrincipalId::generate(), Role::Viewer).await;
    let outcomes = db.at_once(owners.map(|owner| leave(organization, owner))).await;
    let refused: Vec<_> = outcomes.into_iter().filter_map(Result::err).map(|error| error.code).collect();
    assert_eq!(refused, [Code::LastOwner]);
    assert_eq!(db.number("SELECT count(*) FROM memberships WHERE role = 'owner'"), 1);
}

async fn of_owners_who_demote_each_other_at_once_one_stays(db: &Db) {
    let organization = db.organization().await.id;
    let owners = [0; 4].map(|_| PrincipalId::generate());
    for owner in owners {
        db.member(organization, owner, Role::Owner).await;
    }
    let works = (0..owners.len()).map(|index| {
        let demoted = owners[(index + 1) % owners.len()];
        move |tx: &mut dyn Transaction| {
            let scope = Unchecked(organization);
            if tx.owners_besides(organization, demoted)? == 0 {
                return Err(Error::new(Code::LastOwner));
            }
            linger();
            tx.set_role(&scope, demoted, Role::Member, None)
        }
    });
    let refused: Vec<_> = db.at_once(works).await.into_iter().filter_map(Result::err).map(|error| error.code).collect();
    assert_eq!(refused, [Code::LastOwner]);
    assert_eq!(db.number("SELECT count(*) FROM memberships WHERE role = 'owner'"), 1);
}

async fn a_member_who_leaves_while_another_joins_does_not_empty_the_organization(db: &Db) {
    let organization = db.organization().await.id;
    let last = PrincipalId::generate();
    db.member(organization, last, Role::Owner).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let (leaves, joins) = (Arc::clone(&order), Arc::clone(&order));
    let leaving = async {
        let mut leave = leave(organization, last);
        db.write(move |tx| {
            let departure = leave(tx)?;
            std::thread::sleep(std::time::Duration::from_millis(200));
            leaves.lock().unwrap().push("left");
            Ok(departure)
        })
        .await
    };
    let joining = async {
        pause().await;
        db.write(move |tx| {
            tx.insert_membership(&membership(organization, PrincipalId::generate(), Role::Viewer))?;
            joins.lock().unwrap().push("joined");
            Ok(())
        })
        .await;
    };
    let (departure, ()) = tokio::join!(leaving, joining);
    // Whoever joins waits until it is known what becomes of the organization.
    assert_eq!((departure, &*order.lock().unwrap()), (Departure::Empty, &vec!["left", "joined"]));
}

async fn what_a_permit_was_decided_from_holds_until_the_commit(db: &Db) {
    let organization = db.organization().await.id;
    let admin = PrincipalId::generate();
    db.member(organization, admin, Role::Admin).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let (acts, removes) = (Arc::clone(&order), Arc::clone(&order));
    let acting = async {
        db.write(move |tx| {
            assert!(tx.standing(organization, admin)?.is_some());
            std::thread::sleep(std::time::Duration::from_millis(300));
            assert!(tx.standing(organization, admin)?.is_some());
            acts.lock().unwrap().push("acted");
            Ok(())
        })
        .await;
    };
    let removing = async {
        pause().await;
        db.write(move |tx| {
            tx.delete_membership(&Unchecked(organization), admin)?;
            removes.lock().unwrap().push("removed");
            Ok(())
        })
        .await;
    };
    tokio::join!(acting, removing);
    assert_eq!(*order.lock().unwrap(), ["acted", "removed"]);
}
