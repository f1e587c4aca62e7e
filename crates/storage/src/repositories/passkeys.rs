//! Passkeys, and the challenges that they answer.

use diesel::prelude::*;
use identity::{Ceremony, Passkey, PasskeyChallenge, PasskeyRepository};
use kernel::{
    Name, Result, SecretHash, Timestamp,
    id::{AccountId, AppId, PasskeyId},
};

use super::{Db, Tx};
use crate::{
    columns::{Json, Moment, RowId, intact},
    schema::{passkey_challenges, passkeys},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = passkeys, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct PasskeyRow {
    id: RowId,
    account_id: RowId,
    app_id: Option<RowId>,
    rp_id: String,
    credential_id: Vec<u8>,
    credential: String,
    counter: i64,
    backup_eligible: bool,
    backed_up: bool,
    aaguid: Option<RowId>,
    transports: Json<Vec<String>>,
    name: String,
    created_at: Moment,
    last_used_at: Option<Moment>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = passkey_challenges, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct ChallengeRow {
    hash: Vec<u8>,
    ceremony: String,
    account_id: Option<RowId>,
    named: bool,
    state: String,
    expires_at: Moment,
}

impl PasskeyRepository for Tx<'_> {
    fn insert_passkey(&mut self, passkey: &Passkey) -> Result<()> {
        let insert = diesel::insert_into(passkeys::table).values(PasskeyRow {
            id: RowId(passkey.id.0),
            account_id: RowId(passkey.account.0),
            app_id: passkey.app.map(|app| RowId(app.0)),
            rp_id: passkey.rp_id.clone(),
            credential_id: passkey.credential_id.clone(),
            credential: passkey.credential.clone(),
            counter: passkey.counter,
            backup_eligible: passkey.backup_eligible,
            backed_up: passkey.backed_up,
            aaguid: passkey.aaguid.map(RowId),
            transports: Json(passkey.transports.clone()),
            name: passkey.name.as_str().to_owned(),
            created_at: Moment(passkey.created_at),
            last_used_at: passkey.last_used_at.map(Moment),
        });
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn passkeys_of(&mut self, account: AccountId) -> Result<Vec<Passkey>> {
        let query = passkeys::table
            .filter(passkeys::account_id.eq(RowId(account.0)))
            .order(passkeys::id)
            .select(PasskeyRow::as_select());
        let rows: Vec<PasskeyRow> = self.query(|connection| query.load(connection))?;
        rows.into_iter().map(PasskeyRow::into_passkey).collect()
    }

    fn passkey_by_credential(&mut self, app: Option<AppId>, credential_id: &[u8]) -> Result<Option<Passkey>> {
        let query = passkeys::table
            .filter(passkeys::credential_id.eq(credential_id))
            .select(PasskeyRow::as_select())
            .into_boxed::<Db>();
        let query = match app {
            Some(app) => query.filter(passkeys::app_id.eq(RowId(app.0))),
            None => query.filter(passkeys::app_id.is_null()),
        };
        let row: Option<PasskeyRow> = self.query(|connection| query.first(connection).optional())?;
        row.map(PasskeyRow::into_passkey).transpose()
    }

    fn use_passkey(&mut self, id: PasskeyId, counter: u32, backed_up: bool, now: Timestamp) -> Result<bool> {
        let counter = i64::from(counter);
        // One that does not count says 0 for ever, and has never said anything else.
        let counts_on = passkeys::counter.lt(counter).or(passkeys::counter.eq(0).and(passkeys::counter.eq(counter)));
        let note = diesel::update(passkeys::table.find(RowId(id.0)).filter(counts_on)).set((
            passkeys::counter.eq(counter),
            passkeys::backed_up.eq(backed_up),
            passkeys::last_used_at.eq(Moment(now)),
        ));
        self.query(|connection| note.execute(connection)).map(|used| used > 0)
    }

    fn rename_passkey(&mut self, account: AccountId, id: PasskeyId, name: &Name) -> Result<Option<Passkey>> {
        let rename = diesel::update(passkeys::table.find(RowId(id.0)))
            .filter(passkeys::account_id.eq(RowId(account.0)))
            .set(passkeys::name.eq(name.as_str()))
            .returning(PasskeyRow::as_returning());
        let row: Option<PasskeyRow> = self.query(|connection| rename.get_result(connection).optional())?;
        row.map(PasskeyRow::into_passkey).transpose()
    }

    fn remove_passkey(&mut self, account: AccountId, id: PasskeyId) -> Result<Option<Passkey>> {
        let remove = diesel::delete(passkeys::table.find(RowId(id.0)))
            .filter(passkeys::account_id.eq(RowId(account.0)))
            .returning(PasskeyRow::as_returning());
        let row: Option<PasskeyRow> = self.query(|connection| remove.get_result(connection).optional())?;
        row.map(PasskeyRow::into_passkey).transpose()
    }

    fn remove_passkeys(&mut self, account: AccountId) -> Result<Vec<Passkey>> {
        let remove = diesel::delete(passkeys::table.filter(passkeys::account_id.eq(RowId(account.0))))
            .returning(PasskeyRow::as_returning());
        let rows: Vec<PasskeyRow> = self.query(|connection| remove.get_results(connection))?;
        rows.into_iter().map(PasskeyRow::into_passkey).collect()
    }

    fn insert_passkey_challenge(&mut self, challenge: &PasskeyChallenge) -> Result<()> {
        let insert = diesel::insert_into(passkey_challenges::table).values(ChallengeRow {
            hash: challenge.hash.0.to_vec(),
            ceremony: challenge.ceremony.name().to_owned(),
            account_id: challenge.account.map(|account| RowId(account.0)),
            named: challenge.named,
            state: challenge.state.clone(),
            expires_at: Moment(challenge.expires_at),
        });
        self.query(|connection| insert.execute(connection)).map(drop)
    }

    fn passkey_challenge(
        &mut self,
        ceremony: Ceremony,
        hash: SecretHash,
        now: Timestamp,
    ) -> Result<Option<PasskeyChallenge>> {
        let query = passkey_challenges::table
            .find(hash.0.to_vec())
            .filter(passkey_challenges::ceremony.eq(ceremony.name()))
            .filter(passkey_challenges::used_at.is_null())
            .filter(passkey_challenges::expires_at.gt(Moment(now)))
            .select(ChallengeRow::as_select());
        let row: Option<ChallengeRow> = self.query(|connection| query.first(connection).optional())?;
        Ok(row.map(|row| PasskeyChallenge {
            hash,
            ceremony,
            account: row.account_id.map(|id| AccountId(id.0)),
            named: row.named,
            state: row.state,
            expires_at: row.expires_at.0,
        }))
    }

    fn consume_passkey_challenge(
        &mut self,
        ceremony: Ceremony,
        hash: SecretHash,
        account: Option<AccountId>,
        now: Timestamp,
    ) -> Result<bool> {
        let consume = diesel::update(passkey_challenges::table.find(hash.0.to_vec()))
            .filter(passkey_challenges::ceremony.eq(ceremony.name()))
            .filter(passkey_challenges::used_at.is_null())
            .filter(passkey_challenges::expires_at.gt(Moment(now)))
            .set(passkey_challenges::used_at.eq(Moment(now)))
            .into_boxed::<Db>();
        let consume = match account {
            Some(account) => consume.filter(passkey_challenges::account_id.eq(RowId(account.0))),
            None => consume.filter(passkey_challenges::account_id.is_null()),
        };
        self.query(|connection| consume.execute(connection)).map(|used| used > 0)
    }

    fn void_passkey_challenges(&mut self, account: AccountId) -> Result<()> {
        let own = passkey_challenges::table.filter(passkey_challenges::account_id.eq(RowId(account.0)));
        let void = diesel::delete(own);
        self.query(|connection| void.execute(connection)).map(drop)
    }

    fn sweep_passkey_challenges(&mut self, before: Timestamp) -> Result<usize> {
        Ok(sweep!(self, passkey_challenges, hash: Vec<u8>, before))
    }
}

impl PasskeyRow {
    fn into_passkey(self) -> Result<Passkey> {
        Ok(Passkey {
            id: PasskeyId(self.id.0),
            account: AccountId(self.account_id.0),
            app: self.app_id.map(|id| AppId(id.0)),
            rp_id: self.rp_id,
            credential_id: self.credential_id,
            credential: self.credential,
            counter: self.counter,
            backup_eligible: self.backup_eligible,
            backed_up: self.backed_up,
            aaguid: self.aaguid.map(|id| id.0),
            transports: self.transports.0,
            name: intact(Name::parse(&self.name))?,
            created_at: self.created_at.0,
            last_used_at: self.last_used_at.map(|at| at.0),
        })
    }
}
