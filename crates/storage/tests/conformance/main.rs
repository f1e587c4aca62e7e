//! What every repository trait promises, on SQLite and on PostgreSQL: each story runs on both.

/// Makes two tests of each story, one a database. Four threads, so that what races in the story does race.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                super::$story(&crate::support::Db::sqlite()).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                super::$story(&crate::support::Db::postgres()).await;
            })+
        }
    };
}

mod accounts;
mod accounts_at_once;
mod api_keys;
mod apps;
mod apps_owned;
mod assets;
mod backup;
mod budgets;
mod changes;
mod client_secrets;
mod concurrency_limits;
mod custom_roles;
mod former_addresses;
mod grants;
mod invitation_letters;
mod invitations;
mod links;
mod lockouts;
mod mail_queue;
mod mail_requests;
mod mail_templates;
mod memberships;
mod migrations;
mod notices;
mod oauth_clients;
mod one_time_tokens;
mod organization_deletion;
mod organization_secrets;
mod organization_settings;
mod organizations;
mod outage;
mod passkeys;
mod records;
mod refresh_tokens;
mod schema;
mod second_factor;
mod service_accounts;
mod sessions;
mod shutdown;
mod signing_keys;
mod single_use;
mod social;
mod support;
mod teams;
mod units;
mod usage;
mod webhook_deliveries;
mod webhook_endpoints;
