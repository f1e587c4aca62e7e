//! Set-up: one command, and an app can sign its users in.

use apps::{App, AppSettings};
use identity::{Account, ApiKey, EmailProof, PasswordHash, api_key, password::Password};
use kernel::{
    AllowedIps, Email, Error, EventKind, Metadata, Name, Page, Result, Role, Secret, SecretHash, Timestamp, Unchecked,
    id::{ApiKeyId, OrganizationId},
    secret::ExposeSecret,
};
use tenancy::Organization;
use webhooks::EndpointUrl;

use crate::{
    NewEndpoint, Platform, Transaction,
    accounts::{Maker, Newcomer, found_organization},
    app_registration::{NewSecret, Registration, register},
    forgotten_password::set_password,
    key_making::Author,
    take_over::take_over,
    webhook_making::make,
    webhook_secrets::known_or_new,
};

/// What shall be there.
#[derive(Clone, Debug)]
pub struct SetUp {
    /// The app's name.
    pub app_name: Name,
    /// The developer's address.
    pub email: Email,
    /// The developer's password, should there be no account yet.
    pub password: Password,
    /// Where the app hears of events: an endpoint that is bound to it.
    pub webhook_url: Option<EndpointUrl>,
}

/// What is there now. Secrets that were shown before are gone.
#[derive(Clone, Debug)]
pub struct SetUpReport {
    /// Whether anything is new.
    pub created: bool,
    /// The app.
    pub app: App,
    /// Its secret, the first time.
    pub client_secret: Option<Secret>,
    /// The developer's account.
    pub admin: Account,
    /// Whether it was there before and is proven: then it keeps its password, and the one given is not used.
    pub password_kept: bool,
    /// The organization that owns the app.
    pub organization: Organization,
    /// A key of that organization, the first time.
    pub api_key: Option<Secret>,
    /// What its events are signed with.
    pub webhook_secret: Secret,
}

impl Platform {
    /// Makes the developer's account, an organization, an app in it and a key; the first developer of all runs the
    /// platform. Where the developer has an app of that name, nothing changes.
    ///
    /// # Errors
    /// `invalid_url` in production for a URL without https; those of the database.
    pub async fn set_up(&self, wanted: SetUp) -> Result<SetUpReport> {
        if let Some(url) = &wanted.webhook_url {
            self.check_webhook_url(url)?;
        }
        let password = self.hash_chosen(wanted.password.clone()).await?;
        let (secret, now, sealing) = (NewSecret::draw(), self.now(), self.keys().sealing.clone());
        let (prefix, key) = api_key::write(rand::random());
        let done = self.store().write(move |tx| {
            let known = tx.account_by_email(None, &wanted.email)?;
            // What a stranger registered under the developer's address is nothing of the developer's.
            if let Some(admin) = known.as_ref().filter(|known| known.proof.is_some_and(EmailProof::by_the_owner))
                && let Some((organization, app)) = existing(tx, admin, &wanted.app_name)?
            {
                let within = Unchecked(organization.id);
                // One that was registered over HTTP has no signing secret yet.
                let webhook_secret = known_or_new(tx, &within, &sealing, now)?;
                return Ok(SetUpReport {
                    created: false,
                    app,
                    client_secret: None,
                    admin: admin.clone(),
                    password_kept: true,
                    webhook_secret,
                    organization,
                    api_key: None,
                });
            }
            let (admin, password_kept) = match known {
                Some(admin) if admin.proof.is_some_and(EmailProof::by_the_owner) => (admin, true),
                Some(stranger) => (claim(tx, stranger, &password, now)?, false),
                None => {
                    let newcomer = Newcomer {
                        proof: Some(EmailProof::Operator),
                        password: Some(password.clone()),
                        platform_admin: !tx.has_platform_admin(None)?,
                        organization: false,
                        ..Newcomer::new(None, wanted.email.clone())
                    };
                    (newcomer.join(tx, Maker::Operator, now)?, false)
                }
            };
            let organization = found_organization(tx, None, wanted.app_name.clone(), admin.principal, None, now)?;
            let within = Unchecked(organization.id);
            let registration = Registration {
                name: wanted.app_name.clone(),
                slug: None,
                settings: AppSettings::default(),
                metadata: Metadata::default(),
            };
            let app = register(tx, &within, None, registration, &secret, now)?;
            let key = insert_key(tx, &within, &admin, &prefix, &key, now)?;
            let webhook_secret = known_or_new(tx, &within, &sealing, now)?;
            if let Some(url) = wanted.webhook_url.clone() {
                let new = NewEndpoint { app: Some(app.id), ..NewEndpoint::new(url) };
                make(tx, &within, &sealing, Author { app: None, actor: None, now }, &new)?;
            }
            Ok(SetUpReport {
                created: true,
                app,
                client_secret: Some(secret.clear.clone()),
                admin,
                password_kept,
                organization,
                api_key: Some(key),
                webhook_secret,
            })
        });
        done.await
    }
}

/// The operator vouches for an account that somebody made and nobody has proven: whoever it was is out, and the
/// operator's password is in.
fn claim(tx: &mut dyn Transaction, account: Account, password: &PasswordHash, now: Timestamp) -> Result<Account> {
    let account = take_over(tx, account, EmailProof::Operator, now, now)?;
    set_password(tx, &account, password, None, now)?;
    tx.account(account.id)?.ok_or_else(Error::not_found)
}

/// The developer's app of that name, with its owner.
fn existing(tx: &mut dyn Transaction, admin: &Account, name: &Name) -> Result<Option<(Organization, App)>> {
    let mut after = None;
    loop {
        let page = Page::new(after, 0, Page::<OrganizationId>::LARGEST)?;
        let listed = tx.organizations_of(None, admin.principal, &page)?;
        for (organization, role) in listed.items {
            if role == Role::Owner
                && let Some(app) = tx.app_by_name(&Unchecked(organization.id), name)?
            {
                return Ok(Some((organization, app)));
            }
        }
        match listed.next {
            Some(next) => after = Some(next),
            None => return Ok(None),
        }
    }
}

fn insert_key(
    tx: &mut dyn Transaction,
    within: &Unchecked<OrganizationId>,
    admin: &Account,
    prefix: &str,
    key: &Secret,
    now: Timestamp,
) -> Result<Secret> {
    let stored = ApiKey {
        id: ApiKeyId::generate(),
        prefix: prefix.to_owned(),
        hash: SecretHash::of(key.expose_secret()),
        previous: None,
        organization: within.0,
        app: None,
        principal: admin.principal,
        account: Some(admin.id),
        service_account: None,
        team: None,
        name: Name::constant("Made by fabric setup"),
        description: None,
        role: Some(Role::Owner),
        own_roles: false,
        scopes: Vec::new(),
        allowed_ips: AllowedIps::default(),
        disabled_at: None,
        disabled_by: None,
        expires_at: None,
        last_used_at: None,
        created_by: None,
        created_at: now,
        updated_at: now,
    };
    tx.insert_api_key(within, &stored)?;
    Author { app: None, actor: None, now }.told(tx, EventKind::ApiKeyCreated, &stored)?;
    Ok(key.clone())
}
