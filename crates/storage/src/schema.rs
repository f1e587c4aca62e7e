//! The tables, declared once. A test compares them with what the migrations make on each database.

mod second_factor;
mod social;
mod webhooks;

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

pub use self::second_factor::{mfa_challenges, passkey_challenges, passkeys, recovery_codes, totp_enrollments};
pub use self::social::{social_flows, social_providers};
pub use self::webhooks::{webhook_attempts, webhook_deliveries, webhook_endpoints, webhook_letters, webhook_queues};

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    principals (id) {
        id -> Uid,
        email -> Nullable<Text>,
        created_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    apps (id) {
        id -> Uid,
        owner_organization_id -> Uid,
        name -> Text,
        slug -> Text,
        client_id -> Text,
        settings -> Text,
        metadata -> Text,
        disabled_at -> Nullable<Ts>,
        created_at -> Ts,
        updated_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::columns::{Ts, Uid};

    organizations (id) {
        id -> Uid,
        app_id -> Nullable<Uid>,
        slug -> Text,
        name -> Text,
        metadata -> Text,
        archived_at -> Nullable<Ts>,
        created_at -> Ts,
        updated_at -> Ts,
        settings -> Text,
        delete_at -> Nullable<Ts>,
        monthly_limit_micro_usd -> Nullable<BigInt>,
    }
}

table! {
    use diesel::sql_types::{Binary, Text};
    use crate::columns::{Ts, Uid};

    organization_secrets (organization_id, name) {
        organization_id -> Uid,
        name -> Text,
        value -> Binary,
        created_at -> Ts,
        updated_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    invitations (id) {
        id -> Uid,
        organization_id -> Uid,
        team_id -> Nullable<Uid>,
        email -> Text,
        role -> Text,
        inviter_id -> Uid,
        status -> Text,
        expires_at -> Ts,
        created_at -> Ts,
        updated_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable};
    use crate::columns::{Ts, Uid};

    invitation_letters (mail_id) {
        mail_id -> Uid,
        invitation_id -> Uid,
        organization_id -> Uid,
        hash -> Nullable<Binary>,
        created_at -> Ts,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::columns::{Ts, Uid};

    mail_templates (app_id, letter, locale) {
        app_id -> Uid,
        letter -> Text,
        locale -> Text,
        subject -> Text,
        text -> Text,
        html -> Text,
        updated_at -> Ts,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::columns::Uid;

    app_origins (origin, app_id) {
        origin -> Text,
        app_id -> Uid,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable};
    use crate::columns::{Ts, Uid};

    client_secrets (id) {
        id -> Uid,
        app_id -> Uid,
        hash -> Binary,
        created_at -> Ts,
        expires_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::{Bool, Integer, Nullable, Text};
    use crate::columns::{Ts, Uid};

    accounts (id) {
        id -> Uid,
        principal_id -> Uid,
        app_id -> Nullable<Uid>,
        email -> Text,
        email_proof -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        display_name -> Nullable<Text>,
        metadata -> Text,
        epoch -> Integer,
        valid_from -> Ts,
        platform_admin -> Bool,
        disabled_at -> Nullable<Ts>,
        created_at -> Ts,
        updated_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable, Text};
    use crate::columns::{Ts, Uid};

    sessions (id) {
        id -> Uid,
        account_id -> Uid,
        epoch -> Integer,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        created_at -> Ts,
        expires_at -> Ts,
        ended_at -> Nullable<Ts>,
        method -> Text,
        device -> Nullable<Binary>,
        last_seen_at -> Nullable<Ts>,
        second_factor -> Nullable<Text>,
        authenticated_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::Nullable;
    use crate::columns::{Ts, Uid};

    refresh_tokens (id) {
        id -> Uid,
        session_id -> Uid,
        expires_at -> Ts,
        spent_at -> Nullable<Ts>,
        successor_id -> Nullable<Uid>,
    }
}

table! {
    use diesel::sql_types::Binary;
    use crate::columns::{Ts, Uid};

    mail_requests (id) {
        id -> Uid,
        counter -> Binary,
        expires_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    former_addresses (id) {
        id -> Uid,
        app_id -> Nullable<Uid>,
        account_id -> Uid,
        email -> Text,
        expires_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable, Text};
    use crate::columns::{Ts, Uid};

    one_time_tokens (id) {
        id -> Uid,
        purpose -> Text,
        account_id -> Uid,
        email -> Text,
        hash -> Binary,
        expires_at -> Ts,
        used_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable};
    use crate::columns::Ts;

    lockouts (key) {
        key -> Binary,
        failures -> Integer,
        locked_until -> Nullable<Ts>,
        expires_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    links (provider, subject) {
        provider -> Text,
        subject -> Text,
        app_id -> Nullable<Uid>,
        account_id -> Nullable<Uid>,
        created_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Binary, Bool, Nullable, Text};
    use crate::columns::{Ts, Uid};

    api_keys (id) {
        id -> Uid,
        prefix -> Text,
        hash -> Binary,
        organization_id -> Uid,
        account_id -> Nullable<Uid>,
        principal_id -> Uid,
        name -> Text,
        role -> Nullable<Text>,
        scopes -> Text,
        disabled_at -> Nullable<Ts>,
        expires_at -> Nullable<Ts>,
        created_at -> Ts,
        service_account_id -> Nullable<Uid>,
        description -> Nullable<Text>,
        allowed_ips -> Text,
        last_used_at -> Nullable<Ts>,
        previous_hash -> Nullable<Binary>,
        previous_expires_at -> Nullable<Ts>,
        created_by -> Nullable<Uid>,
        updated_at -> Ts,
        disabled_by -> Nullable<Uid>,
        own_roles -> Bool,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    service_accounts (id) {
        id -> Uid,
        organization_id -> Uid,
        team_id -> Nullable<Uid>,
        name -> Text,
        description -> Nullable<Text>,
        role -> Text,
        created_by -> Nullable<Uid>,
        disabled_at -> Nullable<Ts>,
        created_at -> Ts,
        updated_at -> Ts,
        role_id -> Nullable<Uid>,
    }
}

table! {
    use diesel::sql_types::{Binary, Text};
    use crate::columns::{Ts, Uid};

    oauth_clients (id) {
        id -> Uid,
        service_account_id -> Uid,
        client_id -> Text,
        hash -> Binary,
        redirect_uris -> Text,
        scopes -> Text,
        created_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    memberships (id) {
        id -> Uid,
        organization_id -> Uid,
        principal_id -> Uid,
        role -> Text,
        created_at -> Ts,
        role_id -> Nullable<Uid>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    roles (id) {
        id -> Uid,
        organization_id -> Uid,
        name -> Text,
        description -> Nullable<Text>,
        actions -> Text,
        created_at -> Ts,
        updated_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    teams (id) {
        id -> Uid,
        organization_id -> Uid,
        slug -> Text,
        name -> Text,
        archived_at -> Nullable<Ts>,
        created_at -> Ts,
        updated_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    team_members (team_id, principal_id) {
        team_id -> Uid,
        organization_id -> Uid,
        principal_id -> Uid,
        role -> Text,
        created_at -> Ts,
        role_id -> Nullable<Uid>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    grants (id) {
        id -> Uid,
        organization_id -> Uid,
        team_id -> Nullable<Uid>,
        principal_id -> Uid,
        effect -> Text,
        action -> Text,
        resource_type -> Nullable<Text>,
        resource_id -> Nullable<Text>,
        created_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::columns::{Ts, Uid};

    signing_secrets (organization_id) {
        organization_id -> Uid,
        secret -> Binary,
        created_at -> Ts,
        previous_secret -> Nullable<Binary>,
        previous_until -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::columns::{Ts, Uid};

    events (id) {
        id -> Uid,
        kind -> Text,
        app_id -> Nullable<Uid>,
        organization_id -> Nullable<Uid>,
        actor_id -> Nullable<Uid>,
        payload -> Text,
        created_at -> Ts,
        position -> Nullable<BigInt>,
        via -> Nullable<Text>,
        via_id -> Nullable<Uid>,
        resource_type -> Nullable<Text>,
        resource_id -> Nullable<Text>,
        subject_id -> Nullable<Uid>,
        request_id -> Nullable<Text>,
        personal -> Nullable<Text>,
        salt -> Nullable<Binary>,
        digest -> Nullable<Binary>,
        link -> Nullable<Binary>,
        refused_action -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable};
    use crate::columns::Uid;

    audit_chains (id) {
        id -> Uid,
        position -> BigInt,
        count -> BigInt,
        link -> Binary,
        seal -> Binary,
        pruned_position -> Nullable<BigInt>,
        pruned_count -> Nullable<BigInt>,
        pruned_link -> Nullable<Binary>,
        pruned_seal -> Nullable<Binary>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};

    ledger_positions (name) {
        name -> Text,
        position -> BigInt,
    }
}

table! {
    use diesel::sql_types::Nullable;
    use crate::columns::{Ts, Uid};

    erasures (id) {
        id -> Uid,
        app_id -> Nullable<Uid>,
        principal_id -> Uid,
        created_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::columns::{Ts, Uid};

    mail_queue (id) {
        id -> Uid,
        app_id -> Nullable<Uid>,
        recipient -> Text,
        kind -> Text,
        payload -> Nullable<Text>,
        attempts -> Integer,
        due_at -> Ts,
        created_at -> Ts,
        locale -> Nullable<Text>,
        event_id -> Nullable<Uid>,
    }
}

table! {
    use crate::columns::{Ts, Uid};

    revoked_tokens (id) {
        id -> Uid,
        expires_at -> Ts,
    }
}

table! {
    use diesel::sql_types::Binary;
    use crate::columns::Ts;

    sealing_keys (id) {
        id -> Binary,
        created_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::columns::Ts;

    signing_keys (id) {
        id -> Binary,
        algorithm -> Text,
        state -> Text,
        public_key -> Binary,
        private_key -> Nullable<Binary>,
        created_at -> Ts,
        current_since -> Nullable<Ts>,
        believed_until -> Nullable<Ts>,
        secret_until -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::columns::{Ts, Uid};

    assets (id) {
        id -> Uid,
        organization_id -> Uid,
        team_id -> Nullable<Uid>,
        kind -> Text,
        name -> Text,
        provider -> Nullable<Text>,
        provider_id -> Nullable<Text>,
        metadata -> Text,
        created_by -> Uid,
        deleted_at -> Nullable<Ts>,
        created_at -> Ts,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::columns::{Ts, Uid};

    usage_records (id) {
        id -> Uid,
        organization_id -> Uid,
        kind -> Nullable<Text>,
        runs -> BigInt,
        cost_micro_usd -> BigInt,
        occurred_at -> Ts,
        idempotency_key -> Text,
        metadata -> Text,
        recorded_by -> Uid,
        created_at -> Ts,
    }
}

table! {
    use diesel::sql_types::BigInt;
    use crate::columns::{Ts, Uid};

    usage_days (organization_id, day) {
        organization_id -> Uid,
        day -> Ts,
        runs -> BigInt,
        cost_micro_usd -> BigInt,
    }
}

table! {
    use diesel::sql_types::{Integer, Nullable};
    use crate::columns::{Ts, Uid};

    concurrency_limits (id) {
        id -> Uid,
        organization_id -> Nullable<Uid>,
        team_id -> Nullable<Uid>,
        max_runs -> Integer,
        updated_at -> Ts,
    }
}

joinable!(api_keys -> organizations (organization_id));
joinable!(api_keys -> service_accounts (service_account_id));
joinable!(app_origins -> apps (app_id));
joinable!(grants -> organizations (organization_id));
joinable!(invitations -> organizations (organization_id));
joinable!(memberships -> organizations (organization_id));
joinable!(memberships -> roles (role_id));
joinable!(oauth_clients -> service_accounts (service_account_id));
joinable!(service_accounts -> organizations (organization_id));
joinable!(sessions -> accounts (account_id));
joinable!(team_members -> roles (role_id));
joinable!(team_members -> teams (team_id));
joinable!(teams -> organizations (organization_id));
allow_tables_to_appear_in_same_query!(
    app_origins,
    apps,
    api_keys,
    grants,
    invitations,
    memberships,
    oauth_clients,
    organizations,
    roles,
    service_accounts,
    team_members,
    teams
);
allow_tables_to_appear_in_same_query!(accounts, apps, principals, sessions);
