//! OAuth clients: client credentials of a service account (RFC 6749, 4.4).

use kernel::{
    Listed, Name, Page, Result, Scope, SecretHash, Timestamp,
    id::{AppId, OauthClientId, OrganizationId, PrincipalId, ServiceAccountId},
};

use crate::{ClientId, RedirectUrl};

/// Client credentials of a service account, which comes and goes with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthClient {
    /// The client's own id.
    pub id: OauthClientId,
    /// Who it acts as.
    pub service_account: ServiceAccountId,
    /// What that is called.
    pub name: Name,
    /// Where that acts.
    pub organization: OrganizationId,
    /// The app of that organization.
    pub app: Option<AppId>,
    /// Since when that is nobody.
    pub disabled_at: Option<Timestamp>,
    /// Its public name. An app's and a client's are never the same: they are random.
    pub client_id: ClientId,
    /// The secret's hash.
    pub hash: SecretHash,
    /// Where people may be sent.
    pub redirect_uris: Vec<RedirectUrl>,
    /// What its tokens are good for; none at all means everything that the service account may.
    pub scopes: Vec<String>,
    /// Since when it exists.
    pub created_at: Timestamp,
}

impl OauthClient {
    /// Who it acts as.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        self.service_account.into()
    }
}

/// OAuth clients of one database transaction.
pub trait OauthClientRepository {
    /// A client, wherever it is.
    fn oauth_client(&mut self, id: OauthClientId) -> Result<Option<OauthClient>>;

    /// The client that somebody claims to be.
    fn oauth_client_by_client_id(&mut self, client_id: &ClientId) -> Result<Option<OauthClient>>;

    /// The client of a service account, if it has one.
    fn oauth_client_of(&mut self, account: ServiceAccountId) -> Result<Option<OauthClient>>;

    /// The clients of these organizations, oldest first.
    fn oauth_clients_in(
        &mut self,
        scopes: &[&dyn Scope],
        page: &Page<OauthClientId>,
    ) -> Result<Listed<OauthClient, OauthClientId>>;

    /// Adds a client of a service account that is there.
    fn insert_oauth_client(&mut self, scope: &dyn Scope, client: &OauthClient) -> Result<()>;
}
