//! Who is told: endpoints, what they want to hear, how they are told, and when again.

mod delivery;
mod endpoint;
mod filter;
mod repository;
mod retry;
mod secret;
pub mod signature;

pub use delivery::{Attempt, Delivery, DeliveryStatus};
pub use endpoint::{Endpoint, EndpointUrl, PreviousSecret};
pub use filter::{EventFilter, ResourceFilter};
pub use repository::EndpointRepository;
pub use retry::{LONGEST_WAIT, wait_before};
pub use secret::{Signing, SigningRepository, write_signing_secret};
