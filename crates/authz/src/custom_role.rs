//! Roles that an organization makes for itself: what a viewer may, and the actions they name.

use kernel::{
    Code, Error, Listed, Page, Result, Role, Scope, Timestamp,
    id::{OrganizationId, PrincipalId, RoleId, TeamId},
};

use crate::ActionPattern;

/// The most actions that one role names.
const MOST_ACTIONS: usize = 200;

/// The name of a role that an organization made: never that of a built-in one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleName(String);

impl RoleName {
    /// # Errors
    /// `invalid_request` for what is no name and for the names of built-in roles, however they are written.
    pub fn parse(text: &str) -> Result<Self> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        let good = text.len() <= 63
            && text.bytes().all(letter)
            && text.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        if !good {
            let why = "Name a role with 1 to 63 lower-case letters, digits, - and _, a letter first.";
            return Err(Error::because(Code::InvalidRequest, why));
        }
        if Role::parse(text).is_ok() {
            return Err(Error::because(Code::InvalidRequest, "This is the name of a built-in role."));
        }
        Ok(Self(text.to_owned()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The actions of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionSet(Vec<ActionPattern>);

impl ActionSet {
    /// # Errors
    /// `invalid_request` when one of them is no action, or there are too many.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let patterns = names.into_iter().map(|name| ActionPattern::parse(name, None)).collect::<Result<Vec<_>>>()?;
        if patterns.len() > MOST_ACTIONS {
            return Err(Error::because(Code::InvalidRequest, format!("Name at most {MOST_ACTIONS} actions.")));
        }
        let mut distinct: Vec<ActionPattern> = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            if !distinct.contains(&pattern) {
                distinct.push(pattern);
            }
        }
        Ok(Self(distinct))
    }

    /// Whether it has this action.
    #[must_use]
    pub fn contains(&self, action: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(action))
    }

    /// The patterns, as they were given.
    pub fn iter(&self) -> impl Iterator<Item = &ActionPattern> {
        self.0.iter()
    }
}

/// A role that an organization made for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRole {
    /// The role's id.
    pub id: RoleId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What it is called there.
    pub name: RoleName,
    /// What it is for.
    pub description: Option<String>,
    /// What it adds to what a viewer may.
    pub actions: ActionSet,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// Custom roles of one database transaction.
pub trait CustomRoleRepository {
    /// A role of the organization. In a transaction that writes, it stays as it was read until the commit.
    fn custom_role(&mut self, organization: OrganizationId, id: RoleId) -> Result<Option<CustomRole>>;

    /// A role of the organization, for who will change it: of several who want to, one is first.
    fn custom_role_to_change(&mut self, organization: OrganizationId, id: RoleId) -> Result<Option<CustomRole>>;

    /// The role of that name.
    fn custom_role_by_name(&mut self, organization: OrganizationId, name: &RoleName) -> Result<Option<CustomRole>>;

    /// Those of these roles that are the organization's. In a transaction that writes, they stay as they were read until
    /// the commit.
    fn custom_roles(&mut self, organization: OrganizationId, ids: &[RoleId]) -> Result<Vec<CustomRole>>;

    /// Which of their own roles somebody has as a member of these organizations, and in teams of theirs.
    fn custom_roles_held(
        &mut self,
        principal: PrincipalId,
        organizations: &[OrganizationId],
    ) -> Result<Vec<(OrganizationId, Option<TeamId>, RoleName)>>;

    /// The organization's roles, oldest first.
    fn custom_roles_in(&mut self, scope: &dyn Scope, page: &Page<RoleId>) -> Result<Listed<CustomRole, RoleId>>;

    /// Adds a role.
    ///
    /// # Errors
    /// `conflict` when there is one of that name.
    fn insert_custom_role(&mut self, scope: &dyn Scope, role: &CustomRole) -> Result<()>;

    /// Writes name, description and actions.
    ///
    /// # Errors
    /// `conflict` when there is another one of that name; `not_found` when it is gone.
    fn update_custom_role(&mut self, scope: &dyn Scope, role: &CustomRole) -> Result<()>;

    /// Removes a role.
    ///
    /// # Errors
    /// `conflict` while somebody has it; `not_found` when there is none.
    fn delete_custom_role(&mut self, scope: &dyn Scope, id: RoleId) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attack 40.
    #[test]
    fn no_role_takes_the_name_of_a_built_in_one() {
        for name in ["owner", "admin", "member", "viewer"] {
            assert!(RoleName::parse(name).is_err(), "{name}");
        }
        for name in ["Owner", "OWNER", "öwner", "owner ", " owner", "own\u{200b}er", "", "1st", "-x", &"a".repeat(64)]
        {
            assert!(RoleName::parse(name).is_err(), "{name:?}");
        }
        assert_eq!(RoleName::parse("billing-manager").unwrap().as_str(), "billing-manager");
    }

    #[test]
    fn a_set_has_what_its_patterns_mean() {
        let set = ActionSet::parse(["team.*", "invoice.approve", "team.*"]).unwrap();
        assert_eq!(set.iter().count(), 2);
        assert!(set.contains("team.create") && set.contains("invoice.approve"));
        assert!(!set.contains("organization.read") && !set.contains("invoice.approve_all"));
        assert!(ActionSet::parse(["nonsense"]).is_err());
        let many: Vec<String> = (0..=MOST_ACTIONS).map(|number| format!("a.b{number}")).collect();
        assert!(ActionSet::parse(many.iter().map(String::as_str)).is_err());
    }
}
