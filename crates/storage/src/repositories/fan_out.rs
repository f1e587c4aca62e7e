//! Who is to be told of what has happened, and how far that has come.

use diesel::prelude::*;
use kernel::{
    Result, Timestamp,
    id::{AppId, OrganizationId},
};
use webhooks::{Delivery, FanOutRepository};

use super::{super::lock::fanning_out, AT_ONCE, Tx, audit::FAN_OUT, webhook_deliveries::DeliveryRow};
use crate::{
    columns::{Moment, RowId},
    schema::{apps, organizations, webhook_deliveries},
};

impl FanOutRepository for Tx<'_> {
    fn fanned_out(&mut self) -> Result<Option<i64>> {
        if !self.query(fanning_out)? {
            return Ok(None);
        }
        Ok(Some(self.noted(FAN_OUT)?.unwrap_or(0)))
    }

    fn set_fanned_out(&mut self, position: i64) -> Result<()> {
        self.note(FAN_OUT, position)
    }

    fn apps_with(&mut self, of: &[OrganizationId]) -> Result<Vec<(OrganizationId, AppId)>> {
        let mut found = Vec::new();
        for some in of.chunks(AT_ONCE) {
            let some: Vec<_> = some.iter().map(|id| RowId(id.0)).collect();
            let query = organizations::table
                .filter(organizations::id.eq_any(some))
                .filter(organizations::app_id.is_not_null())
                .select((organizations::id, organizations::app_id.assume_not_null()));
            let rows: Vec<(RowId, RowId)> = self.query(|connection| query.load(connection))?;
            found.extend(rows.into_iter().map(|(id, app)| (OrganizationId(id.0), AppId(app.0))));
        }
        Ok(found)
    }

    fn owners_of(&mut self, of: &[AppId]) -> Result<Vec<(AppId, OrganizationId, Option<Timestamp>)>> {
        // One by one: they are few, and PostgreSQL would rather read all apps than look some up.
        let mut found = Vec::new();
        for id in of {
            let query = apps::table.find(RowId(id.0)).select((apps::owner_organization_id, apps::disabled_at));
            let owner: Option<(RowId, Option<Moment>)> = self.query(|connection| query.first(connection).optional())?;
            found.extend(owner.map(|(owner, disabled)| (*id, OrganizationId(owner.0), disabled.map(|at| at.0))));
        }
        Ok(found)
    }

    fn closed_since(&mut self, of: &[OrganizationId]) -> Result<Vec<(OrganizationId, Timestamp)>> {
        let mut found = Vec::new();
        for some in of.chunks(AT_ONCE) {
            let some: Vec<_> = some.iter().map(|id| RowId(id.0)).collect();
            let query = organizations::table
                .filter(organizations::id.eq_any(some))
                .filter(organizations::archived_at.is_not_null().or(organizations::delete_at.is_not_null()))
                .select((organizations::id, organizations::archived_at, organizations::updated_at));
            let rows: Vec<(RowId, Option<Moment>, Moment)> = self.query(|connection| query.load(connection))?;
            // Nothing changes in one that waits to be deleted: it was asked for the last time that anything did.
            found.extend(
                rows.into_iter().map(|(id, archived, last)| (OrganizationId(id.0), archived.unwrap_or(last).0)),
            );
        }
        Ok(found)
    }

    fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<()> {
        for some in deliveries.chunks(AT_ONCE) {
            let rows: Vec<_> = some.iter().map(DeliveryRow::from).collect();
            let insert = diesel::insert_into(webhook_deliveries::table).values(rows);
            self.query(|connection| insert.execute(connection))?;
        }
        Ok(())
    }
}
