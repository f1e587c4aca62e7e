//! Use cases: one function each, in one unit of work; the way in; background work.
//!
//! [`Platform`] is the entry to all of them. What stands on it (the HTTP adapter, the command line, another service)
//! decides nothing that matters.

mod accounts;
mod admission;
mod api_keys;
mod app_registration;
mod assets;
mod audit_log;
mod audit_verification;
mod authentication;
mod bootstrap;
pub mod breached_passwords;
mod budgets;
pub mod cache;
mod checks;
mod client_credentials;
mod concurrency_limits;
pub mod courier;
mod custom_roles;
mod deliveries;
mod delivery_log;
mod delivery_request;
mod dispatcher;
mod domain_event;
mod door;
mod email_change;
mod email_code;
mod endpoint_line;
mod event_stream;
mod export;
mod facts;
mod fan_out;
mod flight;
mod forgotten_password;
mod grants;
pub mod hashing;
pub mod identity_providers;
mod in_hand;
mod invitation_answers;
mod invitations;
mod issued_links;
mod key_making;
mod key_ring;
mod key_rotation;
pub mod keys;
mod lanes;
mod last_uses;
mod left_behind;
mod letters;
mod listeners;
mod magic_link;
mod mail_orders;
mod mail_sign_in;
mod mail_templates;
mod mail_worker;
pub mod mailer;
mod me;
mod members;
mod mfa_challenge;
mod my_sessions;
mod news;
mod oauth_clients;
mod operator;
mod operator_keys;
mod operator_organizations;
mod operator_webhooks;
mod organization_deletion;
mod organization_secrets;
mod organization_settings;
mod organizations;
mod pace;
#[cfg(feature = "passkeys")]
mod passkey_registration;
#[cfg(feature = "passkeys")]
mod passkey_sign_in;
mod passkeys;
mod password_check;
mod permit;
mod places;
mod reauthentication;
pub mod records;
mod refresh;
mod refusals;
mod role_choice;
mod second_factor;
mod sequencer;
mod service_account_keys;
mod service_accounts;
mod sessions;
mod set_up;
mod settings;
mod settings_webhook;
mod sign_in;
mod sign_out;
mod sign_up;
mod signing_keys;
mod social_code;
mod social_connections;
mod social_failures;
mod social_flow;
mod social_places;
mod social_providers;
mod social_sign_in;
pub mod store;
mod system;
mod take_over;
mod teams;
mod totp;
mod usage;
mod user_administration;
mod user_import;
mod user_passkeys;
mod verify_email;
mod ways_in;
mod webhook_disabled;
mod webhook_endpoints;
mod webhook_making;
mod webhook_permits;
mod webhook_secrets;
mod workers;

use std::{sync::Arc, time::Instant};

pub use api_keys::ApiKeyChange;
pub use app_registration::{AppChange, NewApp, Rotated};
pub use assets::NewAsset;
pub use audit_verification::{Broken, KnownEnd, Verification, Why};
pub use authentication::Presented;
pub use bootstrap::Bootstrapped;
pub use checks::{Check, Checked, Resolved};
pub use client_credentials::{AppToken, ClientCredentials};
pub use custom_roles::{NewRole, RoleChange};
pub use deliveries::Replay;
pub use domain_event::DomainEvent;
pub use door::Door;
pub use email_code::ShownCode;
pub use event_stream::{Audience, EventStream, Place as EventPlace};
pub use export::{Export, Exported};
pub use grants::NewGrant;
pub use invitation_answers::{Followed, Invitee};
pub use invitations::NewInvitation;
pub use key_making::{Expiry, IssuedKey, NewApiKey};
pub use key_ring::Published;
pub use magic_link::MagicLink;
pub use mail_orders::MailLimits;
pub use me::{Me, MeChange, PlaceHeld};
pub use members::Member;
pub use mfa_challenge::ChallengeShown;
pub use oauth_clients::{IssuedClient, NewOauthClient};
pub use operator::OperatorUser;
pub use operator_keys::OperatorKey;
pub use operator_organizations::OperatorMember;
pub use organizations::{NewOrganization, OrganizationChange};
#[cfg(feature = "passkeys")]
pub use passkey_registration::{AnsweredChallenge, IssuedChallenge};
pub use reauthentication::{FRESH, Reauthentication};
pub use role_choice::{HeldRole, RoleChoice};
pub use second_factor::{Confirmed, ShownFactor};
pub use service_accounts::{NewServiceAccount, ServiceAccountChange};
pub use sessions::{SignedInUser, Tokens};
pub use set_up::{SetUp, SetUpReport};
pub use settings::{Environment, OwnProvider, Settings};
pub use sign_in::SignIn;
pub use sign_up::{SignUp, SignedUp};
pub use social_code::ShownSocialCode;
pub use social_flow::{Arrival, BrowserSecret, Departing, Departure};
pub use social_places::Callback;
pub use social_providers::NewSocialProvider;
pub use social_sign_in::{SocialIdentity, SocialSignIn, Voucher};
pub use store::{Store, Transaction};
pub use teams::{NewTeam, TeamChange};
pub use totp::{EnrolledTotp, TotpState};
pub use usage::{NewUsageRecord, Spending, UsageSummary};
pub use user_administration::{AppHint, Deed, NewUser, UserDetails};
pub use user_import::{Imported, ImportedUser};
pub use verify_email::Verified;

pub use webhook_disabled::order_webhook_disabled_letters;
pub use webhook_making::{EndpointChange, IssuedWebhook, NewEndpoint, Webhook};
pub use webhook_secrets::IssuedWebhookSecret;
pub use workers::Workers;

use breached_passwords::BreachedPasswords;
use event_stream::Tail;
use facts::AllFacts;
use hashing::Hashing;
use identity_providers::IdentityProviders;
use in_hand::InHand;
use kernel::{
    Clock, Locale, Origin, Result, Timestamp,
    id::{ApiKeyId, SessionId},
};
use keys::{Keys, ServerSecrets};
use last_uses::Uses;
use news::News;
use refusals::Refusals;
use sequencer::Ends;
use signing_keys::SigningState;
use store::{Health, Units};
use tokio::sync::Mutex;

/// The entry to every use case. Cheap to clone; two of them in one process share nothing.
#[derive(Clone)]
pub struct Platform {
    inner: Arc<Inner>,
    /// Where what it changes comes from; none is the server itself.
    origin: Option<Arc<Origin>>,
    /// Who speaks with the providers that people sign in at; without, nobody does.
    providers: Option<Arc<dyn IdentityProviders>>,
    /// Who knows which passwords were published; without, nobody is asked.
    breached_passwords: Option<Arc<dyn BreachedPasswords>>,
}

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keys: Keys,
    hashing: Hashing,
    facts: Arc<AllFacts>,
    settings: Settings,
    refusals: Refusals,
    key_uses: Uses<ApiKeyId>,
    session_uses: Uses<SessionId>,
    news: News,
    tail: Tail,
    ends: Ends,
    in_hand: InHand,
    signing: SigningState,
    /// How the database was last, and when that was.
    health: Mutex<Option<(Instant, Option<Health>)>>,
}

impl Platform {
    /// Puts the parts together, and makes sure that this server can read what the database was sealed with.
    ///
    /// # Errors
    /// `invalid_setting` when a secret is missing or weak, or when the database is sealed with a key that is not
    /// configured; those of the database.
    pub async fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        secrets: &ServerSecrets,
        settings: Settings,
    ) -> Result<Self> {
        let keys = Keys::new(secrets, settings.issuer())?;
        let facts = Arc::new(AllFacts::new());
        store.listen(facts.listener());
        let hashing = Hashing::start(settings.hash_cost)?;
        let (refusals, key_uses, session_uses) = (Refusals::default(), Uses::default(), Uses::default());
        let news = News::new();
        let (tail, ends, in_hand, health) = (Tail::new(), Ends::default(), InHand::default(), Mutex::default());
        let inner = Inner {
            store,
            clock,
            keys,
            hashing,
            facts,
            settings,
            refusals,
            key_uses,
            session_uses,
            news,
            tail,
            ends,
            in_hand,
            signing: SigningState::new(),
            health,
        };
        let platform = Self { inner: Arc::new(inner), origin: None, providers: None, breached_passwords: None };
        platform.check_sealing_keys().await?;
        Ok(platform)
    }

    /// The same for one request, or for the operator: the ledger notes of every change where it came from.
    #[must_use]
    pub fn coming_from(&self, origin: Origin) -> Self {
        Self { origin: Some(Arc::new(origin)), ..self.clone() }
    }

    /// The same with somebody who speaks with the providers that people sign in at.
    #[must_use]
    pub fn with_identity_providers(self, providers: Arc<dyn IdentityProviders>) -> Self {
        Self { providers: Some(providers), ..self }
    }

    /// The same with somebody who knows which passwords were published.
    #[must_use]
    pub fn with_breached_passwords(self, known: Arc<dyn BreachedPasswords>) -> Self {
        Self { breached_passwords: Some(known), ..self }
    }

    /// The settings it was started with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    fn store(&self) -> Units<'_> {
        Units::new(&*self.inner.store, self.origin.as_ref(), Some(&self.inner.news))
    }

    fn news(&self) -> &News {
        &self.inner.news
    }

    fn in_hand(&self) -> &InHand {
        &self.inner.in_hand
    }

    fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    fn hashing(&self) -> &Hashing {
        &self.inner.hashing
    }

    fn key_uses(&self) -> &Uses<ApiKeyId> {
        &self.inner.key_uses
    }

    fn session_uses(&self) -> &Uses<SessionId> {
        &self.inner.session_uses
    }

    fn facts(&self) -> &AllFacts {
        &self.inner.facts
    }

    /// The language that the request asks for, where it does.
    fn language(&self) -> Option<Locale> {
        self.origin.as_ref().and_then(|origin| origin.client.language)
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }
}
