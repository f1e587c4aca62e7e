//! What stories are made of.

mod answer;
mod authenticator;
mod call;
mod clock;
mod company;
mod database;
mod device;
mod forge;
mod mailbox;
mod people;
mod provider;
mod ranges;
mod receivers;
mod streams;
mod world;

pub use answer::{Answer, Raw};
pub use authenticator::{Authenticator, STEP};
pub use call::Call;
pub use company::Company;
pub use device::{Device, PAGE};
pub use forge::{claims_in, header_in, header_of, part, sign, sign_with};
pub use mailbox::{Mail, token_in};
pub use people::{App, NEXT_PASSWORD, PASSWORD, Person};
pub use provider::{BACK, CLIENT_SECRET, Provider, Trip, VERIFIER, challenge, challenge_of, query_of};
pub use ranges::{ranges, sha1_of};
pub use receivers::{at_least, event, exactly, sinks_alone, teams};
pub use streams::{Stream, tell};
pub use world::{Plan, World};
