//! Memberships: a principal's place in an organization.

use kernel::{
    Code, Error, Result, Role, Scope, Timestamp,
    id::{AppId, MembershipId, OrganizationId, PrincipalId},
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
    /// Since when.
    pub created_at: Timestamp,
}

/// What a permit is decided from: whose the organization is, and the principal's role in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The organization's app.
    pub app: Option<AppId>,
    /// The principal's role.
    pub role: Role,
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
