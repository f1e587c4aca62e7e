//! Sign-ins at providers that come to nothing: each one is counted and logged, whosever fault it is.

use identity::link::Provider;
use kernel::{Error, id::AppId};

use crate::identity_providers::Unidentified;

/// How far somebody has come.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// An app sends them.
    Departure,
    /// They come back.
    Arrival,
    /// The app shows its code.
    Redemption,
}

/// Whose sign-in it is, as far as that is known.
#[derive(Clone, Copy)]
pub(crate) struct Whose<'a> {
    pub step: Step,
    pub app: Option<AppId>,
    pub provider: Option<&'a Provider>,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Departure => "departure",
            Self::Arrival => "arrival",
            Self::Redemption => "redemption",
        }
    }
}

impl Whose<'_> {
    /// A provider does not hold what it promises: whoever has named it may do something about it.
    pub fn unidentified(self, why: &Unidentified) {
        let (step, app, provider) = self.counted();
        tracing::warn!(step, app, provider, %why, "a sign-in at a provider failed");
    }

    /// What an app is told, or what the provider says in its place.
    pub fn told(self, why: &str) {
        let (step, app, provider) = self.counted();
        tracing::info!(step, app, provider, why, "a sign-in at a provider failed");
    }

    /// What is answered in words of our own.
    pub fn refused(self, error: &Error) {
        self.told(error.code.as_str());
    }

    fn counted(self) -> (&'static str, String, String) {
        let step = self.step.name();
        metrics::counter!("fabric_social_failures_total", "step" => step).increment(1);
        let app = self.app.map(|app| app.to_string()).unwrap_or_default();
        (step, app, self.provider.map(Provider::to_string).unwrap_or_default())
    }
}
