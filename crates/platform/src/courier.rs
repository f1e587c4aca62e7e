//! Requests to addresses that others have chosen, as `platform` sees them: what is sent, what came back, and who goes.

use std::{future::Future, pin::Pin, sync::Arc};

/// One POST of JSON. Its headers may carry what the receiver wants to be shown, so that `Debug` prints none of it.
#[derive(Clone)]
pub struct Parcel {
    /// Where to.
    pub url: String,
    /// Of two with the same name the later one counts.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Arc<[u8]>,
}

impl std::fmt::Debug for Parcel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parcel").field("url", &self.url).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// What the receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The HTTP status.
    pub status: u16,
    /// When it wants to be asked again, as it wrote it.
    pub retry_after: Option<String>,
    /// The beginning of the answer, no more of it than was asked for.
    pub answer: Vec<u8>,
}

/// Why there is no answer, in words for whoever owns the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undelivered(pub String);

/// What carrying comes to, some time later.
pub type Carrying<'a> = Pin<Box<dyn Future<Output = Result<Receipt, Undelivered>> + Send + 'a>>;

/// Goes to addresses that others have chosen, and to none that is not theirs to choose.
pub trait Courier: Send + Sync + 'static {
    /// Carries a parcel, within some seconds; reads so many bytes of the answer at the most.
    fn carry(&self, parcel: Parcel, keep: usize) -> Carrying<'_>;
}
