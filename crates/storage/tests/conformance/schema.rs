//! The two databases have the tables that `src/schema.rs` and the files below it declare, and what belongs to them.

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query, sql_types::Text,
};

use crate::support::Db;

on_both!(the_tables_are_those_that_are_declared, every_foreign_key_has_an_index,);

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(db: &Db, sql: &str) -> Vec<String> {
    let lines: Vec<Line> = match db.url.strip_prefix("sqlite://") {
        Some(path) => sql_query(sql).load(&mut SqliteConnection::establish(path).unwrap()).unwrap(),
        None => sql_query(sql).load(&mut PgConnection::establish(&db.url).unwrap()).unwrap(),
    };
    let mut lines: Vec<_> = lines.into_iter().map(|line| line.line).collect();
    lines.sort();
    lines
}

/// `table.column type`, with `?` behind what may be null.
fn declared(db: &Db) -> Vec<String> {
    let mut lines = Vec::new();
    let mut table = "";
    let files = [
        include_str!("../../src/schema.rs"),
        include_str!("../../src/schema/second_factor.rs"),
        include_str!("../../src/schema/social.rs"),
        include_str!("../../src/schema/webhooks.rs"),
    ];
    for line in files.into_iter().flat_map(str::lines).map(str::trim) {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            table = name;
        } else if let Some((column, kind)) = line.trim_end_matches(',').split_once(" -> ")
            && !line.starts_with("joinable")
        {
            let plain = kind.trim_start_matches("Nullable<").trim_end_matches('>');
            let (postgres, sqlite) = match plain {
                "Uid" => ("uuid", "BLOB"),
                "Ts" => ("timestamptz", "INTEGER"),
                "Text" => ("text", "TEXT"),
                "Binary" => ("bytea", "BLOB"),
                "Bool" => ("bool", "INTEGER"),
                "Integer" => ("int4", "INTEGER"),
                "BigInt" => ("int8", "INTEGER"),
                other => panic!("{other}?"),
            };
            let kind_here = if db.is_postgres() { postgres } else { sqlite };
            lines.push(format!("{table}.{column} {kind_here}{}", if plain == kind { "" } else { "?" }));
        }
    }
    lines.sort();
    assert!(lines.len() > 100, "the declarations were read");
    lines
}

async fn the_tables_are_those_that_are_declared(db: &Db) {
    let present = if db.is_postgres() {
        "SELECT table_name || '.' || column_name || ' ' || udt_name
             || CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END AS line
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'"
    } else {
        assert_eq!(
            lines(db, "SELECT name AS line FROM pragma_table_list WHERE type = 'table' AND NOT strict"),
            ["__diesel_schema_migrations", "sqlite_schema", "sqlite_temp_schema"],
            "every table checks its types"
        );
        "SELECT t.name || '.' || c.name || ' ' || c.type || iif(c.\"notnull\", '', '?') AS line
         FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
         WHERE t.schema = 'main' AND t.strict"
    };
    assert_eq!(lines(db, present), declared(db));
}

/// The foreign keys are the same on both, and each begins an index that has every row: without one, each row that goes
/// costs a walk through all that might refer to it.
async fn every_foreign_key_has_an_index(db: &Db) {
    let (keys, unindexed) = if db.is_postgres() {
        (
            "SELECT k.conrelid::regclass || '.' || a.attname || ' -> ' || k.confrelid::regclass
                 || CASE k.confdeltype WHEN 'c' THEN ' cascade' WHEN 'n' THEN ' set null' ELSE '' END AS line
             FROM pg_constraint AS k JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
             WHERE k.contype = 'f'",
            "SELECT k.conname::text AS line FROM pg_constraint AS k
             WHERE k.contype = 'f' AND NOT EXISTS (
                 SELECT 1 FROM pg_index AS i
                 WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1] AND i.indpred IS NULL)",
        )
    } else {
        (
            "SELECT t.name || '.' || k.\"from\" || ' -> ' || k.\"table\"
                 || iif(k.on_delete = 'NO ACTION', '', ' ' || lower(k.on_delete)) AS line
             FROM pragma_table_list AS t, pragma_foreign_key_list(t.name) AS k WHERE k.seq = 0",
            "SELECT t.name || '.' || k.\"from\" AS line
             FROM pragma_table_list AS t, pragma_foreign_key_list(t.name) AS k
             WHERE NOT EXISTS (
                 SELECT 1 FROM pragma_index_list(t.name) AS i, pragma_index_info(i.name) AS c
                 WHERE NOT i.partial AND c.seqno = 0 AND c.name = k.\"from\")",
        )
    };
    assert_eq!(lines(db, unindexed), [""; 0]);
    assert_eq!(
        lines(db, keys),
        [
            "accounts.app_id -> apps cascade",
            "accounts.principal_id -> principals",
            "api_keys.account_id -> accounts cascade",
            "api_keys.organization_id -> organizations cascade",
            "api_keys.service_account_id -> service_accounts cascade",
            "app_origins.app_id -> apps cascade",
            "apps.owner_organization_id -> organizations cascade",
            "assets.organization_id -> organizations cascade",
            "assets.team_id -> teams cascade",
            "client_secrets.app_id -> apps cascade",
            "concurrency_limits.organization_id -> organizations cascade",
            "concurrency_limits.team_id -> teams cascade",
            "former_addresses.account_id -> accounts cascade",
            "former_addresses.app_id -> apps cascade",
            "grants.organization_id -> organizations cascade",
            "grants.team_id -> teams cascade",
            "invitation_letters.invitation_id -> invitations cascade",
            "invitations.organization_id -> organizations cascade",
            "invitations.team_id -> teams cascade",
            "links.account_id -> accounts set null",
            "links.app_id -> apps cascade",
            "mail_templates.app_id -> apps cascade",
            "memberships.organization_id -> organizations cascade",
            "memberships.role_id -> roles",
            "mfa_challenges.account_id -> accounts cascade",
            "oauth_clients.service_account_id -> service_accounts cascade",
            "one_time_tokens.account_id -> accounts cascade",
            "organization_secrets.organization_id -> organizations cascade",
            "organizations.app_id -> apps cascade",
            "passkey_challenges.account_id -> accounts cascade",
            "passkeys.account_id -> accounts cascade",
            "passkeys.app_id -> apps cascade",
            "recovery_codes.enrollment_id -> totp_enrollments cascade",
            "refresh_tokens.session_id -> sessions cascade",
            "roles.organization_id -> organizations cascade",
            "service_accounts.organization_id -> organizations cascade",
            "service_accounts.role_id -> roles",
            "service_accounts.team_id -> teams cascade",
            "sessions.account_id -> accounts cascade",
            "signing_secrets.organization_id -> organizations cascade",
            "social_flows.app_id -> apps cascade",
            "social_providers.app_id -> apps cascade",
            "team_members.organization_id -> memberships cascade",
            "team_members.role_id -> roles",
            "team_members.team_id -> teams cascade",
            "teams.organization_id -> organizations cascade",
            "totp_enrollments.account_id -> accounts cascade",
            "usage_days.organization_id -> organizations cascade",
            "usage_records.organization_id -> organizations cascade",
            "webhook_attempts.delivery_id -> webhook_deliveries cascade",
            "webhook_deliveries.endpoint_id -> webhook_endpoints cascade",
            "webhook_endpoints.app_id -> apps cascade",
            "webhook_endpoints.organization_id -> organizations cascade",
            "webhook_letters.organization_id -> organizations cascade",
            "webhook_queues.endpoint_id -> webhook_endpoints cascade",
        ]
    );
}
