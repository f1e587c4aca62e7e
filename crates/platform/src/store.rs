//! Units of work: async outside, synchronous inside. A closure runs in one transaction on a database thread; what it
//! returns is handed out only after the commit.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use apps::{
    AppRepository, ClientSecretRepository, MailTemplateRepository, OauthClientRepository, SocialProviderRepository,
};
use audit::AuditRepository;
use authz::{CustomRoleRepository, GrantRepository};
use identity::{
    AccountRepository, ApiKeyRepository, ChallengeRepository, FormerAddressRepository, LinkRepository,
    LockoutRepository, OneTimeTokenRepository, PasskeyRepository, RefreshTokenRepository, ServiceAccountRepository,
    SessionRepository, SigningKeyRepository, SocialFlowRepository, TotpRepository,
};
use kernel::{Change, Error, Origin, Result};
use tenancy::{
    AssetRepository, BudgetRepository, ConcurrencyLimitRepository, InvitationRepository, MembershipRepository,
    OrganizationRepository, OrganizationSecretRepository, OrganizationSettingsRepository, TeamRepository,
    UsageRepository,
};
use tokio::sync::oneshot;
use webhooks::{DeliveryRepository, EndpointRepository, FanOutRepository, QueueRepository, SigningRepository};

use crate::{
    news::News,
    records::{EventLedger, MailQueue, MailRequests, RevokedTokens, SealingKeys, WebhookLetters},
};

/// Everything a use case can reach inside one transaction.
pub trait Transaction:
    AccountRepository
    + ApiKeyRepository
    + AppRepository
    + AssetRepository
    + AuditRepository
    + BudgetRepository
    + ChallengeRepository
    + ClientSecretRepository
    + ConcurrencyLimitRepository
    + CustomRoleRepository
    + DeliveryRepository
    + EndpointRepository
    + EventLedger
    + FanOutRepository
    + FormerAddressRepository
    + GrantRepository
    + InvitationRepository
    + LinkRepository
    + LockoutRepository
    + MailQueue
    + MailRequests
    + MailTemplateRepository
    + MembershipRepository
    + OauthClientRepository
    + OneTimeTokenRepository
    + OrganizationRepository
    + OrganizationSecretRepository
    + OrganizationSettingsRepository
    + PasskeyRepository
    + QueueRepository
    + RefreshTokenRepository
    + RevokedTokens
    + SealingKeys
    + ServiceAccountRepository
    + SessionRepository
    + SigningKeyRepository
    + SigningRepository
    + SocialFlowRepository
    + SocialProviderRepository
    + TeamRepository
    + TotpRepository
    + UnitOfWork
    + UsageRepository
    + WebhookLetters
{
}

impl<T> Transaction for T where
    T: AccountRepository
        + ApiKeyRepository
        + AppRepository
        + AssetRepository
        + AuditRepository
        + BudgetRepository
        + ChallengeRepository
        + ClientSecretRepository
        + ConcurrencyLimitRepository
        + CustomRoleRepository
        + DeliveryRepository
        + EndpointRepository
        + EventLedger
        + FanOutRepository
        + FormerAddressRepository
        + GrantRepository
        + InvitationRepository
        + LinkRepository
        + LockoutRepository
        + MailQueue
        + MailRequests
        + MailTemplateRepository
        + MembershipRepository
        + OauthClientRepository
        + OneTimeTokenRepository
        + OrganizationRepository
        + OrganizationSecretRepository
        + OrganizationSettingsRepository
        + PasskeyRepository
        + QueueRepository
        + RefreshTokenRepository
        + RevokedTokens
        + SealingKeys
        + ServiceAccountRepository
        + SessionRepository
        + SigningKeyRepository
        + SigningRepository
        + SocialFlowRepository
        + SocialProviderRepository
        + TeamRepository
        + TotpRepository
        + UnitOfWork
        + UsageRepository
        + WebhookLetters
{
}

/// What a unit of work does to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reads, from one snapshot.
    Read,
    /// Reads and writes.
    Write,
}

/// What a unit of work is, for who is inside it.
pub trait UnitOfWork {
    /// What it does to the database.
    fn mode(&self) -> Mode;
}

/// One unit of work on its way to a database thread.
pub trait Unit: Send {
    /// What it does to the database.
    fn mode(&self) -> Mode;

    /// Whether its caller still waits. A unit whose caller has gone need not run at all.
    fn wanted(&self) -> bool;

    /// Runs once more, from the beginning: the adapter has rolled back whatever an earlier run did. Never panics.
    fn run(&mut self, tx: &mut dyn Transaction) -> Result<()>;

    /// Answers the caller: `Ok` once the last run is durable and its changes are known to everybody here.
    fn settle(self: Box<Self>, outcome: Result<()>);
}

/// Who wants to know what commits change. Called on a database thread, after the commit and before the answer; and, where
/// the database tells what other processes change, as soon as it does. It may be told of the same change more than once.
pub type Listener = Arc<dyn Fn(&[Change]) + Send + Sync>;

/// How well a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `postgresql` or `sqlite`.
    pub database: &'static str,
    /// Whether every migration of this version was run, and none of a later one.
    pub migrated: bool,
}

/// A database, as `platform` sees it.
pub trait Store: Send + Sync + 'static {
    /// Takes the unit over and returns at once; a unit that there is no room for is settled on the spot.
    fn submit(&self, unit: Box<dyn Unit>);

    /// Sets who is told of every committed change.
    fn listen(&self, listener: Listener);

    /// Asks the database how it is. Blocks for as long as a connection takes, so never on an async thread.
    fn health(&self) -> Result<Health>;
}

impl dyn Store {
    /// As [`Units::read`].
    ///
    /// # Errors
    /// Those of `work`; `overloaded` when too many units wait.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        Units::new(self, None, None).read(work).await
    }

    /// As [`Units::write`], with no origin but the server itself.
    ///
    /// # Errors
    /// Those of `work`; `overloaded` when too many units wait.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        Units::new(self, None, None).write(work).await
    }
}

/// A database, for one origin of changes.
#[derive(Clone, Copy)]
pub struct Units<'a> {
    store: &'a dyn Store,
    origin: Option<&'a Arc<Origin>>,
    news: Option<&'a News>,
}

impl<'a> Units<'a> {
    /// What is written by it came from there; without an origin from the server itself. Who waits for the ledger hears of
    /// what is appended to it.
    pub(crate) fn new(store: &'a dyn Store, origin: Option<&'a Arc<Origin>>, news: Option<&'a News>) -> Self {
        Self { store, origin, news }
    }

    /// Runs `work` in a transaction that only reads, all of it from one snapshot.
    ///
    /// # Errors
    /// Those of `work`; `overloaded` when too many units wait.
    pub async fn read<T: Send + 'static>(
        self,
        work: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(Mode::Read, work).await
    }

    /// Runs `work` in a transaction; commits when it returns `Ok`, leaves no trace when it does not.
    ///
    /// `work` may run more than once, so it has no side effect outside `tx`, and it passes on every error it gets from
    /// there: after one, the transaction may be gone.
    ///
    /// # Errors
    /// Those of `work`; `overloaded` when too many units wait.
    pub async fn write<T: Send + 'static>(
        self,
        work: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(Mode::Write, work).await
    }

    async fn run<T: Send + 'static>(
        self,
        mode: Mode,
        work: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answers) = oneshot::channel();
        let origin = self.origin.cloned();
        self.store.submit(Box::new(Pending { mode, origin, work, done: None, answer }));
        let done = answers.await.map_err(|_| Error::unavailable("the database threads have stopped"))??;
        if let Some(news) = self.news.filter(|_| done.appended) {
            news.appended.tell();
        }
        Ok(done.value)
    }
}

struct Pending<W, T> {
    mode: Mode,
    origin: Option<Arc<Origin>>,
    work: W,
    done: Option<Done<T>>,
    answer: oneshot::Sender<Result<Done<T>>>,
}

/// What a unit of work came to.
struct Done<T> {
    value: T,
    /// Whether the ledger has more for it.
    appended: bool,
}

impl<W, T> Unit for Pending<W, T>
where
    W: FnMut(&mut dyn Transaction) -> Result<T> + Send,
    T: Send,
{
    fn mode(&self) -> Mode {
        self.mode
    }

    fn wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run(&mut self, tx: &mut dyn Transaction) -> Result<()> {
        if let Some(origin) = &self.origin {
            tx.came_from(Arc::clone(origin));
        }
        let value = catch_unwind(AssertUnwindSafe(|| (self.work)(tx)))
            .unwrap_or_else(|_| Err(Error::internal("a unit of work panicked")))?;
        self.done = Some(Done { value, appended: tx.has_appended() });
        Ok(())
    }

    fn settle(self: Box<Self>, outcome: Result<()>) {
        let Self { done, answer, .. } = *self;
        let unrun = || Error::internal("settled before it ran");
        // A caller who has gone away wants no answer.
        drop(answer.send(outcome.and_then(|()| done.ok_or_else(unrun))));
    }
}
