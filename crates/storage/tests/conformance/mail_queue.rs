//! Mails on their way.

use std::collections::HashSet;

use kernel::{
    Locale, Timestamp,
    id::{EventId, MailId},
};
use platform::records::{MailOrder, QueuedMail};

use crate::support::{Db, at, email, linger};

on_both!(
    a_mail_is_leased_until_it_is_sent,
    a_mail_that_was_postponed_waits,
    a_mail_can_become_about_something_else,
    a_mails_link_is_told_of_once,
    those_who_claim_at_once_never_get_the_same_mail,
    who_asks_again_while_a_mail_waits_gets_one,
);

fn mail(order: MailOrder, created_at: Timestamp) -> QueuedMail {
    let recipient = email(&format!("{}@example.com", MailId::generate()));
    QueuedMail::new(None, recipient, order, created_at)
}

async fn a_mail_is_leased_until_it_is_sent(db: &Db) {
    let app = db.app().await.id;
    let mails = [(MailOrder::VerifyEmail, 3), (MailOrder::ResetPassword, 1), (MailOrder::AlreadySignedUp, 2)]
        .map(|(order, seconds)| QueuedMail { app: Some(app), ..mail(order, at(seconds)) });
    let new = mails.clone();
    db.write(move |tx| new.iter().try_for_each(|mail| tx.enqueue_mail(mail))).await;
    let claimed = |now, limit| db.write(move |tx| tx.claim_mail(now, at(100), limit));
    assert!(claimed(at(0), 10).await.is_empty(), "none is due");
    let tried = |mail: &QueuedMail, attempts| QueuedMail { attempts, ..mail.clone() };
    assert_eq!(claimed(at(5), 2).await, [tried(&mails[1], 1), tried(&mails[2], 1)], "oldest first");
    assert_eq!(claimed(at(5), 2).await, [tried(&mails[0], 1)]);
    assert!(claimed(at(99), 10).await.is_empty(), "all are leased");

    let sent = mails[1].id;
    db.write(move |tx| tx.mail_sent(sent)).await;
    assert_eq!(claimed(at(100), 10).await, [tried(&mails[0], 2), tried(&mails[2], 2)], "whoever had them died");
}

async fn a_mail_that_was_postponed_waits(db: &Db) {
    let mail = mail(MailOrder::VerifyEmail, at(0));
    let id = mail.id;
    db.write(move |tx| {
        tx.enqueue_mail(&mail)?;
        tx.postpone_mail(id, at(50))
    })
    .await;
    assert!(db.write(|tx| tx.claim_mail(at(49), at(100), 1)).await.is_empty());
    assert_eq!(db.write(|tx| tx.claim_mail(at(50), at(100), 1)).await.len(), 1);
}

async fn a_mail_can_become_about_something_else(db: &Db) {
    let payload = Some(serde_json::json!({ "nul": "\0", "fox": "🦊" }));
    let before = QueuedMail { payload, ..mail(MailOrder::VerifyEmail, at(0)) };
    let (id, new) = (before.id, before.clone());
    db.write(move |tx| tx.enqueue_mail(&new)).await;
    let claimed = db.write(|tx| tx.claim_mail(at(1), at(1), 1)).await;
    assert_eq!(claimed, [QueuedMail { attempts: 1, ..before.clone() }]);

    db.write(move |tx| tx.reorder_mail(id, MailOrder::AlreadySignedUp)).await;
    let claimed = db.write(|tx| tx.claim_mail(at(1), at(1), 1)).await;
    assert_eq!(claimed, [QueuedMail { order: MailOrder::AlreadySignedUp, payload: None, attempts: 2, ..before }]);
}

async fn a_mails_link_is_told_of_once(db: &Db) {
    let new = QueuedMail { locale: Some(Locale::De), ..mail(MailOrder::VerifyEmail, at(0)) };
    let (id, before) = (new.id, new.clone());
    db.write(move |tx| tx.enqueue_mail(&new)).await;
    let events = [EventId::generate(), EventId::generate()];
    let works = events.map(|event| {
        move |tx: &mut dyn platform::Transaction| {
            let first = tx.mail_announced(id, event)?;
            linger();
            Ok(first.then_some(event))
        }
    });
    // In the order in which they were done.
    let told: Vec<_> = db.at_once(works).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(told.len(), 1, "of those who come at once one tells");
    let claimed = db.write(|tx| tx.claim_mail(at(1), at(1), 1)).await;
    assert_eq!(claimed, [QueuedMail { attempts: 1, event: Some(told[0]), ..before }]);
    db.write(move |tx| tx.mail_sent(id)).await;
    assert!(!db.write(move |tx| tx.mail_announced(id, events[0])).await, "nor does anybody for a mail that is gone");
}

async fn those_who_claim_at_once_never_get_the_same_mail(db: &Db) {
    db.write(|tx| (0..40).try_for_each(|_| tx.enqueue_mail(&mail(MailOrder::VerifyEmail, at(0))))).await;
    let claim = |tx: &mut dyn platform::Transaction| {
        let claimed = tx.claim_mail(at(1), at(100), 5)?;
        linger();
        Ok(claimed)
    };
    let outcomes = db.at_once(vec![claim; 8]).await;
    let claimed: Vec<_> = outcomes.into_iter().flat_map(Result::unwrap).map(|mail| mail.id).collect();
    let distinct: HashSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (40, 40));
}

async fn who_asks_again_while_a_mail_waits_gets_one(db: &Db) {
    let first = mail(MailOrder::ResetPassword, at(0));
    let app = Some(db.app().await.id);
    let works = [MailOrder::ResetPassword; 10].map(|order| {
        let again = QueuedMail { recipient: first.recipient.clone(), ..mail(order, at(0)) };
        move |tx: &mut dyn platform::Transaction| {
            tx.enqueue_mail(&again)?;
            linger();
            Ok(())
        }
    });
    assert!(db.at_once(works).await.iter().all(Result::is_ok));
    let waiting = || db.number("SELECT count(*) FROM mail_queue");
    assert_eq!(waiting(), 1);

    for other in [
        QueuedMail { app, recipient: first.recipient.clone(), ..mail(MailOrder::ResetPassword, at(0)) },
        QueuedMail { recipient: first.recipient.clone(), ..mail(MailOrder::VerifyEmail, at(0)) },
        mail(MailOrder::ResetPassword, at(0)),
    ] {
        db.write(move |tx| tx.enqueue_mail(&other)).await;
    }
    assert_eq!(waiting(), 4, "another app's, about something else, to somebody else");
    db.write(|tx| tx.claim_mail(at(1), at(100), 10)).await;
    let again = first.clone();
    db.write(move |tx| tx.enqueue_mail(&QueuedMail { id: MailId::generate(), ..again.clone() })).await;
    assert_eq!(waiting(), 5, "those that are on their way wait no more");
    for _ in 0..2 {
        let invitation = QueuedMail { recipient: first.recipient.clone(), ..mail(MailOrder::Invitation, at(0)) };
        db.write(move |tx| tx.enqueue_mail(&invitation)).await;
    }
    assert_eq!(waiting(), 7, "two organizations may invite somebody");
}
