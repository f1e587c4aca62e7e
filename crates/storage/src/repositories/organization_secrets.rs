//! Secrets that organizations keep.

use diesel::prelude::*;
use kernel::{Error, Listed, Page, Result, Scope, Sealed, Timestamp};
use tenancy::{OrganizationSecret, OrganizationSecretRepository, SecretName};

use super::{Db, Tx};
use crate::{
    columns::{Moment, RowId, intact},
    schema::organization_secrets,
};

/// All of a secret but the secret.
#[derive(Queryable, Selectable)]
#[diesel(table_name = organization_secrets, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct SecretRow {
    name: String,
    created_at: Moment,
    updated_at: Moment,
}

impl OrganizationSecretRepository for Tx<'_> {
    fn secrets_in(
        &mut self,
        scope: &dyn Scope,
        page: &Page<SecretName>,
    ) -> Result<Listed<OrganizationSecret, SecretName>> {
        let here = RowId(scope.organization().0);
        let all =
            || organization_secrets::table.filter(organization_secrets::organization_id.eq(here)).into_boxed::<Db>();
        let (rows, total): (Vec<SecretRow>, _) = paged!(
            self,
            page,
            all by organization_secrets::name,
            after name => name.as_str().to_owned(),
            SecretRow::as_select()
        );
        let found = rows.into_iter().map(SecretRow::into_secret).collect::<Result<_>>()?;
        Ok(Listed::cut(found, page, total, |secret: &OrganizationSecret| secret.name.clone()))
    }

    fn count_secrets(&mut self, scope: &dyn Scope) -> Result<i64> {
        let here = organization_secrets::table
            .filter(organization_secrets::organization_id.eq(RowId(scope.organization().0)))
            .count();
        self.query(|connection| here.get_result(connection))
    }

    fn set_secret(
        &mut self,
        scope: &dyn Scope,
        name: &SecretName,
        value: &Sealed,
        now: Timestamp,
    ) -> Result<OrganizationSecret> {
        let set = diesel::insert_into(organization_secrets::table)
            .values((
                organization_secrets::organization_id.eq(RowId(scope.organization().0)),
                organization_secrets::name.eq(name.as_str()),
                organization_secrets::value.eq(&value.0),
                organization_secrets::created_at.eq(Moment(now)),
                organization_secrets::updated_at.eq(Moment(now)),
            ))
            .on_conflict((organization_secrets::organization_id, organization_secrets::name))
            .do_update()
            .set((organization_secrets::value.eq(&value.0), organization_secrets::updated_at.eq(Moment(now))))
            .returning(SecretRow::as_returning());
        self.query(|connection| set.get_result::<SecretRow>(connection))?.into_secret()
    }

    fn sealed_secret(&mut self, scope: &dyn Scope, name: &SecretName) -> Result<Option<Sealed>> {
        let query = organization_secrets::table
            .find((RowId(scope.organization().0), name.as_str().to_owned()))
            .select(organization_secrets::value);
        let value: Option<Vec<u8>> = self.query(|connection| query.first(connection).optional())?;
        Ok(value.map(Sealed))
    }

    fn delete_secret(&mut self, scope: &dyn Scope, name: &SecretName) -> Result<()> {
        let this = organization_secrets::table.find((RowId(scope.organization().0), name.as_str().to_owned()));
        match self.query(|connection| diesel::delete(this).execute(connection))? {
            0 => Err(Error::not_found()),
            _ => Ok(()),
        }
    }
}

impl SecretRow {
    fn into_secret(self) -> Result<OrganizationSecret> {
        Ok(OrganizationSecret {
            name: intact(SecretName::parse(&self.name))?,
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}
