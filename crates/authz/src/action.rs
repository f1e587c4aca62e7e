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
}

/// An action as a row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name on the wire.
    pub name: &'static str,
    /// The least role that has it.
    pub least: Role,
    /// The API-key scope that covers it.
    pub scope: KeyScope,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $type:ident = $name:literal from $role:ident under $scope:ident $(, $by_app:ident)?;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $type;

            impl Action for $type {
                const NAME: &'static str = $name;
                const LEAST: Role = Role::$role;
                const SCOPE: KeyScope = KeyScope::$scope;
                const BY_APP: bool = actions!(@by_app $($by_app)?);
            }
        )+

        /// All of them, for documentation, for grants by name, and for the sweep.
        pub const ALL: &[Entry] = &[$(Entry { name: $name, least: Role::$role, scope: KeyScope::$scope }),+];
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
    /// Switch an app off or on.
    AppDisable = "app.disable" from Admin under AppsWrite, by_app;
    /// Delete an app with all it owns.
    AppDelete = "app.delete" from Owner under AppsWrite;
    /// See an app's accounts.
    UserRead = "user.read" from Admin under UsersRead, by_app;
    /// Manage an app's accounts.
    UserManage = "user.manage" from Admin under UsersWrite, by_app;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct() {
        let names: HashSet<_> = ALL.iter().map(|action| action.name).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
