//! Addresses that accounts have left: for a while their owners may come back to them, and nobody else gets them.

use kernel::{
    Email, Result, Timestamp,
    id::{AccountId, AppId, FormerAddressId},
};

/// An address that an account has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerAddress {
    /// Its id: those that were left later have greater ones.
    pub id: FormerAddressId,
    /// Where the account is.
    pub app: Option<AppId>,
    /// Whose it was.
    pub account: AccountId,
    /// The address.
    pub email: Email,
    /// Until when they may come back to it.
    pub expires_at: Timestamp,
}

/// Former addresses of one database transaction.
pub trait FormerAddressRepository {
    /// Keeps an address for whoever has just left it.
    fn keep_former_address(&mut self, former: &FormerAddress) -> Result<()>;

    /// Who left an address, as long as they may come back to it.
    fn former_address(&mut self, app: Option<AppId>, email: &Email, now: Timestamp) -> Result<Option<FormerAddress>>;

    /// What an account has left and may come back to, in the order in which it left them.
    fn former_addresses_of(&mut self, account: AccountId, now: Timestamp) -> Result<Vec<FormerAddress>>;

    /// Lets an address go.
    fn forget_former_address(&mut self, id: FormerAddressId) -> Result<()>;

    /// Forgets what expired before `before`, some at a time. Tells how many.
    fn sweep_former_addresses(&mut self, before: Timestamp) -> Result<usize>;
}
