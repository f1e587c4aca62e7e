//! Mails that somebody asked for.

use kernel::Result;
use platform::{Transaction, records::MailCounter};

use crate::support::{Db, at, linger};

on_both!(
    what_was_asked_for_counts_until_its_time,
    of_many_who_ask_at_once_no_more_are_counted_than_may_be,
    what_counts_no_more_is_forgotten,
);

const ONE: MailCounter = MailCounter([1; 32]);
const OTHER: MailCounter = MailCounter([2; 32]);

async fn what_was_asked_for_counts_until_its_time(db: &Db) {
    db.write(|tx| [10, 30, 20].into_iter().try_for_each(|end| tx.note_mail_asked_for(ONE, at(end)))).await;
    db.write(|tx| tx.note_mail_asked_for(OTHER, at(40))).await;
    for (most, now, ends) in [(9, 9, vec![30, 20, 10]), (9, 10, vec![30, 20]), (1, 0, vec![30]), (9, 30, vec![])] {
        let ends: Vec<_> = ends.into_iter().map(at).collect();
        assert_eq!(db.read(move |tx| tx.mails_asked_for(ONE, most, at(now))).await, ends);
        assert_eq!(db.write(move |tx| tx.mails_asked_for(ONE, most, at(now))).await, ends);
    }
}

async fn of_many_who_ask_at_once_no_more_are_counted_than_may_be(db: &Db) {
    let ask = |tx: &mut dyn Transaction| -> Result<bool> {
        let counted = tx.mails_asked_for(ONE, 3, at(0))?.len();
        linger();
        if counted < 3 {
            tx.note_mail_asked_for(ONE, at(10))?;
        }
        Ok(counted < 3)
    };
    let outcomes = db.at_once(vec![ask; 20]).await;
    assert_eq!(outcomes.into_iter().filter(|outcome| *outcome.as_ref().unwrap()).count(), 3);
}

async fn what_counts_no_more_is_forgotten(db: &Db) {
    db.write(|tx| (0..9).try_for_each(|end| tx.note_mail_asked_for(ONE, at(end)))).await;
    assert_eq!(db.write(|tx| tx.sweep_mail_requests(at(4))).await, 4);
    assert_eq!(db.write(|tx| tx.sweep_mail_requests(at(4))).await, 0);
    assert_eq!(db.number("SELECT count(*) FROM mail_requests"), 5);
    db.write(|tx| tx.note_mail_asked_for(OTHER, at(1))).await;
    db.write(|tx| tx.forget_mails_asked_for(ONE)).await;
    assert_eq!(db.number("SELECT count(*) FROM mail_requests"), 1);
}
