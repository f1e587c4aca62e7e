//! Every query goes by an index: what it costs does not grow with the number of other tenants.
//!
//! The queries are not repeated here. All those that a walk through the repositories sends are caught on their way, and
//! the database is asked how it would run each.

mod walk;
mod webhook_walk;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::{Instrumentation, InstrumentationEvent, SimpleConnection as _, set_default_instrumentation},
    sql_query,
    sql_types::Text,
};
use fabric_storage::{Database, Options};
use platform::Store;
use testbed::TestDatabase;

use crate::walk::walk;

/// All queries so far, without their values.
static CAUGHT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

struct Catch;

impl Instrumentation for Catch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let sql = text.split(" -- binds: ").next().unwrap_or_default();
            let ours = ["SELECT", "UPDATE", "DELETE", "INSERT", "WITH"].iter().any(|begin| sql.starts_with(begin));
            let about_the_database = ["pragma_", "sqlite_master", "pg_", "to_regclass", "__diesel"];
            let about_nothing = "(1=0)";
            if ours && !about_the_database.iter().chain(&[about_nothing]).any(|name| sql.contains(name)) {
                CAUGHT.lock().unwrap().insert(sql.to_owned());
            }
        }
    }
}

async fn caught(place: &TestDatabase, quote: char) -> Vec<String> {
    set_default_instrumentation(|| Some(Box::new(Catch))).unwrap();
    let store: Arc<dyn Store> = Arc::new(Database::open(&Options::new(&place.url)).unwrap());
    store.write(walk).await.unwrap();
    // The other database's test may run beside this one.
    let caught = CAUGHT.lock().unwrap();
    let caught: Vec<_> = caught.iter().filter(|sql| sql.contains(quote)).cloned().collect();
    assert!(caught.len() > 100, "{}", caught.len());
    caught
}

#[tokio::test]
async fn on_sqlite_every_query_goes_by_an_index() {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let place = TestDatabase::sqlite();
    let queries = caught(&place, '`').await;
    let path = place.url.strip_prefix("sqlite://").unwrap();
    let mut connection = SqliteConnection::establish(path).unwrap();
    for query in queries {
        let plan: Vec<Step> = sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(&mut connection).unwrap();
        for Step { detail } in plan {
            let whole = [
                // A list of them all, in the order of their ids, a page at a time.
                "SCAN apps USING INDEX sqlite_autoindex_apps_1",
                "SCAN events USING INDEX sqlite_autoindex_events_1",
                "SCAN audit_chains",
                "SCAN erasures",
                "SCAN concurrency_limits",
                // A handful, for the whole platform.
                "SCAN signing_keys",
                // An index of nobody else.
                "SCAN accounts USING INDEX accounts_platform_admin",
                "SCAN events USING INDEX events_unsequenced",
                "SCAN CONSTANT ROW",
            ];
            assert!(!detail.starts_with("SCAN") || whole.contains(&detail.as_str()), "{detail}: {query}");
            // Whoever asks for what is somebody's does not go through all that an app has.
            let through_an_app = detail.ends_with("(app_id=?)") && !detail.starts_with("SEARCH app_origins");
            assert!(!through_an_app || !query.contains(" JOIN "), "{detail}: {query}");
            assert!(!through_an_app || !query.contains("`email` = "), "{detail}: {query}");
        }
    }
}

#[tokio::test]
async fn on_postgres_every_query_goes_by_an_index() {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let place = TestDatabase::postgres(|url| drop(Database::migrate(url).unwrap()));
    let queries = caught(&place, '"').await;
    let mut connection = PgConnection::establish(&place.url).unwrap();
    connection.batch_execute(MANY_TENANTS).unwrap();
    connection.batch_execute("ANALYZE; SET plan_cache_mode = force_generic_plan").unwrap();
    for query in queries {
        let values = (1..).take_while(|number| query.contains(&format!("${number}"))).map(|_| "NULL");
        let values = values.collect::<Vec<_>>().join(", ");
        let values = if values.is_empty() { values } else { format!("({values})") };
        connection.batch_execute(&format!("PREPARE plan AS {query}")).unwrap();
        let plan: Vec<Step> = sql_query(format!("EXPLAIN EXECUTE plan{values}")).load(&mut connection).unwrap();
        connection.batch_execute("DEALLOCATE plan").unwrap();
        let plan: Vec<_> = plan.into_iter().map(|step| step.line).collect();
        for (line, next) in plan.iter().zip(plan.iter().skip(1).map(String::as_str).chain([""])) {
            // An index that is read from one end to the other is no better than the table.
            let by_index =
                !line.contains("Index Scan") && !line.contains("Index Only Scan") || next.contains("Index Cond");
            let whole = [
                "using apps_pkey on apps",
                "using accounts_platform",
                "using organizations_platform",
                "using events_pkey on events",
                "using events_unsequenced on events",
                "using audit_chains_pkey on audit_chains",
                "using erasures_pkey on erasures",
                "using concurrency_limits_pkey on concurrency_limits",
                // A handful, for the whole platform, read as a whole.
                "Seq Scan on signing_keys",
            ];
            let known = whole.iter().any(|known| line.contains(known));
            let sound = known || (!line.contains("Seq Scan") && by_index);
            assert!(sound, "{query}\n{}", plan.join("\n"));
        }
    }
}

/// Enough rows that it matters how they are found.
const MANY_TENANTS: &str = "
    INSERT INTO principals SELECT gen_random_uuid(), n || '@example.com', now() FROM generate_series(1, 5000) AS n;
    INSERT INTO organizations
        SELECT gen_random_uuid(), NULL, 'slug-' || n, 'Acme', '{}', NULL, now(), now() FROM generate_series(1, 1000) AS n;
    INSERT INTO apps
        SELECT gen_random_uuid(), id, 'Shop', 'shop', 'foc_' || id, '{}', '{}', NULL, now(), now() FROM organizations;
    INSERT INTO app_origins SELECT 'https://' || id || '.example', id FROM apps;
    INSERT INTO client_secrets SELECT gen_random_uuid(), id, 'x', now(), NULL FROM apps;
    INSERT INTO organizations
        SELECT gen_random_uuid(), id, 'slug-' || n, 'Acme', '{}', NULL, now(), now()
        FROM apps, generate_series(1, 4) AS n;
    INSERT INTO accounts
        SELECT gen_random_uuid(), p.id, a.id, p.email, NULL, NULL, NULL, '{}', 0, now(), false, NULL, now(), now()
        FROM (SELECT *, row_number() OVER () AS n FROM principals WHERE email IS NOT NULL) AS p
        JOIN (SELECT *, row_number() OVER () AS n FROM apps) AS a ON a.n = p.n % 100 + 1;
    INSERT INTO accounts
        SELECT gen_random_uuid(), id, NULL, email, NULL, NULL, NULL, '{}', 0, now(), false, NULL, now(), now()
        FROM principals WHERE email IS NOT NULL LIMIT 300;
    INSERT INTO memberships
        SELECT gen_random_uuid(), o.id, p.id, 'owner', now()
        FROM (SELECT *, row_number() OVER () AS n FROM organizations) AS o
        JOIN (SELECT *, row_number() OVER () AS n FROM principals) AS p ON p.n = o.n % 1700 + 1;
    INSERT INTO roles
        SELECT gen_random_uuid(), id, 'role-' || n, NULL, '[]', now(), now()
        FROM organizations, generate_series(1, 2) AS n;
    UPDATE memberships SET role_id = roles.id FROM roles
        WHERE roles.organization_id = memberships.organization_id AND roles.name = 'role-1';
    INSERT INTO teams
        SELECT gen_random_uuid(), id, 'team-' || n, 'Kitchen', NULL, now(), now()
        FROM organizations, generate_series(1, 2) AS n;
    INSERT INTO team_members
        SELECT t.id, m.organization_id, m.principal_id, 'member', now()
        FROM teams AS t JOIN memberships AS m ON m.organization_id = t.organization_id;
    INSERT INTO grants
        SELECT gen_random_uuid(), m.organization_id, NULL, m.principal_id, 'allow', 'team.*', NULL, NULL, now()
        FROM memberships AS m, generate_series(1, 2);
    INSERT INTO invitations
        SELECT gen_random_uuid(), o.id, NULL, 'user-' || n || '@' || o.slug || '.example', 'member', o.id, s.name,
            now() - n * interval '1 minute', now(), now() - n * interval '1 minute'
        FROM organizations AS o, generate_series(1, 2) AS n,
            (VALUES ('pending'), ('accepted'), ('expired')) AS s (name);
    INSERT INTO invitation_letters SELECT gen_random_uuid(), id, organization_id, NULL, now() FROM invitations;
    INSERT INTO sessions SELECT gen_random_uuid(), id, 0, NULL, NULL, now(), now(), NULL FROM accounts;
    INSERT INTO refresh_tokens SELECT gen_random_uuid(), id, now(), NULL, NULL FROM sessions;
    INSERT INTO one_time_tokens
        SELECT gen_random_uuid(), 'verify_email', id, email, id::text::bytea, now(), NULL FROM accounts;
    INSERT INTO former_addresses SELECT gen_random_uuid(), app_id, id, 'left-' || email, now() FROM accounts;
    INSERT INTO totp_enrollments SELECT gen_random_uuid(), id, 'x', 0, NULL, now() FROM accounts;
    INSERT INTO recovery_codes
        SELECT id, n::text::bytea, NULL FROM totp_enrollments, generate_series(1, 10) AS n;
    INSERT INTO mfa_challenges
        SELECT id::text::bytea, 'sign_in', id, 'password', 0, 0, now(), NULL FROM accounts;
    INSERT INTO passkeys
        SELECT gen_random_uuid(), id, app_id, 'example.com', id::text::bytea, '{}', 0, true, true, NULL, '[]', 'Phone', now(), NULL
        FROM accounts;
    INSERT INTO passkey_challenges SELECT id::text::bytea, 'sign_in', id, true, '{}', now(), NULL FROM accounts;
    INSERT INTO lockouts SELECT id::text::bytea, 1, NULL, now() FROM accounts;
    INSERT INTO links SELECT 'supabase', id, app_id, id, now() FROM accounts;
    INSERT INTO organization_secrets
        SELECT id, 'KEY_' || n, 'x', now(), now() FROM organizations, generate_series(1, 3) AS n;
    INSERT INTO assets
        SELECT gen_random_uuid(), id, NULL, 'voice', 'Narrator', NULL, NULL, '{}', id, s.at, now()
        FROM organizations, generate_series(1, 3), (VALUES (NULL), (now())) AS s (at);
    INSERT INTO usage_records
        SELECT gen_random_uuid(), id, NULL, 1, 1, now(), 'run-' || n, '{}', id, now()
        FROM organizations, generate_series(1, 5) AS n;
    INSERT INTO usage_days
        SELECT id, date_trunc('day', now()) - n * interval '1 day', 1, 1
        FROM organizations, generate_series(1, 5) AS n;
    INSERT INTO concurrency_limits SELECT id, id, NULL, 1, now() FROM organizations;
    INSERT INTO service_accounts
        SELECT gen_random_uuid(), id, NULL, 'Deploys', NULL, 'member', NULL, NULL, now(), now()
        FROM organizations, generate_series(1, 2);
    INSERT INTO oauth_clients
        SELECT gen_random_uuid(), id, 'foc_' || id, 'x', '[]', '[]', now() FROM service_accounts;
    INSERT INTO api_keys
        SELECT gen_random_uuid(), 'fab_' || id, 'x', organization_id, NULL, id, 'Key', NULL, '[]', NULL, NULL, now(),
            id, NULL, '[]', NULL, NULL, NULL, NULL, now()
        FROM service_accounts;
    INSERT INTO api_keys
        SELECT gen_random_uuid(), 'fab_' || id, 'x', organization_id, NULL, principal_id, 'Key', 'member', '[]', NULL,
            NULL, now(), NULL, NULL, '[]', NULL, NULL, NULL, NULL, now()
        FROM memberships;
    INSERT INTO signing_secrets SELECT id, 'x', now() FROM organizations ON CONFLICT DO NOTHING;
    INSERT INTO webhook_letters SELECT gen_random_uuid(), id, now() FROM organizations, generate_series(1, 5);
    INSERT INTO webhook_endpoints
        (id, organization_id, app_id, url, event_filter, resource_filter, max_retries, ordered, active, created_at, updated_at)
        SELECT gen_random_uuid(), id, app_id, 'https://example.com', '[]', '{}', 3, false, true, now(), now()
        FROM organizations;
    INSERT INTO webhook_queues
        SELECT id, now() + n * interval '1 s', NULL,
            CASE WHEN n % 3 = 0 THEN gen_random_uuid() END, CASE WHEN n % 3 = 0 THEN now() END
        FROM (SELECT id, row_number() OVER () AS n FROM webhook_endpoints) AS numbered;
    INSERT INTO webhook_deliveries
        (id, endpoint_id, event_id, event_kind, position, status, attempts, forgiven, due_at, last_at, latency_ms,
            created_at, finished_at)
        SELECT gen_random_uuid(), id, gen_random_uuid(), 'team.created', n, s.status, 1, 0,
            CASE WHEN s.status = 'pending' THEN now() + n * interval '1 s' END, now(), 1, now(),
            CASE WHEN s.status <> 'pending' THEN now() + n * interval '1 s' END
        FROM webhook_endpoints, generate_series(1, 3) AS n,
            (VALUES ('pending'), ('success'), ('failed')) AS s (status);
    INSERT INTO webhook_attempts (delivery_id, number, at, latency_ms)
        SELECT id, 1, now(), 1 FROM webhook_deliveries;
    INSERT INTO mail_requests SELECT gen_random_uuid(), id::text::bytea, now() FROM accounts;
    INSERT INTO mail_queue
        SELECT gen_random_uuid(), NULL, email, 'verify_email', NULL, 0, now(), now() FROM accounts;
    INSERT INTO mail_templates
        SELECT id, letter, 'en', 'x', 'x', 'x', now() FROM apps, (VALUES ('invitation'), ('verify_email')) AS l (letter);
    INSERT INTO social_providers
        SELECT id, provider, 'oidc', 'x', 'x', 'x', '[]', now(), now()
        FROM apps, (VALUES ('google'), ('github')) AS n (provider);
    INSERT INTO social_flows SELECT id::text::bytea, app_id, 'x', now() FROM accounts;
    INSERT INTO revoked_tokens SELECT id, now() FROM principals;
    INSERT INTO signing_keys SELECT id::text::bytea, 'EdDSA', 'retired', 'x', NULL, now() FROM principals;
    INSERT INTO events (id, kind, app_id, organization_id, actor_id, payload, created_at, position, personal)
        SELECT gen_random_uuid(), 'team.created', app_id, id, gen_random_uuid(), '{}', now(), NULL, '{}'
        FROM organizations, generate_series(1, 5);
    UPDATE events SET position = numbered.n, subject_id = gen_random_uuid()
        FROM (SELECT id, row_number() OVER () AS n FROM events) AS numbered
        WHERE numbered.id = events.id AND numbered.n < 24000;
    INSERT INTO audit_chains SELECT id, 1, 1, 'x', 'x' FROM organizations ON CONFLICT DO NOTHING;
    INSERT INTO ledger_positions SELECT id::text, 1 FROM organizations;
    INSERT INTO erasures SELECT gen_random_uuid(), NULL, id, now() FROM principals;
";
