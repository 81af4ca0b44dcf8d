//! What a run has measured, for programs and, as a table, for people.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::check::Checked;
use super::tally::{Counts, Tally, Times};

/// The report of a run. Times are microseconds, unless their name says seconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The program, and what it was asked for.
    pub(super) version: &'static str,
    pub(super) started_at: String,
    pub(super) options: Value,
    pub(super) connect: Connects,
    pub(super) publish: Publishes,
    /// Connections that were made again.
    pub(super) reconnects: u64,
    /// Messages that came in.
    pub(super) received: u64,
    /// Failures by their stable names.
    pub(super) errors: BTreeMap<String, Errors>,
    pub(super) cpu: Cpu,
    /// None where nothing was checked.
    pub(super) check: Option<Checked>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connects {
    pub(super) agents: usize,
    /// Agents that were connected when publishing began.
    pub(super) connected: u64,
    /// First connects, closed by the server and made again.
    pub(super) onboarded: u64,
    pub(super) seconds: f64,
    pub(super) per_second: f64,
    /// From the begin of the TCP connection to CONNACK.
    pub(super) latency_us: Option<Percentiles>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Publishes {
    /// From the permission to publish to the end of the run, without the wait for the last acknowledgements.
    pub(super) seconds: f64,
    /// Messages acknowledged in that time, or sent at QoS 0.
    pub(super) per_second: f64,
    pub(super) sent: u64,
    pub(super) acknowledged: u64,
    /// Acknowledged messages times values in each; none for raw payloads.
    pub(super) values_acknowledged: Option<u64>,
    /// Refused by their acknowledgement.
    pub(super) refused: u64,
    /// Neither acknowledged nor refused at the end.
    pub(super) unacknowledged: u64,
    /// Sent again after a reconnect.
    pub(super) resent: u64,
    /// Sent 100 ms or more after they were due.
    pub(super) late: u64,
    /// From the first write to PUBACK, or PUBCOMP at QoS 2.
    pub(super) latency_us: Option<Percentiles>,
}

/// CPU time of the processes while messages were published.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cpu {
    pub(super) own_seconds: Option<f64>,
    pub(super) own_us_per_message: Option<f64>,
    pub(super) broker_seconds: Option<f64>,
    pub(super) broker_us_per_message: Option<f64>,
    /// Which of the two cost more: `broker` or `simulator`.
    pub(super) costs_more: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Percentiles {
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

/// Failures of a kind.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Errors {
    count: u64,
    /// The words of the first.
    first: String,
}

impl Report {
    /// What the check has found, where there was one.
    pub(crate) fn checked(&self) -> Option<&Checked> {
        self.check.as_ref()
    }
}

impl Percentiles {
    pub(super) fn of(times: &Times) -> Option<Percentiles> {
        (times.len() > 0).then(|| Percentiles {
            p50: times.quantile_us(0.5),
            p90: times.quantile_us(0.9),
            p99: times.quantile_us(0.99),
            p999: times.quantile_us(0.999),
            max: times.max_us(),
        })
    }
}

impl Publishes {
    pub(super) fn of(
        seconds: f64,
        messages: u64,
        values: Option<u32>,
        tally: &Tally,
        is_acknowledged: bool,
    ) -> Publishes {
        let Counts { sent, acknowledged, refused, resent, late, .. } = tally.counts;
        Publishes {
            seconds: rounded(seconds),
            per_second: rounded(messages as f64 / seconds),
            sent,
            acknowledged,
            values_acknowledged: values.map(|values| acknowledged * u64::from(values)),
            refused,
            unacknowledged: if is_acknowledged { sent.saturating_sub(acknowledged + refused) } else { 0 },
            resent,
            late,
            latency_us: Percentiles::of(&tally.acknowledgements),
        }
    }
}

impl Cpu {
    /// `seconds` of this process and of the broker, for so many messages.
    pub(super) fn of(own: Option<f64>, broker: Option<f64>, messages: u64) -> Cpu {
        let each = |seconds: f64| (messages > 0).then(|| rounded(seconds * 1e6 / messages as f64));
        Cpu {
            own_seconds: own.map(rounded),
            own_us_per_message: own.and_then(each),
            broker_seconds: broker.map(rounded),
            broker_us_per_message: broker.and_then(each),
            costs_more: own.zip(broker).and_then(|(own, broker)| match own.total_cmp(&broker) {
                Ordering::Greater => Some("simulator"),
                Ordering::Less => Some("broker"),
                Ordering::Equal => None,
            }),
        }
    }
}

/// Failures by name.
pub(super) fn errors(tally: &Tally) -> BTreeMap<String, Errors> {
    let named = |(fault, (count, first)): (&super::fault::Fault, &(u64, String))| {
        (fault.name(), Errors { count: *count, first: first.clone() })
    };
    tally.faults.iter().map(named).collect()
}

/// Two decimals are enough for people, and more than is measured.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
