//! How much of a message is taken, and how much is said about it.

/// Characters of the longest data point id. Fixed by the wire contract, so it is no setting.
pub const DATA_POINT_LENGTH_MAX: usize = 255;

/// Findings of one message that are told one by one; a last one stands for the rest.
///
/// A message of 128 KiB holds up to 65,000 wrong values (`5,`), and nobody reads more than the first hundred. It bounds
/// the record, the diagnostics message (about 60 kB at the longest data point ids) and the row of the rejects.
pub const FINDINGS_MAX: usize = 100;

/// Microseconds that a sample time may be ahead of its arrival before a note says so: 24 hours, enough for any clock
/// that is off by its time zone.
pub const FUTURE_US: i64 = 24 * 3_600 * 1_000_000;

/// Default of [`Limits::samplings_per_message_max`]: 128 KiB hold at most about 1,400 samplings with a value in them.
pub const SAMPLINGS_PER_MESSAGE_MAX: usize = 10_000;

/// Default of [`Limits::values_per_message_max`]: 128 KiB hold about 2,700 values; the rest is room for a larger
/// payload limit. A row takes less than 100 bytes of memory beside its payload, so this bounds one message to 10 MB.
pub const VALUES_PER_MESSAGE_MAX: usize = 100_000;

/// Settings of [`crate::decode`]. What is beyond one of them is rejected with [`crate::Code::QuotaExceeded`], value by
/// value; the values before it are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of `timeseries` in one message.
    pub samplings_per_message_max: usize,
    /// Values taken of one message, all samplings together.
    pub values_per_message_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { samplings_per_message_max: SAMPLINGS_PER_MESSAGE_MAX, values_per_message_max: VALUES_PER_MESSAGE_MAX }
    }
}
