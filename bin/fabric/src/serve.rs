//! The server's life: start, serve, stop.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpServer, rt};
use http::Metrics;
use kernel::{Error, Result, secret::ExposeSecret};
use platform::Workers;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    config::{Config, Mode},
    limits, listen,
    output::Output,
    start::{Started, start},
};

/// Runs until it is told to stop, and then finishes what is under way.
///
/// # Errors
/// `invalid_setting`; those of the database; `service_unavailable` when the port is taken.
pub fn serve(mut config: Config, show: Output) -> Result<()> {
    let listeners = listen::listen(&config)?;
    // Port 0 takes a free one: what the server calls itself in tokens and links has the port that it took.
    let address = listeners.first().map(TcpListener::local_addr).transpose().map_err(Error::internal)?;
    if let Some(address) = address {
        config.server.port = address.port();
    }
    rt::System::new().block_on(run(&config, listeners, show))
}

async fn run(config: &Config, listeners: Vec<TcpListener>, show: Output) -> Result<()> {
    let metrics = Metrics::install()?;
    let Started { platform, database, mailer, courier } = start(config).await?;
    database.hear_others(config.database.direct_url.as_ref().map(ExposeSecret::expose_secret))?;
    let (workers, mode) = match config.runtime.mode {
        Mode::Server => (Workers::start(&platform, mailer, Some(courier)), http::Mode::Server),
        Mode::RequestOnly => (Workers::of_requests(&platform), http::Mode::RequestOnly),
    };
    let folding = metrics.clone();
    rt::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            folding.fold();
        }
    });
    let options = http::Options {
        metrics: Some(metrics),
        metrics_token: config.metrics.token.clone(),
        limits: limits::limits(config)?,
        trusted_proxies: limits::trusted_proxies(config)?,
        mode,
        ..http::Options::default()
    };
    if platform.settings().shortcuts() {
        tracing::warn!(
            "development: X-Principal-Id lets anybody on this machine be anybody. Set FABRIC_ENV=production elsewhere."
        );
    }
    let app = platform.clone();
    #[expect(clippy::disallowed_methods, reason = "this is where the whole service is mounted")]
    let served = move || App::new().service(http::service(app.clone(), options.clone()));
    let mut server = HttpServer::new(served)
        .keep_alive(Duration::from_secs(75))
        .client_request_timeout(Duration::from_secs(10))
        .client_disconnect_timeout(Duration::from_secs(2))
        .shutdown_timeout(config.server.shutdown_seconds)
        .disable_signals();
    if let Some(workers) = config.server.workers {
        server = server.workers(workers);
    }
    for listener in listeners {
        server = server.listen(listener).map_err(Error::internal)?;
    }
    let (stop, listeners) = (told_to_stop(), platform.clone());
    announce(&server.addrs(), show);
    let server = server.run();
    let handle = server.handle();
    rt::spawn(async move {
        stop.await;
        tracing::info!("stopping: no new requests, finishing what is under way");
        // They have no end of their own, and would be waited for.
        listeners.end_streams();
        handle.stop(true).await;
    });
    server.await.map_err(Error::internal)?;
    workers.stop().await;
    // The last units of work are durable before the process ends.
    let closing = Arc::clone(&database);
    rt::task::spawn_blocking(move || closing.close()).await.map_err(Error::internal)?;
    tracing::info!("stopped");
    Ok(())
}

/// One line on standard output for each address: where to find the server, for people and for whoever started it.
fn announce(addresses: &[SocketAddr], show: Output) {
    for address in addresses {
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
        let url = format!("http://{address}");
        show.line(&json!({ "listening": url }), || format!("Fabric listens on {url}"));
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
