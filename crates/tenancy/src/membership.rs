//! Memberships: a principal's place in an organization.

use kernel::{
    Code, Error, Listed, Page, Result, Role, Scope, Timestamp,
    id::{AppId, MembershipId, OrganizationId, PrincipalId, RoleId},
};

/// A principal's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The membership's id.
    pub id: MembershipId,
    /// Where.
    pub organization: OrganizationId,
    /// Who.
    pub principal: PrincipalId,
    /// As what.
    pub role: Role,
    /// What an own role of the organization adds to that.
    pub custom_role: Option<RoleId>,
    /// Since when.
    pub created_at: Timestamp,
}

/// What a permit is decided from: whose the organization is, and the principal's role in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The membership.
    pub id: MembershipId,
    /// The organization's app.
    pub app: Option<AppId>,
    /// Whether the organization is archived, or about to be deleted.
    pub archived: bool,
    /// The principal's role.
    pub role: Role,
    /// What an own role of the organization adds to it.
    pub custom_role: Option<RoleId>,
}

/// One organization somebody belongs to, as it looks when they are about to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which.
    pub organization: OrganizationId,
    /// What they are there.
    pub role: Role,
    /// How many others belong to it.
    pub others: i64,
    /// How many of those own it.
    pub other_owners: i64,
}

/// What becomes of an organization when somebody leaves it for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It goes on.
    Remains,
    /// Nobody is left: it is archived.
    Empty,
}

impl Place {
    /// # Errors
    /// `last_owner` when others would be left without an owner.
    pub fn depart(&self) -> Result<Departure> {
        match self {
            Self { others: 0, .. } => Ok(Departure::Empty),
            Self { role: Role::Owner, other_owners: 0, .. } => Err(Error::new(Code::LastOwner)),
            _ => Ok(Departure::Remains),
        }
    }
}

/// Memberships of one database transaction.
pub trait MembershipRepository {
    /// In a transaction that writes, the membership stays as it was read until the commit.
    fn standing(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<Option<Standing>>;

    /// A member.
    fn membership(&mut self, scope: &dyn Scope, principal: PrincipalId) -> Result<Option<Membership>>;

    /// The organization's members, in the order in which they came.
    fn members_in(&mut self, scope: &dyn Scope, page: &Page<MembershipId>) -> Result<Listed<Membership, MembershipId>>;

    /// Who owns it, in the order in which they came; `limit` at most.
    fn owners_in(&mut self, scope: &dyn Scope, limit: i64) -> Result<Vec<PrincipalId>>;

    /// Gives a member another role.
    ///
    /// # Errors
    /// `not_found` when they are none.
    fn set_role(
        &mut self,
        scope: &dyn Scope,
        principal: PrincipalId,
        role: Role,
        custom_role: Option<RoleId>,
    ) -> Result<()>;

    /// How many own the organization besides this one. In a transaction that writes, no owner goes until the commit:
    /// ask before anything else, so that nobody waits for anybody in a circle.
    fn owners_besides(&mut self, organization: OrganizationId, principal: PrincipalId) -> Result<i64>;

    /// Adds a member.
    ///
    /// # Errors
    /// `conflict` when they are one already.
    fn insert_membership(&mut self, membership: &Membership) -> Result<()>;

    /// Removes a member.
    ///
    /// # Errors
    /// `not_found` when they are none.
    fn delete_membership(&mut self, scope: &dyn Scope, principal: PrincipalId) -> Result<()>;

    /// Everywhere a principal belongs to, in any app: the app and the organization, oldest first. Not counted.
    fn belongs_to(
        &mut self,
        principal: PrincipalId,
        page: &Page<OrganizationId>,
    ) -> Result<Listed<(Option<AppId>, OrganizationId), OrganizationId>>;

    /// Everywhere a principal belongs to in an app. In a transaction that writes, no owner of those organizations comes
    /// or goes until the commit.
    fn places(&mut self, app: Option<AppId>, principal: PrincipalId) -> Result<Vec<Place>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_with_members_keeps_an_owner() {
        let place =
            |role, others, other_owners| Place { organization: OrganizationId::generate(), role, others, other_owners };
        assert_eq!(place(Role::Owner, 0, 0).depart().unwrap(), Departure::Empty);
        assert_eq!(place(Role::Viewer, 0, 0).depart().unwrap(), Departure::Empty);
        assert_eq!(place(Role::Owner, 3, 1).depart().unwrap(), Departure::Remains);
        assert_eq!(place(Role::Admin, 3, 1).depart().unwrap(), Departure::Remains);
        assert_eq!(place(Role::Owner, 3, 0).depart().unwrap_err().code, Code::LastOwner);
    }
}
