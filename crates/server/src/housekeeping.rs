//! What is done now and then, whether or not anybody asks.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::certificates::Certificates;
use crate::clock;
use crate::engine::Engine;
use crate::metrics::Metrics;

/// How often sessions, heads and the like are looked at for what is due.
const TICK: Duration = Duration::from_secs(1);

/// How often sizes and the ends of certificates are measured, and host certificates that dinrail makes are renewed.
const PERIOD: Duration = Duration::from_secs(60);

/// Lets time pass for the tenants, until `stop`.
pub(crate) async fn tick(engine: Arc<Engine>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
        engine.tick();
    }
}

/// Renews certificates and measures what metrics show, until `stop`.
pub(crate) async fn keep(
    engine: Arc<Engine>,
    metrics: Arc<Metrics>,
    certificates: Certificates,
    stop: CancellationToken,
) {
    loop {
        certificates.renew();
        measure(&engine, &metrics, &certificates);
        if stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_none() {
            return;
        }
    }
}

fn measure(engine: &Engine, metrics: &Metrics, certificates: &Certificates) {
    let now_us = clock::now_us();
    let seconds = |not_after_us: i64| (not_after_us - now_us) / 1_000_000;
    if let Some(first_us) = certificates.ends_us() {
        metrics.certificate_ends("server", "", seconds(first_us));
    }
    for slot in engine.tenants() {
        let state = slot.state();
        let ends = state.registry().authorities().map(|authority| authority.certificate().not_after_us());
        if let Some(first_us) = ends.min() {
            metrics.certificate_ends("ca", slot.id.as_str(), seconds(first_us));
        }
    }
    match engine.store().sizes() {
        Ok(sizes) => sizes.into_iter().for_each(|(kind, bytes)| metrics.stored(kind, bytes)),
        Err(cause) => warn!(%cause, "the sizes of the database could not be read"),
    }
    metrics.stored("log", engine.log_bytes());
}
