//! The fields that payloads are made of. One name means the same in every kind.

use super::payload::{Field, FieldType};

macro_rules! fields {
    ($($name:ident: $wire:literal $value:ident $meaning:literal;)+) => {
        $(pub(super) const $name: Field = Field::new($wire, FieldType::$value, $meaning);)+
    };
}

fields! {
    ACCEPT_URL: "accept_url" Text "the link that accepts the invitation";
    ACTION: "action" Text "the action that is permitted, denied or was refused";
    ACTIONS: "actions" Texts "the actions that the role permits";
    ACTIVE: "active" Bool "whether deliveries go out";
    API_KEY_ID: "api_key_id" Id "the API key";
    ALGORITHM: "algorithm" Text "how the key signs: `EdDSA`, `ES256` or `RS256`";
    APP_ID: "app_id" Id "the app; of an endpoint the one that it is bound to";
    ASSET_ID: "asset_id" Id "the asset";
    ASSET_TYPE: "asset_type" Text "its type";
    CHANGED: "changed" Texts "the names of what changed";
    CLIENT_ID: "client_id" Text "the client id: of the OAuth client, or of the app at the provider";
    CODE: "code" Text "the code that signs in";
    CONFIRM_INVITATIONS: "confirm_invitations" Bool "whether a link asks before it accepts";
    COUNT: "count" Integer "how often";
    DELETE_AT: "delete_at" Time "when it will be deleted";
    DELETION_GRACE_DAYS: "deletion_grace_days" Integer "how long deletions can be cancelled";
    DELIVERY_ID: "delivery_id" Id "the one delivery that is sent anew";
    DISPLAY_NAME: "display_name" Text "what people read";
    EFFECT: "effect" Text "`allow` or `deny`";
    EMAIL: "email" Text "the address";
    EMAIL_FROM_NAME: "email_from_name" Text "the name that its mails come from";
    EMAIL_CHANGE_TOKEN: "email_change_token" Text "the token that confirms the address";
    EMAIL_CHANGE_URL: "email_change_url" Text "the link with it";
    EVENT_FILTER: "event_filter" Texts "the kinds that the endpoint wants; empty for all";
    EVENT_KIND: "event_kind" Text "of which kind that is";
    EVENTS: "events" Texts "deliveries of these kinds alone; empty for all";
    EXPIRES_AT: "expires_at" Time "when it expires";
    FAILING_SINCE: "failing_since" Time "since when nothing had arrived there";
    FORMER_EMAIL: "former_email" Text "the address of before";
    FROM: "from" Time "deliveries since then";
    INVITATION_ID: "invitation_id" Id "the invitation";
    KIND: "kind" Text "what is spoken there: `google`, `github`, `microsoft` or `oidc`";
    LOGO_URL: "logo_url" Text "its logo";
    MAGIC_LINK_TOKEN: "magic_link_token" Text "the token that signs in";
    MAGIC_LINK_URL: "magic_link_url" Text "the link with it";
    MAX_CONCURRENT_RUNS: "max_concurrent_runs" Integer "how much may run at once; `null` is no limit";
    MAX_INVITATIONS_PER_HOUR: "max_invitations_per_hour" Integer "how many may be sent in an hour";
    MAX_PENDING_INVITATIONS: "max_pending_invitations" Integer "how many may wait for an answer";
    MESSAGE: "message" Text "says so in words";
    METHOD: "method" Text "how: `password`, `magic_link`, `email_code`, `social`, `passkey`";
    MONTHLY_LIMIT_USD: "monthly_limit_usd" Number "what may be spent in a month, in dollars; `null` is no limit";
    NAME: "name" Text "its name";
    OAUTH_CLIENT_ID: "oauth_client_id" Id "the OAuth client";
    ORIGIN: "origin" Text "scheme, host and port of the endpoint's URL";
    PASSKEY_ID: "passkey_id" Id "the passkey";
    PERMISSION_ID: "permission_id" Id "the grant";
    PLATFORM_ADMIN: "platform_admin" Bool "whether they run the platform from now on";
    PREFIX: "prefix" Text "how the key begins";
    PREVIOUS_SECRET_UNTIL: "previous_secret_until" Time "until when the secret before counts as well";
    PREVIOUS_SIGNING_KEY_ID: "previous_signing_key_id" Text "the `kid` of the key before";
    PRINCIPAL_ID: "principal_id" Id "whom it is about; of a key or a grant whose it is";
    PROVIDER: "provider" Text "the other provider";
    PROVIDER_USER_ID: "provider_user_id" Text "who they are there";
    PURPOSE: "purpose" Text "what for: `sign_in` or `enroll`";
    REASON: "reason" Text "why";
    REMAINING: "remaining" Integer "how many are left";
    RESET_TOKEN: "reset_token" Text "the token that sets another password";
    RESET_URL: "reset_url" Text "the link with it";
    RESOURCE_ID: "resource_id" Text "on which thing; `*` for all";
    RESOURCE_TYPE: "resource_type" Text "on what kind of thing";
    ROLE: "role" Text "the role";
    ROLE_ID: "role_id" Id "the organization's own role";
    SCOPE: "scope" Text "for what: `global`, or the id of an organization or a team";
    SCOPES: "scopes" Texts "its scopes; empty for all";
    SECOND_FACTOR: "second_factor" Text "with which: `totp` or `recovery_code`";
    SERVICE_ACCOUNT_ID: "service_account_id" Id "the service account";
    SESSION_ID: "session_id" Id "the session";
    SIGNING_KEY_ID: "signing_key_id" Text "the key's `kid`";
    SLUG: "slug" Text "its slug";
    STATUS: "status" Text "deliveries with this status alone: `failed`, `success` or `any`";
    TEAM_ID: "team_id" Id "the team";
    TO: "to" Time "deliveries before then";
    TOKEN: "token" Text "the token that accepts the invitation";
    TOKEN_ID: "token_id" Id "the token";
    UNDO_TOKEN: "undo_token" Text "the token that takes the change back";
    UNDO_URL: "undo_url" Text "the link with it";
    URL: "url" Text "the issuer or the server";
    VERIFY_TOKEN: "verify_token" Text "the token that proves the address";
    VERIFY_URL: "verify_url" Text "the link with it";
    WEBHOOK_EVENTS: "webhook_events" Texts "the kinds that are sent there";
    WEBHOOK_ID: "webhook_id" Id "the endpoint";
    WEBHOOK_URL: "webhook_url" Text "the host of where events are sent to";
}

pub(super) const PERSON: &[Field] = &[PRINCIPAL_ID];
pub(super) const PERSON_WITH_ADDRESS: &[Field] = &[PRINCIPAL_ID, EMAIL];
pub(super) const VERIFY_LINK: &[Field] = &[PRINCIPAL_ID, EMAIL, VERIFY_TOKEN.with_token(), VERIFY_URL.with_token()];
pub(super) const RESET_LINK: &[Field] = &[PRINCIPAL_ID, EMAIL, RESET_TOKEN.with_token(), RESET_URL.with_token()];
pub(super) const MAGIC_LINK: &[Field] =
    &[PRINCIPAL_ID, EMAIL, MAGIC_LINK_TOKEN.with_token(), MAGIC_LINK_URL.with_token()];
pub(super) const EMAIL_CODE: &[Field] = &[PRINCIPAL_ID, EMAIL, CODE.with_token()];
pub(super) const EMAIL_CHANGE_LINK: &[Field] =
    &[PRINCIPAL_ID, EMAIL, EMAIL_CHANGE_TOKEN.with_token(), EMAIL_CHANGE_URL.with_token()];
pub(super) const EMAIL_CHANGE: &[Field] = &[PRINCIPAL_ID, EMAIL, FORMER_EMAIL];
pub(super) const UNDO_LINK: &[Field] = &[PRINCIPAL_ID, EMAIL, UNDO_TOKEN.with_token(), UNDO_URL.with_token()];
pub(super) const PASSKEY: &[Field] = &[PRINCIPAL_ID, PASSKEY_ID];
pub(super) const SESSION: &[Field] = &[PRINCIPAL_ID, SESSION_ID];
pub(super) const ORGANIZATION: &[Field] = &[NAME.or_null(), SLUG];
pub(super) const SETTINGS: &[Field] = &[
    CHANGED,
    DISPLAY_NAME.or_null(),
    LOGO_URL.or_null(),
    EMAIL_FROM_NAME.or_null(),
    WEBHOOK_URL.or_null(),
    WEBHOOK_EVENTS.or_null(),
    MAX_PENDING_INVITATIONS,
    MAX_INVITATIONS_PER_HOUR,
    CONFIRM_INVITATIONS,
    DELETION_GRACE_DAYS,
];
pub(super) const SECRET: &[Field] = &[NAME];
pub(super) const ASSET: &[Field] = &[ASSET_ID, ASSET_TYPE, NAME, TEAM_ID.or_null()];
pub(super) const INVITATION: &[Field] = &[INVITATION_ID, EMAIL, ROLE, TEAM_ID.or_null()];
pub(super) const INVITATION_LINK: &[Field] = &[INVITATION_ID, EMAIL, TOKEN.with_token(), ACCEPT_URL.with_token()];
pub(super) const TEAM: &[Field] = &[TEAM_ID, NAME, SLUG];
pub(super) const OWN_ROLE: &[Field] = &[ROLE_ID, NAME, ACTIONS];
pub(super) const GRANT: &[Field] =
    &[PERMISSION_ID, PRINCIPAL_ID, EFFECT, ACTION, RESOURCE_TYPE.or_null(), RESOURCE_ID.or_null(), TEAM_ID.or_null()];
pub(super) const APP: &[Field] = &[APP_ID, NAME];
pub(super) const APP_PROVIDER: &[Field] = &[APP_ID, NAME, PROVIDER, KIND, URL, CLIENT_ID];
pub(super) const API_KEY: &[Field] = &[
    API_KEY_ID,
    PREFIX,
    NAME,
    PRINCIPAL_ID,
    SERVICE_ACCOUNT_ID.or_null(),
    ROLE.or_null(),
    SCOPES,
    EXPIRES_AT.or_null(),
];
pub(super) const SERVICE_ACCOUNT: &[Field] = &[SERVICE_ACCOUNT_ID, NAME, ROLE, TEAM_ID.or_null()];
pub(super) const ENDPOINT: &[Field] = &[WEBHOOK_ID, ORIGIN, EVENT_FILTER, APP_ID.or_null(), ACTIVE];
pub(super) const CHANGED_ENDPOINT: &[Field] = &[WEBHOOK_ID, ORIGIN, EVENT_FILTER, APP_ID.or_null(), ACTIVE, CHANGED];
pub(super) const ROTATED_ENDPOINT: &[Field] =
    &[WEBHOOK_ID, ORIGIN, EVENT_FILTER, APP_ID.or_null(), ACTIVE, PREVIOUS_SECRET_UNTIL.sometimes()];
pub(super) const REPLAY: &[Field] = &[
    WEBHOOK_ID,
    DELIVERY_ID.sometimes(),
    EVENT_KIND.sometimes(),
    FROM.sometimes(),
    TO.sometimes(),
    STATUS.sometimes(),
    EVENTS.sometimes(),
];
pub(super) const OAUTH_CLIENT: &[Field] = &[OAUTH_CLIENT_ID, CLIENT_ID, NAME, SERVICE_ACCOUNT_ID, SCOPES];
