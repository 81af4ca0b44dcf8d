//! What a fleet counts and measures.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::fault::{Failed, Fault};

/// Microseconds of the longest time that is told apart; longer ones count as this.
const LONGEST_US: u64 = 600_000_000;

/// Digits of a time that are kept: one part in a thousand.
const DIGITS: u8 = 3;

/// Counts and times of a while. Those of several whiles are added up.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(super) counts: Counts,
    /// From the begin of the TCP connection to CONNACK.
    pub(super) connects: Times,
    /// From the first write of a message to its PUBACK, or PUBCOMP at QoS 2.
    pub(super) acknowledgements: Times,
    /// How often, and the words of the first time.
    pub(super) faults: BTreeMap<Fault, (u64, String)>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Agents whose first attempt has a result.
    pub(super) settled: u64,
    /// Connections with a CONNACK that accepts.
    pub(super) opened: u64,
    /// Those of them that have ended.
    pub(super) closed: u64,
    /// First connects, which the server closed to be connected again.
    pub(super) onboarded: u64,
    /// Those of `opened` that were not their agent's first.
    pub(super) reconnected: u64,
    /// Messages, each once.
    pub(super) sent: u64,
    /// Messages sent again after a reconnect.
    pub(super) resent: u64,
    /// Messages acknowledged.
    pub(super) acknowledged: u64,
    /// Messages that were refused by their acknowledgement.
    pub(super) refused: u64,
    /// Messages sent well after they were due.
    pub(super) late: u64,
    /// Messages that came in.
    pub(super) received: u64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.settled += other.settled;
        self.opened += other.opened;
        self.closed += other.closed;
        self.onboarded += other.onboarded;
        self.reconnected += other.reconnected;
        self.sent += other.sent;
        self.resent += other.resent;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.late += other.late;
        self.received += other.received;
    }

    /// Agents that are connected now.
    pub(super) fn connected(&self) -> u64 {
        self.opened.saturating_sub(self.closed)
    }
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally {
            counts: Counts::default(),
            connects: Times::new(),
            acknowledgements: Times::new(),
            faults: BTreeMap::new(),
        }
    }

    pub(super) fn fail(&mut self, failed: &Failed) {
        let (count, _) = self.faults.entry(failed.fault).or_insert_with(|| (0, failed.cause.clone()));
        *count += 1;
    }

    pub(super) fn failures(&self) -> u64 {
        self.faults.values().map(|(count, _)| count).sum()
    }

    pub(super) fn add(&mut self, other: Tally) {
        self.counts.add(&other.counts);
        self.connects.add(&other.connects);
        self.acknowledgements.add(&other.acknowledgements);
        for (fault, (count, cause)) in other.faults {
            self.faults.entry(fault).or_insert((0, cause)).0 += count;
        }
    }
}

/// Times, to be asked for percentiles.
#[derive(Debug)]
pub(super) struct Times(Histogram<u64>);

impl Times {
    fn new() -> Times {
        Times(Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("the bounds are constants that it takes"))
    }

    pub(super) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    fn add(&mut self, other: &Times) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// Microseconds within which this share of all was done.
    pub(super) fn quantile_us(&self, share: f64) -> u64 {
        self.0.value_at_quantile(share)
    }

    pub(super) fn max_us(&self) -> u64 {
        self.0.max()
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_of_several_whiles_add_up() {
        let mut total = Tally::new();
        for micros in [100, 200, 300] {
            let mut tally = Tally::new();
            tally.counts.sent = 2;
            tally.counts.opened = 1;
            tally.acknowledgements.record(Duration::from_micros(micros));
            tally.fail(&Failed::new(Fault::Tcp, &micros));
            total.add(tally);
        }
        assert_eq!((total.counts.sent, total.counts.connected(), total.acknowledgements.len()), (6, 3, 3));
        assert_eq!((total.acknowledgements.quantile_us(0.5), total.acknowledgements.max_us()), (200, 300));
        assert_eq!(total.faults[&Fault::Tcp], (3, "100".to_owned()));
    }

    #[test]
    fn a_time_beyond_the_longest_counts_as_the_longest() {
        let mut times = Times::new();
        times.record(Duration::MAX);
        assert!(times.max_us() >= LONGEST_US);
    }
}
