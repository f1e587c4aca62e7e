//! Things that happened. An event is a row of the ledger, written in the transaction that caused it; the audit log,
//! webhooks and streams read from there.

use serde_json::Value;

use crate::{
    Timestamp,
    id::{AppId, EventId, OrganizationId, PrincipalId},
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $wire:literal;)+) => {
        /// Every kind of event there is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $name,)+
        }

        impl EventKind {
            /// All of them, for the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The dotted name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }
        }
    };
}

kinds! {
    /// Somebody signed up.
    AuthSignup = "auth.signup";
    /// Somebody signed in.
    AuthLogin = "auth.login";
    /// An address waits to be proven. Who may know it gets the link with it.
    AuthEmailVerificationRequired = "auth.email_verification_required";
    /// An address was proven to be its owner's.
    AuthEmailVerified = "auth.email_verified";
    /// A password was changed by its owner.
    AuthPasswordChanged = "auth.password_changed";
    /// Somebody forgot a password. Who may know it gets the link with it.
    AuthPasswordResetRequested = "auth.password_reset_requested";
    /// A password was reset by link or by an administrator.
    AuthPasswordReset = "auth.password_reset";
    /// Password sign-in was locked after too many failures.
    AuthAccountLocked = "auth.account_locked";
    /// An administrator lifted a lock.
    AuthAccountUnlocked = "auth.account_unlocked";
    /// A spent refresh token came back: its whole family ended.
    AuthRefreshTokenReused = "auth.refresh_token_reused";
    /// Somebody signed out of one session.
    AuthLogout = "auth.logout";
    /// A token that belongs to no session was revoked by itself.
    AuthTokenRevoked = "auth.token_revoked";
    /// Somebody cut the link to who they are at another provider.
    AuthSocialDisconnected = "auth.social_disconnected";
    /// Every session of an account ended.
    AuthLogoutAll = "auth.logout_all";
    /// An administrator made an account.
    UserCreated = "user.created";
    /// A profile changed.
    UserUpdated = "user.updated";
    /// An account was disabled.
    UserDisabled = "user.disabled";
    /// An account was enabled again.
    UserEnabled = "user.enabled";
    /// An account was deleted.
    UserDeleted = "user.deleted";
    /// An organization was made.
    OrganizationCreated = "organization.created";
    /// An organization was changed.
    OrganizationUpdated = "organization.updated";
    /// An organization was archived.
    OrganizationArchived = "organization.archived";
    /// An archived organization was brought back.
    OrganizationRestored = "organization.restored";
    /// Somebody asked for an organization to be deleted.
    OrganizationDeletionRequested = "organization.deletion_requested";
    /// An organization is not deleted after all.
    OrganizationDeletionCancelled = "organization.deletion_cancelled";
    /// An organization was deleted with all it owned.
    OrganizationDeleted = "organization.deleted";
    /// Somebody became a member.
    MembershipCreated = "membership.created";
    /// A member's role changed.
    MembershipUpdated = "membership.updated";
    /// Somebody is no member any more.
    MembershipRemoved = "membership.removed";
    /// An organization's settings changed.
    OrganizationSettingsUpdated = "organization.settings_updated";
    /// An organization's limit of spending changed.
    OrganizationBudgetUpdated = "organization.budget_updated";
    /// The secret that an organization's webhooks are signed with was replaced.
    OrganizationWebhookSecretRotated = "organization.webhook_secret_rotated";
    /// An organization's secret was set.
    SecretSet = "secret.set";
    /// An organization's secret was deleted.
    SecretDeleted = "secret.deleted";
    /// An asset was registered.
    AssetCreated = "asset.created";
    /// An asset was deleted.
    AssetDeleted = "asset.deleted";
    /// How much may run at once was set, for all, for an organization or for a team.
    ConcurrencyLimitUpdated = "concurrency_limit.updated";
    /// Somebody was invited.
    InvitationCreated = "invitation.created";
    /// An invitation was sent again.
    InvitationResent = "invitation.resent";
    /// A link that accepts an invitation was issued. Who may know it gets the link with it.
    InvitationLinkIssued = "invitation.link_issued";
    /// Somebody accepted an invitation.
    InvitationAccepted = "invitation.accepted";
    /// Somebody declined an invitation.
    InvitationDeclined = "invitation.declined";
    /// An invitation was taken back.
    InvitationRevoked = "invitation.revoked";
    /// An invitation was not answered in time.
    InvitationExpired = "invitation.expired";
    /// A team was made.
    TeamCreated = "team.created";
    /// A team was renamed.
    TeamUpdated = "team.updated";
    /// A team was archived.
    TeamArchived = "team.archived";
    /// An archived team was brought back.
    TeamRestored = "team.restored";
    /// Somebody was put into a team, or got another role there.
    TeamMemberSet = "team.member_set";
    /// Somebody was taken out of a team.
    TeamMemberRemoved = "team.member_removed";
    /// Who belongs to an organization was refused a change there; several refusals of a kind are one event.
    AccessDenied = "access.denied";
    /// An organization made itself a role.
    RoleCreated = "role.created";
    /// An organization's own role changed.
    RoleUpdated = "role.updated";
    /// An organization's own role was deleted.
    RoleDeleted = "role.deleted";
    /// A grant was made.
    PermissionGranted = "permission.granted";
    /// A grant was taken back.
    PermissionRevoked = "permission.revoked";
    /// An app was registered.
    AppCreated = "app.created";
    /// An app's settings changed.
    AppUpdated = "app.updated";
    /// An app's client secret was replaced.
    AppSecretRotated = "app.secret_rotated";
    /// An app was disabled.
    AppDisabled = "app.disabled";
    /// An app was enabled again.
    AppEnabled = "app.enabled";
    /// An app was deleted with all it owned.
    AppDeleted = "app.deleted";
    /// An API key was made.
    ApiKeyCreated = "api_key.created";
    /// An API key was renamed, or may come from other addresses.
    ApiKeyUpdated = "api_key.updated";
    /// An API key's secret was replaced.
    ApiKeyRotated = "api_key.rotated";
    /// An API key was disabled.
    ApiKeyDisabled = "api_key.disabled";
    /// An API key was enabled again.
    ApiKeyEnabled = "api_key.enabled";
    /// An API key was deleted.
    ApiKeyRevoked = "api_key.revoked";
    /// A service account was made.
    ServiceAccountCreated = "service_account.created";
    /// A service account was renamed, or got another role.
    ServiceAccountUpdated = "service_account.updated";
    /// A service account was disabled.
    ServiceAccountDisabled = "service_account.disabled";
    /// A service account was enabled again.
    ServiceAccountEnabled = "service_account.enabled";
    /// A service account was deleted with its keys.
    ServiceAccountDeleted = "service_account.deleted";
    /// An endpoint was made.
    WebhookCreated = "webhook.created";
    /// An endpoint was changed, paused or resumed.
    WebhookUpdated = "webhook.updated";
    /// An endpoint got a secret of its own, or another one.
    WebhookSecretRotated = "webhook.secret_rotated";
    /// An endpoint was switched off: it had failed for too long.
    WebhookDisabled = "webhook.disabled";
    /// An endpoint was deleted.
    WebhookDeleted = "webhook.deleted";
    /// Somebody has deliveries to an endpoint sent anew.
    WebhookReplayed = "webhook.replayed";
    /// Somebody tries an endpoint out: for that endpoint alone.
    WebhookTest = "webhook.test";
    /// An OAuth client was made.
    OauthClientCreated = "oauth_client.created";
    /// An OAuth client was deleted.
    OauthClientDeleted = "oauth_client.deleted";
}

impl EventKind {
    /// What kind of thing it happened to: whoever has an account is a `user`, and so on by the name.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self.as_str().split_once('.') {
            Some(("auth", _)) => "user",
            Some(("membership", _)) => "member",
            Some((kind, _)) => kind,
            None => "",
        }
    }

    /// The kind of this name. A later version may have written one that this one does not know.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Whether what is delivered of it has a token in it that opens something. The ledger never does. Such an event goes
    /// to endpoints of its app's owner that are bound to that app, and to nobody else: to no tenant, no stream and no
    /// history.
    #[must_use]
    pub fn carries_token(self) -> bool {
        matches!(
            self,
            Self::AuthEmailVerificationRequired | Self::AuthPasswordResetRequested | Self::InvitationLinkIssued
        )
    }
}

/// The fields of a payload that tell who somebody is. The ledger keeps them apart, so that they can be erased.
pub const PERSONAL: [&str; 2] = ["email", "display_name"];

/// Something that happened. Its payload never carries a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The event's own id.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// In which app; `None` is the platform itself.
    pub app: Option<AppId>,
    /// In which organization, where it concerns one.
    pub organization: Option<OrganizationId>,
    /// Who did it; `None` is the system or the operator at the console.
    pub actor: Option<PrincipalId>,
    /// More about it.
    pub payload: Value,
    /// When.
    pub at: Timestamp,
}

impl Event {
    /// The id of what it happened to, where the payload or the event names it.
    #[must_use]
    pub fn resource_id(&self) -> Option<String> {
        let named = |key: &str| self.payload.get(key).and_then(Value::as_str).map(str::to_owned);
        match self.kind.resource() {
            "user" | "member" => named("principal_id"),
            "organization" | "access" => self.organization.map(|id| id.to_string()),
            "secret" => named("name"),
            "concurrency_limit" => named("scope"),
            kind => named(&format!("{kind}_id")),
        }
    }

    /// Whom it is about, where that is somebody else than who did it.
    #[must_use]
    pub fn subject(&self) -> Option<PrincipalId> {
        let person = self.payload.get("principal_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        person.filter(|person| Some(*person) != self.actor)
    }

    /// An event of this kind, about which nothing else is said yet.
    #[must_use]
    pub fn new(kind: EventKind, at: Timestamp) -> Self {
        Self {
            id: EventId::generate(),
            kind,
            app: None,
            organization: None,
            actor: None,
            payload: Value::Object(serde_json::Map::new()),
            at,
        }
    }
}
