//! Sessions.

use std::net::IpAddr;

use diesel::prelude::*;
use identity::{Session, SessionRepository};
use kernel::{
    Change, Client, Result, Timestamp,
    id::{AccountId, SessionId},
};

use super::Tx;
use crate::{
    columns::{Moment, RowId, intact},
    schema::{accounts, refresh_tokens, sessions},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct SessionRow {
    id: RowId,
    account_id: RowId,
    epoch: i32,
    ip: Option<String>,
    user_agent: Option<String>,
    created_at: Moment,
    expires_at: Moment,
}

impl SessionRepository for Tx<'_> {
    fn insert_session(&mut self, session: &Session) -> Result<()> {
        let insert = diesel::insert_into(sessions::table).values((
            sessions::id.eq(RowId(session.id.0)),
            sessions::account_id.eq(RowId(session.account.0)),
            sessions::epoch.eq(session.epoch),
            sessions::ip.eq(session.client.ip.map(|ip| ip.to_string())),
            sessions::user_agent.eq(session.client.user_agent.as_deref()),
            sessions::created_at.eq(Moment(session.created_at)),
            sessions::expires_at.eq(Moment(session.expires_at)),
        ));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn prolong_session(&mut self, id: SessionId, until: Timestamp) -> Result<()> {
        let prolong = diesel::update(sessions::table.find(RowId(id.0)))
            .filter(sessions::expires_at.lt(Moment(until)))
            .set(sessions::expires_at.eq(Moment(until)));
        self.query(|connection| prolong.execute(connection)).map(drop)
    }

    fn live_session(&mut self, id: SessionId) -> Result<Option<Session>> {
        let live = sessions::table
            .inner_join(accounts::table)
            .filter(sessions::id.eq(RowId(id.0)))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::epoch.eq(accounts::epoch))
            .select(SessionRow::as_select());
        let row = self.query(|connection| live.first(connection).optional())?;
        row.map(SessionRow::into_session).transpose()
    }

    fn end_session(&mut self, id: SessionId, now: Timestamp) -> Result<bool> {
        let end = diesel::update(sessions::table.find(RowId(id.0)))
            .filter(sessions::ended_at.is_null())
            .set(sessions::ended_at.eq(Moment(now)));
        let ended = self.query(|connection| end.execute(connection))? > 0;
        if ended {
            self.changed(Change::Session(id));
        }
        Ok(ended)
    }

    fn sweep_sessions(&mut self, before: Timestamp) -> Result<usize> {
        let tokens = sweep!(self, refresh_tokens, id: RowId, before);
        let sessions = sweep!(self, sessions, id: RowId, before);
        Ok(tokens + sessions)
    }
}

impl SessionRow {
    fn into_session(self) -> Result<Session> {
        let ip = self.ip.map(|ip| intact(ip.parse::<IpAddr>())).transpose()?;
        Ok(Session {
            id: SessionId(self.id.0),
            account: AccountId(self.account_id.0),
            epoch: self.epoch,
            client: Client { ip, user_agent: self.user_agent, language: None },
            created_at: self.created_at.0,
            expires_at: self.expires_at.0,
        })
    }
}
