//! Keys that sign access tokens.

use diesel::prelude::*;
use identity::{KeyId, SigningKeyRepository, StoredKey};
use kernel::{Change, Error, Result, Sealed};

use super::Tx;
use crate::{
    columns::{Moment, fixed, intact},
    races::LockName,
    schema::signing_keys,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct KeyRow {
    id: Vec<u8>,
    algorithm: String,
    state: String,
    public_key: Vec<u8>,
    private_key: Option<Vec<u8>>,
    created_at: Moment,
    current_since: Option<Moment>,
    believed_until: Option<Moment>,
    secret_until: Option<Moment>,
}

impl KeyRow {
    fn new(key: &StoredKey) -> Self {
        Self {
            id: key.id.0.to_vec(),
            algorithm: key.algorithm.name().to_owned(),
            state: key.state.name().to_owned(),
            public_key: key.public.0.clone(),
            private_key: key.private.as_ref().map(|private| private.0.clone()),
            created_at: Moment(key.created_at),
            current_since: key.current_since.map(Moment),
            believed_until: key.believed_until.map(Moment),
            secret_until: key.secret_until.map(Moment),
        }
    }

    fn into_key(self) -> Result<StoredKey> {
        Ok(StoredKey {
            id: KeyId(fixed(self.id)?),
            algorithm: intact(self.algorithm.parse())?,
            state: intact(self.state.parse())?,
            public: Sealed(self.public_key),
            private: self.private_key.map(Sealed),
            created_at: self.created_at.0,
            current_since: self.current_since.map(|moment| moment.0),
            believed_until: self.believed_until.map(|moment| moment.0),
            secret_until: self.secret_until.map(|moment| moment.0),
        })
    }
}

impl SigningKeyRepository for Tx<'_> {
    fn signing_keys(&mut self) -> Result<Vec<StoredKey>> {
        if self.writes() {
            self.lock(LockName::SigningKeys)?;
        }
        // There are a handful: they are put in order here, and found by their ids.
        let query = signing_keys::table.order(signing_keys::id).select(KeyRow::as_select());
        let rows: Vec<KeyRow> = self.query(|connection| query.load(connection))?;
        let mut keys = rows.into_iter().map(KeyRow::into_key).collect::<Result<Vec<_>>>()?;
        keys.sort_by_key(|key| key.created_at);
        Ok(keys)
    }

    fn insert_signing_key(&mut self, key: &StoredKey) -> Result<()> {
        let insert = diesel::insert_into(signing_keys::table).values(KeyRow::new(key));
        self.query(|connection| insert.execute(connection))?;
        self.changed(Change::SigningKeys);
        Ok(())
    }

    fn update_signing_key(&mut self, key: &StoredKey) -> Result<()> {
        let update = diesel::update(signing_keys::table.find(key.id.0.to_vec())).set((
            signing_keys::state.eq(key.state.name()),
            signing_keys::private_key.eq(key.private.as_ref().map(|private| private.0.clone())),
            signing_keys::current_since.eq(key.current_since.map(Moment)),
            signing_keys::believed_until.eq(key.believed_until.map(Moment)),
            signing_keys::secret_until.eq(key.secret_until.map(Moment)),
        ));
        if self.query(|connection| update.execute(connection))? == 0 {
            return Err(Error::not_found());
        }
        self.changed(Change::SigningKeys);
        Ok(())
    }

    fn delete_signing_keys(&mut self, ids: &[KeyId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = ids.iter().map(|id| id.0.to_vec()).collect();
        let delete = diesel::delete(signing_keys::table.filter(signing_keys::id.eq_any(ids)));
        if self.query(|connection| delete.execute(connection))? > 0 {
            self.changed(Change::SigningKeys);
        }
        Ok(())
    }
}
