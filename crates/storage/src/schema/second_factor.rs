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

table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
    use crate::columns::{Ts, Uid};

    passkeys (id) {
        id -> Uid,
        account_id -> Uid,
        app_id -> Nullable<Uid>,
        rp_id -> Text,
        credential_id -> Binary,
        credential -> Text,
        counter -> BigInt,
        backup_eligible -> Bool,
        backed_up -> Bool,
        aaguid -> Nullable<Uid>,
        transports -> Text,
        name -> Text,
        created_at -> Ts,
        last_used_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::{Binary, Bool, Nullable, Text};
    use crate::columns::{Ts, Uid};

    passkey_challenges (hash) {
        hash -> Binary,
        ceremony -> Text,
        account_id -> Nullable<Uid>,
        named -> Bool,
        state -> Text,
        expires_at -> Ts,
        used_at -> Nullable<Ts>,
    }
}
