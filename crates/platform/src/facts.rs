//! What the way in asks about at every request: sessions, accounts, apps, keys. Kept in memory, see [`crate::cache`].

use std::{hash::Hash, sync::Arc};

use apps::{App, ClientId, ClientSecret, OauthClient};
use authz::{Authority, KeyGrant, KeyScopes, Resource};
use identity::{Account, ApiKey, Linked, Session};
use kernel::{
    Change, Email, Listed, Name, Result, SecretHash, Timestamp,
    id::{
        AccountId, ApiKeyId, AppId, OauthClientId, OrganizationId, PrincipalId, RoleId, ServiceAccountId, SessionId,
        TokenId,
    },
};

use crate::{
    Platform,
    authentication::Verified,
    cache::{Bounded, Counters, Facts, bounded},
    key_ring::KeyRing,
    permit::authority_in_teams,
    store::Listener,
};

/// What the way in needs to know of an account. Its password hash is not among it.
#[derive(Clone, Debug)]
pub(crate) struct AccountFacts {
    pub principal: PrincipalId,
    pub app: Option<AppId>,
    pub email: Email,
    pub email_verified: bool,
    pub display_name: Option<Name>,
    pub epoch: i32,
    pub valid_from: Timestamp,
    pub disabled: bool,
    pub platform_admin: bool,
}

impl From<&Account> for AccountFacts {
    fn from(account: &Account) -> Self {
        Self {
            principal: account.principal,
            app: account.app,
            email: account.email.clone(),
            email_verified: account.email_verified(),
            display_name: account.display_name.clone(),
            epoch: account.epoch,
            valid_from: account.valid_from,
            disabled: account.disabled_at.is_some(),
            platform_admin: account.platform_admin,
        }
    }
}

/// What the way in needs to know of an API key.
#[derive(Clone, Debug)]
pub(crate) struct KeyFacts {
    pub key: ApiKey,
    pub grant: Arc<KeyGrant>,
}

/// What the way in needs to know of an OAuth client.
#[derive(Clone, Debug)]
pub(crate) struct ClientFacts {
    pub client: OauthClient,
    pub grant: Arc<KeyGrant>,
}

/// The organizations that somebody belongs to, with their apps.
pub(crate) type Places = Listed<(Option<AppId>, OrganizationId), OrganizationId>;

/// Every cache there is.
pub(crate) struct AllFacts {
    /// Whose it is, and when it was used last.
    pub sessions: Facts<SessionId, Option<(AccountId, Timestamp)>>,
    pub tokens: Facts<TokenId, bool>,
    pub accounts: Facts<AccountId, Option<Arc<AccountFacts>>>,
    pub apps: Facts<AppId, Option<Arc<App>>>,
    pub client_ids: Facts<ClientId, Option<AppId>>,
    pub secrets: Facts<AppId, Arc<Vec<ClientSecret>>>,
    /// By the hash of what was shown.
    pub shown_keys: Facts<[u8; 32], Option<ApiKeyId>>,
    pub keys: Facts<ApiKeyId, Option<Arc<KeyFacts>>>,
    /// Whether it is there and enabled.
    pub service_accounts: Facts<ServiceAccountId, bool>,
    /// A client never changes, and is worth nothing without its service account.
    pub clients: Facts<OauthClientId, Option<Arc<ClientFacts>>>,
    pub links: Facts<String, Option<Linked>>,
    pub origins: Facts<(String, Option<AppId>), bool>,
    /// By organization and principal, and by how often the organization has changed.
    pub authority: Facts<(OrganizationId, PrincipalId, u64), Option<Arc<Authority>>>,
    pub organizations: Counters,
    pub places: Facts<PrincipalId, Arc<Places>>,
    /// The organizations of things.
    pub things: Facts<Resource, Option<OrganizationId>>,
    /// Whether an organization has a role of its own.
    pub roles: Facts<(OrganizationId, RoleId), bool>,
    /// The apps that somebody has accounts in, with who owns those.
    pub users: Facts<PrincipalId, Arc<Vec<(AppId, OrganizationId)>>>,
    /// All of them are one fact.
    pub signing_keys: Facts<(), Arc<KeyRing>>,
    pub verified: VerifiedTokens,
}

impl AllFacts {
    pub fn new() -> Self {
        Self {
            sessions: Facts::new(100_000),
            tokens: Facts::new(50_000),
            accounts: Facts::new(100_000),
            apps: Facts::new(10_000),
            client_ids: Facts::new(10_000),
            secrets: Facts::new(10_000),
            shown_keys: Facts::new(50_000),
            keys: Facts::new(50_000),
            service_accounts: Facts::new(50_000),
            clients: Facts::new(50_000),
            links: Facts::new(50_000),
            origins: Facts::new(10_000),
            authority: Facts::new(100_000),
            organizations: Counters::new(16 * 1024),
            places: Facts::new(50_000),
            things: Facts::new(50_000),
            roles: Facts::new(50_000),
            users: Facts::new(50_000),
            signing_keys: Facts::new(100),
            verified: VerifiedTokens::new(),
        }
    }

    /// Drops what a commit changed.
    pub fn listener(self: &Arc<Self>) -> Listener {
        let facts = Arc::clone(self);
        Arc::new(move |changes| changes.iter().for_each(|change| facts.forget(change)))
    }

    fn forget(&self, change: &Change) {
        match change {
            Change::Session(id) => self.sessions.forget(id),
            Change::Token(id) => self.tokens.forget(id),
            Change::Account(id) => {
                self.accounts.forget(id);
                // Who is linked to it may be cut off from it.
                self.links.forget_all();
                self.users.forget_all();
            }
            Change::ApiKey(id) => {
                self.keys.forget(id);
                self.things.forget(&Resource::of("api_key", id.0));
            }
            Change::ServiceAccount(id) => {
                self.service_accounts.forget(id);
                self.things.forget(&Resource::of("service_account", id.0));
            }
            Change::Authority(organization, principal) => {
                self.authority.forget(&(*organization, *principal, self.organizations.of(organization)));
                self.places.forget(principal);
            }
            Change::Organization(organization) => self.organizations.advance(organization),
            Change::Team(team) => self.things.forget(&Resource::of("team", team.0)),
            Change::App(id) => {
                self.apps.forget(id);
                self.secrets.forget(id);
                self.client_ids.forget_all();
                self.origins.forget_all();
            }
            Change::SigningKeys => self.signing_keys.forget(&()),
            Change::Everything => self.forget_all(),
        }
    }

    fn forget_all(&self) {
        // Signatures do not change, and whether a key counts is asked with each.
        self.each(&|facts| facts.forget_all());
    }

    /// Makes room: what nobody believes any more goes.
    pub fn drop_stale(&self, now: Timestamp) {
        self.each(&|facts| facts.drop_stale());
        self.verified.drop_expired(now);
    }

    fn each(&self, deed: &dyn Fn(&dyn Forgetful)) {
        // By name, so that no cache can be left out.
        let Self {
            sessions,
            tokens,
            accounts,
            apps,
            client_ids,
            secrets,
            shown_keys,
            keys,
            service_accounts,
            clients,
            links,
            origins,
            authority,
            // A part of the keys of `authority`.
            organizations: _,
            places,
            things,
            roles,
            users,
            signing_keys,
            // Kept for longer than facts are.
            verified: _,
        } = self;
        let facts: [&dyn Forgetful; 18] = [
            sessions,
            tokens,
            accounts,
            apps,
            client_ids,
            secrets,
            shown_keys,
            keys,
            service_accounts,
            clients,
            links,
            origins,
            authority,
            places,
            things,
            roles,
            users,
            signing_keys,
        ];
        facts.into_iter().for_each(deed);
    }
}

/// Facts of any kind.
trait Forgetful {
    fn forget_all(&self);
    fn drop_stale(&self);
}

impl<K: Clone + Eq + Hash, V: Clone> Forgetful for Facts<K, V> {
    fn forget_all(&self) {
        Self::forget_all(self);
    }

    fn drop_stale(&self) {
        Self::drop_stale(self);
    }
}

impl Platform {
    pub(crate) async fn account_facts(&self, id: AccountId) -> Result<Option<Arc<AccountFacts>>> {
        let load = self.store().read(move |tx| {
            let account = tx.account(id)?;
            Ok(account.map(|account| Arc::new(AccountFacts::from(&account))))
        });
        self.facts().accounts.get(&id, load).await
    }

    pub(crate) async fn app_facts(&self, id: AppId) -> Result<Option<Arc<App>>> {
        let load = self.store().read(move |tx| tx.app(id).map(|app| app.map(Arc::new)));
        self.facts().apps.get(&id, load).await
    }

    /// What a principal is in an organization, for reads and checks: what changes something decides anew.
    pub(crate) async fn authority_facts(
        &self,
        organization: OrganizationId,
        principal: PrincipalId,
    ) -> Result<Option<Arc<Authority>>> {
        let load = self.store().read(move |tx| Ok(authority_in_teams(tx, organization, principal)?.map(Arc::new)));
        let epoch = self.facts().organizations.of(&organization);
        self.facts().authority.get(&(organization, principal, epoch), load).await
    }

    pub(crate) async fn app_by_client_id(&self, client_id: &ClientId) -> Result<Option<Arc<App>>> {
        let wanted = client_id.clone();
        let load = self.store().read(move |tx| Ok(tx.app_by_client_id(&wanted)?.map(|app| app.id)));
        match self.facts().client_ids.get(client_id, load).await? {
            Some(id) => self.app_facts(id).await,
            None => Ok(None),
        }
    }

    pub(crate) async fn secret_facts(&self, app: AppId) -> Result<Arc<Vec<ClientSecret>>> {
        let now = self.now();
        let load = self.store().read(move |tx| tx.client_secrets(app, now).map(Arc::new));
        self.facts().secrets.get(&app, load).await
    }

    /// Whose session it is, and when it was used last.
    pub(crate) async fn session_facts(&self, id: SessionId) -> Result<Option<(AccountId, Timestamp)>> {
        let facts = |session: Session| (session.account, session.last_seen_at);
        let load = self.store().read(move |tx| Ok(tx.live_session(id)?.map(facts)));
        self.facts().sessions.get(&id, load).await
    }

    pub(crate) async fn is_token_revoked(&self, id: TokenId) -> Result<bool> {
        let load = self.store().read(move |tx| tx.is_token_revoked(id));
        self.facts().tokens.get(&id, load).await
    }

    /// The key of which this was shown. Two steps: what was shown leads to an id, for good, and the id to the key, which
    /// changes; so one changed key drops no other. Whether it is still the one that was shown has yet to be seen.
    pub(crate) async fn key_facts(
        &self,
        shown: &str,
        hash: SecretHash,
        now: Timestamp,
    ) -> Result<Option<Arc<KeyFacts>>> {
        let Some(prefix) = identity::api_key::prefix(shown).map(str::to_owned) else { return Ok(None) };
        // Whatever is wrong with a key, it costs the same look.
        let load = self.store().read(move |tx| {
            let key = tx.api_key_by_prefix(&prefix)?.filter(|key| key.is_shown(hash, now));
            Ok(key.map(|key| key.id))
        });
        let Some(id) = self.facts().shown_keys.get(&hash.0, load).await? else { return Ok(None) };
        let load = self.store().read(move |tx| tx.api_key(id)?.map(|key| key_facts(key).map(Arc::new)).transpose());
        self.facts().keys.get(&id, load).await
    }

    pub(crate) async fn is_service_account_enabled(&self, id: ServiceAccountId) -> Result<bool> {
        let load = self
            .store()
            .read(move |tx| Ok(tx.service_account(id)?.is_some_and(|account| account.disabled_at.is_none())));
        self.facts().service_accounts.get(&id, load).await
    }

    pub(crate) async fn client_facts(&self, id: OauthClientId) -> Result<Option<Arc<ClientFacts>>> {
        let load = self
            .store()
            .read(move |tx| tx.oauth_client(id)?.map(|client| client_facts(client).map(Arc::new)).transpose());
        self.facts().clients.get(&id, load).await
    }
}

fn key_facts(key: ApiKey) -> Result<KeyFacts> {
    let grant = KeyGrant {
        id: key.id.0,
        account: key.account,
        service_account: key.service_account,
        role: key.role,
        own_roles: key.own_roles,
        scopes: KeyScopes::parse(key.scopes.iter().map(String::as_str))?,
        expires_at: key.expires_at,
        allowed_ips: key.allowed_ips.clone(),
        ..KeyGrant::new(key.organization)
    };
    Ok(KeyFacts { key, grant: Arc::new(grant) })
}

fn client_facts(client: OauthClient) -> Result<ClientFacts> {
    let grant = KeyGrant {
        id: client.id.0,
        service_account: Some(client.service_account),
        scopes: KeyScopes::parse(client.scopes.iter().map(String::as_str))?,
        ..KeyGrant::new(client.organization)
    };
    Ok(ClientFacts { client, grant: Arc::new(grant) })
}

/// Tokens whose signature was checked. A signature does not change, so these are kept for longer than facts are; whether
/// the token and its key still count is asked elsewhere, every time.
pub(crate) struct VerifiedTokens(Bounded<[u8; 32], Verified>);

impl VerifiedTokens {
    fn new() -> Self {
        Self(bounded(50_000))
    }

    /// What the token of that hash says, if its signature was checked.
    pub fn get(&self, hash: &[u8; 32]) -> Option<Verified> {
        self.0.get(hash)
    }

    /// Remembers that it was.
    pub fn keep(&self, hash: [u8; 32], verified: Verified) {
        self.0.insert(hash, verified);
    }

    /// Forgets that it was: its key is believed no more.
    pub fn forget(&self, hash: &[u8; 32]) {
        self.0.remove(hash);
    }

    fn drop_expired(&self, now: Timestamp) {
        self.0.retain(|_, verified| verified.is_current(now));
    }
}
