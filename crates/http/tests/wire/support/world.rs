use std::{future::Future, pin::Pin, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    App,
    body::{BoxBody, to_bytes},
    dev::ServiceResponse,
    test::{self, TestRequest},
    web::Bytes,
};
use identity::password::HashCost;
use kernel::{Clock as _, Error, Result, Timestamp};
use platform::{
    Environment, MailLimits, Platform, Settings, Store, Transaction, breached_passwords::BreachedPasswords,
    identity_providers::IdentityProviders, keys::ServerSecrets, mailer::Mailer,
};
use storage::{Database, Options, Synchronous};
use testbed::{Kind, TestDatabase};

use super::{
    Mail, Raw,
    clock::TestClock,
    database::{Counted, columns_with, number, tamper},
    mailbox::Mailbox,
};

/// What an operator would configure.
#[derive(Clone)]
pub struct Plan {
    pub settings: Settings,
    pub secrets: ServerSecrets,
    pub options: fabric_http::Options,
    /// Who speaks with the providers that people sign in at.
    pub providers: Option<Arc<dyn IdentityProviders>>,
    /// Who knows which passwords were published.
    pub breached_passwords: Option<Arc<dyn BreachedPasswords>>,
}

impl Plan {
    /// Production, because that is where nothing may be open; and a hash that costs nothing.
    fn new() -> Self {
        Self {
            settings: Settings {
                environment: Environment::Production,
                public_base_url: "https://id.example.com".to_owned(),
                site_url: None,
                invite_redirect_url: None,
                audit_retention: None,
                callback_redirect_url: None,
                social_providers: Vec::new(),
                plain_webhooks: false,
                webhook_disable_after: Some(Duration::from_hours(72)),
                webhook_deliveries_kept: Duration::from_hours(30 * 24),
                developer_sign_up: true,
                mfa: apps::Mfa::Off,
                bootstrap_token: None,
                // Stories ask for as many as they like; those about the limits set them.
                mail_limits: MailLimits { per_recipient: 0, per_ip: 0 },
                token_algorithm: None,
                token_key_rotation: Some(Duration::from_hours(90 * 24)),
                token_rsa_bits: 2048,
                hash_cost: HashCost { memory_kib: 64, passes: 1, lanes: 1 },
                external_emails_verified: true,
            },
            secrets: ServerSecrets {
                signing: "sign 0123456789abcdef0123456789abcdef".into(),
                signing_previous: None,
                token: "mail 0123456789abcdef0123456789abcdef".into(),
                encryption: None,
                encryption_previous: None,
                supabase: None,
                supabase_issuer: None,
            },
            options: fabric_http::Options::default(),
            providers: None,
            breached_passwords: None,
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = ServiceResponse<BoxBody>>>>;
type Service = Box<dyn Fn(TestRequest) -> Answering>;

/// One story's server: all of it is real but for the time, the carrier of mails and the cost of a password hash.
pub struct World {
    pub platform: Platform,
    pub plan: Plan,
    pub kind: Kind,
    service: Service,
    store: Arc<Counted>,
    clock: Arc<TestClock>,
    mailbox: Arc<Mailbox>,
    place: Rc<TestDatabase>,
}

impl World {
    pub async fn new(kind: Kind) -> Self {
        let place = TestDatabase::new(kind, |url| drop(Database::migrate(url).unwrap()));
        Self::start(Plan::new(), Rc::new(place), Arc::new(TestClock::new())).await
    }

    async fn start(plan: Plan, place: Rc<TestDatabase>, clock: Arc<TestClock>) -> Self {
        Self::try_start(plan, place, clock).await.unwrap_or_else(|error| panic!("the server does not start: {error}"))
    }

    async fn try_start(plan: Plan, place: Rc<TestDatabase>, clock: Arc<TestClock>) -> Result<Self> {
        let options = Options { synchronous: Synchronous::Normal, migrate: false, ..Options::new(&place.url) };
        let store = Counted::open(&options)?;
        let (shared, time): (Arc<dyn Store>, Arc<TestClock>) = (Arc::clone(&store) as _, Arc::clone(&clock));
        let platform = Platform::start(shared, time, &plan.secrets, plan.settings.clone()).await?;
        let platform = match &plan.providers {
            Some(providers) => platform.with_identity_providers(Arc::clone(providers)),
            None => platform,
        };
        let platform = match &plan.breached_passwords {
            Some(known) => platform.with_breached_passwords(Arc::clone(known)),
            None => platform,
        };
        #[expect(clippy::disallowed_methods, reason = "this is where the whole service is mounted")]
        let app = App::new().service(fabric_http::service(platform.clone(), plan.options.clone()));
        let app = Rc::new(test::init_service(app).await);
        let service = move |request: TestRequest| -> Answering {
            let app = Rc::clone(&app);
            Box::pin(async move { test::call_service(&*app, request.to_request()).await.map_into_boxed_body() })
        };
        let (kind, mailbox) = (place.kind(), Arc::default());
        Ok(Self { platform, plan, kind, service: Box::new(service), store, clock, mailbox, place })
    }

    /// Another server on the same database, with nothing in its memory: as after a restart.
    pub async fn restarted(&self) -> Self {
        self.restarted_with(|_| ()).await
    }

    /// The same with another configuration.
    pub async fn restarted_with(&self, change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = self.plan.clone();
        change(&mut plan);
        Self::start(plan, Rc::clone(&self.place), Arc::clone(&self.clock)).await
    }

    /// Why another server does not start on the same database.
    pub async fn start_refused(&self, change: impl FnOnce(&mut Plan)) -> Error {
        let mut plan = self.plan.clone();
        change(&mut plan);
        let started = Self::try_start(plan, Rc::clone(&self.place), Arc::clone(&self.clock)).await;
        started.err().expect("a server that does not start")
    }

    /// Sends a request, and waits for the beginning of the answer alone.
    pub async fn begin(&self, request: TestRequest) -> ServiceResponse<BoxBody> {
        (self.service)(request).await
    }

    /// Sends a request.
    pub async fn answer(&self, request: TestRequest, at: String) -> Raw {
        let response = self.begin(request).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // A stream has no end.
        let endless = headers.get("content-type").is_some_and(|media| media == "text/event-stream");
        let body = if endless { Bytes::new() } else { to_bytes(response.into_body()).await.unwrap() };
        let text = String::from_utf8(body.to_vec()).unwrap();
        Raw { at, status, headers, text }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Sends what waits, and hands back what arrived.
    pub async fn mails(&self) -> Vec<Mail> {
        while self.platform.send_mails(Some(&*self.mailbox)).await.unwrap() > 0 {}
        self.mailbox.take()
    }

    /// Who carries its mails, for workers.
    pub fn mailer(&self) -> Arc<dyn Mailer> {
        Arc::clone(&self.mailbox) as _
    }

    /// The only mail that waits.
    pub async fn mail(&self) -> Mail {
        let mut mails = self.mails().await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }

    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> T {
        self.store().read(work).await.unwrap()
    }

    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> T {
        self.store().write(work).await.unwrap()
    }

    fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// How many units of work have read so far, and how many have written.
    pub fn units(&self) -> (usize, usize) {
        self.store.units()
    }

    /// How many queries they have sent.
    pub fn queries(&self) -> usize {
        self.store.queries()
    }

    /// One number, asked past everything.
    pub fn number(&self, sql: &str) -> i64 {
        number(&self.place.url, sql)
    }

    /// Changes the database past everything; tells how many rows.
    pub fn tamper(&self, sql: &str) -> usize {
        tamper(&self.place.url, sql)
    }

    /// Where in the database something is written, in text or in bytes: `table.column`.
    pub fn columns_with(&self, text: &str) -> Vec<String> {
        columns_with(&self.place.url, text)
    }

    /// How many events of a kind there are.
    pub fn events(&self, kind: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM events WHERE kind = '{kind}'"))
    }
}
