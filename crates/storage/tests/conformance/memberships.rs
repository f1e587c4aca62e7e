//! Memberships.

use std::sync::{Arc, Mutex};

use kernel::{
    Code, Error, Role, Unchecked,
    id::{OrganizationId, PrincipalId},
};
use tenancy::{Place, Standing, membership::Departure};

use crate::support::{Db, linger, membership, pause};

on_both!(
    a_standing_tells_role_and_app,
    somebody_belongs_to_an_organization_once,
    a_place_counts_the_others,
    of_two_owners_who_leave_at_once_one_stays,
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
            let standing = Some(Standing { app, role, custom_role: None });
            assert_eq!(db.read(move |tx| tx.standing(organization, principal)).await, standing);
            assert_eq!(db.write(move |tx| tx.standing(organization, principal)).await, standing);
        }
        let stranger = db.write(move |tx| tx.standing(organization, PrincipalId::generate())).await;
        assert_eq!(stranger, None);
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
) -> impl FnMut(&mut dyn platform::Transaction) -> Result<Departure, Error> {
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
