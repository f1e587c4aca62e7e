//! Who is told, and what is on its way to them.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    use diesel::sql_types::{Binary, Bool, Integer, Nullable, Text};
    use crate::columns::{Ts, Uid};

    webhook_endpoints (id) {
        id -> Uid,
        organization_id -> Uid,
        app_id -> Nullable<Uid>,
        url -> Text,
        description -> Nullable<Text>,
        event_filter -> Text,
        resource_filter -> Text,
        headers -> Nullable<Binary>,
        secret -> Nullable<Binary>,
        previous_secret -> Nullable<Binary>,
        previous_until -> Nullable<Ts>,
        max_retries -> Integer,
        rate_per_minute -> Nullable<Integer>,
        ordered -> Bool,
        active -> Bool,
        failing_since -> Nullable<Ts>,
        disabled_at -> Nullable<Ts>,
        created_by -> Nullable<Uid>,
        created_at -> Ts,
        updated_at -> Ts,
    }
}

table! {
    use diesel::sql_types::Nullable;
    use crate::columns::{Ts, Uid};

    webhook_queues (endpoint_id) {
        endpoint_id -> Uid,
        due_at -> Ts,
        paced_until -> Nullable<Ts>,
        leased_by -> Nullable<Uid>,
        leased_until -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::columns::{Ts, Uid};

    webhook_deliveries (id) {
        id -> Uid,
        endpoint_id -> Uid,
        event_id -> Uid,
        event_kind -> Text,
        position -> BigInt,
        status -> Text,
        attempts -> Integer,
        forgiven -> Integer,
        due_at -> Nullable<Ts>,
        last_at -> Nullable<Ts>,
        latency_ms -> Nullable<Integer>,
        status_code -> Nullable<Integer>,
        answer -> Nullable<Text>,
        error -> Nullable<Text>,
        created_at -> Ts,
        finished_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::columns::{Ts, Uid};

    webhook_attempts (delivery_id, number) {
        delivery_id -> Uid,
        number -> Integer,
        at -> Ts,
        latency_ms -> Integer,
        status_code -> Nullable<Integer>,
        answer -> Nullable<Text>,
        error -> Nullable<Text>,
    }
}

table! {
    use crate::columns::{Ts, Uid};

    webhook_letters (endpoint_id) {
        endpoint_id -> Uid,
        organization_id -> Uid,
        expires_at -> Ts,
    }
}

joinable!(webhook_queues -> webhook_endpoints (endpoint_id));
joinable!(webhook_deliveries -> webhook_endpoints (endpoint_id));
allow_tables_to_appear_in_same_query!(webhook_deliveries, webhook_endpoints, webhook_queues);
