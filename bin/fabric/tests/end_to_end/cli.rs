//! The console.

mod audit;
mod database;
mod key;
mod organization;
mod setup;
mod usage;
mod user;
mod user_import;
mod webhook;
