//! What can be asked of a series.

use std::ops::Range;

/// A series, and the part of it that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesQuery<'a> {
    /// Tenant id.
    pub tenant: &'a str,
    /// Client id of the agent.
    pub agent: &'a str,
    /// The series within the agent.
    pub data_point: &'a str,
    /// Sample times, microseconds since the Unix epoch: start <= time < end.
    pub range: Range<i64>,
}

/// Which sample comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The earliest.
    Ascending,
    /// The latest.
    Descending,
}

/// What a bucket of samples is reduced to. A sample takes part or does not; the bucket's quality is the worst of those
/// that took part, which is the one of the largest magnitude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// The smallest number, with its exact value; the earliest of equal ones. Texts and NaN take no part.
    Min,
    /// The largest number, likewise.
    Max,
    /// The mean, a float. Texts and NaN take no part.
    Mean,
    /// The latest sample, text or number, with its own quality.
    Last,
    /// How many samples there are, texts included.
    Count,
}

/// The smallest range of whole buckets that holds `range`. Near the ends of time the bucket ends where time does.
pub fn whole_buckets(range: &Range<i64>, every_us: i64) -> Range<i64> {
    let every_us = every_us.max(1);
    if range.is_empty() {
        return range.clone();
    }
    let start = range.start.saturating_sub(range.start.rem_euclid(every_us));
    let last = range.end - 1;
    start..last.saturating_sub(last.rem_euclid(every_us)).saturating_add(every_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_grows_to_whole_buckets() {
        assert_eq!(whole_buckets(&(15..21), 10), 10..30);
        assert_eq!(whole_buckets(&(10..20), 10), 10..20);
        assert_eq!(whole_buckets(&(-1..1), 10), -10..10);
        assert_eq!(whole_buckets(&(7..7), 10), 7..7);
        assert_eq!(whole_buckets(&(i64::MIN..i64::MAX), 1_000), i64::MIN..i64::MAX);
    }
}
