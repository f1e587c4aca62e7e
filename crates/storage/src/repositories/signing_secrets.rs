//! Organizations' signing secrets.

use diesel::prelude::*;
use kernel::{Result, Scope, Sealed};
use webhooks::{PreviousSecret, Signing, SigningRepository};

use super::Tx;
use crate::{
    columns::{Moment, RowId},
    schema::signing_secrets,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_secrets, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct SigningRow {
    organization_id: RowId,
    secret: Vec<u8>,
    created_at: Moment,
    previous_secret: Option<Vec<u8>>,
    previous_until: Option<Moment>,
}

impl SigningRow {
    fn new(scope: &dyn Scope, signing: &Signing) -> Self {
        Self {
            organization_id: RowId(scope.organization().0),
            secret: signing.secret.0.clone(),
            created_at: Moment(signing.created_at),
            previous_secret: signing.previous.as_ref().map(|previous| previous.secret.0.clone()),
            previous_until: signing.previous.as_ref().map(|previous| Moment(previous.until)),
        }
    }

    fn into_signing(self) -> Signing {
        let previous = self.previous_secret.zip(self.previous_until);
        Signing {
            secret: Sealed(self.secret),
            previous: previous.map(|(secret, until)| PreviousSecret { secret: Sealed(secret), until: until.0 }),
            created_at: self.created_at.0,
        }
    }
}

impl SigningRepository for Tx<'_> {
    fn signing(&mut self, scope: &dyn Scope) -> Result<Option<Signing>> {
        let query = signing_secrets::table.find(RowId(scope.organization().0)).select(SigningRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        Ok(row.map(SigningRow::into_signing))
    }

    fn insert_signing(&mut self, scope: &dyn Scope, signing: &Signing) -> Result<()> {
        let insert = diesel::insert_into(signing_secrets::table).values(SigningRow::new(scope, signing));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn set_signing(&mut self, scope: &dyn Scope, signing: &Signing) -> Result<()> {
        let update = diesel::update(signing_secrets::table.find(RowId(scope.organization().0))).set((
            signing_secrets::secret.eq(signing.secret.0.clone()),
            signing_secrets::created_at.eq(Moment(signing.created_at)),
            signing_secrets::previous_secret.eq(signing.previous.as_ref().map(|previous| previous.secret.0.clone())),
            signing_secrets::previous_until.eq(signing.previous.as_ref().map(|previous| Moment(previous.until))),
        ));
        if self.query(|connection| update.execute(connection))? == 0 {
            self.insert_signing(scope, signing)?;
        }
        Ok(())
    }
}
