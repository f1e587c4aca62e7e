//! Who is told: endpoints, what they want to hear, how they are told, and when again.

mod audience;
mod catalogue;
mod delivery;
mod endpoint;
mod filter;
mod headers;
mod outcome;
mod repository;
mod retry;
mod secret;
pub mod signature;

pub use audience::{Happening, carries_token};
pub use catalogue::catalogue;
pub use delivery::{Attempt, Delivery, DeliveryFilter, DeliveryStatus, Done, Tried};
pub use endpoint::{Endpoint, EndpointUrl, PreviousSecret};
pub use filter::{EventFilter, ResourceFilter};
pub use headers::CustomHeaders;
pub use outcome::{GONE, asked_to_wait};
pub use repository::{
    Among, DeliveryRepository, EndpointRepository, FanOutRepository, Lease, QueueRepository, SwitchOff,
};
pub use retry::{LONGEST_WAIT, wait_before};
pub use secret::{Signing, SigningRepository, check_signing_secret, write_signing_secret};
