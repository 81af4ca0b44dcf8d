//! Folding chunks: which series, and the exchange of chunks in one transaction.

use rusqlite::{Connection, params};
use tenant::Sample;

use super::{SqliteStore, at_most, series, unsigned};
use crate::merge::{ChunkMeta, choose, cut};
use crate::run::Run;
use crate::{Order, StoreError, decode};

/// New chunks that make it worth to look at a series: fewer cannot gain enough.
const LOOSE_MIN: i64 = 8;

/// Chunks of a series that are looked at, the newest: more than one fold takes, by far.
const WINDOW: usize = 1024;

/// Folds in one series before others have their turn.
const FOLDS_PER_SERIES_MAX: usize = 8;

/// A series that has new chunks.
struct Candidate {
    series: i64,
    agent: String,
    data_point: String,
}

/// A chunk of the window.
struct Row {
    id: i64,
    meta: ChunkMeta,
}

/// Folds up to `budget` series; gives how many chunks there are less.
pub(super) fn merge(store: &SqliteStore, tenant: &str, budget: usize) -> Result<usize, StoreError> {
    let candidates = store.read(|snapshot| candidates(snapshot, tenant, budget))?;
    let mut gone = 0;
    let mut damaged = None;
    for candidate in candidates {
        for _ in 0..FOLDS_PER_SERIES_MAX {
            match store.write(|transaction| fold(transaction, tenant, &candidate)) {
                Ok(Some(fewer)) => gone += fewer,
                Ok(None) => break,
                Err(error @ StoreError::DamagedChunk { .. }) => {
                    // Left as it is until more chunks come, so that it is not in the way of others.
                    store.write(|transaction| settle(transaction, tenant, candidate.series))?;
                    damaged.get_or_insert(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    damaged.map_or(Ok(gone), Err)
}

fn candidates(connection: &Connection, tenant: &str, budget: usize) -> Result<Vec<Candidate>, StoreError> {
    let sql = "SELECT series, agent, data_point FROM series WHERE tenant = ?1 AND loose >= ?2
        ORDER BY loose DESC LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let candidates = statement.query_map(params![tenant, LOOSE_MIN, at_most(budget)], |row| {
        Ok(Candidate { series: row.get(0)?, agent: row.get(1)?, data_point: row.get(2)? })
    })?;
    Ok(candidates.collect::<Result<_, _>>()?)
}

/// One fold; none when nothing is worth it, and then the series counts as settled.
fn fold(connection: &Connection, tenant: &str, candidate: &Candidate) -> Result<Option<usize>, StoreError> {
    let rows = window(connection, tenant, candidate.series)?;
    let metas: Vec<_> = rows.iter().map(|row| row.meta.clone()).collect();
    let Some(stretch) = choose(&metas) else {
        settle(connection, tenant, candidate.series)?;
        return Ok(None);
    };
    let rows = &rows[stretch];
    let first_sequence = rows.iter().map(|row| row.meta.first_sequence).min().unwrap_or_default();
    let last_sequence = rows.iter().map(|row| row.meta.last_sequence).max().unwrap_or_default();
    let samples = read(connection, candidate, rows)?;
    let mut delete = connection.prepare_cached("DELETE FROM chunks WHERE rowid = ?1")?;
    for row in rows {
        delete.execute([row.id])?;
    }
    let mut span_us = 0;
    let mut count = 0;
    for part in cut(&samples) {
        let sequences = (first_sequence, last_sequence);
        span_us = span_us.max(series::insert(connection, tenant, candidate.series, sequences, part)?);
        count += 1;
    }
    let sql = "UPDATE series SET span_us = max(span_us, ?3) WHERE tenant = ?1 AND series = ?2";
    connection.prepare_cached(sql)?.execute(params![tenant, candidate.series, span_us])?;
    Ok(Some(rows.len() - count))
}

/// The newest chunks of a series in the order of their last sequence, parts of one fold in the order of time.
fn window(connection: &Connection, tenant: &str, series: i64) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT rowid, first_us, last_us, first_sequence, last_sequence, samples, weight FROM chunks
        WHERE tenant = ?1 AND series = ?2 ORDER BY last_sequence DESC, first_us DESC LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![tenant, series, at_most(WINDOW)], |row| {
        let meta = ChunkMeta {
            first_us: row.get(1)?,
            last_us: row.get(2)?,
            first_sequence: unsigned(row.get(3)?),
            last_sequence: unsigned(row.get(4)?),
            samples: unsigned(row.get(5)?),
            weight: unsigned(row.get(6)?),
        };
        Ok(Row { id: row.get(0)?, meta })
    })?;
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    rows.reverse();
    Ok(rows)
}

/// The samples of a stretch, one a time: the later sequence's.
fn read(connection: &Connection, candidate: &Candidate, rows: &[Row]) -> Result<Vec<Sample>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM chunks WHERE rowid = ?1")?;
    let mut run = Run::new(Order::Ascending);
    for Row { id, meta } in rows {
        let bytes: Vec<u8> = statement.query_row([id], |row| row.get(0))?;
        let samples = decode(&bytes).map_err(|cause| StoreError::DamagedChunk {
            agent: candidate.agent.clone(),
            data_point: candidate.data_point.clone(),
            sequence: meta.last_sequence,
            cause,
        })?;
        run.fold(meta.last_sequence, samples);
    }
    Ok(std::iter::from_fn(|| run.pop()).collect())
}

fn settle(connection: &Connection, tenant: &str, series: i64) -> Result<(), StoreError> {
    let sql = "UPDATE series SET loose = 0 WHERE tenant = ?1 AND series = ?2";
    connection.prepare_cached(sql)?.execute(params![tenant, series])?;
    Ok(())
}
