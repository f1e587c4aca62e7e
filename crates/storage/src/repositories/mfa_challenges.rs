//! Challenges to show a second factor, or to enrol one.

use diesel::prelude::*;
use identity::{Challenge, ChallengePurpose, ChallengeRepository, mfa_challenge::MOST_FAILURES};
use kernel::{Error, Result, SecretHash, Timestamp, id::AccountId};

use super::Tx;
use crate::{
    columns::{Moment, RowId, fixed},
    schema::mfa_challenges,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = mfa_challenges, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct ChallengeRow {
    hash: Vec<u8>,
    purpose: String,
    account_id: RowId,
    method: String,
    epoch: i32,
    failures: i32,
    expires_at: Moment,
}

impl ChallengeRepository for Tx<'_> {
    fn insert_challenge(&mut self, challenge: &Challenge) -> Result<()> {
        let insert = diesel::insert_into(mfa_challenges::table).values((
            mfa_challenges::hash.eq(&challenge.hash.0[..]),
            mfa_challenges::purpose.eq(challenge.purpose.name()),
            mfa_challenges::account_id.eq(RowId(challenge.account.0)),
            mfa_challenges::method.eq(&challenge.method),
            mfa_challenges::epoch.eq(challenge.epoch),
            mfa_challenges::failures.eq(challenge.failures),
            mfa_challenges::expires_at.eq(Moment(challenge.expires_at)),
        ));
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn challenge(&mut self, hash: SecretHash, now: Timestamp) -> Result<Option<Challenge>> {
        let query = mfa_challenges::table
            .find(hash.0.to_vec())
            .filter(mfa_challenges::used_at.is_null())
            .filter(mfa_challenges::failures.lt(MOST_FAILURES))
            .filter(mfa_challenges::expires_at.gt(Moment(now)))
            .select(ChallengeRow::as_select());
        let row: Option<ChallengeRow> = if self.writes() {
            self.query(|connection| for_update!(query).first(connection).optional())?
        } else {
            self.query(|connection| query.first(connection).optional())?
        };
        row.map(ChallengeRow::into_challenge).transpose()
    }

    fn consume_challenge(&mut self, hash: SecretHash, now: Timestamp) -> Result<bool> {
        let consume = diesel::update(mfa_challenges::table.find(hash.0.to_vec()))
            .filter(mfa_challenges::used_at.is_null())
            .filter(mfa_challenges::failures.lt(MOST_FAILURES))
            .filter(mfa_challenges::expires_at.gt(Moment(now)))
            .set(mfa_challenges::used_at.eq(Moment(now)));
        self.query(|connection| consume.execute(connection)).map(|used| used > 0)
    }

    fn fail_challenge(&mut self, hash: SecretHash) -> Result<()> {
        let fail = diesel::update(mfa_challenges::table.find(hash.0.to_vec()))
            .set(mfa_challenges::failures.eq(mfa_challenges::failures + 1));
        self.query(|connection| fail.execute(connection)).map(drop)
    }

    fn sweep_challenges(&mut self, before: Timestamp) -> Result<usize> {
        Ok(sweep!(self, mfa_challenges, hash: Vec<u8>, before))
    }
}

impl ChallengeRow {
    fn into_challenge(self) -> Result<Challenge> {
        let known = ChallengePurpose::ALL.into_iter().find(|purpose| purpose.name() == self.purpose);
        Ok(Challenge {
            hash: SecretHash(fixed(self.hash)?),
            purpose: known.ok_or_else(|| Error::internal(format!("a challenge for {}", self.purpose)))?,
            account: AccountId(self.account_id.0),
            method: self.method,
            epoch: self.epoch,
            failures: self.failures,
            expires_at: self.expires_at.0,
        })
    }
}
