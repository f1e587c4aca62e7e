//! What the console can do.

pub mod database;
pub mod member;
pub mod openapi;
pub mod organization;
pub mod password;
pub mod setup;
pub mod user;
