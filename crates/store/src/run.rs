//! Samples of several chunks as one run: in the order of time, one sample a time, the one with the highest rank.

use std::collections::VecDeque;

use ingest::Value;
use tenant::Sample;

use crate::Order;

/// Rank of the head, above every chunk's, which is its sequence.
pub(crate) const HEAD_RANK: u64 = u64::MAX;

/// A run of samples.
#[derive(Debug)]
pub(crate) struct Run {
    order: Order,
    samples: VecDeque<Ranked>,
    /// Bytes of memory.
    weight: usize,
}

#[derive(Debug)]
struct Ranked {
    rank: u64,
    sample: Sample,
}

impl Run {
    /// A run of nothing.
    pub(crate) fn new(order: Order) -> Run {
        Run { order, samples: VecDeque::new(), weight: 0 }
    }

    /// Folds in samples of one rank, ascending in time. Of two at one time the one with the higher rank stays.
    pub(crate) fn fold(&mut self, rank: u64, mut samples: Vec<Sample>) {
        if self.order == Order::Descending {
            samples.reverse();
        }
        let newer = samples.into_iter().map(|sample| Ranked { rank, sample });
        let order = self.order;
        let place = |ranked: &Ranked| order.place(ranked.sample.time_us);
        let last = self.samples.back().map(place);
        let mut newer = newer.peekable();
        if newer.peek().is_none_or(|first| last.is_none_or(|last| last < place(first))) {
            newer.for_each(|ranked| self.push(ranked));
            return;
        }
        let older = std::mem::take(&mut self.samples);
        self.weight = 0;
        for ranked in older {
            while let Some(first) = newer.next_if(|first| place(first) < place(&ranked)) {
                self.push(first);
            }
            match newer.next_if(|same| place(same) == place(&ranked)) {
                Some(same) if same.rank >= ranked.rank => self.push(same),
                _ => self.push(ranked),
            }
        }
        newer.for_each(|ranked| self.push(ranked));
    }

    /// Takes out the first sample.
    pub(crate) fn pop(&mut self) -> Option<Sample> {
        let Ranked { sample, .. } = self.samples.pop_front()?;
        self.weight -= weight(&sample);
        Some(sample)
    }

    /// Drops what is behind the first `weight_max` bytes, but never the first sample; gives the place where it cut.
    pub(crate) fn cut(&mut self, weight_max: usize) -> Option<i64> {
        let mut kept = 0;
        let beyond = |ranked: &Ranked| {
            kept += weight(&ranked.sample);
            kept > weight_max
        };
        let length = self.samples.iter().position(beyond).unwrap_or(self.samples.len()).max(1);
        let cut = self.samples.get(length).map(|ranked| self.order.place(ranked.sample.time_us))?;
        for dropped in self.samples.drain(length..) {
            self.weight -= weight(&dropped.sample);
        }
        Some(cut)
    }

    /// Where the first sample stands.
    pub(crate) fn first(&self) -> Option<i64> {
        self.samples.front().map(|ranked| self.order.place(ranked.sample.time_us))
    }

    /// Bytes of memory that the samples take.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    fn push(&mut self, ranked: Ranked) {
        self.weight += weight(&ranked.sample);
        self.samples.push_back(ranked);
    }
}

impl Order {
    /// Where a time stands when places ascend: the time itself, or its mirror image, and back again.
    pub(crate) fn place(self, time_us: i64) -> i64 {
        match self {
            Order::Ascending => time_us,
            // Mirrors without overflow.
            Order::Descending => !time_us,
        }
    }
}

/// Bytes of memory that a sample takes.
pub(crate) fn weight(sample: &Sample) -> usize {
    let text = match &sample.value {
        Value::Text(text) => text.len(),
        _ => 0,
    };
    size_of::<Ranked>() + text
}
