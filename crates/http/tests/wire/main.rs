//! What the wire promises: the real service, in-process, on SQLite and on PostgreSQL. Each story runs on both.

/// Makes two tests of each story, one a database.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[actix_web::test]
            async fn $story() {
                super::$story(&crate::support::World::new(testbed::Kind::Sqlite).await).await;
            })+
        }

        mod on_postgres {
            $(#[actix_web::test]
            async fn $story() {
                super::$story(&crate::support::World::new(testbed::Kind::Postgres).await).await;
            })+
        }
    };
}

mod accounts;
mod api_keys;
mod apps;
mod assets;
mod audit;
mod audit_chain;
mod audit_export;
mod audit_forgetting;
mod audit_refusals;
mod auth_events;
mod bad_input;
mod bootstrap;
mod breached_passwords;
mod budget;
mod checks;
mod claims;
mod concurrency_limits;
mod cors;
mod cors_and_hosts;
mod deletion;
mod deliveries;
mod delivery_audience;
mod delivery_changes;
mod delivery_fairness;
mod delivery_order;
mod delivery_retries;
mod development_header;
mod email_change;
mod email_change_attacks;
mod email_codes;
mod endings;
mod equal_answers;
mod event_stream;
mod event_stream_limits;
mod export;
mod floods;
mod headers;
mod imported_passwords;
mod invitation_attacks;
mod invitations;
mod invitations_at_once;
mod isolation;
mod key_limits;
mod left_behind;
mod links;
mod lockout;
mod magic_links;
mod mail_limits;
mod mail_links;
mod mail_words;
mod mails;
mod mass_assignment;
mod me;
mod members;
mod mfa;
mod mfa_attacks;
mod mfa_required;
mod my_sessions;
mod oauth;
mod oauth_clients;
mod operations;
mod organization_settings;
mod organizations;
mod own_roles;
mod pages;
mod partings;
mod passkey_answers;
mod passkey_attacks;
mod passkey_owners;
mod passkeys;
mod permissions;
mod rate_limits;
mod reauthentication;
mod refresh;
mod roles;
mod secrets;
mod service_accounts;
mod sign_in_attacks;
mod signing_keys;
mod signing_keys_forged;
mod single_use;
mod social_flow;
mod social_flow_attacks;
mod social_flow_claims;
mod social_flow_meanwhile;
mod social_flow_strangers;
mod social_providers;
mod social_sign_in;
mod supabase;
mod support;
mod sweep;
mod system;
mod teams;
mod token_deliveries;
mod totp;
mod usage;
mod users;
mod webhook_binding;
mod webhook_endpoints;
mod webhook_letters;
mod webhook_loops;
mod webhook_rotation;
mod webhook_shared_secrets;
