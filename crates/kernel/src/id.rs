//! Typed ids: a principal's id is never mistaken for an app's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An id that a path can carry, under one name for the whole API.
pub trait Id: FromStr {
    /// The path parameter's name in the route table.
    const PARAMETER: &'static str;
    /// Whether it is a UUID: nearly all are.
    const IS_UUID: bool = true;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $parameter:literal by $generate:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::$generate())
            }
        }

        impl Id for $name {
            const PARAMETER: &'static str = $parameter;
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

// Principals are known to every app they have an account in: theirs is random (v4), so that it tells nobody when the
// person first signed up anywhere. Everything else is ordered by its making (v7), which keeps indexes compact. What is
// itself part of a credential is random too.
ids! {
    /// Anything that acts: a user, a service account, an app.
    PrincipalId = "principal_id" by new_v4,
    /// What a principal signs in with at one app, or at the platform itself.
    AccountId = "account_id" by now_v7,
    /// A registered consumer application.
    AppId = "app_id" by now_v7,
    /// A tenant: what an app's users belong to.
    OrganizationId = "organization_id" by now_v7,
    /// A principal's place in an organization.
    MembershipId = "membership_id" by now_v7,
    /// A part of an organization.
    TeamId = "team_id" by now_v7,
    /// A role that an organization made for itself.
    RoleId = "role_id" by now_v7,
    /// Something that an organization has at a provider.
    AssetId = "asset_id" by now_v7,
    /// What somebody did once that costs something.
    UsageRecordId = "usage_record_id" by now_v7,
    /// An invitation to an organization.
    InvitationId = "invitation_id" by now_v7,
    /// What one principal may or may not do, beyond their role.
    GrantId = "permission_id" by now_v7,
    /// One sign-in, and every token that came of it.
    SessionId = "session_id" by now_v7,
    /// One token, where a token is revoked by itself.
    TokenId = "token_id" by new_v4,
    /// One refresh token of a session's family.
    RefreshTokenId = "refresh_token_id" by new_v4,
    /// A link in a mail, good for one use.
    OneTimeTokenId = "one_time_token_id" by now_v7,
    /// An address that an account has left.
    FormerAddressId = "former_address_id" by now_v7,
    /// An authenticator app that an account has enrolled.
    TotpId = "totp_id" by now_v7,
    /// A passkey of an account.
    PasskeyId = "passkey_id" by now_v7,
    /// An API key.
    ApiKeyId = "api_key_id" by now_v7,
    /// A principal that is no person: a program of an organization.
    ServiceAccountId = "service_account_id" by now_v7,
    /// Client credentials of a service account.
    OauthClientId = "oauth_client_id" by now_v7,
    /// A secret of an app's client credentials.
    ClientSecretId = "client_secret_id" by now_v7,
    /// Something that happened.
    EventId = "event_id" by now_v7,
    /// Where an organization is told what happens.
    WebhookId = "webhook_id" by now_v7,
    /// One event on its way to one of those.
    DeliveryId = "delivery_id" by now_v7,
    /// A mail on its way.
    MailId = "mail_id" by now_v7,
}

impl From<AppId> for PrincipalId {
    /// An app that acts for itself (client credentials) is a principal with the app's own id.
    fn from(app: AppId) -> Self {
        Self(app.0)
    }
}

impl From<ServiceAccountId> for PrincipalId {
    /// A service account is a principal with its own id.
    fn from(account: ServiceAccountId) -> Self {
        Self(account.0)
    }
}

impl From<PrincipalId> for ServiceAccountId {
    /// The service account that a principal may be: whether it is one, the database knows.
    fn from(principal: PrincipalId) -> Self {
        Self(principal.0)
    }
}
