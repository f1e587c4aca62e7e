//! What a person can sign in with: one account for each (principal, app).

use kernel::{
    AppScope, Email, Listed, Metadata, Name, Page, Result, Timestamp,
    id::{AccountId, AppId, OrganizationId, PrincipalId},
};

use crate::PasswordHash;

/// How an address came to count as its owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailProof {
    /// A link in a mail was fetched, by a person or by a scanner in front of their mailbox.
    Link,
    /// Somebody acted on the mail: pressed a button, or handed its token over.
    Confirmed,
    /// An administrator or the operator vouches for it.
    Operator,
    /// Another identity provider vouches for it.
    Provider,
}

impl EmailProof {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Link, Self::Confirmed, Self::Operator, Self::Provider];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Confirmed => "confirmed",
            Self::Operator => "operator",
            Self::Provider => "provider",
        }
    }

    /// Whether it shows that the mailbox's owner wanted this account: a scanner that follows links does not.
    #[must_use]
    pub fn by_the_owner(self) -> bool {
        self != Self::Link
    }
}

/// What one person has at one app, or at the platform itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account's own id.
    pub id: AccountId,
    /// Who it belongs to.
    pub principal: PrincipalId,
    /// `None`: the platform's own account, which developers sign up for.
    pub app: Option<AppId>,
    /// The address to sign in with.
    pub email: Email,
    /// How it was proven, if it was.
    pub proof: Option<EmailProof>,
    /// `None` where there is another way to sign in.
    pub password: Option<PasswordHash>,
    /// What the person is called.
    pub display_name: Option<Name>,
    /// What the app keeps about the person.
    pub metadata: Metadata,
    /// Raised whenever everything that was signed before shall end: tokens of an earlier epoch are dead.
    pub epoch: i32,
    /// When the epoch was raised last: tokens of other issuers, which know no epoch, are dead when issued before.
    pub valid_from: Timestamp,
    /// Runs the platform. Only accounts with no app can.
    pub platform_admin: bool,
    /// Since when it can't be used.
    pub disabled_at: Option<Timestamp>,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Account {
    /// A fresh account that nobody has proven anything about.
    #[must_use]
    pub fn new(id: AccountId, principal: PrincipalId, app: Option<AppId>, email: Email, now: Timestamp) -> Self {
        Self {
            id,
            principal,
            app,
            email,
            proof: None,
            password: None,
            display_name: None,
            metadata: Metadata::default(),
            epoch: 0,
            valid_from: now,
            platform_admin: false,
            disabled_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether somebody proved the address.
    #[must_use]
    pub fn email_verified(&self) -> bool {
        self.proof.is_some()
    }
}

/// What an administrator looks for.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Only addresses that begin with this, in lower case.
    pub email_prefix: Option<String>,
}

/// What people know somebody by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub principal: PrincipalId,
    /// Their address.
    pub email: Email,
    /// What they are called.
    pub display_name: Option<Name>,
}

/// Accounts of one database transaction.
///
/// Sign-in looks an account up by (app, e-mail) and what it finds is the signer's own; whoever looks at the accounts of
/// others shows an [`AppScope`].
pub trait AccountRepository {
    /// The account to sign in to.
    fn account_by_email(&mut self, app: Option<AppId>, email: &Email) -> Result<Option<Account>>;

    /// A caller's own account.
    fn account(&mut self, id: AccountId) -> Result<Option<Account>>;

    /// The account of a principal in an app.
    fn account_of(&mut self, app: Option<AppId>, principal: PrincipalId) -> Result<Option<Account>>;

    /// The apps that the principal has accounts in, with the organizations that own them.
    fn apps_with_account(&mut self, principal: PrincipalId) -> Result<Vec<(AppId, OrganizationId)>>;

    /// Makes sure that none of the principal's accounts is deleted until the commit.
    fn keep_principal(&mut self, id: PrincipalId) -> Result<()>;

    /// For who is about to delete one of the principal's accounts: makes sure that nobody else keeps them, or does the
    /// same, until the commit.
    fn hold_principal(&mut self, id: PrincipalId) -> Result<()>;

    /// What people know these principals by in an app, of those who have an account there.
    fn people(&mut self, app: Option<AppId>, principals: &[PrincipalId]) -> Result<Vec<Person>>;

    /// The principal that first came with this address, anywhere.
    fn principal_by_email(&mut self, email: &Email) -> Result<Option<PrincipalId>>;

    /// Knows a principal by the address that its account has now, if none of its other accounts has the one of before. By
    /// none, where the address is another principal's.
    fn readdress_principal(&mut self, id: PrincipalId, from: &Email, to: &Email) -> Result<()>;

    /// Makes a principal, known by `email` from now on. An address that is another's already makes it known by none.
    /// Tells whether it is known as was wanted.
    fn insert_principal(&mut self, id: PrincipalId, email: Option<&Email>, now: Timestamp) -> Result<bool>;

    /// # Errors
    /// `email_taken` when the app already has an account with this address.
    fn insert_account(&mut self, account: &Account) -> Result<()>;

    /// Writes everything that can change about an account, epoch and password apart: those have ways of their own.
    ///
    /// # Errors
    /// `email_taken` when another account of the app has this address; `not_found` when the account is gone.
    fn update_account(&mut self, account: &Account) -> Result<()>;

    /// Sets another password, if the account still has the one that `was`. Tells whether it had.
    fn replace_password(&mut self, id: AccountId, was: Option<&PasswordHash>, password: &PasswordHash) -> Result<bool>;

    /// Takes the password away.
    fn remove_password(&mut self, id: AccountId) -> Result<()>;

    /// Ends every session and every token of the account; hands back the new epoch.
    fn raise_epoch(&mut self, id: AccountId, now: Timestamp) -> Result<i32>;

    /// Removes the account with its sessions, tokens, links and keys, and forgets the principal's address when it was
    /// their last. Its links are remembered as severed. Memberships are the tenancy's to remove, before.
    fn delete_account(&mut self, scope: &dyn AppScope, principal: PrincipalId, now: Timestamp) -> Result<()>;

    /// One account of the app.
    fn account_in(&mut self, scope: &dyn AppScope, principal: PrincipalId) -> Result<Option<Account>>;

    /// The app's accounts, oldest first.
    fn accounts_in(
        &mut self,
        scope: &dyn AppScope,
        filter: &AccountFilter,
        page: &Page<AccountId>,
    ) -> Result<Listed<Account, AccountId>>;

    /// Whether anybody runs the platform yet, `besides` aside. In a transaction that writes, the answer holds until the
    /// commit.
    fn has_platform_admin(&mut self, besides: Option<AccountId>) -> Result<bool>;
}
