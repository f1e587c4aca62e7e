//! Metrics for Prometheus.

use kernel::{Error, Result};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the buckets of request durations, in seconds.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The process's metrics.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder of this process. Once, and before the first route is made.
    ///
    /// # Errors
    /// `internal_error` when the process has one.
    pub fn install() -> Result<Self> {
        let builder = PrometheusBuilder::new().set_buckets(BUCKETS).map_err(Error::internal)?;
        builder.install_recorder().map(Self).map_err(Error::internal)
    }

    /// All of them in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds what was recorded into the buckets. To be called every few seconds: what nobody scrapes would pile up.
    pub fn fold(&self) {
        self.0.run_upkeep();
    }
}
