//! Settings, as the binary takes them.

mod breached_passwords;
mod keys;
mod production;
mod schema;
mod sources;
