//! Settings, as the binary takes them.

mod keys;
mod production;
mod schema;
mod sources;
