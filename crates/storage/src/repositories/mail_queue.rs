//! Mails on their way.

use diesel::{dsl::exists, prelude::*};
use kernel::{
    Email, Locale, Result, Timestamp,
    id::{AppId, EventId, MailId},
};
use platform::records::{MailOrder, MailQueue, QueuedMail};
use serde_json::Value;

use super::{Db, Tx};
use crate::{
    columns::{Json, Moment, RowId, intact},
    races::LockName,
    schema::mail_queue,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = mail_queue, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct MailRow {
    id: RowId,
    app_id: Option<RowId>,
    recipient: String,
    kind: String,
    payload: Option<Json<Value>>,
    attempts: i32,
    created_at: Moment,
    locale: Option<String>,
    event_id: Option<RowId>,
}

impl MailQueue for Tx<'_> {
    fn enqueue_mail(&mut self, mail: &QueuedMail) -> Result<()> {
        self.lock(LockName::Mailbox(&mail.recipient))?;
        let waiting = mail_queue::table
            .filter(mail_queue::recipient.eq(mail.recipient.as_str().to_owned()))
            .filter(mail_queue::kind.eq(mail.order.name()))
            .filter(mail_queue::attempts.eq(0))
            .into_boxed::<Db>();
        let waiting = match mail.app {
            Some(app) => waiting.filter(mail_queue::app_id.eq(RowId(app.0))),
            None => waiting.filter(mail_queue::app_id.is_null()),
        };
        if mail.order.once() && self.query(|connection| diesel::select(exists(waiting)).get_result(connection))? {
            return Ok(());
        }
        let insert = diesel::insert_into(mail_queue::table).values((
            mail_queue::id.eq(RowId(mail.id.0)),
            mail_queue::app_id.eq(mail.app.map(|id| RowId(id.0))),
            mail_queue::recipient.eq(mail.recipient.as_str()),
            mail_queue::kind.eq(mail.order.name()),
            mail_queue::payload.eq(mail.payload.clone().map(Json)),
            mail_queue::attempts.eq(mail.attempts),
            mail_queue::due_at.eq(Moment(mail.created_at)),
            mail_queue::created_at.eq(Moment(mail.created_at)),
            mail_queue::locale.eq(mail.locale.map(Locale::as_str)),
            mail_queue::event_id.eq(mail.event.map(|id| RowId(id.0))),
        ));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn claim_mail(&mut self, now: Timestamp, lease: Timestamp, limit: i64) -> Result<Vec<QueuedMail>> {
        let mut due = Vec::new();
        for can_wait in [false, true] {
            let room = limit - i64::try_from(due.len()).unwrap_or(limit);
            if room > 0 {
                due.extend(self.due_mail(now, can_wait, room)?);
            }
        }
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let claim = diesel::update(mail_queue::table.filter(mail_queue::id.eq_any(due)))
            .set((mail_queue::due_at.eq(Moment(lease)), mail_queue::attempts.eq(mail_queue::attempts + 1)))
            .returning(MailRow::as_returning());
        let mut rows = self.query(|connection| claim.load(connection))?;
        rows.sort_by_key(|row| row.id);
        let mut mails: Vec<_> = rows.into_iter().map(MailRow::into_mail).collect::<Result<_>>()?;
        mails.sort_by_key(|mail| mail.order.can_wait());
        Ok(mails)
    }

    fn mail_sent(&mut self, id: MailId) -> Result<()> {
        let delete = diesel::delete(mail_queue::table.find(RowId(id.0)));
        self.query(|connection| delete.execute(connection)).map(drop)
    }

    fn reorder_mail(&mut self, id: MailId, order: MailOrder) -> Result<()> {
        let reorder = diesel::update(mail_queue::table.find(RowId(id.0)))
            .set((mail_queue::kind.eq(order.name()), mail_queue::payload.eq(None::<Json<Value>>)));
        self.query(|connection| reorder.execute(connection)).map(drop)
    }

    fn mail_announced(&mut self, id: MailId, event: EventId) -> Result<bool> {
        let note = diesel::update(mail_queue::table.find(RowId(id.0)))
            .filter(mail_queue::event_id.is_null())
            .set(mail_queue::event_id.eq(Some(RowId(event.0))));
        self.query(|connection| note.execute(connection)).map(|noted| noted > 0)
    }

    fn postpone_mail(&mut self, id: MailId, until: Timestamp) -> Result<()> {
        let postpone = diesel::update(mail_queue::table.find(RowId(id.0))).set(mail_queue::due_at.eq(Moment(until)));
        self.query(|connection| postpone.execute(connection)).map(drop)
    }
}

impl Tx<'_> {
    fn due_mail(&mut self, now: Timestamp, can_wait: bool, limit: i64) -> Result<Vec<RowId>> {
        let kinds = MailOrder::ALL.into_iter().filter(|order| order.can_wait() == can_wait).map(MailOrder::name);
        let due = mail_queue::table
            .filter(mail_queue::due_at.le(Moment(now)))
            .filter(mail_queue::kind.eq_any(kinds))
            .order((mail_queue::due_at, mail_queue::id))
            .limit(limit)
            .select(mail_queue::id);
        self.query(|connection| for_update_skip_locked!(due).load(connection))
    }
}

impl MailRow {
    fn into_mail(self) -> Result<QueuedMail> {
        Ok(QueuedMail {
            id: MailId(self.id.0),
            app: self.app_id.map(|id| AppId(id.0)),
            recipient: intact(Email::parse(&self.recipient))?,
            order: order(&self.kind)?,
            payload: self.payload.map(|payload| payload.0),
            attempts: self.attempts,
            created_at: self.created_at.0,
            locale: intact(self.locale.as_deref().map(Locale::parse).transpose())?,
            event: self.event_id.map(|id| EventId(id.0)),
        })
    }
}

fn order(name: &str) -> Result<MailOrder> {
    let known = MailOrder::ALL.into_iter().find(|order| order.name() == name);
    intact(known.ok_or_else(|| format!("an unknown mail: {name}")))
}
