//! Service accounts: principals that are no person. They belong to one organization, act there through keys, and outlive
//! whoever made them.

use kernel::{
    Listed, Name, Page, Result, Role, Scope, Timestamp,
    id::{OrganizationId, PrincipalId, RoleId, ServiceAccountId, TeamId},
};

/// A principal that is no person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// The account's id, and the principal's.
    pub id: ServiceAccountId,
    /// Where it acts.
    pub organization: OrganizationId,
    /// In which team its role counts; without, in the whole organization.
    pub team: Option<TeamId>,
    /// What it is called.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// What it is, there.
    pub role: Role,
    /// What an own role of the organization adds to that.
    pub custom_role: Option<RoleId>,
    /// Who made it; `None` is the operator at the console.
    pub created_by: Option<PrincipalId>,
    /// Since when it is nobody.
    pub disabled_at: Option<Timestamp>,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl ServiceAccount {
    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        self.id.into()
    }

    /// What it is in the organization as a whole.
    #[must_use]
    pub fn role_in_organization(&self) -> Role {
        if self.team.is_some() { Role::Viewer } else { self.role }
    }
}

/// Service accounts of one database transaction.
pub trait ServiceAccountRepository {
    /// A service account, wherever it is.
    fn service_account(&mut self, id: ServiceAccountId) -> Result<Option<ServiceAccount>>;

    /// The one that a principal is in an organization, disabled or not. In a transaction that writes, it stays as it was
    /// read until the commit.
    fn service_account_of(
        &mut self,
        organization: OrganizationId,
        principal: PrincipalId,
    ) -> Result<Option<ServiceAccount>>;

    /// The one of that name: the oldest, should there be several.
    fn service_account_by_name(&mut self, scope: &dyn Scope, name: &Name) -> Result<Option<ServiceAccount>>;

    /// The organization's service accounts, oldest first.
    fn service_accounts_in(
        &mut self,
        scope: &dyn Scope,
        page: &Page<ServiceAccountId>,
    ) -> Result<Listed<ServiceAccount, ServiceAccountId>>;

    /// How many an organization has. In a transaction that writes, nobody else who asks adds one until the commit.
    fn count_service_accounts(&mut self, scope: &dyn Scope) -> Result<i64>;

    /// Adds a service account.
    fn insert_service_account(&mut self, scope: &dyn Scope, account: &ServiceAccount) -> Result<()>;

    /// Writes name, description, role and state.
    ///
    /// # Errors
    /// `not_found` when it is gone.
    fn update_service_account(&mut self, scope: &dyn Scope, account: &ServiceAccount) -> Result<()>;

    /// Removes a service account with its keys and its OAuth client.
    ///
    /// # Errors
    /// `not_found` when there is none.
    fn delete_service_account(&mut self, scope: &dyn Scope, id: ServiceAccountId) -> Result<()>;
}
