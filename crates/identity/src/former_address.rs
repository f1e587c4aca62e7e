//! Addresses that accounts have left: for a while their owners may come back to them, and nobody else gets them.

use std::time::Duration;

use kernel::{
    Email, Result, Timestamp,
    id::{AccountId, AppId, FormerAddressId},
};

use crate::Purpose;

/// An address that an account has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerAddress {
    /// Its id.
    pub id: FormerAddressId,
    /// Where the account is.
    pub app: Option<AppId>,
    /// Whose it was.
    pub account: AccountId,
    /// The address.
    pub email: Email,
    /// Until when they may come back to it: of those of one account, later for each that was left later.
    pub expires_at: Timestamp,
}

impl FormerAddress {
    /// Until when somebody may come back to an address that is left now, after these. Later than for all of them, whatever
    /// the clock says: one server's may be behind another's.
    #[must_use]
    pub fn term(now: Timestamp, before: &[Self]) -> Timestamp {
        let term = now.after(Purpose::UndoEmailChange.lifetime());
        let last = before.iter().map(|former| former.expires_at.after(Duration::from_micros(1))).max();
        last.map_or(term, |last| last.max(term))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_later_has_the_later_term_whatever_the_clock_says() {
        let now = Timestamp::from_unix_seconds(1_800_000_000).unwrap();
        let left = |expires_at| FormerAddress {
            id: FormerAddressId::generate(),
            app: None,
            account: AccountId::generate(),
            email: Email::parse("alice@example.com").unwrap(),
            expires_at,
        };
        let usual = now.after(Duration::from_hours(3 * 24));
        assert_eq!(FormerAddress::term(now, &[]), usual);
        assert_eq!(FormerAddress::term(now, &[left(usual.before(Duration::from_secs(1)))]), usual);
        let ahead = usual.after(Duration::from_secs(5));
        assert!(FormerAddress::term(now, &[left(ahead), left(usual)]) > ahead);
        assert!(FormerAddress::term(now, &[left(usual)]) > usual);
    }
}
