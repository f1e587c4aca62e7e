//! Who calls.

use std::{marker::PhantomData, sync::Arc};

use kernel::{
    AllowedIps, Code, Error, Result, Role, Timestamp, Via,
    id::{AccountId, ApiKeyId, AppId, OauthClientId, OrganizationId, PrincipalId, ServiceAccountId, SessionId},
};

use uuid::Uuid;

use crate::{Action, Denied, KeyScopes};

/// Who calls, through which app, and with what. Authenticated; allowed nothing yet.
///
/// Authority hangs on all of it: any app can get itself a token for any of its users, so that the principal alone says
/// little.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub principal: PrincipalId,
    /// `None`: the platform itself.
    pub app: Option<AppId>,
    /// With what.
    pub credential: Credential,
}

/// What a caller showed.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A token of the person's own sign-in.
    Session {
        /// The account that signed in.
        account: AccountId,
        /// The session.
        session: SessionId,
    },
    /// A token that an app got for one of its users.
    Exchange {
        /// The user's account.
        account: AccountId,
    },
    /// A token of another issuer.
    External {
        /// The account that is linked.
        account: AccountId,
    },
    /// An API key.
    ApiKey(Arc<KeyGrant>),
    /// A token of a service account's OAuth client: as good as a key with the client's scopes.
    Client(Arc<KeyGrant>),
    /// A token that an app got for itself.
    App,
    /// The development header: nothing at all.
    Development {
        /// The principal's account, if there is one.
        account: Option<AccountId>,
    },
}

/// What an API key brings along, or the token of an OAuth client.
#[derive(Clone, Debug)]
pub struct KeyGrant {
    /// The key, or the client.
    pub id: Uuid,
    /// The account of the person it acts as.
    pub account: Option<AccountId>,
    /// The service account it acts as.
    pub service_account: Option<ServiceAccountId>,
    /// The only organization it acts in.
    pub organization: OrganizationId,
    /// The most it may do there; without, as much as the principal it acts as.
    pub role: Option<Role>,
    /// Whether what own roles add to the principal's role counts as well, above that.
    pub own_roles: bool,
    /// What it is good for.
    pub scopes: KeyScopes,
    /// Until when.
    pub expires_at: Option<Timestamp>,
    /// From where.
    pub allowed_ips: AllowedIps,
}

impl KeyGrant {
    /// A grant that takes nothing away.
    #[must_use]
    pub fn new(organization: OrganizationId) -> Self {
        Self {
            id: Uuid::nil(),
            account: None,
            service_account: None,
            organization,
            role: None,
            own_roles: false,
            scopes: KeyScopes::default(),
            expires_at: None,
            allowed_ips: AllowedIps::default(),
        }
    }

    /// Whether a credential with these limits is no more than this one: it is good for nothing else, from nowhere else,
    /// and for no longer.
    #[must_use]
    pub fn covers(&self, scopes: &KeyScopes, expires_at: Option<Timestamp>, allowed_ips: &AllowedIps) -> bool {
        let ends = self.expires_at.is_none_or(|mine| expires_at.is_some_and(|theirs| theirs <= mine));
        ends && self.scopes.cover(scopes) && self.allowed_ips.cover(allowed_ips)
    }
}

impl Caller {
    /// The account behind the call, where there is one.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        match self.credential {
            Credential::Session { account, .. }
            | Credential::Exchange { account }
            | Credential::External { account } => Some(account),
            Credential::Development { account } => account,
            Credential::ApiKey(ref key) | Credential::Client(ref key) => key.account,
            Credential::App => None,
        }
    }

    /// What the API key behind the call brings along, or the OAuth client, where there is one.
    #[must_use]
    pub fn key(&self) -> Option<&KeyGrant> {
        match &self.credential {
            Credential::ApiKey(key) | Credential::Client(key) => Some(key),
            _ => None,
        }
    }

    /// With what they act, for the ledger.
    #[must_use]
    pub fn via(&self) -> Via {
        match (&self.credential, self.app) {
            (Credential::Session { session, .. }, _) => Via::Session(*session),
            (Credential::Exchange { .. }, Some(app)) => Via::Exchange(app),
            (Credential::External { .. } | Credential::Exchange { .. }, _) => Via::External,
            (Credential::ApiKey(key), _) => Via::ApiKey(ApiKeyId(key.id)),
            (Credential::Client(client), _) => Via::Client(OauthClientId(client.id)),
            (Credential::App, _) => Via::App,
            (Credential::Development { .. }, _) => Via::Development,
        }
    }

    /// # Errors
    /// `session_required` for an app that acts for one of its users: it takes no credential of theirs along, which would
    /// live on after the app's own.
    pub(crate) fn in_own_name(&self) -> Result<()> {
        match self.credential {
            Credential::Exchange { .. } => Err(Error::new(Code::SessionRequired)),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// `user_required` for an app that calls for itself, or with an API key.
    pub fn user(&self) -> Result<PrincipalId> {
        match self.credential {
            Credential::App | Credential::ApiKey(_) | Credential::Client(_) => Err(Error::new(Code::UserRequired)),
            _ => Ok(self.principal),
        }
    }
}

/// A caller who came to do `A`, with a credential that is good for it. A use case takes the one for its own action, so a
/// route that declares another action cannot reach it.
#[derive(Clone, Debug)]
pub struct Acting<A> {
    caller: Caller,
    action: PhantomData<A>,
}

impl<A: Action> Acting<A> {
    /// # Errors
    /// `insufficient_scope` for an API key whose scopes do not cover the action.
    pub fn new(caller: Caller) -> Result<Self> {
        if caller.key().is_some_and(|key| !key.scopes.allow(A::SCOPE)) {
            let refused =
                Error::because(Code::InsufficientScope, format!("This API key needs the scope {}.", A::SCOPE));
            return Err(match caller.key() {
                Some(key) if A::ENTRY.changes() => refused.caused_by(Denied::new(&caller, key.organization, A::NAME)),
                _ => refused,
            });
        }
        Ok(Self { caller, action: PhantomData })
    }

    /// Who came.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// A person with a token of their own sign-in: the only one who touches their credentials and sessions. No app acting
/// for them is one, and no API key.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub principal: PrincipalId,
    /// In which app.
    pub app: Option<AppId>,
    /// Their account.
    pub account: AccountId,
    /// Their session, where it is one of ours.
    pub session: Option<SessionId>,
}

impl SignedIn {
    /// # Errors
    /// `session_required` for every other caller.
    pub fn new(caller: &Caller) -> Result<Self> {
        let (account, session) = match caller.credential {
            Credential::Session { account, session } => (account, Some(session)),
            Credential::External { account } | Credential::Development { account: Some(account) } => (account, None),
            _ => return Err(Error::new(Code::SessionRequired)),
        };
        Ok(Self { principal: caller.principal, app: caller.app, account, session })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(scopes: &[&str], ends: Option<i64>, ips: &[&str]) -> KeyGrant {
        KeyGrant {
            scopes: KeyScopes::parse(scopes.iter().copied()).unwrap(),
            expires_at: ends.map(|seconds| Timestamp::from_unix_seconds(seconds).unwrap()),
            allowed_ips: AllowedIps::parse(ips.iter().copied()).unwrap(),
            ..KeyGrant::new(OrganizationId::generate())
        }
    }

    #[test]
    fn a_key_covers_what_is_no_more_than_itself() {
        let covers =
            |mine: &KeyGrant, other: &KeyGrant| mine.covers(&other.scopes, other.expires_at, &other.allowed_ips);
        let (whole, own) = (grant(&[], None, &[]), grant(&["users:write"], Some(9), &["192.0.2.0/24"]));
        assert!(covers(&whole, &whole) && covers(&whole, &own) && covers(&own, &own) && !covers(&own, &whole));
        assert!(covers(&own, &grant(&["users:read"], Some(8), &["192.0.2.1"])));
        for more in [
            grant(&[], Some(9), &["192.0.2.1"]),
            grant(&["apps:read"], Some(9), &["192.0.2.1"]),
            grant(&["users:read"], None, &["192.0.2.1"]),
            grant(&["users:read"], Some(10), &["192.0.2.1"]),
            grant(&["users:read"], Some(9), &[]),
            grant(&["users:read"], Some(9), &["192.0.2.1", "192.0.3.1"]),
        ] {
            assert!(!covers(&own, &more), "{more:?}");
        }
    }
}
