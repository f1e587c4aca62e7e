//! Authenticator apps that accounts have enrolled, with their recovery codes.

use diesel::prelude::*;
use identity::{Totp, TotpRepository, totp::Step};
use kernel::{
    Result, Sealed, SecretHash, Timestamp,
    id::{AccountId, TotpId},
};

use super::Tx;
use crate::{
    columns::{Moment, RowId},
    schema::{recovery_codes, totp_enrollments},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = totp_enrollments, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct TotpRow {
    id: RowId,
    account_id: RowId,
    seed: Vec<u8>,
    last_step: i64,
    verified_at: Option<Moment>,
    created_at: Moment,
}

impl TotpRepository for Tx<'_> {
    fn totp(&mut self, account: AccountId) -> Result<Option<Totp>> {
        let query = totp_enrollments::table
            .filter(totp_enrollments::account_id.eq(RowId(account.0)))
            .select(TotpRow::as_select());
        let row = self.query(|connection| query.first(connection).optional())?;
        Ok(row.map(TotpRow::into_totp))
    }

    fn enroll_totp(&mut self, totp: &Totp, recovery_codes: &[SecretHash]) -> Result<bool> {
        let never_verified = diesel::delete(totp_enrollments::table)
            .filter(totp_enrollments::account_id.eq(RowId(totp.account.0)))
            .filter(totp_enrollments::verified_at.is_null());
        self.query(|connection| never_verified.execute(connection))?;
        let row = TotpRow {
            id: RowId(totp.id.0),
            account_id: RowId(totp.account.0),
            seed: totp.seed.0.clone(),
            last_step: totp.last_step.0,
            verified_at: totp.verified_at.map(Moment),
            created_at: Moment(totp.created_at),
        };
        let insert = diesel::insert_into(totp_enrollments::table)
            .values(row)
            .on_conflict(totp_enrollments::account_id)
            .do_nothing();
        if self.query(|connection| insert.execute(connection))? == 0 {
            return Ok(false);
        }
        for code in recovery_codes {
            let insert = diesel::insert_into(recovery_codes::table)
                .values((recovery_codes::enrollment_id.eq(RowId(totp.id.0)), recovery_codes::hash.eq(&code.0[..])));
            self.query(|connection| insert.execute(connection))?;
        }
        Ok(true)
    }

    fn use_totp_step(&mut self, id: TotpId, step: Step) -> Result<bool> {
        let consume = diesel::update(totp_enrollments::table.find(RowId(id.0)))
            .filter(totp_enrollments::verified_at.is_not_null())
            .filter(totp_enrollments::last_step.lt(step.0))
            .set(totp_enrollments::last_step.eq(step.0));
        self.query(|connection| consume.execute(connection)).map(|used| used > 0)
    }

    fn activate_totp(&mut self, id: TotpId, step: Step, now: Timestamp) -> Result<bool> {
        let activate = diesel::update(totp_enrollments::table.find(RowId(id.0)))
            .filter(totp_enrollments::verified_at.is_null())
            .filter(totp_enrollments::last_step.lt(step.0))
            .set((totp_enrollments::last_step.eq(step.0), totp_enrollments::verified_at.eq(Moment(now))));
        self.query(|connection| activate.execute(connection)).map(|activated| activated > 0)
    }

    fn use_recovery_code(&mut self, id: TotpId, code: SecretHash, now: Timestamp) -> Result<bool> {
        let consume = diesel::update(recovery_codes::table.find((RowId(id.0), code.0.to_vec())))
            .filter(recovery_codes::used_at.is_null())
            .set(recovery_codes::used_at.eq(Moment(now)));
        self.query(|connection| consume.execute(connection)).map(|used| used > 0)
    }

    fn recovery_codes_left(&mut self, id: TotpId) -> Result<i64> {
        let left = recovery_codes::table
            .filter(recovery_codes::enrollment_id.eq(RowId(id.0)))
            .filter(recovery_codes::used_at.is_null())
            .count();
        self.query(|connection| left.get_result(connection))
    }

    fn remove_totp(&mut self, account: AccountId) -> Result<Option<Totp>> {
        let remove = diesel::delete(totp_enrollments::table)
            .filter(totp_enrollments::account_id.eq(RowId(account.0)))
            .returning(TotpRow::as_returning());
        let row = self.query(|connection| remove.get_result(connection).optional())?;
        Ok(row.map(TotpRow::into_totp))
    }
}

impl TotpRow {
    fn into_totp(self) -> Totp {
        Totp {
            id: TotpId(self.id.0),
            account: AccountId(self.account_id.0),
            seed: Sealed(self.seed),
            last_step: Step(self.last_step),
            verified_at: self.verified_at.map(|at| at.0),
            created_at: self.created_at.0,
        }
    }
}
