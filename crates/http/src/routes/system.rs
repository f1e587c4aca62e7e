//! How the server is.

use std::sync::LazyLock;

use actix_web::web::Data;
use kernel::{Code, Error, Result};
use platform::Environment;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Options,
    answer::{Answer, Raw, VERSION},
    gate::{Passerby, Scraper},
    request::{ForRequest, Input},
};

/// How the server is.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    status: &'static str,
}

/// Tells that the server runs.
pub async fn alive(_: Passerby, (): ()) -> Result<Answer<Health>> {
    Ok(Answer::ok(Health { status: "ok" }))
}

/// The same for who asks with HEAD, as load balancers do.
pub async fn alive_head(passerby: Passerby, (): ()) -> Result<Answer<Health>> {
    alive(passerby, ()).await
}

/// The same where the Rust SDK looks for it.
pub async fn health(passerby: Passerby, (): ()) -> Result<Answer<Health>> {
    alive(passerby, ()).await
}

/// The same where the Python SDK looks for it.
pub async fn v1_health(passerby: Passerby, (): ()) -> Result<Answer<Health>> {
    alive(passerby, ()).await
}

/// Whether the server can work.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`.
    status: &'static str,
    /// `postgresql` or `sqlite`.
    database: &'static str,
    /// Whether the schema is this version's.
    migrated: bool,
}

/// Tells whether the database answers and is migrated.
pub async fn ready(_: Passerby, platform: ForRequest) -> Result<Answer<Readiness>> {
    let health = platform.health().await?;
    if !health.migrated {
        return Err(Error::because(Code::ServiceUnavailable, "The database is not migrated: run fabric migrate."));
    }
    Ok(Answer::ok(Readiness { status: "ready", database: health.database, migrated: true }))
}

/// The same for who asks with HEAD, as load balancers do.
pub async fn ready_head(passerby: Passerby, platform: ForRequest) -> Result<Answer<Readiness>> {
    ready(passerby, platform).await
}

/// How the server is.
#[derive(Serialize, ToSchema)]
pub struct Status {
    /// `ok`, or `degraded` when the database does not answer.
    status: &'static str,
    /// Whether the server runs: it does.
    live: bool,
    /// Whether it can work.
    ready: bool,
}

/// Tells how the server is.
pub async fn status(_: Passerby, platform: ForRequest) -> Result<Answer<Status>> {
    let ready = platform.health().await.is_ok_and(|health| health.migrated);
    Ok(Answer::ok(Status { status: if ready { "ok" } else { "degraded" }, live: true, ready }))
}

/// What the server is.
#[derive(Serialize, ToSchema)]
pub struct Info {
    /// `fabric`.
    name: &'static str,
    /// The server's version.
    version: &'static str,
    /// How it was built: `release` or `debug`.
    build: &'static str,
    /// `development` or `production`.
    environment: &'static str,
    /// `server`, or `request-only` for one that leaves background work to others.
    mode: &'static str,
}

const BUILD: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

/// Tells what the server is.
pub async fn info(_: Passerby, (platform, options): (ForRequest, Data<Options>)) -> Result<Answer<Info>> {
    let environment = match platform.settings().environment {
        Environment::Development => "development",
        Environment::Production => "production",
    };
    Ok(Answer::ok(Info { name: "fabric", version: VERSION, build: BUILD, environment, mode: options.mode.name() }))
}

impl Input for Data<Options> {
    fn describe(_: &mut crate::request::Inputs) {}
}

/// Metrics for Prometheus.
pub async fn metrics(_: Scraper, options: Data<Options>) -> Result<Raw> {
    let metrics = options.metrics.as_ref().ok_or_else(Error::not_found)?;
    Ok(Raw { content_type: "text/plain; version=0.0.4", body: metrics.render() })
}

/// This document.
pub async fn openapi(_: Passerby, (): ()) -> Result<Raw> {
    static DOCUMENT: LazyLock<Option<String>> = LazyLock::new(|| crate::openapi().to_json().ok());
    let body = DOCUMENT.clone().ok_or_else(|| Error::internal("the document can't be written"))?;
    Ok(Raw { content_type: "application/json", body })
}
