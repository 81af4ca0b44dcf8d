//! What the tenant knows of one agent besides its credentials: is it there, what has it sent, what went wrong.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use ingest::{Code, Finding, State};
use serde::{Deserialize, Serialize};

use crate::record::Published;
use crate::series::{Series, Taken};
use crate::{Ledger, SealedChunk};

/// Whether an agent has a live connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// Connected since, microseconds since the Unix epoch.
    Online(i64),
    /// Away since; for an agent that was never connected, since it was onboarded.
    Offline(i64),
}

/// The latest trouble with an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// When, microseconds since the Unix epoch.
    pub at_us: i64,
    /// Stable code.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// The part of an agent that is written at each checkpoint in which it did something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Connected or not.
    pub presence: Presence,
    /// What became of its values.
    pub ledger: Ledger,
    /// The latest trouble.
    pub last_error: Option<LastError>,
    /// Where its last connection came from.
    pub address: String,
}

/// One agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    pub(crate) status: Status,
    pub(crate) series: HashMap<String, Series>,
}

impl Agent {
    pub(crate) fn onboarded(at_us: i64) -> Agent {
        let status = Status {
            presence: Presence::Offline(at_us),
            ledger: Ledger::default(),
            last_error: None,
            address: String::new(),
        };
        Agent { status, series: HashMap::new() }
    }

    /// Takes the rows and findings of one message; adds a finding for rows beyond the data points an agent may have.
    pub(crate) fn take(
        &mut self,
        published: &Published<'_>,
        findings: &mut Cow<'_, [Finding]>,
        data_points_max: usize,
        sealed: &mut Vec<Arc<SealedChunk>>,
    ) -> Ledger {
        let mut counts = Ledger::default();
        let mut over_quota: Option<(&str, u32)> = None;
        for row in &published.rows {
            let Some(series) = self.series_mut(&row.data_point, data_points_max) else {
                let (_, count) = over_quota.get_or_insert((&row.data_point, 0));
                *count = count.saturating_add(1);
                continue;
            };
            match series.take(row.time_us, row.value.clone(), row.quality, published.received_us) {
                Taken::Stored => counts.stored += 1,
                Taken::Duplicate => counts.duplicate += 1,
            }
            if series.is_full() {
                sealed.extend(series.seal_as(&published.connection.client_id, &row.data_point));
            }
        }
        // One finding for all of them: a message holds many values, and a finding is kept and sent.
        if let Some((first, count)) = over_quota {
            findings.to_mut().push(too_many_data_points(first, count, data_points_max));
        }
        for finding in findings.iter() {
            match finding.state {
                State::Stored => {}
                State::Parked => counts.parked += u64::from(finding.count),
                State::Rejected => {
                    counts.rejected += u64::from(finding.count);
                    self.fail(published.received_us, finding.code.as_str(), &finding.message);
                }
            }
        }
        self.status.ledger.add(counts);
        counts
    }

    /// Notes the latest trouble.
    pub(crate) fn fail(&mut self, at_us: i64, code: &str, message: &str) {
        self.status.last_error = Some(LastError { at_us, code: code.to_owned(), message: message.to_owned() });
    }

    /// Seals the heads that are old enough; whether there were any.
    pub(crate) fn seal_due(&mut self, client_id: &str, now_us: i64, sealed: &mut Vec<Arc<SealedChunk>>) -> bool {
        let is_due = |series: &Series| series.seal_at_us().is_some_and(|at| at <= now_us);
        let before = sealed.len();
        // In the order of their names: the order of a hash map is not the same after a recovery.
        let mut due: Vec<_> = self.series.iter_mut().filter(|(_, series)| is_due(series)).collect();
        due.sort_unstable_by(|a, b| a.0.cmp(b.0));
        sealed.extend(due.into_iter().filter_map(|(name, series)| series.seal_as(client_id, name)));
        sealed.len() > before
    }

    /// When the oldest of its heads is due.
    pub(crate) fn seal_at_us(&self) -> Option<i64> {
        self.series.values().filter_map(Series::seal_at_us).min()
    }

    /// Presence, ledger, last error.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Its data points by name.
    pub fn series(&self) -> &HashMap<String, Series> {
        &self.series
    }

    fn series_mut(&mut self, data_point: &str, data_points_max: usize) -> Option<&mut Series> {
        if !self.series.contains_key(data_point) {
            if self.series.len() >= data_points_max {
                return None;
            }
            self.series.insert(data_point.to_owned(), Series::default());
        }
        self.series.get_mut(data_point)
    }
}

fn too_many_data_points(first: &str, count: u32, max: usize) -> Finding {
    Finding {
        state: State::Rejected,
        code: Code::QuotaExceeded,
        message: format!("The agent has {max} data points already, the most it may have."),
        path: "$".to_owned(),
        data_point: (count == 1).then(|| first.to_owned()),
        count,
    }
}
