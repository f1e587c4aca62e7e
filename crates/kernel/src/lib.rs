//! The vocabulary that every room of Fabric shares: ids, time, addresses, secrets, errors, events. Nothing here does
//! I/O, and nothing here knows a rule of one room alone.

pub mod change;
pub mod client;
pub mod email;
pub mod error;
pub mod event;
pub mod id;
pub mod ip;
pub mod locale;
pub mod metadata;
pub mod month;
pub mod name;
pub mod origin;
pub mod page;
pub mod role;
pub mod scope;
pub mod secret;
pub mod setting;
pub mod slug;
pub mod time;
pub mod web_url;

pub use change::Change;
pub use client::Client;
pub use email::Email;
pub use error::{Code, Error, ErrorKind, Result};
pub use event::{Event, EventKind};
pub use ip::AllowedIps;
pub use locale::Locale;
pub use metadata::Metadata;
pub use month::Month;
pub use name::Name;
pub use origin::{Origin, Via};
pub use page::{Listed, Page};
pub use role::Role;
pub use scope::{AppScope, Scope, Unchecked};
pub use secret::{Sealed, Secret, SecretHash};
pub use slug::Slug;
pub use time::{Clock, SystemClock, Timestamp};
pub use web_url::WebUrl;
