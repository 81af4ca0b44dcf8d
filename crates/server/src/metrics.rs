//! Counters for Prometheus. Labels come from closed sets, but for tenants, whose number is capped.

use std::collections::BTreeSet;
use std::sync::Mutex;

use identity::TenantId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tenant::{Outcome, Verdict, VerdictKind};

/// Tenants that get a label of their own; all further ones share `other`.
const TENANT_LABELS_MAX: usize = 1000;

/// A tenant and what became of something of it.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct TenantResult {
    tenant: String,
    result: &'static str,
}

/// A TLS handshake's end.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct HandshakeResult {
    result: &'static str,
    reason: String,
}

/// A first connect.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Onboarding {
    tenant: String,
    dialect: &'static str,
    result: String,
}

/// A publish by application.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Publish {
    tenant: String,
    app: &'static str,
    result: &'static str,
}

/// A live connection.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Live {
    listener: &'static str,
    tenant: String,
}

/// Bytes of the store by kind.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Kind {
    kind: String,
}

/// A certificate's end.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct CertificateOf {
    kind: &'static str,
    tenant: String,
}

/// All metrics of the process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    labels: Mutex<BTreeSet<String>>,
    connections: Family<Live, Gauge>,
    handshakes: Family<HandshakeResult, Counter>,
    onboardings: Family<Onboarding, Counter>,
    publishes: Family<Publish, Counter>,
    samples: Family<TenantResult, Counter>,
    store_bytes: Family<Kind, Gauge>,
    certificate_expiry_seconds: Family<CertificateOf, Gauge>,
    /// From a batch's first append to its last answer.
    pub(crate) commit_seconds: Histogram,
    /// Write and fsync of one batch.
    pub(crate) fsync_seconds: Histogram,
    /// From a publish's last byte to its acknowledgement's first.
    pub(crate) puback_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let latency = || Histogram::new(exponential_buckets(0.000_1, 2.0, 16));
        let mut metrics = Metrics {
            registry: Registry::with_prefix("dinrail"),
            labels: Mutex::default(),
            connections: Family::default(),
            handshakes: Family::default(),
            onboardings: Family::default(),
            publishes: Family::default(),
            samples: Family::default(),
            store_bytes: Family::default(),
            certificate_expiry_seconds: Family::default(),
            commit_seconds: latency(),
            fsync_seconds: latency(),
            puback_seconds: latency(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("connections", "Live MQTT connections", self.connections.clone());
        registry.register("tls_handshakes", "TLS handshakes by their end", self.handshakes.clone());
        registry.register("onboard", "First connects by their end", self.onboardings.clone());
        registry.register("publish", "PUBLISH packets of agents", self.publishes.clone());
        registry.register("samples", "Values by what became of them", self.samples.clone());
        registry.register("store_bytes", "Bytes on disk", self.store_bytes.clone());
        registry.register(
            "cert_expiry_seconds",
            "Seconds until a certificate ends",
            self.certificate_expiry_seconds.clone(),
        );
        registry.register(
            "commit_seconds",
            "From a batch's first append to its last answer",
            self.commit_seconds.clone(),
        );
        registry.register("fsync_seconds", "Write and fsync of one batch", self.fsync_seconds.clone());
        registry.register("puback_seconds", "From a PUBLISH to its acknowledgement", self.puback_seconds.clone());
    }

    /// Counts what applying a record did.
    pub(crate) fn count(&self, tenant: &TenantId, outcome: &Outcome) {
        match outcome {
            Outcome::Published(verdict) => self.count_publish(tenant, verdict),
            Outcome::Onboarded { created: true } => self.onboarded(tenant.as_str(), "ok"),
            _ => {}
        }
    }

    /// Counts a first connect that was refused, or went well.
    pub(crate) fn onboarded(&self, tenant: &str, result: &str) {
        let labels = Onboarding { tenant: self.label(tenant), dialect: "eu1", result: result.to_owned() };
        self.onboardings.get_or_create(&labels).inc();
    }

    /// Counts a handshake.
    pub(crate) fn handshake(&self, result: &'static str, reason: &str) {
        self.handshakes.get_or_create(&HandshakeResult { result, reason: reason.to_owned() }).inc();
    }

    /// A connection was accepted.
    pub(crate) fn connected(&self, listener: &'static str, tenant: &str) {
        self.connections.get_or_create(&Live { listener, tenant: self.label(tenant) }).inc();
    }

    /// An accepted connection has ended.
    pub(crate) fn disconnected(&self, listener: &'static str, tenant: &str) {
        self.connections.get_or_create(&Live { listener, tenant: self.label(tenant) }).dec();
    }

    /// Sets a certificate's remaining time.
    pub(crate) fn certificate_ends(&self, kind: &'static str, tenant: &str, seconds: i64) {
        let labels = CertificateOf { kind, tenant: self.label(tenant) };
        self.certificate_expiry_seconds.get_or_create(&labels).set(seconds);
    }

    /// Sets the bytes of a kind.
    pub(crate) fn stored(&self, kind: &str, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.store_bytes.get_or_create(&Kind { kind: kind.to_owned() }).set(bytes);
    }

    /// The text exposition format (OpenMetrics).
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String takes any text");
        text
    }

    /// The same with the lines of one tenant alone.
    pub(crate) fn text_of(&self, tenant: &TenantId) -> String {
        // A tenant id has no character that would have to be escaped.
        let label = format!("tenant=\"{tenant}\"");
        let text = self.text();
        let own = text.lines().filter(|line| line.starts_with('#') || line.contains(&label));
        own.flat_map(|line| [line, "\n"]).collect()
    }

    fn count_publish(&self, tenant: &TenantId, verdict: &Verdict) {
        let tenant = self.label(tenant.as_str());
        let result = match verdict.kind {
            VerdictKind::Accepted => "accepted",
            VerdictKind::Unusable => "unusable",
            VerdictKind::UnknownTopic => "unknown_topic",
            VerdictKind::OverQuota => "over_quota",
        };
        self.publishes.get_or_create(&Publish { tenant: tenant.clone(), app: "mc_v3", result }).inc();
        let counts = verdict.counts;
        let results = [
            ("stored", counts.stored),
            ("duplicate", counts.duplicate),
            ("parked", counts.parked),
            ("rejected", counts.rejected),
        ];
        for (result, count) in results.into_iter().filter(|(_, count)| *count > 0) {
            self.samples.get_or_create(&TenantResult { tenant: tenant.clone(), result }).inc_by(count);
        }
    }

    /// The tenant's label, or `other` beyond the cap.
    fn label(&self, tenant: &str) -> String {
        let mut labels = self.labels.lock().expect("no panic while the labels are locked");
        if !labels.contains(tenant) {
            if labels.len() >= TENANT_LABELS_MAX {
                return "other".to_owned();
            }
            labels.insert(tenant.to_owned());
        }
        tenant.to_owned()
    }
}
