//! How much organizations may spend.

use diesel::prelude::*;
use kernel::{Error, Result, Scope};
use tenancy::{BudgetRepository, MicroDollars};

use super::Tx;
use crate::{
    columns::{RowId, intact},
    schema::organizations,
};

impl BudgetRepository for Tx<'_> {
    fn monthly_limit(&mut self, scope: &dyn Scope) -> Result<Option<MicroDollars>> {
        let query =
            organizations::table.find(RowId(scope.organization().0)).select(organizations::monthly_limit_micro_usd);
        let limit: Option<Option<i64>> = self.query(|connection| query.first(connection).optional())?;
        intact(limit.ok_or_else(Error::not_found)?.map(MicroDollars::new).transpose())
    }

    fn set_monthly_limit(&mut self, scope: &dyn Scope, limit: Option<MicroDollars>) -> Result<()> {
        let update = diesel::update(organizations::table.find(RowId(scope.organization().0)))
            .set(organizations::monthly_limit_micro_usd.eq(limit.map(MicroDollars::millionths)));
        match self.query(|connection| update.execute(connection))? {
            0 => Err(Error::not_found()),
            _ => Ok(()),
        }
    }
}
