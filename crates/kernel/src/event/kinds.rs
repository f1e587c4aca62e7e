//! Every kind of event, when it happens and what its payload has in it: one closed table.

use serde_json::Value;

#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "the table is made of them"))]
use super::fields::*;
use super::payload::{self, Field, Presence};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $wire:literal, $fields:expr;)+) => {
        /// Every kind of event there is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl EventKind {
            /// All of them, for the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The dotted name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }

            /// What happened, in a sentence or two.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// What its payload has in it.
            #[must_use]
            pub fn fields(self) -> &'static [Field] {
                match self { $(Self::$name => const { $fields },)+ }
            }
        }
    };
}

kinds! {
    /// Somebody signed up.
    AuthSignup = "auth.signup", PERSON_WITH_ADDRESS;
    /// Somebody signed in.
    AuthLogin = "auth.login", &[PRINCIPAL_ID, METHOD, SECOND_FACTOR.sometimes()];
    /// Somebody signed in from a device, or in a network, where the account has not been used before.
    AuthNewDevice = "auth.new_device", &[PRINCIPAL_ID, SESSION_ID, METHOD];
    /// Somebody signed in, or up, by who they are at another provider.
    AuthSocialLogin = "auth.social_login", &[PRINCIPAL_ID, EMAIL, PROVIDER, PROVIDER_USER_ID];
    /// An address waits to be proven. Who may know it gets the link with it.
    AuthEmailVerificationRequired = "auth.email_verification_required", VERIFY_LINK;
    /// An address was proven to be its owner's.
    AuthEmailVerified = "auth.email_verified", PERSON_WITH_ADDRESS;
    /// Another password counts: its owner changed it, or it was reset.
    AuthPasswordChanged = "auth.password_changed", PERSON;
    /// Somebody forgot a password. Who may know it gets the link with it.
    AuthPasswordResetRequested = "auth.password_reset_requested", RESET_LINK;
    /// Somebody asked for a link to sign in with. Who may know it gets the link with it.
    AuthMagicLinkRequested = "auth.magic_link_requested", MAGIC_LINK;
    /// Somebody asked for a code to sign in with. Who may know it gets the code with it.
    AuthEmailCodeRequested = "auth.email_code_requested", EMAIL_CODE;
    /// Somebody wants another address for their account: this one. Who may know it gets the link with it.
    AuthEmailChangeRequested = "auth.email_change_requested", EMAIL_CHANGE_LINK;
    /// An account has another address from now on, which its owner has confirmed.
    AuthEmailChanged = "auth.email_changed", EMAIL_CHANGE;
    /// Whoever had the address of before is told, and may take the change back. Who may know it gets the link with it.
    AuthEmailChangeAnnounced = "auth.email_change_announced", UNDO_LINK;
    /// Whoever had the address of before took the change back: the account has it again, and every way in is gone.
    AuthEmailChangeUndone = "auth.email_change_undone", EMAIL_CHANGE;
    /// Codes of six digits were stopped for a while after too many wrong ones: longer ones are mailed. Where nobody has the
    /// address, it is not told.
    AuthEmailCodesLocked = "auth.email_codes_locked", &[PRINCIPAL_ID.or_null(), EMAIL.or_null()];
    /// A password was reset by link or at the console; `auth.password_changed` is told of it as well.
    AuthPasswordReset = "auth.password_reset", PERSON;
    /// Password sign-in was locked after too many failures. Where nobody has the address, it is not told.
    AuthAccountLocked = "auth.account_locked", &[PRINCIPAL_ID.or_null(), EMAIL.or_null()];
    /// An administrator lifted a lock.
    AuthAccountUnlocked = "auth.account_unlocked", PERSON;
    /// A spent refresh token came back: its whole family ended.
    AuthRefreshTokenReused = "auth.refresh_token_reused", SESSION;
    /// Whoever is signed in has shown once more that it is they.
    AuthReauthenticated = "auth.reauthenticated", SESSION;
    /// Somebody signed out of one session.
    AuthLogout = "auth.logout", SESSION;
    /// Somebody signed out everywhere but in one session, which goes on.
    AuthOtherSessionsEnded = "auth.other_sessions_ended", &[PRINCIPAL_ID, SESSION_ID.or_null(), COUNT];
    /// A token that belongs to no session was revoked by itself.
    AuthTokenRevoked = "auth.token_revoked", &[PRINCIPAL_ID, TOKEN_ID];
    /// An account was linked to who its owner is at another provider.
    AuthSocialConnected = "auth.social_connected", &[PRINCIPAL_ID, PROVIDER];
    /// Somebody cut the link to who they are at another provider.
    AuthSocialDisconnected = "auth.social_disconnected", &[PRINCIPAL_ID, PROVIDER];
    /// Every session of an account ended.
    AuthLogoutAll = "auth.logout_all", PERSON;
    /// A second factor counts from now on.
    AuthTotpEnabled = "auth.totp_enabled", PERSON;
    /// A second factor was removed, by its owner or by an administrator.
    AuthTotpDisabled = "auth.totp_disabled", PERSON;
    /// A recovery code was used up.
    AuthRecoveryCodeUsed = "auth.recovery_code_used", &[PRINCIPAL_ID, REMAINING];
    /// A passkey was added to an account.
    AuthPasskeyAdded = "auth.passkey_added", PASSKEY;
    /// A passkey was given another name.
    AuthPasskeyRenamed = "auth.passkey_renamed", PASSKEY;
    /// A passkey was removed, by its owner or because the owner of the address came.
    AuthPasskeyRemoved = "auth.passkey_removed", PASSKEY;
    /// A passkey was refused that counts its uses, and had been used more often before: there may be a copy of it.
    AuthPasskeySuspect = "auth.passkey_suspect", PASSKEY;
    /// Somebody has shown what they know, and is asked for a second factor, or to enroll one.
    AuthMfaChallenged = "auth.mfa_challenged", &[PRINCIPAL_ID, METHOD, PURPOSE];
    /// A wrong code was shown, or one that was used before. None are counted, and told of, while the second factor is locked.
    AuthMfaFailed = "auth.mfa_failed", &[PRINCIPAL_ID, SECOND_FACTOR];
    /// The second factor was locked after too many wrong codes.
    AuthMfaLocked = "auth.mfa_locked", PERSON;
    /// An administrator made an account.
    UserCreated = "user.created", PERSON_WITH_ADDRESS;
    /// A profile changed.
    UserUpdated = "user.updated", &[PRINCIPAL_ID, PLATFORM_ADMIN.sometimes()];
    /// An account was disabled.
    UserDisabled = "user.disabled", PERSON;
    /// An account was enabled again.
    UserEnabled = "user.enabled", PERSON;
    /// An account was deleted.
    UserDeleted = "user.deleted", PERSON;
    /// An organization was made.
    OrganizationCreated = "organization.created", &[NAME.or_null(), SLUG, PRINCIPAL_ID];
    /// An organization was changed.
    OrganizationUpdated = "organization.updated", ORGANIZATION;
    /// An organization was archived.
    OrganizationArchived = "organization.archived", ORGANIZATION;
    /// An archived organization was brought back.
    OrganizationRestored = "organization.restored", ORGANIZATION;
    /// Somebody asked for an organization to be deleted.
    OrganizationDeletionRequested = "organization.deletion_requested", &[DELETE_AT];
    /// An organization is not deleted after all.
    OrganizationDeletionCancelled = "organization.deletion_cancelled", &[REASON.sometimes()];
    /// An organization was deleted with all it owned.
    OrganizationDeleted = "organization.deleted", ORGANIZATION;
    /// Somebody became a member: by an invitation, or as the owner of an organization that was made.
    MembershipCreated = "membership.created", &[PRINCIPAL_ID, ROLE, INVITATION_ID.or_null()];
    /// A member's role changed.
    MembershipUpdated = "membership.updated", &[PRINCIPAL_ID, ROLE];
    /// Somebody is no member any more.
    MembershipRemoved = "membership.removed", PERSON;
    /// An organization's settings changed.
    OrganizationSettingsUpdated = "organization.settings_updated", SETTINGS;
    /// An organization's limit of spending changed.
    OrganizationBudgetUpdated = "organization.budget_updated", &[MONTHLY_LIMIT_USD.or_null()];
    /// The secret that an organization's webhooks are signed with was replaced.
    OrganizationWebhookSecretRotated = "organization.webhook_secret_rotated", &[PREVIOUS_SECRET_UNTIL.or_null()];
    /// An organization's secret was set.
    SecretSet = "secret.set", SECRET;
    /// An organization's secret was deleted.
    SecretDeleted = "secret.deleted", SECRET;
    /// An asset was registered.
    AssetCreated = "asset.created", ASSET;
    /// An asset was deleted.
    AssetDeleted = "asset.deleted", ASSET;
    /// How much may run at once was set, for all, for an organization or for a team.
    ConcurrencyLimitUpdated = "concurrency_limit.updated", &[SCOPE, MAX_CONCURRENT_RUNS.or_null()];
    /// Somebody was invited.
    InvitationCreated = "invitation.created", INVITATION;
    /// An invitation was sent again.
    InvitationResent = "invitation.resent", INVITATION;
    /// A link that accepts an invitation was issued. Who may know it gets the link with it.
    InvitationLinkIssued = "invitation.link_issued", INVITATION_LINK;
    /// Somebody accepted an invitation.
    InvitationAccepted = "invitation.accepted", INVITATION;
    /// Somebody declined an invitation.
    InvitationDeclined = "invitation.declined", INVITATION;
    /// An invitation was taken back.
    InvitationRevoked = "invitation.revoked", INVITATION;
    /// An invitation was not answered in time.
    InvitationExpired = "invitation.expired", INVITATION;
    /// A team was made.
    TeamCreated = "team.created", TEAM;
    /// A team was renamed.
    TeamUpdated = "team.updated", TEAM;
    /// A team was archived.
    TeamArchived = "team.archived", TEAM;
    /// An archived team was brought back.
    TeamRestored = "team.restored", TEAM;
    /// Somebody was put into a team, or got another role there.
    TeamMemberSet = "team.member_set", &[TEAM_ID, PRINCIPAL_ID, ROLE];
    /// Somebody was taken out of a team.
    TeamMemberRemoved = "team.member_removed", &[TEAM_ID, PRINCIPAL_ID];
    /// Who belongs to an organization was refused a change there; several refusals of a kind are one event.
    AccessDenied = "access.denied", &[ACTION, COUNT];
    /// An organization made itself a role.
    RoleCreated = "role.created", OWN_ROLE;
    /// An organization's own role changed.
    RoleUpdated = "role.updated", OWN_ROLE;
    /// An organization's own role was deleted.
    RoleDeleted = "role.deleted", OWN_ROLE;
    /// A grant was made.
    PermissionGranted = "permission.granted", GRANT;
    /// A grant was taken back.
    PermissionRevoked = "permission.revoked", GRANT;
    /// An app was registered.
    AppCreated = "app.created", APP;
    /// An app's settings changed.
    AppUpdated = "app.updated", APP;
    /// An app's client secret was replaced.
    AppSecretRotated = "app.secret_rotated", APP;
    /// A provider was set that an app's users sign in at, or another client or secret there.
    AppProviderSet = "app.provider_set", APP_PROVIDER;
    /// A provider that an app's users signed in at was taken away.
    AppProviderRemoved = "app.provider_removed", APP_PROVIDER;
    /// An app was disabled.
    AppDisabled = "app.disabled", APP;
    /// An app was enabled again.
    AppEnabled = "app.enabled", APP;
    /// An app was deleted with all it owned.
    AppDeleted = "app.deleted", APP;
    /// An API key was made.
    ApiKeyCreated = "api_key.created", API_KEY;
    /// An API key was renamed, or may come from other addresses.
    ApiKeyUpdated = "api_key.updated", API_KEY;
    /// An API key's secret was replaced.
    ApiKeyRotated = "api_key.rotated", API_KEY;
    /// An API key was disabled.
    ApiKeyDisabled = "api_key.disabled", API_KEY;
    /// An API key was enabled again.
    ApiKeyEnabled = "api_key.enabled", API_KEY;
    /// An API key was deleted.
    ApiKeyRevoked = "api_key.revoked", API_KEY;
    /// A service account was made.
    ServiceAccountCreated = "service_account.created", SERVICE_ACCOUNT;
    /// A service account was renamed, or got another role.
    ServiceAccountUpdated = "service_account.updated", SERVICE_ACCOUNT;
    /// A service account was disabled.
    ServiceAccountDisabled = "service_account.disabled", SERVICE_ACCOUNT;
    /// A service account was enabled again.
    ServiceAccountEnabled = "service_account.enabled", SERVICE_ACCOUNT;
    /// A service account was deleted with its keys.
    ServiceAccountDeleted = "service_account.deleted", SERVICE_ACCOUNT;
    /// An endpoint was made.
    WebhookCreated = "webhook.created", ENDPOINT;
    /// An endpoint was changed, paused or resumed.
    WebhookUpdated = "webhook.updated", CHANGED_ENDPOINT;
    /// An endpoint got a secret of its own, or another one.
    WebhookSecretRotated = "webhook.secret_rotated", ROTATED_ENDPOINT;
    /// An endpoint was switched off: nothing had arrived there for too long, or it answered 410.
    WebhookDisabled = "webhook.disabled", &[WEBHOOK_ID, ORIGIN, REASON, FAILING_SINCE.or_null()];
    /// An endpoint was deleted.
    WebhookDeleted = "webhook.deleted", ENDPOINT;
    /// Somebody has deliveries to an endpoint sent anew.
    WebhookReplayed = "webhook.replayed", REPLAY;
    /// Somebody tries an endpoint out: for that endpoint alone.
    WebhookTest = "webhook.test", &[WEBHOOK_ID, MESSAGE];
    /// An OAuth client was made.
    OauthClientCreated = "oauth_client.created", OAUTH_CLIENT;
    /// An OAuth client was deleted.
    OauthClientDeleted = "oauth_client.deleted", OAUTH_CLIENT;
    /// Another key signs access tokens. The platform's own audit log has it, and no endpoint hears of it.
    SigningKeyRotated = "signing_key.rotated",
        &[SIGNING_KEY_ID, ALGORITHM, PREVIOUS_SIGNING_KEY_ID.or_null(), REASON];
    /// No key signs access tokens any more: the shared secret does. The platform's own audit log has it, and no endpoint
    /// hears of it.
    SigningKeyRetired = "signing_key.retired", &[SIGNING_KEY_ID];
}

impl EventKind {
    /// What of this payload is not as this kind declares it, if anything. The ledger has no tokens.
    #[must_use]
    pub fn mismatch(self, payload: &Value) -> Option<String> {
        payload::mismatch(self.fields(), payload).map(|why| format!("{}: {why}", self.as_str()))
    }

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
        self.fields().iter().any(|field| field.presence == Presence::WithToken)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_kinds_and_no_two_fields_of_a_kind_have_one_name() {
        let names: BTreeSet<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), EventKind::ALL.len());
        for kind in EventKind::ALL {
            let fields: BTreeSet<_> = kind.fields().iter().map(|field| field.name).collect();
            assert_eq!(fields.len(), kind.fields().len(), "{}", kind.as_str());
            assert!(kind.as_str().split_once('.').is_some(), "{}", kind.as_str());
            assert_eq!(EventKind::named(kind.as_str()), Some(*kind));
        }
    }

    #[test]
    fn what_an_event_happened_to_is_named_by_its_payload_where_it_has_an_id() {
        use EventKind::{ApiKeyCreated, AuthAccountLocked, AuthLogin, SecretSet, TeamCreated, WebhookTest};
        let now = crate::Timestamp::from_unix_seconds(0).unwrap();
        for kind in [ApiKeyCreated, AuthLogin, SecretSet, TeamCreated, WebhookTest] {
            assert!(super::super::Event::example(kind, now).resource_id().is_some(), "{}", kind.as_str());
        }
        let nobody = serde_json::json!({ "principal_id": null, "email": null });
        assert_eq!(AuthAccountLocked.mismatch(&nobody), None);
    }

    #[test]
    fn seven_kinds_carry_a_token() {
        let carrying: Vec<_> =
            EventKind::ALL.iter().filter(|kind| kind.carries_token()).map(|kind| kind.as_str()).collect();
        let links = [
            "auth.email_verification_required",
            "auth.password_reset_requested",
            "auth.magic_link_requested",
            "auth.email_code_requested",
            "auth.email_change_requested",
            "auth.email_change_announced",
            "invitation.link_issued",
        ];
        assert_eq!(carrying, links);
    }
}
