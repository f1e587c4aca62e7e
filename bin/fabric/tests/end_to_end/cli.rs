//! The console.

mod database;
mod organization;
mod setup;
mod usage;
mod user;
