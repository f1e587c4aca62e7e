//! How accounts begin and end, whoever wants it.

use identity::{Account, EmailProof, PasswordHash};
use kernel::{
    AppScope, Code, Email, Error, Event, EventKind, Metadata, Name, Page, Result, Role, Slug, Timestamp, Unchecked,
    id::{AccountId, AppId, MembershipId, OrganizationId, PrincipalId},
};
use serde_json::json;
use tenancy::{Membership, Organization, membership::Departure, organization::personal_name};

use crate::{
    Transaction, email_change::refuse_kept, key_making::Author, members::let_go, organizations::organization_event,
};

/// Who makes an account.
#[derive(Clone, Copy)]
pub(crate) enum Maker {
    /// Whoever it is for: they sign up.
    Themselves,
    /// Somebody who manages the accounts.
    Manager(PrincipalId),
    /// The operator at the console.
    Operator,
}

impl Maker {
    /// What the ledger calls it, and who did it.
    fn deed(self, newcomer: PrincipalId) -> (EventKind, Option<PrincipalId>) {
        match self {
            Self::Themselves => (EventKind::AuthSignup, Some(newcomer)),
            Self::Manager(manager) => (EventKind::UserCreated, Some(manager)),
            Self::Operator => (EventKind::UserCreated, None),
        }
    }
}

/// Somebody who is about to have an account.
#[derive(Clone)]
pub(crate) struct Newcomer {
    pub app: Option<AppId>,
    pub email: Email,
    pub proof: Option<EmailProof>,
    pub password: Option<PasswordHash>,
    pub display_name: Option<Name>,
    pub metadata: Metadata,
    pub platform_admin: bool,
    /// Whether they get an organization of their own.
    pub organization: bool,
}

impl Newcomer {
    pub fn new(app: Option<AppId>, email: Email) -> Self {
        Self {
            app,
            email,
            proof: None,
            password: None,
            display_name: None,
            metadata: Metadata::default(),
            platform_admin: false,
            organization: true,
        }
    }

    /// Makes the account. Whoever has the address already, in another app, is the same principal.
    ///
    /// # Errors
    /// `email_taken`, also by who has just left it and may come back.
    pub fn join(&self, tx: &mut dyn Transaction, maker: Maker, now: Timestamp) -> Result<Account> {
        let principal = self.principal(tx, now)?;
        let (kind, actor) = maker.deed(principal);
        let account = Account {
            proof: self.proof,
            password: self.password.clone(),
            display_name: self.display_name.clone(),
            metadata: self.metadata.clone(),
            platform_admin: self.platform_admin,
            ..Account::new(AccountId::generate(), principal, self.app, self.email.clone(), now)
        };
        tx.insert_account(&account)?;
        refuse_kept(tx, self.app, &self.email, None, now)?;
        tx.append(&Event {
            app: self.app,
            actor,
            payload: json!({ "principal_id": principal, "email": self.email.as_str() }),
            ..Event::new(kind, now)
        })?;
        if self.organization {
            found_organization(tx, self.app, personal_name(&self.email), principal, actor, now)?;
        }
        Ok(account)
    }

    fn principal(&self, tx: &mut dyn Transaction, now: Timestamp) -> Result<PrincipalId> {
        let known = match tx.principal_by_email(&self.email)? {
            None => {
                let new = PrincipalId::generate();
                if tx.insert_principal(new, Some(&self.email), now)? {
                    return Ok(new);
                }
                // Of those who come with it to several apps at once, the first one's it is.
                tx.principal_by_email(&self.email)?
            }
            known => known,
        };
        if let Some(known) = known
            && tx.account_of(self.app, known)?.is_none()
        {
            return Ok(known);
        }
        // One who has changed their address has an account here still: whoever comes with the old one is another.
        let another = PrincipalId::generate();
        tx.insert_principal(another, None, now)?;
        Ok(another)
    }
}

/// What an account's owner did, or had done to it.
pub(crate) fn account_event(kind: EventKind, account: &Account, now: Timestamp) -> Event {
    Event {
        app: account.app,
        actor: Some(account.principal),
        payload: json!({ "principal_id": account.principal }),
        ..Event::new(kind, now)
    }
}

/// Makes an organization with a slug of its own and an owner.
pub(crate) fn found_organization(
    tx: &mut dyn Transaction,
    app: Option<AppId>,
    name: Name,
    owner: PrincipalId,
    actor: Option<PrincipalId>,
    now: Timestamp,
) -> Result<Organization> {
    let slug = free_slug(tx, app)?;
    insert_organization(tx, Organization { name, ..empty_organization(app, slug, now) }, owner, actor, now)
}

pub(crate) fn empty_organization(app: Option<AppId>, slug: Slug, now: Timestamp) -> Organization {
    Organization {
        id: OrganizationId::generate(),
        app,
        slug,
        name: Name::constant("Organization"),
        metadata: Metadata::default(),
        archived_at: None,
        delete_at: None,
        created_at: now,
        updated_at: now,
    }
}

/// Adds an organization with its owner, who need not be the one who makes it.
///
/// # Errors
/// `slug_taken`.
pub(crate) fn insert_organization(
    tx: &mut dyn Transaction,
    organization: Organization,
    owner: PrincipalId,
    actor: Option<PrincipalId>,
    now: Timestamp,
) -> Result<Organization> {
    tx.insert_organization(&organization)?;
    tx.insert_membership(&Membership {
        id: MembershipId::generate(),
        organization: organization.id,
        principal: owner,
        role: Role::Owner,
        custom_role: None,
        created_at: now,
    })?;
    let mut made = organization_event(EventKind::OrganizationCreated, &organization, actor, now);
    made.payload["principal_id"] = json!(owner);
    tx.append(&made)?;
    // Whoever follows memberships hears of the first one as of all others.
    tx.append(&Event {
        app: organization.app,
        organization: Some(organization.id),
        actor,
        payload: json!({ "principal_id": owner, "role": Role::Owner.name(), "invitation_id": null }),
        ..Event::new(EventKind::MembershipCreated, now)
    })?;
    Ok(organization)
}

/// A random slug that nobody in the app has: first one that people can say, then longer ones.
pub(crate) fn free_slug(tx: &mut dyn Transaction, app: Option<AppId>) -> Result<Slug> {
    let short = Slug::from_random(rand::random());
    for slug in [short.clone(), Slug::from_random(rand::random())] {
        if !tx.organization_slug_taken(app, &slug)? {
            return Ok(slug);
        }
    }
    Ok(short.lengthened(rand::random()))
}

/// Removes an account and everything of it in its app: memberships, sessions, links, keys. Organizations of which it was
/// the only member are archived.
///
/// # Errors
/// `not_found`; `last_owner` where members would be left without an owner; `conflict` where apps would.
pub(crate) fn delete_account(
    tx: &mut dyn Transaction,
    scope: &dyn AppScope,
    principal: PrincipalId,
    actor: Option<PrincipalId>,
    now: Timestamp,
) -> Result<()> {
    // Whoever gives them something meanwhile waits, and then finds nobody.
    tx.hold_principal(principal)?;
    let account = tx.account_in(scope, principal)?.ok_or_else(Error::not_found)?;
    keep_an_administrator(tx, &account)?;
    for place in tx.places(scope.app(), principal)? {
        let within = Unchecked(place.organization);
        if place.depart()? == Departure::Empty {
            archive_empty(tx, &within, actor, now)?;
        }
        let_go(tx, &within, Author { app: scope.app(), actor, now }, principal)?;
    }
    tx.delete_grants_in_app(scope.app(), principal)?;
    tx.delete_account(scope, principal, now)?;
    tx.order_erasure(scope.app(), principal, now)?;
    tx.append(&Event {
        app: scope.app(),
        actor,
        payload: json!({ "principal_id": principal }),
        ..Event::new(EventKind::UserDeleted, now)
    })
}

/// # Errors
/// `conflict` for the last one who runs the platform.
pub(crate) fn keep_an_administrator(tx: &mut dyn Transaction, account: &Account) -> Result<()> {
    if account.platform_admin && !tx.has_platform_admin(Some(account.id))? {
        return Err(Error::because(
            Code::Conflict,
            "Somebody has to run the platform: make somebody else an administrator first (fabric user create --admin).",
        ));
    }
    Ok(())
}

/// Whether nobody gets in with the account: it is disabled, or its app is.
pub(crate) fn is_closed(tx: &mut dyn Transaction, account: &Account) -> Result<bool> {
    let app = account.app.map(|id| tx.app(id)).transpose()?.flatten();
    Ok(account.disabled_at.is_some() || app.is_some_and(|app| app.disabled_at.is_some()))
}

fn archive_empty(
    tx: &mut dyn Transaction,
    within: &Unchecked<OrganizationId>,
    actor: Option<PrincipalId>,
    now: Timestamp,
) -> Result<()> {
    if !tx.apps_in(within, &Page::new(None, 0, 1)?)?.items.is_empty() {
        return Err(Error::because(
            Code::Conflict,
            "An organization of this account owns apps: delete them, or make somebody else an owner.",
        ));
    }
    let Some(organization) = tx.organization(within.0)? else { return Ok(()) };
    if organization.archived_at.is_some() {
        return Ok(());
    }
    let organization = Organization { archived_at: Some(now), updated_at: now, ..organization };
    tx.update_organization(within, &organization)?;
    tx.append(&organization_event(EventKind::OrganizationArchived, &organization, actor, now))
}
