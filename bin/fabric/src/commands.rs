//! What the console can do.

pub mod actions;
pub mod audit;
pub mod database;
pub mod event;
pub mod key;
pub mod member;
pub mod openapi;
pub mod organization;
pub mod password;
pub mod setup;
pub mod signing_keys;
pub mod user;
mod user_import;
pub mod webhook;
