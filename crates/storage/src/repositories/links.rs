//! Links to identities at other providers.

use diesel::prelude::*;
use identity::{Link, LinkRepository, Linked};
use kernel::{
    Change, Result, Timestamp,
    id::{AccountId, AppId},
};

use super::{Db, Tx};
use crate::{
    columns::{Moment, RowId},
    schema::links,
};

impl LinkRepository for Tx<'_> {
    fn linked(&mut self, app: Option<AppId>, provider: &str, subject: &str) -> Result<Option<Linked>> {
        let query = links::table
            .filter(links::provider.eq(provider))
            .filter(links::subject.eq(subject))
            .select((links::account_id, links::created_at))
            .into_boxed::<Db>();
        let query = match app {
            Some(app) => query.filter(links::app_id.eq(RowId(app.0))),
            None => query.filter(links::app_id.is_null()),
        };
        let row: Option<(Option<RowId>, Moment)> = self.query(|connection| query.first(connection).optional())?;
        Ok(row.map(|(account, since)| match account {
            Some(account) => Linked::To(AccountId(account.0)),
            None => Linked::Severed(since.0),
        }))
    }

    fn links_of(&mut self, account: AccountId) -> Result<Vec<Link>> {
        let query = links::table
            .filter(links::account_id.eq(RowId(account.0)))
            .order((links::provider, links::subject))
            .select((links::provider, links::subject, links::app_id, links::created_at));
        let rows: Vec<(String, String, Option<RowId>, Moment)> = self.query(|connection| query.load(connection))?;
        let link = |(provider, subject, app, at): (String, String, Option<RowId>, Moment)| Link {
            provider,
            subject,
            app: app.map(|id| AppId(id.0)),
            account,
            created_at: at.0,
        };
        Ok(rows.into_iter().map(link).collect())
    }

    fn sever(&mut self, account: AccountId, provider: &str, now: Timestamp) -> Result<bool> {
        let these = links::table.filter(links::account_id.eq(RowId(account.0))).filter(links::provider.eq(provider));
        let sever = diesel::update(these).set((links::account_id.eq(None::<RowId>), links::created_at.eq(Moment(now))));
        let severed = self.query(|connection| sever.execute(connection))? > 0;
        if severed {
            self.changed(Change::Account(account));
        }
        Ok(severed)
    }

    fn insert_link(&mut self, link: &Link) -> Result<()> {
        let severed = diesel::delete(links::table)
            .filter(links::provider.eq(&link.provider))
            .filter(links::subject.eq(&link.subject))
            .filter(links::account_id.is_null())
            .into_boxed::<Db>();
        let severed = match link.app {
            Some(app) => severed.filter(links::app_id.eq(RowId(app.0))),
            None => severed.filter(links::app_id.is_null()),
        };
        self.query(|connection| severed.execute(connection))?;
        let insert = diesel::insert_into(links::table).values((
            links::provider.eq(&link.provider),
            links::subject.eq(&link.subject),
            links::app_id.eq(link.app.map(|app| RowId(app.0))),
            links::account_id.eq(RowId(link.account.0)),
            links::created_at.eq(Moment(link.created_at)),
        ));
        self.query(|connection| insert.execute(connection)).map(drop)
    }
}

impl Tx<'_> {
    /// Remembers whose links an account's were, once it is gone.
    pub(super) fn sever_links(&mut self, account: AccountId, now: Timestamp) -> Result<()> {
        let sever = diesel::update(links::table.filter(links::account_id.eq(RowId(account.0))))
            .set((links::account_id.eq(None::<RowId>), links::created_at.eq(Moment(now))));
        self.query(|connection| sever.execute(connection)).map(drop)
    }
}
