//! How much is kept of what nobody has to keep.

use std::time::Duration;

/// Bounds of rejects, for each tenant, and of refusals, for the server. The oldest go first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneLimits {
    /// Rejected messages of a tenant.
    pub rejects_max: u64,
    /// Bytes of a tenant's rejected messages and their reasons.
    pub rejects_bytes_max: u64,
    /// Age of a rejected message.
    pub rejects_age_max: Duration,
    /// Refusals.
    pub refusals_max: u64,
    /// Bytes of the refusals.
    pub refusals_bytes_max: u64,
    /// Age of a refusal.
    pub refusals_age_max: Duration,
}

impl Default for PruneLimits {
    /// Room for an agent that sends rubbish over a long weekend, and for a quarter of failed connections.
    fn default() -> PruneLimits {
        const DAY: Duration = Duration::from_hours(24);
        PruneLimits {
            rejects_max: 100_000,
            rejects_bytes_max: 256 << 20,
            rejects_age_max: 30 * DAY,
            refusals_max: 100_000,
            refusals_bytes_max: 128 << 20,
            refusals_age_max: 90 * DAY,
        }
    }
}
