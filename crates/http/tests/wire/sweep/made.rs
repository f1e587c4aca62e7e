//! Things of which it takes more than a line to make one.

use apps::{
    AppProvider, ClientId, MailTemplate, OauthClient, ProviderKind, ProviderPlace, SocialProvider, TemplateName,
    TemplateWords,
};
use identity::{ApiKey, Passkey, ServiceAccount};
use kernel::{
    Email, Error, EventKind, Metadata, Name, Result, Role, Sealed, SecretHash, Timestamp, Unchecked,
    id::{
        AssetId, DeliveryId, EventId, OauthClientId, OrganizationId, PasskeyId, PrincipalId, ServiceAccountId,
        WebhookId,
    },
};
use platform::Transaction;
use tenancy::{Asset, Label};
use webhooks::{Delivery, DeliveryStatus, Endpoint, EndpointUrl};

use super::subject::fresh_name;
use crate::support::{App, Person, World};

/// An asset that somebody has registered who is nobody here.
pub fn somebodys(id: AssetId, organization: OrganizationId, now: Timestamp) -> Result<Asset> {
    Ok(Asset {
        id,
        organization,
        team: None,
        kind: Label::parse("voice")?,
        name: Name::constant("Narrator"),
        provider: None,
        provider_id: None,
        metadata: Metadata::default(),
        created_by: PrincipalId::generate(),
        deleted_at: None,
        created_at: now,
    })
}

/// A webhook endpoint that hears everything.
pub fn endpoint(id: WebhookId, organization: OrganizationId, now: Timestamp) -> Result<Endpoint> {
    Ok(Endpoint::new(id, organization, EndpointUrl::parse("https://example.com/before")?, now))
}

/// Something that has arrived there, and its id.
pub fn delivered(webhook: WebhookId, now: Timestamp) -> (Delivery, DeliveryId) {
    let new = Delivery::new(webhook, EventId::generate(), EventKind::TeamCreated.as_str().to_owned(), 1, now);
    let id = new.id;
    (Delivery { status: DeliveryStatus::Success, due_at: None, finished_at: Some(now), ..new }, id)
}

/// Puts an endpoint there, with something that has arrived.
pub fn endpoint_with(
    tx: &mut dyn Transaction,
    here: &Unchecked<OrganizationId>,
    endpoint: &Endpoint,
    sent: &Delivery,
) -> Result<()> {
    tx.insert_endpoint(here, endpoint)?;
    tx.insert_deliveries(std::slice::from_ref(sent))
}

/// A service account with a key and a client, by their ids.
pub async fn programs(world: &World, organization: OrganizationId) -> [String; 3] {
    let now = world.now();
    let (id, client_id, name) = (ServiceAccountId::generate(), OauthClientId::generate(), fresh_name());
    world
        .write(move |tx| {
            let within = Unchecked(organization);
            let name = Name::parse(&name)?;
            let account = ServiceAccount {
                id,
                organization,
                team: None,
                name: name.clone(),
                description: None,
                role: Role::Viewer,
                custom_role: None,
                created_by: None,
                disabled_at: None,
                created_at: now,
                updated_at: now,
            };
            tx.insert_service_account(&within, &account)?;
            tx.insert_oauth_client(
                &within,
                &OauthClient {
                    id: client_id,
                    service_account: id,
                    name,
                    organization,
                    app: None,
                    disabled_at: None,
                    client_id: ClientId::from_random(std::array::from_fn(|index| id.0.as_bytes()[index % 16])),
                    hash: SecretHash::of("secret"),
                    redirect_uris: Vec::new(),
                    scopes: Vec::new(),
                    created_at: now,
                },
            )
        })
        .await;
    let of_account = |key| narrow(ApiKey { principal: id.into(), service_account: Some(id), role: None, ..key });
    let key = world.insert_key(organization, of_account).await;
    [id.to_string(), key.id.to_string(), client_id.to_string()]
}

/// The letter that an app has words of its own for.
pub const TEMPLATE: &str = "verify_email.en";

/// Gives an app those words.
pub async fn word(world: &World, app: &App) {
    let (app, updated_at) = (app.id, world.now());
    world
        .write(move |tx| {
            let name: TemplateName = TEMPLATE.parse()?;
            let words = TemplateWords::parse(name.letter, "Hello", "{{link}}", "{{link}}")?;
            tx.put_mail_template(&MailTemplate { app, name, words, updated_at })
        })
        .await;
}

/// What an app calls the provider that it has.
pub const PROVIDER: &str = "acme";

/// Gives an app that provider.
pub async fn provider(world: &World, app: &App) {
    let (app, now) = (app.id, world.now());
    world
        .write(move |tx| {
            let place = ProviderPlace { issuer: Some("https://id.example.com"), ..ProviderPlace::default() };
            let provider = SocialProvider::new(ProviderKind::Oidc, place, "client", &[])?;
            let (name, secret) = (PROVIDER.to_owned(), Sealed(vec![1]));
            tx.put_social_provider(&AppProvider { app, name, provider, secret, created_at: now, updated_at: now })
        })
        .await;
}

/// With scopes that every key has which may have it: nobody gets more than the key that they come with.
pub fn narrow(key: ApiKey) -> ApiKey {
    ApiKey { scopes: vec!["api_keys:read".to_owned()], ..key }
}

/// Gives somebody a passkey that nobody signs in with; tells which.
pub async fn passkey(world: &World, app: &App, person: &Person) -> String {
    let (id, now) = (PasskeyId::generate(), world.now());
    let (app, email) = (Some(app.id), Email::parse(&person.email).unwrap());
    world
        .write(move |tx| {
            let account = tx.account_by_email(app, &email)?.ok_or_else(Error::not_found)?;
            tx.insert_passkey(&Passkey {
                id,
                account: account.id,
                app: account.app,
                rp_id: "acme.example".to_owned(),
                credential_id: id.0.as_bytes().to_vec(),
                credential: "{}".to_owned(),
                counter: 0,
                backup_eligible: false,
                backed_up: false,
                aaguid: None,
                transports: Vec::new(),
                name: Name::constant("Phone"),
                created_at: now,
                last_used_at: None,
            })
        })
        .await;
    id.to_string()
}
