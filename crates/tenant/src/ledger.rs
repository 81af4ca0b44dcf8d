//! What became of every value an agent sent.

use serde::{Deserialize, Serialize};

/// Counts of values; `received = stored + duplicate + parked + rejected` at any time.
///
/// Received is not kept but added up, so the equation cannot be broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Readable as the agent's data point.
    pub stored: u64,
    /// The same value at the same time again.
    pub duplicate: u64,
    /// Kept, but not yet interpretable.
    pub parked: u64,
    /// Refused, with bytes and reason kept.
    pub rejected: u64,
}

impl Ledger {
    /// All values that came.
    pub fn received(&self) -> u64 {
        self.stored + self.duplicate + self.parked + self.rejected
    }

    /// Adds the counts of another ledger.
    pub fn add(&mut self, other: Ledger) {
        self.stored += other.stored;
        self.duplicate += other.duplicate;
        self.parked += other.parked;
        self.rejected += other.rejected;
    }
}
