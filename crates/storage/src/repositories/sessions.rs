//! Sessions.

use std::{net::IpAddr, time::Duration};

use diesel::{dsl::exists, prelude::*};
use identity::{SecondFactor, Session, SessionRepository, SignInMethod, session::device};
use kernel::{
    Change, Client, Error, Listed, Page, Result, Timestamp,
    id::{AccountId, SessionId},
};

use uuid::Uuid;

use super::{Db, Tx};
use crate::{
    columns::{Moment, RowId, intact},
    schema::{accounts, refresh_tokens, sessions},
};

/// How exactly it is known when a session was used last.
const NOTED_EVERY: Duration = Duration::from_mins(1);

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
    method: String,
    last_seen_at: Option<Moment>,
    second_factor: Option<String>,
    authenticated_at: Option<Moment>,
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
            sessions::method.eq(session.method.name()),
            sessions::device.eq(Some(device(&session.client).0.to_vec())),
            sessions::last_seen_at.eq(Some(Moment(session.last_seen_at))),
            sessions::second_factor.eq(session.second_factor.map(SecondFactor::name)),
            sessions::authenticated_at.eq(Some(Moment(session.authenticated_at))),
        ));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn knows_device(&mut self, account: AccountId, client: &Client) -> Result<Option<bool>> {
        let own = || sessions::table.filter(sessions::account_id.eq(RowId(account.0)));
        let here = own().filter(sessions::device.eq(Some(device(client).0.to_vec())));
        if self.query(|connection| diesel::select(exists(here)).get_result(connection))? {
            return Ok(Some(true));
        }
        let elsewhere = own().filter(sessions::device.is_not_null());
        let any: bool = self.query(|connection| diesel::select(exists(elsewhere)).get_result(connection))?;
        Ok(any.then_some(false))
    }

    fn prolong_session(&mut self, id: SessionId, until: Timestamp, now: Timestamp) -> Result<()> {
        let prolong = diesel::update(sessions::table.find(RowId(id.0)))
            .filter(sessions::expires_at.lt(Moment(until)))
            .set((sessions::expires_at.eq(Moment(until)), sessions::last_seen_at.eq(Some(Moment(now)))));
        self.query(|connection| prolong.execute(connection)).map(drop)
    }

    fn note_session_uses(&mut self, uses: &[(SessionId, Timestamp)]) -> Result<()> {
        for (id, at) in uses {
            let long_ago = Moment(at.before(NOTED_EVERY));
            let note = diesel::update(sessions::table.find(RowId(id.0)))
                .filter(sessions::last_seen_at.is_null().or(sessions::last_seen_at.le(long_ago)))
                .set(sessions::last_seen_at.eq(Some(Moment(*at))));
            self.query(|connection| note.execute(connection))?;
        }
        Ok(())
    }

    fn note_authentication(&mut self, id: SessionId, now: Timestamp) -> Result<()> {
        let note =
            diesel::update(sessions::table.find(RowId(id.0))).set(sessions::authenticated_at.eq(Some(Moment(now))));
        self.query(|connection| note.execute(connection)).map(drop)
    }

    fn sessions_of(
        &mut self,
        account: AccountId,
        now: Timestamp,
        page: &Page<SessionId>,
    ) -> Result<Listed<Session, SessionId>> {
        let own = || {
            sessions::table
                .inner_join(accounts::table)
                .filter(sessions::account_id.eq(RowId(account.0)))
                .filter(sessions::epoch.eq(accounts::epoch))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(Moment(now)))
                .into_boxed::<Db>()
        };
        let (rows, total): (Vec<SessionRow>, _) =
            paged!(self, page, own by newest sessions::id, SessionRow::as_select());
        let found = rows.into_iter().map(SessionRow::into_session).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |session: &Session| session.id))
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

    fn keep_session(&mut self, id: SessionId) -> Result<bool> {
        let live = sessions::table
            .inner_join(accounts::table)
            .filter(sessions::id.eq(RowId(id.0)))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::epoch.eq(accounts::epoch))
            .select(sessions::id);
        // Whoever ends them all raises the account's epoch, and so waits for this.
        let row: Option<RowId> = first_kept!(self, live)?;
        Ok(row.is_some())
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

    fn end_other_sessions(
        &mut self,
        account: AccountId,
        epoch: i32,
        but: Option<SessionId>,
        now: Timestamp,
    ) -> Result<usize> {
        let end = diesel::update(sessions::table)
            .filter(sessions::account_id.eq(RowId(account.0)))
            .filter(sessions::epoch.eq(epoch))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::expires_at.gt(Moment(now)))
            .filter(sessions::id.ne(RowId(but.map_or_else(Uuid::nil, |id| id.0))))
            .set(sessions::ended_at.eq(Moment(now)))
            .returning(sessions::id);
        let ended: Vec<RowId> = self.query(|connection| end.get_results(connection))?;
        for id in &ended {
            self.changed(Change::Session(SessionId(id.0)));
        }
        Ok(ended.len())
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
        let method = SignInMethod::ALL.into_iter().find(|method| method.name() == self.method);
        Ok(Session {
            id: SessionId(self.id.0),
            account: AccountId(self.account_id.0),
            epoch: self.epoch,
            second_factor: self.second_factor.as_deref().map(second_factor).transpose()?,
            client: Client { ip, user_agent: self.user_agent, language: None },
            method: intact(method.ok_or_else(|| format!("an unknown way to sign in: {}", self.method)))?,
            created_at: self.created_at.0,
            authenticated_at: self.authenticated_at.unwrap_or(self.created_at).0,
            last_seen_at: self.last_seen_at.unwrap_or(self.created_at).0,
            expires_at: self.expires_at.0,
        })
    }
}

fn second_factor(name: &str) -> Result<SecondFactor> {
    let known = SecondFactor::ALL.into_iter().find(|factor| factor.name() == name);
    known.ok_or_else(|| Error::internal(format!("a second factor {name}")))
}
