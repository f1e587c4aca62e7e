//! Invitations: whom an organization waits for, and what became of it.

use kernel::{
    Code, Unchecked,
    id::{InvitationId, PrincipalId},
};
use platform::Transaction;
use tenancy::{Invitation, InvitationStatus, Organization};

use crate::support::{Db, at, email, invitation, linger};

on_both!(
    what_was_written_is_read_back,
    an_address_waits_once_in_each_organization,
    of_those_who_invite_an_address_at_once_one_does,
    an_organization_lists_its_own_invitations_by_status,
    what_waits_is_counted,
    an_address_sees_what_it_is_invited_to_in_one_app,
    an_invitation_is_closed_once_and_in_time,
    of_those_who_close_an_invitation_at_once_one_does,
    what_waits_or_has_expired_gets_another_term,
    what_was_answered_or_taken_back_gets_no_other_term,
    an_invitation_is_renewed_where_it_was_permitted,
    what_has_expired_makes_room_for_its_address,
    what_has_expired_is_noted_once_and_some_at_a_time,
    those_who_note_what_has_expired_at_once_never_note_the_same,
    what_was_closed_long_ago_is_forgotten,
    a_team_that_is_another_organizations_is_none,
);

/// All that an invitation can have become.
const CLOSED: [InvitationStatus; 4] =
    [InvitationStatus::Accepted, InvitationStatus::Declined, InvitationStatus::Revoked, InvitationStatus::Expired];

async fn what_was_written_is_read_back(db: &Db) {
    let [permitted, other] = [db.organization().await.id, db.organization().await.id];
    let team = db.team(permitted).await.id;
    for status in InvitationStatus::ALL {
        let new = Invitation {
            team: Some(team).filter(|_| status != InvitationStatus::Pending),
            role: "Zoë's 🦊".to_owned(),
            status,
            created_at: at(1),
            updated_at: at(2),
            ..invitation(other)
        };
        let wanted = Invitation { organization: permitted, ..new.clone() };
        db.write(move |tx| tx.insert_invitation(&Unchecked(permitted), &new)).await;
        let id = wanted.id;
        assert_eq!(db.read(move |tx| tx.invitation(id)).await, Some(wanted));
    }
    assert_eq!(db.read(|tx| tx.invitation(InvitationId::generate())).await, None);
}

async fn an_address_waits_once_in_each_organization(db: &Db) {
    let alice = |invitation: Invitation| Invitation { email: email("alice@example.com"), ..invitation };
    for here in [db.organization().await.id, db.organization().await.id] {
        for status in CLOSED {
            let waits = db.inserted(alice(invitation(here))).await;
            let second = alice(invitation(here));
            let code = db.refused(move |tx| tx.insert_invitation(&Unchecked(here), &second));
            assert_eq!(code.await, Code::DuplicateInvitation);
            let closed = db.write(move |tx| tx.close_invitation(waits.id, status, at(1))).await;
            assert!(closed.is_some());
        }
        db.inserted(alice(invitation(here))).await;
    }
}

async fn of_those_who_invite_an_address_at_once_one_does(db: &Db) {
    let here = db.organization().await.id;
    let works = (0..16).map(|_| {
        let new = Invitation { email: email("alice@example.com"), ..invitation(here) };
        move |tx: &mut dyn Transaction| {
            tx.insert_invitation(&Unchecked(here), &new)?;
            linger();
            Ok(())
        }
    });
    let outcomes = db.at_once(works).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = outcomes.into_iter().filter_map(Result::err);
    assert!(refused.map(|error| error.code).all(|code| code == Code::DuplicateInvitation));
}

async fn an_organization_lists_its_own_invitations_by_status(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let mut own = Vec::new();
    for status in InvitationStatus::ALL.repeat(2) {
        own.push(db.inserted(Invitation { status, ..invitation(here) }).await);
        // It has expired, though nobody has noted it.
        own.push(db.inserted(Invitation { status, expires_at: at(10), ..invitation(here) }).await);
        db.inserted(Invitation { status, ..invitation(elsewhere) }).await;
    }
    for status in InvitationStatus::ALL.map(Some).into_iter().chain([None]) {
        let shown: Vec<_> =
            own.iter().filter(|one| status.is_none_or(|status| one.status(at(10)) == status)).cloned().collect();
        assert!(shown.len() >= 2, "{status:?}");
        let list = move |tx: &mut dyn Transaction, page: &_| tx.invitations_in(&Unchecked(here), status, at(10), page);
        db.lists(&shown, |invitation| invitation.id, list).await;
    }
}

async fn what_waits_is_counted(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    for status in InvitationStatus::ALL {
        for expires_at in [at(10), at(11), at(12)] {
            db.inserted(Invitation { status, expires_at, ..invitation(here) }).await;
        }
    }
    for (organization, now, waiting) in [(here, 9, 3), (here, 10, 2), (here, 12, 0), (elsewhere, 9, 0)] {
        let counted = db.read(move |tx| tx.count_pending_invitations(&Unchecked(organization), at(now))).await;
        assert_eq!(counted, waiting, "at {now}");
    }
}

async fn an_address_sees_what_it_is_invited_to_in_one_app(db: &Db) {
    let app = db.app().await.id;
    let alice = email("alice@example.com");
    let mut invited: Vec<(Invitation, Organization)> = Vec::new();
    for place in [Some(app), None, Some(app), None, Some(db.app().await.id)] {
        let organization = db.organization_in(place).await;
        let new = Invitation { email: alice.clone(), expires_at: at(11), ..invitation(organization.id) };
        invited.push((db.inserted(new.clone()).await, organization));
        // None of these waits for her.
        db.invitation(new.organization).await;
        for status in CLOSED {
            db.inserted(Invitation { id: InvitationId::generate(), status, ..new.clone() }).await;
        }
        let late = db.organization_in(place).await.id;
        db.inserted(Invitation { email: alice.clone(), expires_at: at(10), ..invitation(late) }).await;
        let archived = db.organization_in(place).await;
        db.inserted(Invitation { email: alice.clone(), ..invitation(archived.id) }).await;
        db.write(move |tx| {
            let archived = Organization { archived_at: Some(at(1)), ..archived.clone() };
            tx.update_organization(&Unchecked(archived.id), &archived)
        })
        .await;
    }
    for place in [Some(app), None] {
        let own: Vec<_> = invited.iter().filter(|(_, organization)| organization.app == place).cloned().collect();
        assert_eq!(own.len(), 2);
        let alice = alice.clone();
        let list = move |tx: &mut dyn Transaction, page: &_| tx.invitations_for(place, &alice, at(10), page);
        db.lists(&own, |(invitation, _)| invitation.id, list).await;
    }
}

async fn an_invitation_is_closed_once_and_in_time(db: &Db) {
    let here = db.organization().await.id;
    for status in CLOSED {
        let [waits, late, other] = [db.invitation(here).await, db.invitation(here).await, db.invitation(here).await];
        let id = late.id;
        assert_eq!(db.write(move |tx| tx.close_invitation(id, status, late.expires_at)).await, None);
        let closed = Invitation { status, updated_at: at(99), ..waits.clone() };
        let (id, wanted) = (waits.id, closed.clone());
        assert_eq!(db.write(move |tx| tx.close_invitation(id, status, at(99))).await, Some(wanted));
        for again in CLOSED {
            assert_eq!(db.write(move |tx| tx.close_invitation(id, again, at(99))).await, None);
        }
        let untouched = [late.id, other.id];
        let found =
            db.read(move |tx| Ok((tx.invitation(id)?, tx.invitation(untouched[0])?, tx.invitation(untouched[1])?)));
        assert_eq!(found.await, (Some(closed), Some(late), Some(other)));
    }
    assert_eq!(
        db.write(|tx| tx.close_invitation(InvitationId::generate(), InvitationStatus::Revoked, at(0))).await,
        None
    );
}

async fn of_those_who_close_an_invitation_at_once_one_does(db: &Db) {
    let id = db.invitation(db.organization().await.id).await.id;
    let works = CLOSED.repeat(8).into_iter().map(|status| {
        move |tx: &mut dyn Transaction| {
            let closed = tx.close_invitation(id, status, at(1))?;
            linger();
            Ok(closed)
        }
    });
    let closed: Vec<_> = db.at_once(works).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(closed.len(), 1);
    assert_eq!(db.read(move |tx| tx.invitation(id)).await.as_ref(), closed.first());
}

async fn what_waits_or_has_expired_gets_another_term(db: &Db) {
    let here = db.organization().await.id;
    for status in [InvitationStatus::Pending, InvitationStatus::Expired] {
        let before = db.inserted(Invitation { status, ..invitation(here) }).await;
        let after = Invitation {
            inviter: PrincipalId::generate(),
            status: InvitationStatus::Pending,
            expires_at: at(200),
            updated_at: at(150),
            ..before.clone()
        };
        let change = Invitation { email: email("eve@example.com"), role: "owner".to_owned(), ..after.clone() };
        db.write(move |tx| tx.renew_invitation(&Unchecked(here), &change)).await;
        assert_eq!(db.read(move |tx| tx.invitation(before.id)).await, Some(after.clone()), "and nothing else");
        assert!(db.write(move |tx| tx.close_invitation(after.id, InvitationStatus::Revoked, at(199))).await.is_some());
    }
    // Somebody invited the address anew meanwhile.
    let expired = db.inserted(Invitation { status: InvitationStatus::Expired, ..invitation(here) }).await;
    db.inserted(Invitation { email: expired.email.clone(), ..invitation(here) }).await;
    let code = db.refused(move |tx| tx.renew_invitation(&Unchecked(here), &expired));
    assert_eq!(code.await, Code::DuplicateInvitation);
}

async fn what_was_answered_or_taken_back_gets_no_other_term(db: &Db) {
    let here = db.organization().await.id;
    for status in [InvitationStatus::Accepted, InvitationStatus::Declined, InvitationStatus::Revoked] {
        let closed = db.inserted(Invitation { status, ..invitation(here) }).await;
        let change = Invitation { status: InvitationStatus::Pending, expires_at: at(200), ..closed.clone() };
        let code = db.refused(move |tx| tx.renew_invitation(&Unchecked(here), &change));
        assert_eq!(code.await, Code::NotFound);
        assert_eq!(db.read(move |tx| tx.invitation(closed.id)).await, Some(closed));
    }
}

async fn an_invitation_is_renewed_where_it_was_permitted(db: &Db) {
    let [here, stranger] = [db.organization().await.id, db.organization().await.id];
    for status in [InvitationStatus::Pending, InvitationStatus::Expired] {
        let before = db.inserted(Invitation { status, ..invitation(here) }).await;
        let change = Invitation { inviter: PrincipalId::generate(), expires_at: at(200), ..before.clone() };
        let code = db.refused(move |tx| tx.renew_invitation(&Unchecked(stranger), &change));
        assert_eq!(code.await, Code::NotFound);
        assert_eq!(db.read(move |tx| tx.invitation(before.id)).await, Some(before));
    }
}

async fn what_has_expired_makes_room_for_its_address(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let waits = db.invitation(here).await;
    let expire = |organization, address: &str, seconds| {
        let (scope, address) = (Unchecked(organization), email(address));
        db.write(move |tx| tx.expire_invitation_for(&scope, &address, at(seconds)))
    };
    let address = waits.email.as_str();
    assert_eq!(expire(here, address, 99).await, None, "it waits yet");
    assert_eq!(expire(elsewhere, address, 100).await, None, "of another organization");
    assert_eq!(expire(here, "alice@example.com", 100).await, None, "for another address");
    let expired = Invitation { status: InvitationStatus::Expired, updated_at: at(100), ..waits.clone() };
    assert_eq!(expire(here, address, 100).await, Some(expired));
    assert_eq!(expire(here, address, 100).await, None, "once");
    db.inserted(Invitation { email: waits.email, ..invitation(here) }).await;
}

async fn what_has_expired_is_noted_once_and_some_at_a_time(db: &Db) {
    let here = db.organization().await.id;
    let late: Vec<_> = (0..510).map(|_| Invitation { expires_at: at(10), ..invitation(here) }).collect();
    let (new, mut expected) = (late.clone(), late);
    db.write(move |tx| new.iter().try_for_each(|one| tx.insert_invitation(&Unchecked(here), one))).await;
    let waits = db.inserted(Invitation { expires_at: at(11), ..invitation(here) }).await;
    for status in CLOSED {
        db.inserted(Invitation { status, expires_at: at(1), ..invitation(here) }).await;
    }
    let mut noted = Vec::new();
    for round in [500, 10, 0] {
        let some = db.write(|tx| tx.expire_invitations(at(10))).await;
        assert_eq!(some.len(), round);
        noted.extend(some);
    }
    noted.sort_by_key(|invitation| invitation.id);
    expected.sort_by_key(|invitation| invitation.id);
    for invitation in &mut expected {
        (invitation.status, invitation.updated_at) = (InvitationStatus::Expired, at(10));
    }
    assert!(noted == expected, "as it is now");
    assert_eq!(db.read(move |tx| tx.invitation(waits.id)).await, Some(waits));
}

async fn those_who_note_what_has_expired_at_once_never_note_the_same(db: &Db) {
    let here = db.organization().await.id;
    for _ in 0..20 {
        db.invitation(here).await;
    }
    let note = |tx: &mut dyn Transaction| {
        let noted = tx.expire_invitations(at(100))?;
        linger();
        Ok(noted.len())
    };
    let noted = db.at_once(vec![note; 8]).await.into_iter().map(Result::unwrap);
    assert_eq!(noted.sum::<usize>(), 20);
}

async fn what_was_closed_long_ago_is_forgotten(db: &Db) {
    let here = db.organization().await.id;
    let mut left = Vec::new();
    for status in InvitationStatus::ALL {
        for updated_at in [at(9), at(10)] {
            let one = db.inserted(Invitation { status, updated_at, ..invitation(here) }).await;
            let (id, mail) = (one.id, kernel::id::MailId::generate());
            db.write(move |tx| tx.insert_invitation_letter(&Unchecked(here), id, mail, at(0))).await;
            if status == InvitationStatus::Pending || updated_at == at(10) {
                left.push(one);
            }
        }
    }
    assert_eq!(db.write(|tx| tx.sweep_invitations(at(10))).await, 4);
    assert_eq!(db.write(|tx| tx.sweep_invitations(at(10))).await, 0);
    let letters = db.read(move |tx| tx.count_invitation_letters(&Unchecked(here), at(-1))).await;
    assert_eq!(letters, i64::try_from(left.len()).unwrap(), "their letters with them");
    let list = move |tx: &mut dyn Transaction, page: &_| tx.invitations_in(&Unchecked(here), None, at(0), page);
    db.lists(&left, |invitation| invitation.id, list).await;
}

async fn a_team_that_is_another_organizations_is_none(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let new = Invitation { team: Some(db.team(elsewhere).await.id), ..invitation(here) };
    assert_eq!(db.refused(move |tx| tx.insert_invitation(&Unchecked(here), &new)).await, Code::NotFound);
}
