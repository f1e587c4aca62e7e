//! Every action there is: its name on the wire, the least role that has it, and the API-key scope that covers it.

use kernel::Role;

use crate::KeyScope;

/// Something that one may or may not do.
pub trait Action: Send + Sync + 'static {
    /// Its name on the wire.
    const NAME: &'static str;
    /// The least role that has it.
    const LEAST: Role;
    /// The API-key scope that covers it.
    const SCOPE: KeyScope;
    /// Whether an app may do it to itself, with a token of its own.
    const BY_APP: bool;
    /// Its row in the table of all actions.
    const ENTRY: &'static Entry;
}

/// An action as a row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name on the wire.
    pub name: &'static str,
    /// The least role that has it.
    pub least: Role,
    /// The API-key scope that covers it.
    pub scope: KeyScope,
    /// Whether an app may do it to itself, with a token of its own.
    pub by_app: bool,
    /// What it is, for people.
    pub about: &'static str,
}

impl Entry {
    /// Whether it is about apps and their accounts. Those are the business of who comes with a platform account, in the
    /// organizations of the platform itself: in an app's organizations nobody does it.
    #[must_use]
    pub fn is_about_apps(&self) -> bool {
        ["app.", "user."].iter().any(|kind| self.name.starts_with(kind))
    }

    /// Whether it changes something, other than by somebody's sign-in. The scope says so, but for one that covers both.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.scope.writes() || self.name == AppManageProviders::NAME
    }

    /// Whether it is for those alone who run the platform, in person: no role gives it, and no grant.
    #[must_use]
    pub fn is_about_the_platform(&self) -> bool {
        self.name.starts_with("concurrency_limit.")
    }
}

/// The action of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().copied().find(|entry| entry.name == name)
}

macro_rules! actions {
    ($(#[doc = $about:literal] $type:ident = $name:literal from $role:ident under $scope:ident $(, $by_app:ident)?;)+) => {
        $(
            #[doc = $about]
            #[derive(Clone, Copy, Debug)]
            pub struct $type;

            impl Action for $type {
                const NAME: &'static str = $name;
                const LEAST: Role = Role::$role;
                const SCOPE: KeyScope = KeyScope::$scope;
                const BY_APP: bool = actions!(@by_app $($by_app)?);
                const ENTRY: &'static Entry = &Entry {
                    name: $name,
                    least: Role::$role,
                    scope: KeyScope::$scope,
                    by_app: Self::BY_APP,
                    about: $about,
                };
            }
        )+

        /// All of them, for documentation, for grants by name, and for the sweep.
        pub const ALL: &[&Entry] = &[$($type::ENTRY),+];
    };
    (@by_app) => { false };
    (@by_app by_app) => { true };
}

actions! {
    /// List one's own organizations.
    OrganizationList = "organization.list" from Viewer under OrganizationsRead;
    /// Make an organization.
    OrganizationCreate = "organization.create" from Viewer under OrganizationsWrite;
    /// See an organization.
    OrganizationRead = "organization.read" from Viewer under OrganizationsRead;
    /// Change an organization.
    OrganizationUpdate = "organization.update" from Admin under OrganizationsWrite;
    /// Archive an organization, or bring it back.
    OrganizationArchive = "organization.archive" from Owner under OrganizationsWrite;
    /// See an organization's settings.
    SettingsRead = "settings.read" from Viewer under OrganizationsRead;
    /// Change an organization's settings.
    SettingsUpdate = "settings.update" from Admin under OrganizationsWrite;
    /// See an organization's limit of spending.
    BudgetRead = "budget.read" from Viewer under OrganizationsRead;
    /// Change an organization's limit of spending.
    BudgetUpdate = "budget.update" from Admin under OrganizationsWrite;
    /// See what an organization used, and what that cost.
    UsageRead = "usage.read" from Viewer under OrganizationsRead;
    /// Report what was run for an organization, and what it cost.
    UsageRecord = "usage.record" from Admin under OrganizationsWrite;
    /// See what an organization has at providers.
    AssetRead = "asset.read" from Viewer under OrganizationsRead;
    /// Register what an organization has at a provider.
    AssetCreate = "asset.create" from Member under OrganizationsWrite;
    /// Delete assets that one has registered oneself.
    AssetDelete = "asset.delete" from Member under OrganizationsWrite;
    /// Delete everybody's assets.
    AssetManage = "asset.manage" from Admin under OrganizationsWrite;
    /// See which secrets an organization has.
    SecretRead = "secret.read" from Member under OrganizationsRead;
    /// Set and delete an organization's secrets.
    SecretWrite = "secret.write" from Admin under OrganizationsWrite;
    /// Hear what happens, as it happens.
    EventRead = "event.read" from Admin under WebhooksRead, by_app;
    /// See an organization's endpoints, and what was delivered to them.
    WebhookRead = "webhook.read" from Admin under WebhooksRead;
    /// Make, change, resume and try endpoints, and deliver again.
    WebhookManage = "webhook.manage" from Admin under WebhooksWrite;
    /// Pause and delete endpoints, in an archived organization as well.
    WebhookRevoke = "webhook.revoke" from Admin under WebhooksWrite;
    /// Replace the secret that an organization's webhooks are signed with.
    WebhookSecretRotate = "webhook_secret.rotate" from Admin under WebhooksWrite;
    /// Ask for an organization to be deleted, or think better of it.
    OrganizationDelete = "organization.delete" from Owner under OrganizationsWrite;
    /// Export all that an organization owns.
    OrganizationExport = "organization.export" from Owner under OrganizationsRead;
    /// Invite people, send an invitation again, take it back.
    OrganizationInvite = "organization.invite" from Admin under MembersWrite;
    /// See who is invited.
    InvitationRead = "invitation.read" from Admin under MembersRead;
    /// See who belongs to an organization.
    MemberRead = "member.read" from Viewer under MembersRead;
    /// Change a member's role.
    MemberUpdate = "member.update" from Admin under MembersWrite;
    /// Remove a member.
    MemberRemove = "member.remove" from Admin under MembersWrite;
    /// Leave an organization.
    MemberLeave = "member.leave" from Viewer under MembersWrite;
    /// See teams and who is in them.
    TeamRead = "team.read" from Viewer under MembersRead;
    /// Make a team.
    TeamCreate = "team.create" from Admin under MembersWrite;
    /// Rename a team.
    TeamUpdate = "team.update" from Admin under MembersWrite;
    /// Archive a team, or bring it back.
    TeamArchive = "team.archive" from Admin under MembersWrite;
    /// Put members into a team, and take them out.
    TeamManageMembers = "team.manage_members" from Admin under MembersWrite;
    /// See an organization's own roles.
    RoleRead = "role.read" from Viewer under OrganizationsRead;
    /// Make, change and delete an organization's own roles.
    RoleManage = "role.manage" from Admin under OrganizationsWrite;
    /// See grants, and what others may do.
    PermissionRead = "permission.read" from Admin under OrganizationsRead;
    /// Make grants and take them back.
    PermissionManage = "permission.manage" from Admin under OrganizationsWrite;
    /// See what happened.
    AuditRead = "audit.read" from Admin under AuditRead, by_app;
    /// See one's own API keys.
    ApiKeyRead = "api_key.read" from Viewer under ApiKeysRead;
    /// See everybody's API keys.
    ApiKeyReadAll = "api_key.read_all" from Admin under ApiKeysRead;
    /// Make an API key that acts as oneself.
    ApiKeyCreate = "api_key.create" from Member under ApiKeysWrite;
    /// Rename and enable one's own API keys, and say where they may come from.
    ApiKeyUpdate = "api_key.update" from Viewer under ApiKeysWrite;
    /// Replace the secrets of one's own API keys.
    ApiKeyRotate = "api_key.rotate" from Member under ApiKeysWrite;
    /// Disable and delete one's own API keys.
    ApiKeyRevoke = "api_key.revoke" from Viewer under ApiKeysWrite;
    /// Rename, disable and delete everybody's API keys, and enable what one may disable.
    ApiKeyManage = "api_key.manage" from Admin under ApiKeysWrite;
    /// See service accounts and their API keys.
    ServiceAccountRead = "service_account.read" from Member under ApiKeysRead;
    /// Make, change and enable service accounts, make and rotate their API keys.
    ServiceAccountManage = "service_account.manage" from Admin under ApiKeysWrite;
    /// Disable and delete service accounts, and disable and delete their API keys.
    ServiceAccountRevoke = "service_account.revoke" from Admin under ApiKeysWrite;
    /// See OAuth clients.
    OauthClientRead = "oauth_client.read" from Admin under ApiKeysRead;
    /// Make OAuth clients.
    OauthClientManage = "oauth_client.manage" from Admin under ApiKeysWrite;
    /// Delete OAuth clients.
    OauthClientRevoke = "oauth_client.revoke" from Admin under ApiKeysWrite;
    /// Ask what one may do.
    AuthzCheck = "authz.check" from Viewer under AuthzCheck;
    /// List the apps that one manages.
    AppList = "app.list" from Viewer under AppsRead, by_app;
    /// Register an app.
    AppCreate = "app.create" from Admin under AppsWrite;
    /// See an app and what it uses.
    AppRead = "app.read" from Viewer under AppsRead, by_app;
    /// Change an app.
    AppUpdate = "app.update" from Admin under AppsWrite, by_app;
    /// Replace an app's client secret.
    AppRotateSecret = "app.rotate_secret" from Admin under AppsWrite;
    /// Set and take away the providers that an app's users sign in at.
    AppManageProviders = "app.manage_providers" from Admin under AuthSocial;
    /// Switch an app off or on.
    AppDisable = "app.disable" from Admin under AppsWrite, by_app;
    /// Delete an app with all it owns.
    AppDelete = "app.delete" from Owner under AppsWrite;
    /// See how much may run at once: for who runs the platform alone.
    ConcurrencyLimitRead = "concurrency_limit.read" from Admin under AppsRead;
    /// Set how much may run at once: for who runs the platform alone.
    ConcurrencyLimitManage = "concurrency_limit.manage" from Admin under AppsWrite;
    /// See an app's accounts.
    UserRead = "user.read" from Admin under UsersRead, by_app;
    /// Sign an app's users in by who they are at another provider: for the app and its servers, not for people.
    UserSignIn = "user.sign_in" from Admin under AuthSocial, by_app;
    /// Manage an app's accounts.
    UserManage = "user.manage" from Admin under UsersWrite, by_app;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct() {
        let names: HashSet<_> = ALL.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn signing_somebody_in_changes_nothing_and_naming_a_provider_does() {
        assert!(AppManageProviders::ENTRY.changes() && AppUpdate::ENTRY.changes());
        assert!(!UserSignIn::ENTRY.changes() && !AppRead::ENTRY.changes());
        assert_eq!(AppManageProviders::SCOPE, UserSignIn::SCOPE);
    }
}
