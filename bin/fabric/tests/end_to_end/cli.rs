//! The console.

mod database;
mod setup;
mod usage;
mod user;
