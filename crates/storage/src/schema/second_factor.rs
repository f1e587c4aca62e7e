//! What accounts have beside a password.

use diesel::table;

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable};
    use crate::columns::{Ts, Uid};

    totp_enrollments (id) {
        id -> Uid,
        account_id -> Uid,
        seed -> Binary,
        last_step -> BigInt,
        verified_at -> Nullable<Ts>,
        created_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable};
    use crate::columns::{Ts, Uid};

    recovery_codes (enrollment_id, hash) {
        enrollment_id -> Uid,
        hash -> Binary,
        used_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable, Text};
    use crate::columns::{Ts, Uid};

    mfa_challenges (hash) {
        hash -> Binary,
        purpose -> Text,
        account_id -> Uid,
        method -> Text,
        epoch -> Integer,
        failures -> Integer,
        expires_at -> Ts,
        used_at -> Nullable<Ts>,
    }
}
