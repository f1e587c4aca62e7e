//! Column types that mean the same on both databases, and the Rust side of each.

use std::io::Write as _;

use chrono::{DateTime, Utc};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{self, SqlOrd, SqlType, Text},
    sqlite::{Sqlite, SqliteValue},
};
use kernel::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// `uuid` on PostgreSQL, a 16-byte blob on SQLite.
#[derive(Clone, Copy, Debug, SqlType, QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951), sqlite_type(name = "Binary"))]
pub struct Uid;

/// `timestamptz` on PostgreSQL, microseconds since 1970 on SQLite.
#[derive(Clone, Copy, Debug, SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185), sqlite_type(name = "Long"))]
pub struct Ts;

impl SqlOrd for Uid {}
impl SqlOrd for Ts {}

/// The Rust side of a [`Uid`] column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Uid)]
pub struct RowId(pub Uuid);

impl ToSql<Uid, Pg> for RowId {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::Uuid, Pg>::to_sql(&self.0, out)
    }
}

impl ToSql<Uid, Sqlite> for RowId {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(&self.0.as_bytes()[..]);
        Ok(IsNull::No)
    }
}

impl FromSql<Uid, Pg> for RowId {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <Uuid as FromSql<sql_types::Uuid, Pg>>::from_sql(value).map(Self)
    }
}

impl FromSql<Uid, Sqlite> for RowId {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<sql_types::Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}

/// The Rust side of a [`Ts`] column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Ts)]
pub struct Moment(pub Timestamp);

impl ToSql<Ts, Pg> for Moment {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::Timestamptz, Pg>::to_sql(&self.0.date_time(), &mut out.reborrow())
    }
}

impl ToSql<Ts, Sqlite> for Moment {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.date_time().timestamp_micros());
        Ok(IsNull::No)
    }
}

impl FromSql<Ts, Pg> for Moment {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let moment = <DateTime<Utc> as FromSql<sql_types::Timestamptz, Pg>>::from_sql(value)?;
        Ok(Self(Timestamp::new(moment)))
    }
}

impl FromSql<Ts, Sqlite> for Moment {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<sql_types::BigInt, Sqlite>>::from_sql(value)?;
        let moment = DateTime::from_timestamp_micros(micros).ok_or("a time outside the calendar")?;
        Ok(Self(Timestamp::new(moment)))
    }
}

/// A text column that holds JSON.
#[derive(Clone, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Json<T: std::fmt::Debug>(pub T);

impl<T: std::fmt::Debug + Serialize> ToSql<Text, Pg> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&serde_json::to_vec(&self.0)?)?;
        Ok(IsNull::No)
    }
}

impl<T: std::fmt::Debug + Serialize> ToSql<Text, Sqlite> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(serde_json::to_string(&self.0)?);
        Ok(IsNull::No)
    }
}

impl<T, DB> FromSql<Text, DB> for Json<T>
where
    T: std::fmt::Debug + DeserializeOwned,
    DB: Backend,
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, DB>>::from_sql(value)?;
        Ok(Self(serde_json::from_str(&text)?))
    }
}

/// What was written is read back whole, or somebody has changed the database behind our back.
pub fn intact<T, E>(read: Result<T, E>) -> kernel::Result<T>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    read.map_err(kernel::Error::internal)
}

/// Bytes of a length that is known.
pub fn fixed<const N: usize>(bytes: Vec<u8>) -> kernel::Result<[u8; N]> {
    <[u8; N]>::try_from(bytes)
        .map_err(|bytes| kernel::Error::internal(format!("{} bytes where {N} were written", bytes.len())))
}
