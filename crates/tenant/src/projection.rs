//! Rows that people query and the data plane never reads: what apply leaves behind for SQL.

use ingest::Finding;

/// A row of the projection, in log order.
#[derive(Clone, Debug, PartialEq)]
pub struct Projected {
    /// The record that made the row.
    pub position: u64,
    /// The row.
    pub row: ProjectionRow,
}

/// The kinds of rows.
#[derive(Clone, Debug, PartialEq)]
pub enum ProjectionRow {
    /// A message with values that were refused, or parked, with its bytes.
    Reject {
        /// Client id.
        agent: String,
        /// Arrival, microseconds since the Unix epoch.
        received_us: i64,
        /// Topic as sent.
        topic: String,
        /// The message's bytes.
        payload: Vec<u8>,
        /// One a refused value.
        entries: Vec<RejectEntry>,
    },
    /// A change of the control plane.
    Audit {
        /// When, microseconds since the Unix epoch.
        at_us: i64,
        /// Who: `operator`, `token:<id>`, `agent:<client id>`, `system`.
        actor: String,
        /// Stable verb, as `ca.verify`.
        action: String,
        /// What it was done to.
        subject: String,
        /// One sentence.
        detail: String,
    },
}

/// Why one value was not stored.
#[derive(Clone, Debug, PartialEq)]
pub struct RejectEntry {
    /// `REJECTED` or `PARKED`.
    pub state: String,
    /// Stable code, as `BAD_TIMESTAMP`.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// JSON path into the message.
    pub path: String,
    /// The data point, where it could be read.
    pub data_point: Option<String>,
}

impl From<&Finding> for RejectEntry {
    fn from(finding: &Finding) -> RejectEntry {
        RejectEntry {
            state: finding.state.as_str().to_owned(),
            code: finding.code.as_str().to_owned(),
            message: finding.message.clone(),
            path: finding.path.clone(),
            data_point: finding.data_point.clone(),
        }
    }
}
