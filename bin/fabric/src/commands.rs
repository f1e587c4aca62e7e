//! What the console can do.

pub mod database;
pub mod key;
pub mod openapi;
pub mod password;
pub mod setup;
pub mod user;
