//! The head of one series: the samples that are not yet sealed into a chunk.

use std::sync::Arc;

use ingest::Value;
use serde::{Deserialize, Serialize};

use crate::{Sample, SealedChunk};

/// Samples in a head before it is sealed. A chunk of 512 costs about 5 bytes a sample; larger heads would be
/// written again and again with each checkpoint.
pub const SEAL_COUNT: usize = 512;

/// Microseconds after which a head is sealed however few samples it has: an hour.
pub const SEAL_AGE_US: i64 = 3_600_000_000;

/// Sealed samples that a series remembers, so that a repeat of them is told as a duplicate.
pub const RECENT_COUNT: usize = 32;

/// One series of an agent, as it lives in memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Not yet sealed; ascending in time, one sample a time.
    unsealed: Vec<Sample>,
    /// The last samples that were sealed; ascending in time.
    recent: Vec<Sample>,
    /// The latest sample by time.
    last: Option<Sample>,
    /// Arrival of the oldest unsealed sample.
    unsealed_since_us: i64,
    /// Sequence of the next chunk.
    next_sequence: u64,
}

/// What became of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// New, or a newer value for its time.
    Stored,
    /// The same value at the same time, within the head or the recent samples.
    Duplicate,
}

impl Series {
    /// Takes one sample. A value that comes later for the same time replaces the earlier one.
    pub fn take(&mut self, time_us: i64, value: Value<'_>, quality: i64, received_us: i64) -> Taken {
        let place = match self.unsealed.last() {
            Some(last) if last.time_us >= time_us => self.unsealed.binary_search_by_key(&time_us, |s| s.time_us),
            _ => Err(self.unsealed.len()),
        };
        match place {
            Ok(index) if self.unsealed[index].is(&value, quality) => return Taken::Duplicate,
            Err(_) if self.was_sealed(time_us, &value, quality) => return Taken::Duplicate,
            _ => {}
        }
        let sample = Sample { time_us, value: value.into_owned(), quality };
        if self.last.as_ref().is_none_or(|last| last.time_us <= time_us) {
            self.last = Some(sample.clone());
        }
        if self.unsealed.is_empty() {
            self.unsealed_since_us = received_us;
        }
        match place {
            Ok(index) => self.unsealed[index] = sample,
            Err(index) => self.unsealed.insert(index, sample),
        }
        Taken::Stored
    }

    /// Takes the head out as a chunk with its sequence, when there is anything in it.
    pub fn seal(&mut self) -> Option<(u64, Vec<Sample>)> {
        if self.unsealed.is_empty() {
            return None;
        }
        let samples = std::mem::take(&mut self.unsealed);
        self.recent = samples[samples.len().saturating_sub(RECENT_COUNT)..].to_vec();
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        Some((sequence, samples))
    }

    /// Takes the head out as a named chunk.
    pub(crate) fn seal_as(&mut self, agent: &str, data_point: &str) -> Option<Arc<SealedChunk>> {
        let (sequence, samples) = self.seal()?;
        Some(Arc::new(SealedChunk { agent: agent.to_owned(), data_point: data_point.to_owned(), sequence, samples }))
    }

    /// Whether the head has reached its count.
    pub fn is_full(&self) -> bool {
        self.unsealed.len() >= SEAL_COUNT
    }

    /// When the head is old enough to be sealed.
    pub fn seal_at_us(&self) -> Option<i64> {
        (!self.unsealed.is_empty()).then(|| self.unsealed_since_us.saturating_add(SEAL_AGE_US))
    }

    /// The samples that no chunk holds yet, ascending in time.
    pub fn unsealed(&self) -> &[Sample] {
        &self.unsealed
    }

    /// The latest sample by time.
    pub fn last(&self) -> Option<&Sample> {
        self.last.as_ref()
    }

    fn was_sealed(&self, time_us: i64, value: &Value<'_>, quality: i64) -> bool {
        let index = self.recent.binary_search_by_key(&time_us, |sample| sample.time_us);
        index.is_ok_and(|index| self.recent[index].is(value, quality))
    }
}

impl Sample {
    fn is(&self, value: &Value<'_>, quality: i64) -> bool {
        self.value == *value && self.quality == quality
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(series: &Series) -> Vec<i64> {
        series.unsealed().iter().map(|sample| sample.time_us).collect()
    }

    #[test]
    fn late_samples_find_their_place() {
        let mut series = Series::default();
        for time in [30, 10, 20, 40] {
            assert_eq!(series.take(time, Value::Integer(time), 0, 0), Taken::Stored);
        }
        assert_eq!(times(&series), [10, 20, 30, 40]);
        assert_eq!(series.last().map(|sample| sample.time_us), Some(40));
    }

    #[test]
    fn the_same_value_is_a_duplicate_and_another_one_replaces() {
        let mut series = Series::default();
        series.take(10, Value::Integer(1), 0, 0);
        assert_eq!(series.take(10, Value::Integer(1), 0, 0), Taken::Duplicate);
        assert_eq!(series.take(10, Value::Text("1.0".into()), 0, 0), Taken::Stored);
        assert_eq!(series.unsealed()[0].value, Value::Text("1.0".into()));
        assert_eq!(series.last(), series.unsealed().last());
    }

    #[test]
    fn a_sealed_sample_is_remembered_for_a_while() {
        let mut series = Series::default();
        for time in 0..SEAL_COUNT as i64 {
            series.take(time, Value::Integer(time), 0, 7);
        }
        assert!(series.is_full());
        assert_eq!(series.seal_at_us(), Some(7 + SEAL_AGE_US));
        let (sequence, samples) = series.seal().unwrap();
        assert_eq!((sequence, samples.len()), (0, SEAL_COUNT));
        let newest = SEAL_COUNT as i64 - 1;
        assert_eq!(series.take(newest, Value::Integer(newest), 0, 9), Taken::Duplicate);
        let forgotten = newest - RECENT_COUNT as i64;
        assert_eq!(series.take(forgotten, Value::Integer(forgotten), 0, 9), Taken::Stored);
        assert_eq!(series.seal().unwrap().0, 1);
        assert_eq!(series.seal(), None);
    }
}
