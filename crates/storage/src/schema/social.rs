//! Sign-in at other providers.

use diesel::table;

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::columns::{Ts, Uid};

    social_providers (app_id, name) {
        app_id -> Uid,
        name -> Text,
        kind -> Text,
        url -> Text,
        client_id -> Text,
        client_secret -> Binary,
        scopes -> Text,
        created_at -> Ts,
        updated_at -> Ts,
        deleted_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable};
    use crate::columns::{Ts, Uid};

    social_flows (hash) {
        hash -> Binary,
        app_id -> Nullable<Uid>,
        note -> Binary,
        expires_at -> Ts,
    }
}
