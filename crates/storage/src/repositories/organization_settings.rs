//! Settings of organizations.

use diesel::prelude::*;
use kernel::{Error, Result, Scope, id::OrganizationId};
use tenancy::{OrganizationSettings, OrganizationSettingsRepository};

use super::Tx;
use crate::{
    columns::{Json, RowId},
    schema::organizations,
};

impl OrganizationSettingsRepository for Tx<'_> {
    fn hold_organization(&mut self, id: OrganizationId) -> Result<()> {
        let place = organizations::table.find(RowId(id.0)).select(organizations::id);
        self.query(|connection| for_no_key_update!(place).first::<RowId>(connection).optional()).map(drop)
    }

    fn organization_settings(&mut self, scope: &dyn Scope) -> Result<OrganizationSettings> {
        let query = organizations::table.find(RowId(scope.organization().0)).select(organizations::settings);
        let found: Option<Json<OrganizationSettings>> = self.query(|connection| query.first(connection).optional())?;
        found.map(|settings| settings.0).ok_or_else(Error::not_found)
    }

    fn set_organization_settings(&mut self, scope: &dyn Scope, settings: &OrganizationSettings) -> Result<()> {
        let update = diesel::update(organizations::table.find(RowId(scope.organization().0)))
            .set(organizations::settings.eq(Json(settings.clone())));
        match self.query(|connection| update.execute(connection))? {
            0 => Err(Error::not_found()),
            _ => Ok(()),
        }
    }
}
