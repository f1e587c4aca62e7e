//! The console.

mod database;
mod key;
mod setup;
mod usage;
mod user;
