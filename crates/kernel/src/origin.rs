//! Where a change came from.

use uuid::Uuid;

use crate::{
    Client,
    id::{ApiKeyId, AppId, OauthClientId, SessionId},
};

/// Where a change came from: what the ledger notes beside who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Names the request, as in logs and in its answer.
    pub request_id: Option<String>,
    /// The device at the other end.
    pub client: Client,
    /// With what it was made.
    pub via: Via,
}

/// With what somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// With no credential: who signs up, signs in or follows a link.
    Nothing,
    /// With a token of their own sign-in.
    Session(SessionId),
    /// With a token that this app got for them: the app acts, on their behalf.
    Exchange(AppId),
    /// With a token of another issuer.
    External,
    /// With an API key.
    ApiKey(ApiKeyId),
    /// With a token of an OAuth client.
    Client(OauthClientId),
    /// With a token that an app got for itself.
    App,
    /// With the development header.
    Development,
    /// At the console of the server.
    Operator,
}

impl Via {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Session(_) => "session",
            Self::Exchange(_) => "exchange",
            Self::External => "external",
            Self::ApiKey(_) => "api_key",
            Self::Client(_) => "client",
            Self::App => "app",
            Self::Development => "development",
            Self::Operator => "operator",
        }
    }

    /// Which one, where there are several.
    #[must_use]
    pub fn id(self) -> Option<Uuid> {
        match self {
            Self::Session(id) => Some(id.0),
            Self::Exchange(id) => Some(id.0),
            Self::ApiKey(id) => Some(id.0),
            Self::Client(id) => Some(id.0),
            _ => None,
        }
    }
}
