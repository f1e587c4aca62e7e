//! What the platform itself keeps: the ledger of events, the mails on their way, revoked tokens, sealing keys.

use std::sync::Arc;

use kernel::{
    Email, Event, Locale, Origin, Result, Timestamp,
    id::{AppId, EventId, MailId, OrganizationId, TokenId, WebhookId},
};
use serde_json::Value;

/// The ledger of one database transaction.
pub trait EventLedger {
    /// What is appended from now on came from there.
    fn came_from(&mut self, origin: Arc<Origin>);

    /// Appends an event. It is there if and only if what caused it is.
    fn append(&mut self, event: &Event) -> Result<()>;

    /// Whether anything was appended.
    fn has_appended(&self) -> bool;
}

/// What a mail shall be about. The letter itself, with its link, is written when it is sent: no link lies in the queue,
/// and asking for one costs the same whether there is an account or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailOrder {
    /// A link that proves the address.
    VerifyEmail,
    /// A link that sets another password.
    ResetPassword,
    /// Somebody tried to sign up with an address that has an account.
    AlreadySignedUp,
    /// Somebody signs up where nobody may learn whether an address has an account: the account is made, or its owner
    /// told, when the mail is written.
    SignUp,
    /// A link that accepts an invitation.
    Invitation,
    /// An endpoint was switched off.
    WebhookDisabled,
    /// A link that signs in.
    MagicLink,
    /// A code that signs in.
    EmailCode,
    /// A link that gives an account this address.
    ChangeEmail,
    /// An account has left this address: a link that takes that back.
    EmailChanged,
    /// An account has left this address, which nobody had proven.
    AddressLeft,
}

impl MailOrder {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::AlreadySignedUp,
        Self::SignUp,
        Self::Invitation,
        Self::WebhookDisabled,
        Self::MagicLink,
        Self::EmailCode,
        Self::ChangeEmail,
        Self::EmailChanged,
        Self::AddressLeft,
    ];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::AlreadySignedUp => "already_signed_up",
            Self::SignUp => "sign_up",
            Self::Invitation => "invitation",
            Self::WebhookDisabled => "webhook_disabled",
            Self::MagicLink => "magic_link",
            Self::EmailCode => "email_code",
            Self::ChangeEmail => "change_email",
            Self::EmailChanged => "email_changed",
            Self::AddressLeft => "address_left",
        }
    }

    /// Whether every other kind goes first: somebody waits for those, and for this one nobody does.
    #[must_use]
    pub fn can_wait(self) -> bool {
        matches!(self, Self::WebhookDisabled)
    }

    /// Whether one that waits for somebody does for another one of the kind: several may invite the same person,
    /// who may own several endpoints; and several accounts may want one address.
    #[must_use]
    pub fn once(self) -> bool {
        !matches!(self, Self::Invitation | Self::WebhookDisabled | Self::ChangeEmail)
    }
}

/// A mail on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMail {
    /// The mail's id.
    pub id: MailId,
    /// In whose name it is sent.
    pub app: Option<AppId>,
    /// To whom.
    pub recipient: Email,
    /// What it shall be about.
    pub order: MailOrder,
    /// What it needs to know besides.
    pub payload: Option<Value>,
    /// How often it was tried.
    pub attempts: i32,
    /// Since when it waits.
    pub created_at: Timestamp,
    /// In which language it was asked for; in its app's without.
    pub locale: Option<Locale>,
    /// What tells of its link in the ledger, once something does.
    pub event: Option<EventId>,
}

impl QueuedMail {
    /// One that waits from now on.
    #[must_use]
    pub fn new(app: Option<AppId>, recipient: Email, order: MailOrder, now: Timestamp) -> Self {
        Self {
            id: MailId::generate(),
            app,
            recipient,
            order,
            payload: None,
            attempts: 0,
            created_at: now,
            locale: None,
            event: None,
        }
    }
}

/// The mail queue of one database transaction.
pub trait MailQueue {
    /// Puts a mail into the queue, unless it is of those that are sent [once](MailOrder::once) and one waits there
    /// already: who asks ten times at once gets one.
    fn enqueue_mail(&mut self, mail: &QueuedMail) -> Result<()>;

    /// Takes up to `limit` mails that are due, oldest first and those that [can wait](MailOrder::can_wait) last, and leases them until `lease`: nobody else takes them until
    /// then, and somebody does after, should we die. Counts the attempt.
    fn claim_mail(&mut self, now: Timestamp, lease: Timestamp, limit: i64) -> Result<Vec<QueuedMail>>;

    /// The mail is out: it is forgotten.
    fn mail_sent(&mut self, id: MailId) -> Result<()>;

    /// The mail shall be about something else from now on, and needs to know nothing besides.
    fn reorder_mail(&mut self, id: MailId, order: MailOrder) -> Result<()>;

    /// The ledger tells of the mail's link from now on. `false` when it does already, or the mail is gone.
    fn mail_announced(&mut self, id: MailId, event: EventId) -> Result<bool>;

    /// The mail did not go out: the next try is then.
    fn postpone_mail(&mut self, id: MailId, until: Timestamp) -> Result<()>;
}

/// Where it is counted how often a mail was asked for: a MAC, so that the table names nobody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MailCounter(pub [u8; 32]);

impl std::fmt::Debug for MailCounter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailCounter(…)")
    }
}

/// Mails that somebody asked for, of late.
pub trait MailRequests {
    /// Until when each of the last `most` counts that still does, newest first. In a transaction that writes, it stays so
    /// until the commit.
    fn mails_asked_for(&mut self, counter: MailCounter, most: u32, now: Timestamp) -> Result<Vec<Timestamp>>;

    /// Counts one, until then.
    fn note_mail_asked_for(&mut self, counter: MailCounter, until: Timestamp) -> Result<()>;

    /// Counts none of those that were asked for so far.
    fn forget_mails_asked_for(&mut self, counter: MailCounter) -> Result<()>;

    /// Forgets those that counted until before `before`, some at a time. Tells how many.
    fn sweep_mail_requests(&mut self, before: Timestamp) -> Result<usize>;
}

/// Tokens that were revoked by themselves, until they would have expired anyway.
pub trait RevokedTokens {
    /// Revokes a token that expires then; tells whether it was this that did. Twice is as good as once.
    fn revoke_token(&mut self, id: TokenId, expires_at: Timestamp) -> Result<bool>;

    /// Whether the token was revoked.
    fn is_token_revoked(&mut self, id: TokenId) -> Result<bool>;

    /// Forgets tokens that expired before `before`, some at a time. Tells how many.
    fn sweep_revoked_tokens(&mut self, before: Timestamp) -> Result<usize>;
}

/// About which endpoints somebody was written to, of late.
pub trait WebhookLetters {
    /// Notes that somebody is written to about an endpoint. `false` when somebody was within a day, or about so many of
    /// the organization's endpoints within an hour.
    fn note_webhook_letter(
        &mut self,
        organization: OrganizationId,
        endpoint: WebhookId,
        most_an_hour: i64,
        now: Timestamp,
    ) -> Result<bool>;

    /// Forgets what was noted a day before `before`, some at a time. Tells how many.
    fn sweep_webhook_letters(&mut self, before: Timestamp) -> Result<usize>;
}

/// Names a key that something in the database is sealed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SealingKeyId(pub [u8; 8]);

impl std::fmt::Display for SealingKeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// Which keys the database is sealed with.
pub trait SealingKeys {
    /// Every key that was ever used here.
    fn sealing_keys(&mut self) -> Result<Vec<SealingKeyId>>;

    /// Notes that a key is in use. Twice is as good as once.
    fn note_sealing_key(&mut self, id: SealingKeyId, now: Timestamp) -> Result<()>;
}
