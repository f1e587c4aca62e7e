//! What a new key is made of, whoever it acts as; and how a key gets another secret.

use std::time::Duration;

use authz::{Caller, KeyScopes, Permit};
use identity::{ApiKey, Rotation, ServiceAccount, api_key};
use kernel::{
    AllowedIps, Code, Error, Event, EventKind, Name, Page, Result, Role, Scope, Secret, SecretHash, Timestamp,
    id::{AccountId, ApiKeyId, AppId, PrincipalId},
    secret::ExposeSecret,
};
use serde_json::json;

use crate::{Transaction, reauthentication::require_fresh_person};

/// The most keys that one principal has in an organization.
const MOST: i64 = 100;
/// The longest that a key lives whose days are counted.
const MOST_DAYS: u32 = 3650;
/// The longest that a replaced secret may still count.
const LONGEST_OVERLAP: Duration = Duration::from_hours(7 * 24);

/// When a new key ends.
#[derive(Clone, Copy, Debug, Default)]
pub enum Expiry {
    /// Not by itself.
    #[default]
    Never,
    /// Then.
    At(Timestamp),
    /// So many days from now.
    InDays(u32),
}

impl Expiry {
    /// # Errors
    /// `invalid_request` for what is over already, and for too many days.
    pub(crate) fn end(self, now: Timestamp) -> Result<Option<Timestamp>> {
        match self {
            Self::Never => Ok(None),
            Self::At(end) if end > now => Ok(Some(end)),
            Self::At(_) => Err(Error::because(Code::InvalidRequest, "Give an expires_at that is yet to come.")),
            Self::InDays(days) if (1..=MOST_DAYS).contains(&days) => {
                Ok(Some(now.after(Duration::from_hours(24) * days)))
            }
            Self::InDays(_) => {
                Err(Error::because(Code::InvalidRequest, format!("Give expires_in_days from 1 to {MOST_DAYS}.")))
            }
        }
    }
}

/// A new key.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What it is called.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// The most it may do. Without: a person's key the role that its maker has now, and what own roles add to that at any
    /// time; a service account's as much as that.
    pub role: Option<Role>,
    /// What it is good for.
    pub scopes: KeyScopes,
    /// When it ends.
    pub expiry: Expiry,
    /// Where it is good from.
    pub allowed_ips: AllowedIps,
}

/// A key with its secret, which is shown this once.
#[derive(Clone, Debug)]
pub struct IssuedKey {
    /// The key.
    pub key: ApiKey,
    /// All of it in clear.
    pub secret: Secret,
}

/// The most that a key may do.
#[derive(Clone, Copy, Default)]
pub(crate) struct RoleLimit {
    /// Without, as much as its principal.
    pub role: Option<Role>,
    /// Whether own roles of its principal count above that.
    pub own_roles: bool,
}

impl RoleLimit {
    /// What is limited by a role alone, or by nothing.
    pub fn of(role: Option<Role>) -> Self {
        Self { role, own_roles: false }
    }
}

/// Whom a key acts as.
pub(crate) enum Holder<'a> {
    Person(PrincipalId, AccountId),
    Service(&'a ServiceAccount),
}

/// Who makes or changes something, where and when.
#[derive(Clone, Copy)]
pub(crate) struct Author {
    /// In which app.
    pub app: Option<AppId>,
    /// `None` is the operator at the console.
    pub actor: Option<PrincipalId>,
    pub now: Timestamp,
}

impl Author {
    pub fn of(caller: &Caller, now: Timestamp) -> Self {
        Self { app: caller.app, actor: Some(caller.principal), now }
    }

    /// Says in the ledger what happened to a key.
    pub fn told(&self, tx: &mut dyn Transaction, kind: EventKind, key: &ApiKey) -> Result<()> {
        tx.append(&Event {
            app: self.app,
            organization: Some(key.organization),
            actor: self.actor,
            payload: json!({
                "api_key_id": key.id, "prefix": key.prefix, "name": key.name.as_str(), "principal_id": key.principal,
                "service_account_id": key.service_account, "role": key.role.map(Role::name), "scopes": key.scopes,
                "expires_at": key.expires_at,
            }),
            ..Event::new(kind, self.now)
        })
    }
}

/// Whoever makes what acts after the end of their session does so in their own name, and has signed in a moment ago where
/// their app wants it so: otherwise a session that was stolen for a minute is a key for years.
///
/// # Errors
/// `session_required` for an app that acts for a user, and `reauthentication_required` long after the sign-in.
pub(crate) fn in_person<A>(tx: &mut dyn Transaction, permit: &Permit<A>, now: Timestamp) -> Result<()> {
    permit.in_own_name()?;
    require_fresh_for_keys(tx, permit.caller(), now)
}

/// The same of whoever makes what is there good for more: where it may come from, and that it counts again.
///
/// # Errors
/// `reauthentication_required` long after the sign-in, where the app wants it so.
pub(crate) fn require_fresh_for_keys(tx: &mut dyn Transaction, caller: &Caller, now: Timestamp) -> Result<()> {
    let app = caller.app.map(|id| tx.app(id)).transpose()?.flatten();
    if app.is_some_and(|app| app.settings.fresh_sign_in_for_keys) {
        require_fresh_person(tx, caller, now)?;
    }
    Ok(())
}

/// Makes a key. What its maker may give has been seen to.
///
/// # Errors
/// `conflict` when its principal has too many.
pub(crate) fn issue(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    author: Author,
    holder: &Holder,
    limit: RoleLimit,
    new: &NewApiKey,
    random: [u8; 40],
) -> Result<IssuedKey> {
    let (principal, account, service_account) = match holder {
        Holder::Person(principal, account) => (*principal, Some(*account), None),
        Holder::Service(account) => (account.principal(), None, Some(*account)),
    };
    if tx.count_api_keys_of(scope.organization(), principal)? >= MOST {
        let why = format!("Somebody has at most {MOST} API keys in an organization: delete one first.");
        return Err(Error::because(Code::Conflict, why));
    }
    let (prefix, secret) = api_key::write(random);
    let key = ApiKey {
        id: ApiKeyId::generate(),
        prefix,
        hash: SecretHash::of(secret.expose_secret()),
        previous: None,
        organization: scope.organization(),
        app: author.app,
        principal,
        account,
        service_account: service_account.map(|account| account.id),
        team: service_account.and_then(|account| account.team),
        name: new.name.clone(),
        description: new.description.clone(),
        role: limit.role,
        own_roles: limit.own_roles,
        scopes: new.scopes.names().map(str::to_owned).collect(),
        allowed_ips: new.allowed_ips.clone(),
        disabled_at: None,
        disabled_by: None,
        expires_at: new.expiry.end(author.now)?,
        last_used_at: None,
        created_by: author.actor,
        created_at: author.now,
        updated_at: author.now,
    };
    tx.insert_api_key(scope, &key)?;
    author.told(tx, EventKind::ApiKeyCreated, &key)?;
    Ok(IssuedKey { key, secret })
}

/// Ends every key that a principal has in an organization, and tells of each.
pub(crate) fn end_all(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    author: Author,
    principal: PrincipalId,
) -> Result<()> {
    let whole = Page::new(None, 0, Page::<ApiKeyId>::LARGEST)?;
    for key in tx.api_keys_in(scope, Some(principal), &whole)?.items {
        author.told(tx, EventKind::ApiKeyRevoked, &key)?;
    }
    tx.delete_api_keys_of(scope, principal)
}

/// # Errors
/// `invalid_setting` for too long an overlap.
pub(crate) fn check_overlap(overlap: Duration) -> Result<()> {
    let most = LONGEST_OVERLAP;
    if overlap <= most {
        return Ok(());
    }
    let why = format!("Give overlap_seconds a value from 0 to {}.", most.as_secs());
    Err(Error::because(Code::InvalidSetting, why))
}

/// Gives a key another secret under the same prefix. The one before counts for the overlap, and none before that.
///
/// # Errors
/// `conflict` for a key that can't be used.
pub(crate) fn rotate(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    author: Author,
    key: ApiKey,
    overlap: Duration,
    random: [u8; 32],
) -> Result<IssuedKey> {
    if !key.is_live(author.now) {
        return Err(Error::because(Code::Conflict, "This API key is disabled or has expired: make another one."));
    }
    let secret = api_key::rewrite(&key.prefix, random);
    let hash = SecretHash::of(secret.expose_secret());
    let previous_until = (!overlap.is_zero()).then(|| author.now.after(overlap));
    tx.rotate_api_key(scope, key.id, Rotation { hash, previous_until, at: author.now })?;
    let previous = previous_until.map(|until| (key.hash, until));
    let key = ApiKey { hash, previous, updated_at: author.now, ..key };
    author.told(tx, EventKind::ApiKeyRotated, &key)?;
    Ok(IssuedKey { key, secret })
}

/// # Errors
/// `forbidden` for a key that would be more than the one that the caller came with: it is good for nothing else, from
/// nowhere else, and for no longer.
pub(crate) fn no_more_than_the_callers<A>(
    permit: &Permit<A>,
    scopes: &KeyScopes,
    expires_at: Option<Timestamp>,
    allowed_ips: &AllowedIps,
) -> Result<()> {
    if permit.caller().key().is_none_or(|own| own.covers(scopes, expires_at, allowed_ips)) {
        return Ok(());
    }
    let why = "What is made with an API key has no wider scopes, comes from nowhere else and lives no longer than it.";
    Err(permit.refusal(why))
}

/// The same of a key that is there.
pub(crate) fn is_no_more_than_the_callers<A>(permit: &Permit<A>, key: &ApiKey) -> Result<()> {
    let scopes = KeyScopes::parse(key.scopes.iter().map(String::as_str))?;
    no_more_than_the_callers(permit, &scopes, key.expires_at, &key.allowed_ips)
}
