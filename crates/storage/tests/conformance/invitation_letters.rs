//! The mails that carry the links of invitations.

use kernel::{
    Code, SecretHash, Unchecked,
    id::{InvitationId, MailId, OrganizationId},
};
use platform::Transaction;
use tenancy::{Invitation, InvitationStatus};

use crate::support::{Db, at, invitation, linger};

on_both!(
    letters_are_counted_where_and_since_when_they_were_ordered,
    the_tokens_of_all_letters_stay_good_beside_each_other,
    a_letter_that_is_written_again_voids_what_it_said,
    nobody_is_written_to_who_is_not_waited_for,
    a_letter_is_ordered_where_the_invitation_is,
    of_those_who_write_a_letter_at_once_one_is_believed,
);

impl Db {
    /// A letter that is ordered and not written.
    async fn letter(&self, here: OrganizationId, id: InvitationId, seconds: i64) -> MailId {
        let mail = MailId::generate();
        self.write(move |tx| tx.insert_invitation_letter(&Unchecked(here), id, mail, at(seconds))).await;
        mail
    }

    async fn tokens(&self, id: InvitationId) -> Vec<SecretHash> {
        let mut tokens = self.read(move |tx| tx.invitation_tokens(id)).await;
        tokens.sort_by_key(|hash| hash.0);
        tokens
    }
}

async fn letters_are_counted_where_and_since_when_they_were_ordered(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let [one, two] = [db.invitation(here).await.id, db.invitation(here).await.id];
    for (id, seconds) in [(one, 1), (two, 2), (one, 3)] {
        db.letter(here, id, seconds).await;
    }
    // What became of the invitation makes no letter unsent.
    db.write(move |tx| tx.close_invitation(one, InvitationStatus::Revoked, at(4))).await;
    for (organization, since, ordered) in [(here, 0, 3), (here, 1, 2), (here, 3, 0), (elsewhere, 0, 0)] {
        let counted = db.read(move |tx| tx.count_invitation_letters(&Unchecked(organization), at(since))).await;
        assert_eq!(counted, ordered, "since {since}");
    }
}

async fn the_tokens_of_all_letters_stay_good_beside_each_other(db: &Db) {
    let here = db.organization().await.id;
    let [invitation, other] = [db.invitation(here).await, db.invitation(here).await];
    for (hash, id) in [(1, invitation.id), (2, other.id), (3, invitation.id)] {
        let mail = db.letter(here, id, 0).await;
        let written = db.write(move |tx| tx.write_invitation_letter(mail, SecretHash([hash; 32]), at(1))).await;
        assert_eq!(written.unwrap().id, id);
    }
    // One that is not written yet has none.
    db.letter(here, invitation.id, 2).await;
    assert_eq!(db.tokens(invitation.id).await, [SecretHash([1; 32]), SecretHash([3; 32])]);
    assert_eq!(db.tokens(other.id).await, [SecretHash([2; 32])]);
    assert_eq!(db.tokens(InvitationId::generate()).await, []);
}

async fn a_letter_that_is_written_again_voids_what_it_said(db: &Db) {
    let here = db.organization().await.id;
    let invitation = db.invitation(here).await;
    let mail = db.letter(here, invitation.id, 0).await;
    for hash in [1, 2] {
        let hash = SecretHash([hash; 32]);
        let written = db.write(move |tx| tx.write_invitation_letter(mail, hash, at(1))).await;
        assert_eq!(written, Some(invitation.clone()));
        assert_eq!(db.tokens(invitation.id).await, [hash]);
    }
}

async fn nobody_is_written_to_who_is_not_waited_for(db: &Db) {
    let here = db.organization().await.id;
    let closed = InvitationStatus::ALL.into_iter().filter(|status| *status != InvitationStatus::Pending);
    let closed = closed.map(|status| Invitation { status, ..invitation(here) });
    let late = Invitation { expires_at: at(1), ..invitation(here) };
    for invitation in closed.chain([late]) {
        let id = db.inserted(invitation).await.id;
        let mail = db.letter(here, id, 0).await;
        let written = db.write(move |tx| tx.write_invitation_letter(mail, SecretHash([1; 32]), at(1))).await;
        assert_eq!(written, None);
    }
    let unknown = MailId::generate();
    assert_eq!(db.write(move |tx| tx.write_invitation_letter(unknown, SecretHash([1; 32]), at(1))).await, None);
}

async fn a_letter_is_ordered_where_the_invitation_is(db: &Db) {
    let [here, elsewhere] = [db.organization().await.id, db.organization().await.id];
    let id = db.invitation(here).await.id;
    for (scope, id) in [(elsewhere, id), (here, InvitationId::generate())] {
        let mail = MailId::generate();
        let code = db.refused(move |tx| tx.insert_invitation_letter(&Unchecked(scope), id, mail, at(0)));
        assert_eq!(code.await, Code::NotFound);
    }
}

/// As two workers do, one of which was believed dead.
async fn of_those_who_write_a_letter_at_once_one_is_believed(db: &Db) {
    let here = db.organization().await.id;
    let id = db.invitation(here).await.id;
    let mail = db.letter(here, id, 0).await;
    let works = (1..=8).map(|hash| {
        move |tx: &mut dyn Transaction| {
            let written = tx.write_invitation_letter(mail, SecretHash([hash; 32]), at(1))?;
            linger();
            Ok(written.is_some())
        }
    });
    assert!(db.at_once(works).await.into_iter().all(|written| written.unwrap()));
    assert_eq!(db.tokens(id).await.len(), 1);
}
