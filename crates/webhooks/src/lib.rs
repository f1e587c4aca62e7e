//! Who is told: endpoints, what they want to hear, how they are told, and when again.

mod delivery;
mod endpoint;
mod filter;
mod headers;
mod repository;
mod retry;
mod secret;
pub mod signature;

pub use delivery::{Attempt, Delivery, DeliveryStatus};
pub use endpoint::{Endpoint, EndpointUrl, PreviousSecret};
pub use filter::{EventFilter, ResourceFilter};
pub use headers::CustomHeaders;
pub use repository::EndpointRepository;
pub use retry::{LONGEST_WAIT, wait_before};
pub use secret::{Signing, SigningRepository, check_signing_secret, write_signing_secret};
