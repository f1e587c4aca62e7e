//! The one door to addresses that others choose: endpoints of webhooks and identity providers today, pictures
//! later. What the operator chooses to ask goes through it too.
//!
//! Whoever chooses an address must not reach through Fabric what they could not reach themselves (SSRF). What counts is
//! the address that is connected to: names are resolved here, and a connection goes to nothing but what was judged.

mod breached_passwords;
mod client;
mod guard;
mod resolver;

pub use breached_passwords::PasswordRanges;
pub use client::{Client, Enquiry, Limits, Told};
pub use guard::{Guard, Networks};
pub use resolver::{Answering, Names, SystemNames};
