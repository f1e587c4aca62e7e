//! The route table: every route there is. What it asks of its caller comes from its handler's own signature.

mod admin;
mod api_keys;
mod apps;
mod assets;
mod audit;
mod auth;
mod budgets;
mod checks;
mod concurrency_limits;
mod entry;
mod events;
mod invitations;
mod mail_templates;
mod me;
mod members;
mod my_sessions;
mod oauth;
mod oauth_clients;
mod organization_export;
mod organization_secrets;
mod organization_settings;
mod organizations;
#[cfg(feature = "passkeys")]
mod passkeys;
mod permissions;
mod resource;
mod roles;
mod service_accounts;
mod signing_keys;
mod social_providers;
mod system;
mod teams;
mod usage;
#[cfg(feature = "passkeys")]
mod user_passkeys;
mod webhook_deliveries;
mod webhook_secrets;
mod webhooks;

use actix_web::http::Method;
use entry::entry;
pub(crate) use entry::name_of;
pub use organization_export::write_manifest;

pub use self::{audit::AuditEntry, entry::Entry, resource::Resource};

const GET: Method = Method::GET;
const HEAD: Method = Method::HEAD;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// The whole surface.
#[must_use]
pub fn table() -> Vec<Entry> {
    let tenants = [tenancy(), organizations(), keepings(), invitations(), authorization(), keys(), webhooks()];
    let chapters = [server(), sign_in(), passkeys()].into_iter().chain(tenants).chain([apps_and_users()]);
    chapters.flatten().collect()
}

/// How the server is.
fn server() -> Vec<Entry> {
    vec![
        entry(GET, "/healthz", "Tells that the server runs.", system::alive),
        entry(HEAD, "/healthz", "The same without a word.", system::alive_head),
        entry(GET, "/health", "Tells that the server runs.", system::health),
        entry(GET, "/v1/health", "Tells that the server runs.", system::v1_health),
        entry(GET, "/readyz", "Tells whether the database answers and is migrated.", system::ready),
        entry(HEAD, "/readyz", "The same without a word.", system::ready_head),
        entry(GET, "/v1/system/status", "Tells how the server is.", system::status),
        entry(GET, "/v1/system/info", "Tells what the server is.", system::info),
        entry(GET, "/metrics", "Metrics for Prometheus.", system::metrics),
        entry(GET, "/openapi.json", "This document.", system::openapi),
    ]
}

/// How people and apps get in.
fn sign_in() -> Vec<Entry> {
    const CALLBACK: &str = "/v1/auth/callback/{app_id}/{provider}";
    const OWN_CALLBACK: &str = "/v1/auth/callback/{provider}";
    const MAGIC_LINK: &str = "/v1/auth/magic-link";
    const UNDO: &str = "/v1/auth/email-change/undo";
    const RESET: &str = "/v1/auth/reset-password";
    const VERIFY: &str = "/v1/auth/verify";
    vec![
        entry(POST, "/v1/auth/signup", "Signs a new user up.", auth::sign_up::sign_up),
        entry(POST, "/v1/auth/login", "Signs a user in.", auth::sign_in::login),
        entry(POST, "/v1/auth/social-login", "Signs a user in for whom the app vouches.", auth::social::login),
        entry(GET, "/v1/auth/social/{provider}", "Sends somebody to a provider to sign in.", auth::social_flow::depart),
        entry(GET, "/v1/auth/callback", "Takes them in who come back.", auth::social_flow::arrive),
        entry(GET, OWN_CALLBACK, "Takes them in who come back from elsewhere.", auth::social_flow::arrive_at_platform),
        entry(GET, CALLBACK, "Takes them in who come back from an app's provider.", auth::social_flow::arrive_at_app),
        entry(POST, "/v1/auth/social/token", "Redeems the code of who came back.", auth::social_flow::redeem),
        entry(POST, "/v1/auth/logout", "Ends the session of a token.", auth::sessions::logout),
        entry(POST, "/v1/auth/logout-all", "Ends every session of the caller.", auth::sessions::logout_all),
        entry(POST, "/v1/auth/token/refresh", "Spends a refresh token for a new pair.", auth::sessions::refresh),
        entry(POST, "/v1/auth/change-password", "Changes the caller's password.", auth::passwords::change),
        entry(POST, "/v1/auth/forgot-password", "Asks for a link to reset a password.", auth::passwords::forgot),
        entry(GET, RESET, "Shows the form for another password.", auth::passwords::reset_page),
        entry(POST, RESET, "Sets another password by link.", auth::passwords::reset),
        entry(GET, VERIFY, "Proves an address by the link that was mailed.", auth::verification::follow),
        entry(POST, VERIFY, "Proves an address by the token that was mailed.", auth::verification::verify),
        entry(POST, "/v1/auth/resend-verification", "Asks for another link.", auth::verification::resend),
        entry(POST, MAGIC_LINK, "Asks for a link to sign in with.", auth::magic_links::ask),
        entry(GET, MAGIC_LINK, "Shows the button that leads on from a link.", auth::magic_links::page),
        entry(POST, "/v1/auth/magic-link/verify", "Signs in with the token of a link.", auth::magic_links::verify),
        entry(POST, "/v1/auth/email-code", "Asks for a code to sign in with.", auth::email_codes::ask),
        entry(POST, "/v1/auth/email-code/verify", "Signs in with a code.", auth::email_codes::verify),
        entry(GET, "/v1/auth/email-change", "Says where an address is confirmed.", auth::email_change::page),
        entry(GET, UNDO, "Shows the button that takes a change of address back.", auth::email_change::undo_page),
        entry(POST, UNDO, "Takes a change of address back.", auth::email_change::undo),
        entry(POST, "/v1/auth/mfa", "Shows the second factor that a sign-in waits for.", auth::mfa::meet),
        entry(
            POST,
            "/v1/auth/reauthenticate",
            "Shows once more who is signed in.",
            auth::reauthentication::reauthenticate,
        ),
        entry(GET, "/v1/auth/totp", "Tells of the caller's second factor.", auth::totp::read),
        entry(POST, "/v1/auth/totp/enroll", "Enrolls an authenticator app.", auth::totp::enroll),
        entry(POST, "/v1/auth/totp/verify", "Compares a code, and activates an enrolment.", auth::totp::verify),
        entry(POST, "/v1/auth/totp/recovery", "Uses a recovery code up.", auth::totp::recover),
        entry(DELETE, "/v1/auth/totp", "Removes the caller's second factor.", auth::totp::disable),
        entry(POST, "/v1/oauth/token", "Grants a token.", oauth::token),
        entry(POST, "/v1/oauth/revoke", "Revokes a token.", oauth::revoke),
        entry(GET, "/.well-known/jwks.json", "Shows the keys that verify access tokens.", signing_keys::read),
    ]
}

/// What people have on their devices to get in with.
#[cfg(feature = "passkeys")]
fn passkeys() -> Vec<Entry> {
    const PASSKEYS: &str = "/v1/me/passkeys";
    const PASSKEY: &str = "/v1/me/passkeys/{passkey_id}";
    const OF_USER: &str = "/v1/admin/users/{principal_id}/passkeys";
    const ONE_OF_USER: &str = "/v1/admin/users/{principal_id}/passkeys/{passkey_id}";
    vec![
        entry(POST, "/v1/auth/passkey/challenge", "Begins a sign-in with a passkey.", auth::passkeys::challenge),
        entry(POST, "/v1/auth/passkey", "Signs a user in with a passkey.", auth::passkeys::sign_in),
        entry(POST, "/v1/me/passkeys/challenge", "Begins to add a passkey.", passkeys::challenge),
        entry(POST, PASSKEYS, "Adds a passkey.", passkeys::create),
        entry(GET, PASSKEYS, "Lists the caller's passkeys.", passkeys::list),
        entry(PATCH, PASSKEY, "Renames a passkey.", passkeys::update),
        entry(DELETE, PASSKEY, "Removes a passkey.", passkeys::remove),
        entry(GET, OF_USER, "Lists a user's passkeys.", user_passkeys::list),
        entry(DELETE, ONE_OF_USER, "Removes a user's passkey.", user_passkeys::remove),
    ]
}

#[cfg(not(feature = "passkeys"))]
fn passkeys() -> Vec<Entry> {
    Vec::new()
}

/// Oneself, and what one belongs to.
fn tenancy() -> Vec<Entry> {
    const CONNECTIONS: &str = "/v1/me/social-connections";
    const CONNECTION: &str = "/v1/me/social-connections/{provider}";
    const ORGANIZATIONS: &str = "/v1/organizations";
    const MEMBER: &str = "/v1/organizations/{organization_id}/members/{principal_id}";
    const TEAMS_IN: &str = "/v1/organizations/{organization_id}/teams";
    const TEAM: &str = "/v1/teams/{team_id}";
    const TEAM_MEMBER: &str = "/v1/teams/{team_id}/members/{principal_id}";
    vec![
        entry(GET, "/v1/me", "Tells who calls.", me::read),
        entry(PATCH, "/v1/me", "Changes the caller's profile.", me::update),
        entry(DELETE, "/v1/me", "Deletes the caller's account.", me::delete),
        entry(POST, "/v1/me/email", "Asks for another address.", auth::email_change::ask),
        entry(POST, "/v1/me/email/confirm", "Confirms another address.", auth::email_change::confirm),
        entry(GET, CONNECTIONS, "Lists whom the caller is linked to elsewhere.", me::social_connections),
        entry(DELETE, CONNECTION, "Cuts the link to a provider.", me::disconnect_social),
        entry(GET, "/v1/me/sessions", "Lists where the caller is signed in.", my_sessions::list),
        entry(POST, "/v1/me/sessions/revoke-others", "Ends the caller's other sessions.", my_sessions::end_others),
        entry(DELETE, "/v1/me/sessions/{session_id}", "Ends one of the caller's sessions.", my_sessions::end),
        entry(GET, "/v1/me/organizations", "Lists the caller's organizations.", me::organizations),
        entry(POST, ORGANIZATIONS, "Makes an organization.", organizations::create),
        entry(GET, ORGANIZATIONS, "Lists the caller's organizations.", organizations::list),
        entry(GET, "/v1/organizations/{organization_id}/members", "Lists members.", members::list),
        entry(PATCH, MEMBER, "Gives a member another role.", members::update),
        entry(DELETE, MEMBER, "Removes a member.", members::remove),
        entry(POST, "/v1/organizations/{organization_id}/leave", "Leaves an organization.", members::leave),
        entry(POST, "/v1/teams", "Makes a team.", teams::create),
        entry(POST, TEAMS_IN, "Makes a team of this organization.", teams::create_in),
        entry(GET, TEAMS_IN, "Lists an organization's teams.", teams::list),
        entry(GET, "/v1/me/teams", "Lists the caller's teams.", teams::own),
        entry(GET, TEAM, "Shows a team.", teams::read),
        entry(PATCH, TEAM, "Renames a team.", teams::update),
        entry(POST, "/v1/teams/{team_id}/archive", "Archives a team.", teams::archive),
        entry(POST, "/v1/teams/{team_id}/restore", "Brings an archived team back.", teams::restore),
        entry(GET, "/v1/teams/{team_id}/members", "Lists who is in a team.", teams::members),
        entry(PUT, TEAM_MEMBER, "Puts a member into a team, or changes their role there.", teams::put_member),
        entry(DELETE, TEAM_MEMBER, "Takes somebody out of a team.", teams::remove_member),
    ]
}

/// An organization itself.
fn organizations() -> Vec<Entry> {
    const ORGANIZATION: &str = "/v1/organizations/{organization_id}";
    const SETTINGS: &str = "/v1/organizations/{organization_id}/settings";
    const WEBHOOK_SECRET: &str = "/v1/organizations/{organization_id}/webhook-secret/rotate";
    const REQUEST_DELETION: &str = "/v1/organizations/{organization_id}/request-deletion";
    const CANCEL_DELETION: &str = "/v1/organizations/{organization_id}/cancel-deletion";
    vec![
        entry(GET, ORGANIZATION, "Shows an organization.", organizations::read),
        entry(PATCH, ORGANIZATION, "Changes an organization.", organizations::update),
        entry(GET, SETTINGS, "Shows an organization's settings.", organization_settings::read),
        entry(PATCH, SETTINGS, "Changes an organization's settings.", organization_settings::update),
        entry(POST, "/v1/organizations/{organization_id}/archive", "Archives an organization.", organizations::archive),
        entry(POST, "/v1/organizations/{organization_id}/restore", "Brings one back.", organizations::restore),
        entry(POST, WEBHOOK_SECRET, "Replaces the secret that webhooks are signed with.", webhook_secrets::rotate),
        entry(POST, REQUEST_DELETION, "Asks for an organization to be deleted.", organizations::request_deletion),
        entry(POST, CANCEL_DELETION, "Thinks better of it.", organizations::cancel_deletion),
        entry(
            GET,
            "/v1/organizations/{organization_id}/export",
            "Exports all that an organization owns.",
            organization_export::export,
        ),
    ]
}

/// What an organization keeps, uses and may spend.
fn keepings() -> Vec<Entry> {
    const BUDGET: &str = "/v1/organizations/{organization_id}/budget";
    const USAGE: &str = "/v1/organizations/{organization_id}/usage";
    const RECORDS: &str = "/v1/organizations/{organization_id}/usage/records";
    const ASSETS: &str = "/v1/organizations/{organization_id}/assets";
    const ASSET: &str = "/v1/organizations/{organization_id}/assets/{asset_id}";
    const SECRETS: &str = "/v1/organizations/{organization_id}/secrets";
    const SECRET: &str = "/v1/organizations/{organization_id}/secrets/{secret_name}";
    vec![
        entry(GET, BUDGET, "Shows an organization's budget.", budgets::read),
        entry(PUT, BUDGET, "Sets an organization's budget.", budgets::set),
        entry(GET, USAGE, "Tells what was run in a month, and what it cost.", usage::summary),
        entry(GET, "/v1/organizations/{organization_id}/usage/daily", "Tells the same day by day.", usage::daily),
        entry(GET, RECORDS, "Lists what was run.", usage::records),
        entry(POST, RECORDS, "Records that something was run.", usage::record),
        entry(GET, "/v1/organizations/{organization_id}/usage/spending", "Tells what was spent.", usage::spending),
        entry(POST, ASSETS, "Registers what an organization has at a provider.", assets::create),
        entry(GET, ASSETS, "Lists an organization's assets.", assets::list),
        entry(GET, ASSET, "Shows an asset.", assets::read),
        entry(DELETE, ASSET, "Deletes an asset.", assets::delete),
        entry(GET, SECRETS, "Lists an organization's secrets.", organization_secrets::list),
        entry(POST, SECRETS, "Sets a secret.", organization_secrets::set),
        entry(DELETE, SECRET, "Deletes a secret.", organization_secrets::delete),
    ]
}

/// How people come to belong.
fn invitations() -> Vec<Entry> {
    const INVITATIONS: &str = "/v1/invitations";
    const INVITATIONS_IN: &str = "/v1/organizations/{organization_id}/invitations";
    const ACCEPT: &str = "/v1/invitations/{invitation_id}/accept";
    vec![
        entry(POST, INVITATIONS, "Invites somebody.", invitations::create),
        entry(GET, INVITATIONS, "Lists invitations.", invitations::list),
        entry(POST, INVITATIONS_IN, "Invites somebody to this organization.", invitations::create_in),
        entry(GET, INVITATIONS_IN, "Lists an organization's invitations.", invitations::list_in),
        entry(GET, "/v1/invitations/{invitation_id}", "Shows an invitation.", invitations::read),
        entry(POST, "/v1/invitations/{invitation_id}/resend", "Sends an invitation again.", invitations::resend),
        entry(POST, "/v1/invitations/{invitation_id}/revoke", "Takes an invitation back.", invitations::revoke),
        entry(GET, ACCEPT, "Accepts an invitation by the link that was mailed.", invitations::follow),
        entry(POST, ACCEPT, "Accepts an invitation.", invitations::accept),
        entry(POST, "/v1/invitations/{invitation_id}/decline", "Declines an invitation.", invitations::decline),
        entry(GET, "/v1/me/invitations", "Lists what the caller is invited to.", invitations::own),
    ]
}

/// What one may do.
fn authorization() -> Vec<Entry> {
    const AUDIT_EXPORT: &str = "/v1/organizations/{organization_id}/audit-logs/export";
    const ROLES: &str = "/v1/organizations/{organization_id}/roles";
    const ROLE: &str = "/v1/organizations/{organization_id}/roles/{role_id}";
    vec![
        entry(GET, ROLES, "Lists an organization's own roles.", roles::list),
        entry(POST, ROLES, "Makes a role.", roles::create),
        entry(GET, ROLE, "Shows a role.", roles::read),
        entry(PATCH, ROLE, "Changes a role.", roles::update),
        entry(DELETE, ROLE, "Deletes a role.", roles::delete),
        entry(POST, "/v1/authz/check", "Tells whether the caller may do something.", checks::check),
        entry(POST, "/v1/authz/check-batch", "Answers several questions at once.", checks::check_batch),
        entry(POST, "/v1/permissions", "Makes a grant.", permissions::create),
        entry(GET, "/v1/permissions", "Lists grants.", permissions::list),
        entry(DELETE, "/v1/permissions/{permission_id}", "Takes a grant back.", permissions::delete),
        entry(GET, "/v1/permissions/resolve/org", "Resolves a role.", permissions::resolve_organization),
        entry(GET, "/v1/permissions/resolve/workspace", "Resolves a role and grants.", permissions::resolve_workspace),
        entry(GET, "/v1/organizations/{organization_id}/permissions", "Lists grants.", permissions::list_in),
        entry(GET, "/v1/events/stream", "Tells what happens, as it happens.", events::stream),
        entry(GET, "/v1/audit-logs", "Lists what happened in an app, or everywhere.", audit::list),
        entry(GET, "/v1/audit-logs/export", "Exports what happened in an app, or everywhere.", audit::export),
        entry(GET, "/v1/organizations/{organization_id}/audit-logs", "Lists what happened.", audit::list_in),
        entry(GET, AUDIT_EXPORT, "Exports what happened in an organization.", audit::export_in),
        entry(GET, "/v1/me/permissions", "Lists the caller's roles.", permissions::own),
    ]
}

/// What programs act with.
fn keys() -> Vec<Entry> {
    const KEYS: &str = "/v1/api-keys";
    const KEY: &str = "/v1/api-keys/{api_key_id}";
    const ACCOUNTS: &str = "/v1/service-accounts";
    const ACCOUNT: &str = "/v1/service-accounts/{service_account_id}";
    const KEYS_OF: &str = "/v1/service-accounts/{service_account_id}/api-keys";
    const KEY_OF: &str = "/v1/service-accounts/{service_account_id}/api-keys/{api_key_id}";
    const ROTATE_KEY_OF: &str = "/v1/service-accounts/{service_account_id}/api-keys/{api_key_id}/rotate";
    const CLIENTS: &str = "/v1/oauth/clients";
    vec![
        entry(POST, KEYS, "Makes an API key that acts as the caller.", api_keys::create),
        entry(GET, KEYS, "Lists API keys.", api_keys::list),
        entry(GET, KEY, "Shows an API key, without its secret.", api_keys::read),
        entry(PATCH, KEY, "Changes an API key.", api_keys::update),
        entry(DELETE, KEY, "Deletes an API key.", api_keys::delete),
        entry(POST, "/v1/api-keys/{api_key_id}/disable", "Disables an API key.", api_keys::disable),
        entry(POST, "/v1/api-keys/{api_key_id}/enable", "Enables an API key again.", api_keys::enable),
        entry(POST, "/v1/api-keys/{api_key_id}/rotate", "Replaces an API key's secret.", api_keys::rotate),
        entry(POST, ACCOUNTS, "Makes a service account.", service_accounts::create),
        entry(GET, ACCOUNTS, "Lists service accounts.", service_accounts::list),
        entry(GET, ACCOUNT, "Shows a service account.", service_accounts::read),
        entry(PATCH, ACCOUNT, "Changes a service account.", service_accounts::update),
        entry(DELETE, ACCOUNT, "Deletes a service account with its keys.", service_accounts::delete),
        entry(POST, "/v1/service-accounts/{service_account_id}/disable", "Disables one.", service_accounts::disable),
        entry(POST, "/v1/service-accounts/{service_account_id}/enable", "Enables it again.", service_accounts::enable),
        entry(POST, KEYS_OF, "Makes an API key of a service account.", service_accounts::create_key),
        entry(GET, KEYS_OF, "Lists the API keys of a service account.", service_accounts::list_keys),
        entry(DELETE, KEY_OF, "Deletes an API key of a service account.", service_accounts::delete_key),
        entry(POST, ROTATE_KEY_OF, "Replaces its secret.", service_accounts::rotate_key),
        entry(POST, CLIENTS, "Makes an OAuth client with a service account.", oauth_clients::create),
        entry(GET, CLIENTS, "Lists OAuth clients.", oauth_clients::list),
        entry(DELETE, "/v1/oauth/clients/{client_id}", "Deletes an OAuth client.", oauth_clients::delete),
    ]
}

/// Who is told what happens.
fn webhooks() -> Vec<Entry> {
    const ENDPOINTS_IN: &str = "/v1/organizations/{organization_id}/webhooks";
    const ENDPOINT: &str = "/v1/webhooks/{webhook_id}";
    const ROTATE_SECRET: &str = "/v1/webhooks/{webhook_id}/rotate-secret";
    const DELIVERIES: &str = "/v1/webhooks/{webhook_id}/deliveries";
    const DELIVERY: &str = "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}";
    const REPLAY_ONE: &str = "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay";
    const REPLAY: &str = "/v1/webhooks/{webhook_id}/replay";
    vec![
        entry(POST, "/v1/webhooks", "Makes a webhook endpoint.", webhooks::create),
        entry(POST, ENDPOINTS_IN, "Makes a webhook endpoint of this organization.", webhooks::create_in),
        entry(GET, ENDPOINTS_IN, "Lists an organization's webhook endpoints.", webhooks::list_in),
        entry(GET, ENDPOINT, "Shows a webhook endpoint, without its secret.", webhooks::read),
        entry(PATCH, ENDPOINT, "Changes a webhook endpoint.", webhooks::update),
        entry(DELETE, ENDPOINT, "Deletes a webhook endpoint.", webhooks::delete),
        entry(POST, "/v1/webhooks/{webhook_id}/pause", "Lets deliveries wait.", webhooks::pause),
        entry(POST, "/v1/webhooks/{webhook_id}/resume", "Delivers again.", webhooks::resume),
        entry(POST, ROTATE_SECRET, "Gives a webhook endpoint another secret.", webhooks::rotate_secret),
        entry(POST, "/v1/webhooks/{webhook_id}/test", "Sends a test event.", webhook_deliveries::test),
        entry(GET, DELIVERIES, "Lists what was delivered, and what was not.", webhook_deliveries::list),
        entry(GET, DELIVERY, "Shows a delivery with all attempts at it.", webhook_deliveries::read),
        entry(POST, REPLAY_ONE, "Sends a delivery anew.", webhook_deliveries::replay),
        entry(POST, REPLAY, "Sends many deliveries anew.", webhook_deliveries::replay_many),
    ]
}

/// Apps and their users.
fn apps_and_users() -> Vec<Entry> {
    const APPS: &str = "/v1/apps";
    const APP: &str = "/v1/apps/{app_id}";
    const LIMITS: &str = "/v1/admin/concurrency-limits";
    const TEMPLATES: &str = "/v1/apps/{app_id}/mail-templates";
    const TEMPLATE: &str = "/v1/apps/{app_id}/mail-templates/{mail_template}";
    const PROVIDERS: &str = "/v1/apps/{app_id}/social-providers";
    const PROVIDER: &str = "/v1/apps/{app_id}/social-providers/{provider}";
    const USERS: &str = "/v1/admin/users";
    const USER: &str = "/v1/admin/users/{principal_id}";
    const TOTP: &str = "/v1/admin/users/{principal_id}/totp";
    vec![
        entry(POST, APPS, "Registers an app.", apps::create),
        entry(GET, APPS, "Lists the apps that the caller manages.", apps::list),
        entry(GET, APP, "Shows an app.", apps::read),
        entry(PATCH, APP, "Changes an app.", apps::update),
        entry(DELETE, APP, "Deletes an app with all it owns.", apps::delete),
        entry(POST, "/v1/apps/{app_id}/disable", "Switches an app off.", apps::disable),
        entry(POST, "/v1/apps/{app_id}/enable", "Switches an app on again.", apps::enable),
        entry(POST, "/v1/apps/{app_id}/rotate-secret", "Replaces an app's client secret.", apps::rotate_secret),
        entry(GET, "/v1/apps/{app_id}/usage", "Tells how much there is in an app.", apps::usage),
        entry(GET, TEMPLATES, "Lists an app's own words for letters.", mail_templates::list),
        entry(GET, TEMPLATE, "Shows an app's own words for a letter.", mail_templates::read),
        entry(PUT, TEMPLATE, "Sets an app's own words for a letter.", mail_templates::put),
        entry(DELETE, TEMPLATE, "Takes an app's own words for a letter away.", mail_templates::delete),
        entry(GET, PROVIDERS, "Lists the providers that an app's users may sign in at.", social_providers::list),
        entry(PUT, PROVIDER, "Sets a provider of an app.", social_providers::put),
        entry(DELETE, PROVIDER, "Takes a provider of an app away.", social_providers::delete),
        entry(POST, "/v1/admin/bootstrap", "Makes the caller the first administrator.", admin::bootstrap),
        entry(GET, LIMITS, "Lists how much may run at once.", concurrency_limits::list),
        entry(PUT, LIMITS, "Sets how much may run at once.", concurrency_limits::set),
        entry(GET, USERS, "Lists and searches accounts.", admin::list),
        entry(POST, USERS, "Makes an account.", admin::create),
        entry(GET, USER, "Shows an account.", admin::read),
        entry(DELETE, USER, "Deletes an account.", admin::delete),
        entry(POST, "/v1/admin/users/{principal_id}/unlock", "Lifts a lock.", admin::unlock),
        entry(POST, "/v1/admin/users/{principal_id}/verify", "Vouches for an address.", admin::verify),
        entry(POST, "/v1/admin/users/{principal_id}/logout-all", "Ends every session.", admin::logout_all),
        entry(DELETE, TOTP, "Removes a user's second factor.", admin::remove_second_factor),
        entry(POST, "/v1/admin/users/{principal_id}/disable", "Disables an account.", admin::disable),
        entry(POST, "/v1/admin/users/{principal_id}/enable", "Enables an account again.", admin::enable),
    ]
}
