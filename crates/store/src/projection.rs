//! Rows of the projection as they are read back.

use tenant::RejectEntry;

/// A message with values that were refused or parked.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject {
    /// Log position of the message's record.
    pub position: u64,
    /// Client id of the agent that sent it.
    pub agent: String,
    /// Arrival, microseconds since the Unix epoch.
    pub received_us: i64,
    /// Topic as sent.
    pub topic: String,
    /// The message's bytes.
    pub payload: Vec<u8>,
    /// One a refused value.
    pub entries: Vec<RejectEntry>,
}

/// A change of the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Log position of the change's record.
    pub position: u64,
    /// When, microseconds since the Unix epoch.
    pub at_us: i64,
    /// Who: `operator`, `token:<id>`, `agent:<client id>`, `system`.
    pub actor: String,
    /// Stable verb, as `ca.verify`.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// One sentence.
    pub detail: String,
}
