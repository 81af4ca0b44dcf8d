//! The truth of one series, sample by sample in either order of time.
//!
//! Chunks are opened when the run has come to where they begin, so that one is in memory at a time, and more only where
//! they overlap. Places are times that ascend in the query's direction; see [`Order::place`].

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, params};
use tenant::{Sample, Unwritten};

use super::series::{self, SeriesRow};
use super::unsigned;
use crate::run::{HEAD_RANK, Run};
use crate::{Order, SeriesQuery, StoreError, decode};

/// Bytes of memory that open chunks take. Where more overlap, the later half of the run is dropped, and read again when
/// the earlier one has been given away: slower, but bounded.
const OPEN_WEIGHT_MAX: usize = 32 << 20;

/// Reads one series.
pub(super) struct Timeline<'a> {
    connection: &'a Connection,
    query: &'a SeriesQuery<'a>,
    unwritten: &'a Unwritten,
    order: Order,
    /// Open samples.
    run: Run,
    /// What can still come, in the order of where it begins.
    waiting: VecDeque<Waiting<'a>>,
    stored: Option<Stored>,
    /// First and last place that is still to be given. Beyond the last one the run was cut.
    places: RangeInclusive<i64>,
    /// The last place of the query.
    end: i64,
    series: Option<SeriesRow>,
}

/// Samples in memory that are not yet in the run.
struct Waiting<'a> {
    begin: i64,
    rank: u64,
    samples: &'a [Sample],
}

/// A chunk of the database that is not yet in the run.
struct Stored {
    begin: i64,
    sequence: i64,
    bytes: Vec<u8>,
}

impl<'a> Timeline<'a> {
    /// Begins at the query's first place.
    pub(super) fn open(
        connection: &'a Connection,
        query: &'a SeriesQuery<'a>,
        unwritten: &'a Unwritten,
        order: Order,
    ) -> Result<Timeline<'a>, StoreError> {
        let series = series::find(connection, query.tenant, query.agent, query.data_point)?;
        // An empty range has no places.
        let last_us = query.range.end.saturating_sub(i64::from(query.range.end > query.range.start));
        let (begin, end) = match order {
            Order::Ascending => (query.range.start, last_us),
            Order::Descending => (order.place(last_us), order.place(query.range.start)),
        };
        let mut timeline = Timeline {
            connection,
            query,
            unwritten,
            order,
            run: Run::new(order),
            waiting: VecDeque::new(),
            stored: None,
            places: begin..=end,
            end,
            series,
        };
        if !query.range.is_empty() {
            timeline.begin(begin)?;
        }
        Ok(timeline)
    }

    /// The next sample.
    pub(super) fn next(&mut self) -> Result<Option<Sample>, StoreError> {
        loop {
            // What begins where the run stands may hold a higher rank for this very place.
            let open = self.run.first().unwrap_or(i64::MAX).min(*self.places.end());
            if self.waiting.front().is_some_and(|waiting| waiting.begin <= open) {
                self.open_waiting();
            } else if self.stored.as_ref().is_some_and(|stored| stored.begin <= open) {
                self.open_stored()?;
            } else if let Some(sample) = self.run.pop() {
                return Ok(Some(sample));
            } else if *self.places.end() < self.end {
                self.begin(self.places.end() + 1)?;
            } else {
                return Ok(None);
            }
        }
    }

    /// Begins at a place, with an empty run.
    fn begin(&mut self, place: i64) -> Result<(), StoreError> {
        self.places = place..=self.end;
        let sealed = self.unwritten.chunks.iter().map(|chunk| (chunk.sequence, &chunk.samples));
        let sources = sealed.chain([(HEAD_RANK, &self.unwritten.head)]);
        let mut waiting: Vec<_> = sources.filter_map(|(rank, samples)| self.within(rank, samples)).collect();
        waiting.sort_by_key(|waiting| waiting.begin);
        self.waiting = waiting.into();
        let Some(row) = self.series else { return Ok(()) };
        // Chunks that reach into the range begin at most a span before it.
        let (low_us, high_us) = self.times();
        self.stored = match self.order {
            Order::Ascending => self.seek(low_us.saturating_sub(row.span_us), -1)?,
            Order::Descending => self.seek(high_us.saturating_add(row.span_us), i64::MAX)?,
        };
        Ok(())
    }

    /// The earliest and the latest time that is still to be given.
    fn times(&self) -> (i64, i64) {
        let (begin, end) = (self.order.place(*self.places.start()), self.order.place(*self.places.end()));
        (begin.min(end), begin.max(end))
    }

    /// The part of some samples that is still to be given, with its begin, if there is one.
    fn within(&self, rank: u64, samples: &'a [Sample]) -> Option<Waiting<'a>> {
        let (low_us, high_us) = self.times();
        let from = samples.partition_point(|sample| sample.time_us < low_us);
        let to = samples.partition_point(|sample| sample.time_us <= high_us);
        let samples = samples.get(from..to)?;
        let first = match self.order {
            Order::Ascending => samples.first()?,
            Order::Descending => samples.last()?,
        };
        Some(Waiting { begin: self.order.place(first.time_us), rank, samples })
    }

    fn open_waiting(&mut self) {
        let waiting = self.waiting.pop_front();
        // The run may have been cut since.
        if let Some(Waiting { rank, samples, .. }) =
            waiting.and_then(|waiting| self.within(waiting.rank, waiting.samples))
        {
            self.fold(rank, samples.to_vec());
        }
    }

    fn open_stored(&mut self) -> Result<(), StoreError> {
        let Some(stored) = self.stored.take() else { return Ok(()) };
        let mut samples = decode(&stored.bytes).map_err(|cause| StoreError::DamagedChunk {
            agent: self.query.agent.to_owned(),
            data_point: self.query.data_point.to_owned(),
            sequence: unsigned(stored.sequence),
            cause,
        })?;
        let (low_us, high_us) = self.times();
        samples.retain(|sample| (low_us..=high_us).contains(&sample.time_us));
        self.fold(unsigned(stored.sequence), samples);
        self.stored = self.seek(self.order.place(stored.begin), stored.sequence)?;
        Ok(())
    }

    fn fold(&mut self, rank: u64, samples: Vec<Sample>) {
        self.run.fold(rank, samples);
        if self.run.weight() > OPEN_WEIGHT_MAX
            && let Some(cut) = self.run.cut(OPEN_WEIGHT_MAX / 2)
        {
            self.places = *self.places.start()..=cut - 1;
        }
    }

    /// The next chunk after an edge (the begin's time) and a sequence, in the order of edges.
    fn seek(&self, edge_us: i64, sequence: i64) -> Result<Option<Stored>, StoreError> {
        let Some(row) = self.series else { return Ok(None) };
        let sql = match self.order {
            Order::Ascending => {
                "SELECT first_us, last_sequence, bytes FROM chunks INDEXED BY chunks_first
                WHERE tenant = ?1 AND series = ?2 AND (first_us, last_sequence) > (?3, ?4)
                    AND first_us <= ?6 AND last_us >= ?5
                ORDER BY first_us, last_sequence LIMIT 1"
            }
            Order::Descending => {
                "SELECT last_us, last_sequence, bytes FROM chunks INDEXED BY chunks_last
                WHERE tenant = ?1 AND series = ?2 AND (last_us, last_sequence) < (?3, ?4)
                    AND first_us <= ?6 AND last_us >= ?5
                ORDER BY last_us DESC, last_sequence DESC LIMIT 1"
            }
        };
        let (low_us, high_us) = self.times();
        let values = params![self.query.tenant, row.series, edge_us, sequence, low_us, high_us];
        let chunk = self.connection.prepare_cached(sql)?.query_row(values, |row| {
            Ok(Stored { begin: self.order.place(row.get(0)?), sequence: row.get(1)?, bytes: row.get(2)? })
        });
        Ok(chunk.optional()?)
    }
}
