//! The authentication chain: API key, then our token, then Supabase's, then the development header, then nobody. What
//! was presented decides which; a bearer that is not good is refused and never falls through to the next.

use std::{net::IpAddr, sync::Arc};

use authz::{Caller, Credential, KeyGrant};
use identity::{
    Account, Link, Linked,
    access_token::{Claims, Grant, SignedBy, SupabaseClaims},
    account::EmailProof,
    api_key, link,
};
use kernel::{
    Code, Email, Error, ErrorKind, Event, EventKind, Result, SecretHash, Timestamp,
    id::{AccountId, AppId, PrincipalId, ServiceAccountId},
};
use serde_json::json;

use crate::{
    Platform, Transaction,
    accounts::{Maker, Newcomer, account_event},
    door::audience,
    facts::AccountFacts,
    take_over::take_over,
};

/// What a request brings along to show who calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presented<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `X-Principal-Id` header.
    pub development_principal: Option<&'a str>,
    /// The `X-Fabric-App-Id` header.
    pub client_id: Option<&'a str>,
    /// Whether the peer is on this machine and nobody forwards for somebody else.
    pub local: bool,
    /// Where the peer is, for all that is known.
    pub ip: Option<IpAddr>,
}

impl Platform {
    /// Who calls.
    ///
    /// # Errors
    /// `unauthorized`, `token_expired` or `token_revoked` when nobody does, or somebody with a credential that is not
    /// good; `unknown_app` when the app that is named does not exist.
    pub async fn authenticate(&self, presented: Presented<'_>) -> Result<Caller> {
        let caller = match (presented.authorization, presented.development_principal) {
            (Some(authorization), _) => {
                let bearer = bearer(authorization).ok_or_else(unauthorized)?;
                if bearer.starts_with(api_key::MARK) {
                    self.by_api_key(bearer, presented.ip).await?
                } else {
                    self.by_token(bearer).await?
                }
            }
            (None, Some(principal)) if presented.local && self.settings().shortcuts() => {
                self.by_development_header(principal, presented.client_id).await?
            }
            _ => return Err(unauthorized()),
        };
        if let Some(client_id) = presented.client_id {
            self.named_app(client_id).await?;
        }
        Ok(caller)
    }

    async fn by_api_key(&self, shown: &str, ip: Option<IpAddr>) -> Result<Caller> {
        let (hash, now) = (SecretHash::of(shown), self.now());
        let facts = self.key_facts(shown, hash, now).await?.ok_or_else(unauthorized)?;
        let key = &facts.key;
        // One answer for all of it: who found a key somewhere does not learn what it lacks.
        if !key.is_shown(hash, now) || !key.is_live(now) || !key.allowed_ips.admit(ip) {
            return Err(unauthorized());
        }
        if let Some(account) = key.account {
            self.enabled_account(account).await?;
        }
        if let Some(account) = key.service_account {
            self.enabled_service_account(account).await?;
        }
        self.enabled_app(key.app).await?;
        self.key_uses().note(key.id, key.last_used_at, now);
        let until = key.counts_until(hash);
        let grant = if until == key.expires_at {
            Arc::clone(&facts.grant)
        } else {
            // With a secret that was replaced, nothing is made that is there for longer.
            Arc::new(KeyGrant { expires_at: until, ..KeyGrant::clone(&facts.grant) })
        };
        Ok(Caller { principal: key.principal, app: key.app, credential: Credential::ApiKey(grant) })
    }

    async fn by_token(&self, token: &str) -> Result<Caller> {
        let now = self.now();
        match self.read_bearer(token, now).await? {
            Verified::Ours { claims, .. } => self.by_claims(&claims).await,
            Verified::Supabase(claims) => self.by_supabase(&claims).await,
        }
    }

    async fn by_claims(&self, claims: &Claims) -> Result<Caller> {
        let app = self.enabled_app(claims.app_id).await?;
        if claims.aud != audience(app.as_deref()) {
            return Err(unauthorized());
        }
        let credential = match &claims.grant {
            Grant::Session { sid, account, epoch } => {
                let facts = self.session_facts(*sid).await?.filter(|(of, _)| of == account);
                let (_, last_seen) = facts.ok_or_else(revoked)?;
                self.account_of_claims(claims, *account, *epoch).await?;
                self.session_uses().note(*sid, Some(last_seen), self.now());
                Credential::Session { account: *account, session: *sid }
            }
            Grant::Exchange { account, epoch, .. } => {
                self.not_revoked(claims).await?;
                self.account_of_claims(claims, *account, *epoch).await?;
                Credential::Exchange { account: *account }
            }
            Grant::App { secret } => {
                self.not_revoked(claims).await?;
                let app = claims.app_id.filter(|app| PrincipalId::from(*app) == claims.sub).ok_or_else(unauthorized)?;
                let now = self.now();
                let secrets = self.secret_facts(app).await?;
                if !secrets.iter().any(|live| live.id == *secret && live.is_live(now)) {
                    return Err(revoked());
                }
                Credential::App
            }
            Grant::Client { client } => {
                self.not_revoked(claims).await?;
                let facts = self.client_facts(*client).await?.ok_or_else(revoked)?;
                if facts.client.principal() != claims.sub || facts.client.app != claims.app_id {
                    return Err(unauthorized());
                }
                self.enabled_service_account(facts.client.service_account).await?;
                Credential::Client(Arc::clone(&facts.grant))
            }
        };
        Ok(Caller { principal: claims.sub, app: claims.app_id, credential })
    }

    async fn not_revoked(&self, claims: &Claims) -> Result<()> {
        if self.is_token_revoked(claims.jti).await? { Err(revoked()) } else { Ok(()) }
    }

    async fn account_of_claims(&self, claims: &Claims, account: AccountId, epoch: i32) -> Result<()> {
        let account = self.enabled_account(account).await?;
        if account.epoch != epoch {
            return Err(revoked());
        }
        if account.principal != claims.sub || account.app != claims.app_id {
            return Err(unauthorized());
        }
        Ok(())
    }

    async fn enabled_account(&self, id: AccountId) -> Result<Arc<AccountFacts>> {
        self.account_facts(id).await?.filter(|account| !account.disabled).ok_or_else(revoked)
    }

    async fn enabled_service_account(&self, id: ServiceAccountId) -> Result<()> {
        if self.is_service_account_enabled(id).await? { Ok(()) } else { Err(revoked()) }
    }

    async fn enabled_app(&self, id: Option<AppId>) -> Result<Option<Arc<apps::App>>> {
        let Some(id) = id else { return Ok(None) };
        let app = self.app_facts(id).await?.filter(|app| app.disabled_at.is_none());
        app.map(Some).ok_or_else(revoked)
    }

    async fn by_supabase(&self, claims: &SupabaseClaims) -> Result<Caller> {
        let mut linked = self.supabase_link(&claims.sub).await?;
        if let Some(Linked::To(id)) = linked
            && self.account_facts(id).await?.is_none()
        {
            // The account is gone and took its link along, which nobody told whoever keeps it in memory.
            self.facts().links.forget(&claims.sub);
            linked = self.supabase_link(&claims.sub).await?;
        }
        let id = match linked {
            Some(Linked::To(id)) => id,
            Some(Linked::Severed(since)) if claims.iat <= since.unix_seconds() => return Err(revoked()),
            Some(Linked::Severed(_)) | None => self.link_supabase(claims).await?,
        };
        let account = self.enabled_account(id).await?;
        if claims.iat < account.valid_from.unix_seconds_up() {
            return Err(revoked());
        }
        Ok(Caller { principal: account.principal, app: None, credential: Credential::External { account: id } })
    }

    async fn supabase_link(&self, subject: &String) -> Result<Option<Linked>> {
        let wanted = subject.clone();
        let load = self.store().read(move |tx| tx.linked(None, link::SUPABASE, &wanted));
        self.facts().links.get(subject, load).await
    }

    /// Somebody whom Supabase sends and whom we see for the first time. Without a proven address there is nothing to know
    /// them by; and while strangers may not make platform accounts, they may not this way either.
    async fn link_supabase(&self, claims: &SupabaseClaims) -> Result<AccountId> {
        let proven = self.settings().external_emails_verified;
        let email = claims.email.as_deref().filter(|_| proven).ok_or_else(unauthorized)?;
        let email = Email::parse(email).map_err(|_| unauthorized())?;
        let strangers = self.settings().developer_sign_up;
        let (subject, iat, now) = (claims.sub.clone(), claims.iat, self.now());
        let linked = self.store().write(move |tx| {
            match tx.linked(None, link::SUPABASE, &subject)? {
                // Another request of theirs was faster.
                Some(Linked::To(account)) => return Ok(account),
                Some(Linked::Severed(since)) if iat <= since.unix_seconds() => return Err(revoked()),
                Some(Linked::Severed(_)) | None => {}
            }
            let account = match tx.account_by_email(None, &email)? {
                Some(account) => for_its_owner(tx, account, iat, now)?,
                None if strangers => {
                    let newcomer = Newcomer { proof: Some(EmailProof::Provider), ..Newcomer::new(None, email.clone()) };
                    // Valid from when the token was issued, or it would not be.
                    let from = Timestamp::from_unix_seconds(iat).map_or(now, |issued| issued.min(now));
                    newcomer.join(tx, Maker::Themselves, from)?
                }
                None => return Err(unauthorized()),
            };
            tx.insert_link(&Link {
                provider: link::SUPABASE.to_owned(),
                subject: subject.clone(),
                app: None,
                account: account.id,
                created_at: now,
            })?;
            tx.append(&Event {
                payload: json!({ "principal_id": account.principal, "provider": link::SUPABASE }),
                ..account_event(EventKind::AuthSocialConnected, &account, now)
            })?;
            Ok(account.id)
        });
        let id = match linked.await {
            Err(error) if error.kind() == ErrorKind::Conflict => {
                let subject = claims.sub.clone();
                let found = self.store().read(move |tx| tx.linked(None, link::SUPABASE, &subject));
                match found.await? {
                    Some(Linked::To(account)) => account,
                    _ => return Err(error),
                }
            }
            linked => linked?,
        };
        self.facts().links.forget(&claims.sub);
        Ok(id)
    }

    async fn by_development_header(&self, principal: &str, client_id: Option<&str>) -> Result<Caller> {
        let principal: PrincipalId = principal.parse().map_err(|_| unauthorized())?;
        let app = match client_id {
            Some(client_id) => Some(self.named_app(client_id).await?.id),
            None => None,
        };
        let account = self.store().read(move |tx| tx.account_of(app, principal)).await?;
        let credential = Credential::Development { account: account.map(|account| account.id) };
        Ok(Caller { principal, app, credential })
    }
}

/// An account with an address that another provider proves to be its visitor's. Whoever runs the platform signs in with
/// what they have there.
fn for_its_owner(tx: &mut dyn Transaction, account: Account, iat: i64, now: Timestamp) -> Result<Account> {
    if account.platform_admin {
        return Err(unauthorized());
    }
    if account.proof.is_some_and(EmailProof::by_the_owner) && iat < account.valid_from.unix_seconds_up() {
        // Only the owner ends what was issued before: whoever pre-registered the address keeps nobody out.
        return Err(unauthorized());
    }
    let from = Timestamp::from_unix_seconds(iat).map_or(now, |issued| issued.min(now));
    take_over(tx, account, EmailProof::Provider, from, now)
}

/// What somebody signed, and we checked.
#[derive(Clone)]
pub(crate) enum Verified {
    Ours { claims: Arc<Claims>, by: SignedBy },
    Supabase(Arc<SupabaseClaims>),
}

impl Verified {
    /// Whether it has not expired by then.
    pub fn is_current(&self, now: Timestamp) -> bool {
        let expires = match self {
            Self::Ours { claims, .. } => claims.exp,
            Self::Supabase(claims) => claims.exp,
        };
        expires > now.unix_seconds()
    }
}

/// RFC 6750, 2.1; the scheme's name is not case-sensitive (RFC 9110, 11.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unauthorized() -> Error {
    Error::new(Code::Unauthorized)
}

fn revoked() -> Error {
    Error::new(Code::TokenRevoked)
}
