//! What a route is about: what its path names, or, where it names nothing, what its action does.

use crate::gate::Access;

/// What a route is about, and so whose roles and grants decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// The caller's own: everybody has some, if only none.
    Own,
    /// An organization of an app.
    Organization,
    /// An organization of an app, named in the body or in the query.
    Tenant,
    /// A member of an organization of an app.
    Member,
    /// One of its own roles.
    Role,
    /// One of its secrets.
    Secret,
    /// One of its assets.
    Asset,
    /// One of its teams.
    Team,
    /// Somebody in one of its teams.
    TeamMember,
    /// One of its grants.
    Permission,
    /// One of its invitations.
    Invitation,
    /// One person's API key in it.
    ApiKey,
    /// One of its service accounts.
    ServiceAccount,
    /// A key of one of those.
    ServiceAccountKey,
    /// One of its OAuth clients.
    OauthClient,
    /// One of its webhook endpoints.
    Webhook,
    /// Something on its way to one of those.
    WebhookDelivery,
    /// The organization that owns apps, named in the body.
    Owner,
    /// An app.
    App,
    /// An app's own words for a letter.
    MailTemplate,
    /// A provider that an app's users may sign in at.
    SocialProvider,
    /// An account of an app.
    User,
    /// A passkey of one of those.
    UserPasskey,
    /// The accounts of an app.
    Users,
    /// The platform itself.
    Platform,
}

impl Resource {
    /// Whether it belongs to an organization of an app, or is that.
    #[must_use]
    pub fn is_tenants(self) -> bool {
        match self {
            Self::Tenant
            | Self::Member
            | Self::Role
            | Self::Secret
            | Self::Asset
            | Self::Team
            | Self::TeamMember
            | Self::Invitation
            | Self::Permission
            | Self::ApiKey
            | Self::ServiceAccount
            | Self::ServiceAccountKey
            | Self::OauthClient
            | Self::Webhook
            | Self::WebhookDelivery => true,
            Self::Own
            | Self::Organization
            | Self::Owner
            | Self::App
            | Self::MailTemplate
            | Self::SocialProvider
            | Self::User
            | Self::UserPasskey
            | Self::Users
            | Self::Platform => false,
        }
    }

    /// What it is called in the OpenAPI document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "caller",
            Self::Organization | Self::Tenant | Self::Owner => "organization",
            Self::Member => "member",
            Self::Role => "role",
            Self::Secret => "secret",
            Self::Asset => "asset",
            Self::Team => "team",
            Self::TeamMember => "team_member",
            Self::Permission => "permission",
            Self::Invitation => "invitation",
            Self::ApiKey => "api_key",
            Self::ServiceAccount => "service_account",
            Self::ServiceAccountKey => "service_account_key",
            Self::OauthClient => "oauth_client",
            Self::Webhook => "webhook",
            Self::WebhookDelivery => "webhook_delivery",
            Self::App => "app",
            Self::MailTemplate => "mail_template",
            Self::SocialProvider => "social_provider",
            Self::User | Self::Users => "user",
            Self::UserPasskey => "passkey",
            Self::Platform => "platform",
        }
    }

    /// What a route with this path and this access is about. `None` for one that nobody has said it of; a test of the table
    /// finds it.
    pub(super) fn of(path: &str, access: Access) -> Option<Self> {
        let parameters: Vec<_> = path.split('/').filter(|segment| segment.starts_with('{')).collect();
        Some(match (parameters.as_slice(), access) {
            (["{organization_id}"], _) => Self::Organization,
            (["{app_id}"], _) => Self::App,
            (["{app_id}", "{mail_template}"], _) => Self::MailTemplate,
            (["{app_id}", "{provider}"], Access::Action(_)) => Self::SocialProvider,
            (["{principal_id}"], _) => Self::User,
            (["{principal_id}", "{passkey_id}"], _) => Self::UserPasskey,
            (["{organization_id}", "{principal_id}"], _) => Self::Member,
            (["{organization_id}", "{role_id}"], _) => Self::Role,
            (["{organization_id}", "{secret_name}"], _) => Self::Secret,
            (["{organization_id}", "{asset_id}"], _) => Self::Asset,
            (["{team_id}"], _) => Self::Team,
            (["{team_id}", "{principal_id}"], _) => Self::TeamMember,
            (["{permission_id}"], _) => Self::Permission,
            (["{invitation_id}"], _) => Self::Invitation,
            (["{api_key_id}"], _) => Self::ApiKey,
            (["{service_account_id}"], _) => Self::ServiceAccount,
            (["{service_account_id}", "{api_key_id}"], _) => Self::ServiceAccountKey,
            (["{client_id}"], _) => Self::OauthClient,
            (["{webhook_id}"], _) => Self::Webhook,
            (["{webhook_id}", "{delivery_id}"], _) => Self::WebhookDelivery,
            (
                [],
                Access::Action(
                    "team.create"
                    | "permission.manage"
                    | "event.read"
                    | "organization.invite"
                    | "invitation.read"
                    | "api_key.create"
                    | "service_account.read"
                    | "service_account.manage"
                    | "oauth_client.manage"
                    | "webhook.manage",
                ),
            ) => Self::Tenant,
            ([], Access::Action("authz.check")) if path.contains("/resolve/") => Self::Tenant,
            ([], Access::Action("app.create")) => Self::Owner,
            (["{provider}" | "{session_id}" | "{passkey_id}"] | ["{app_id}", "{provider}"], _)
            | (
                [],
                Access::Action(
                    "organization.list"
                    | "organization.create"
                    | "app.list"
                    | "authz.check"
                    | "api_key.read"
                    | "oauth_client.read",
                ),
            ) => Self::Own,
            ([], Access::Action("user.read" | "user.manage" | "audit.read")) => Self::Users,
            ([], Access::Action("concurrency_limit.read" | "concurrency_limit.manage")) => Self::Platform,
            ([], access) if !matches!(access, Access::Action(_)) => Self::Own,
            _ => return None,
        })
    }
}
