//! The server's life: start, serve, stop.

use std::{io::Write as _, net::IpAddr, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, rt};
use http::Metrics;
use kernel::{Code, Error, Result};
use platform::Workers;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    config::{Config, Mode},
    start::{Started, start},
};

/// Runs until it is told to stop, and then finishes what is under way.
///
/// # Errors
/// `invalid_setting`; those of the database; `service_unavailable` when the port is taken.
pub fn serve(config: &Config) -> Result<()> {
    refuse_strangers(config)?;
    rt::System::new().block_on(run(config))
}

/// In development anybody can be anybody: that is for this machine alone.
fn refuse_strangers(config: &Config) -> Result<()> {
    let host = config.server.host.as_str();
    let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if local || !config.development() || config.runtime.dev_mode {
        return Ok(());
    }
    Err(Error::because(
        Code::InvalidSetting,
        format!(
            "HOST={host} is open to other machines, and development lets anybody in. Set FABRIC_ENV=production, or \
             FABRIC_DEV_MODE=1 if the network is yours alone."
        ),
    ))
}

async fn run(config: &Config) -> Result<()> {
    let metrics = Metrics::install()?;
    let Started { platform, database, mailer } = start(config).await?;
    let (workers, mode) = match config.runtime.mode {
        Mode::Server => (Some(Workers::start(&platform, mailer)), http::Mode::Server),
        Mode::RequestOnly => (None, http::Mode::RequestOnly),
    };
    let folding = metrics.clone();
    rt::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            folding.fold();
        }
    });
    let options = http::Options { metrics: Some(metrics), metrics_token: config.metrics.token.clone(), mode };
    if platform.settings().shortcuts() {
        tracing::warn!(
            "development: X-Principal-Id lets anybody on this machine be anybody. Set FABRIC_ENV=production elsewhere."
        );
    }
    let app = platform.clone();
    let server = HttpServer::new(move || App::new().service(http::service(app.clone(), options.clone())))
        .keep_alive(Duration::from_secs(75))
        .client_request_timeout(Duration::from_secs(10))
        .client_disconnect_timeout(Duration::from_secs(2))
        .shutdown_timeout(config.server.shutdown_seconds)
        .disable_signals();
    let server = match config.server.workers {
        Some(workers) => server.workers(workers.max(1)),
        None => server,
    };
    let (host, port) = (config.server.host.as_str(), config.server.port);
    let taken = |error: std::io::Error| {
        let why = format!("{host}:{port} can't be listened on ({error}). Choose another HOST or PORT.");
        Error::because(Code::ServiceUnavailable, why)
    };
    let server = server.bind((host, port)).map_err(taken)?;
    let stop = told_to_stop();
    announce(&server.addrs());
    let server = server.run();
    let handle = server.handle();
    rt::spawn(async move {
        stop.await;
        tracing::info!("stopping: no new requests, finishing what is under way");
        handle.stop(true).await;
    });
    server.await.map_err(Error::internal)?;
    if let Some(workers) = workers {
        workers.stop().await;
    }
    // The last units of work are durable before the process ends.
    let closing = Arc::clone(&database);
    rt::task::spawn_blocking(move || closing.close()).await.map_err(Error::internal)?;
    tracing::info!("stopped");
    Ok(())
}

/// The one line on standard output: where to find the server, for people and for whoever started it.
fn announce(addresses: &[std::net::SocketAddr]) {
    let mut out = std::io::stdout().lock();
    for address in addresses {
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
        // Whoever closed standard output does not want to know.
        let _ = writeln!(out, "Fabric listens on http://{address}").and_then(|()| out.flush());
    }
}

/// Signals are heard from the call on, not only once somebody waits: whoever reads where to find the server may stop it at
/// once.
fn told_to_stop() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        match signals {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            _ => {
                tracing::error!("no signal can be heard: this server stops only when it is killed");
                std::future::pending::<()>().await;
            }
        }
    }
}
