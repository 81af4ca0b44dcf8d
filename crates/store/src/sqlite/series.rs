//! Series and their chunks: writing, and the two queries.

use rusqlite::{Connection, OptionalExtension, params};
use tenant::{Sample, SealedChunk, Unwritten};

use super::timeline::Timeline;
use super::{signed, size};
use crate::downsample::Buckets;
use crate::{Order, SeriesQuery, StoreError, encode, merge, run};

/// A series as the database knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeriesRow {
    /// Its number within the tenant.
    pub(super) series: i64,
    /// No chunk reaches over more time.
    pub(super) span_us: i64,
}

/// Finds a series by its names.
pub(super) fn find(
    connection: &Connection,
    tenant: &str,
    agent: &str,
    data_point: &str,
) -> Result<Option<SeriesRow>, StoreError> {
    let sql = "SELECT series, span_us FROM series WHERE tenant = ?1 AND agent = ?2 AND data_point = ?3";
    let row = connection
        .prepare_cached(sql)?
        .query_row([tenant, agent, data_point], |row| Ok(SeriesRow { series: row.get(0)?, span_us: row.get(1)? }));
    Ok(row.optional()?)
}

/// Adds a sealed chunk, unless the series has its sequence already, alone or folded with others.
pub(super) fn put_chunk(connection: &Connection, tenant: &str, chunk: &SealedChunk) -> Result<(), StoreError> {
    let SealedChunk { agent, data_point, sequence, samples } = chunk;
    let series = match find(connection, tenant, agent, data_point)? {
        Some(row) => row.series,
        None => create(connection, tenant, agent, data_point)?,
    };
    let sql = "SELECT 1 FROM chunks
        WHERE tenant = ?1 AND series = ?2 AND last_sequence >= ?3 AND first_sequence <= ?3 LIMIT 1";
    if connection.prepare_cached(sql)?.exists(params![tenant, series, signed(*sequence)])? {
        return Ok(());
    }
    let mut span_us = 0;
    let mut count = 0;
    for part in merge::cut(samples) {
        span_us = span_us.max(insert(connection, tenant, series, (*sequence, *sequence), part)?);
        count += 1;
    }
    let sql = "UPDATE series SET span_us = max(span_us, ?3), loose = loose + ?4 WHERE tenant = ?1 AND series = ?2";
    connection.prepare_cached(sql)?.execute(params![tenant, series, span_us, count])?;
    Ok(())
}

fn create(connection: &Connection, tenant: &str, agent: &str, data_point: &str) -> Result<i64, StoreError> {
    let sql = "INSERT INTO series (tenant, agent, data_point, series, span_us, loose)
        SELECT ?1, ?2, ?3, coalesce(max(series), 0) + 1, 0, 0 FROM series WHERE tenant = ?1 RETURNING series";
    Ok(connection.prepare_cached(sql)?.query_row([tenant, agent, data_point], |row| row.get(0))?)
}

/// Adds one chunk with the samples of these sequences, first to last; gives the time it reaches over.
pub(super) fn insert(
    connection: &Connection,
    tenant: &str,
    series: i64,
    (first_sequence, last_sequence): (u64, u64),
    samples: &[Sample],
) -> Result<i64, StoreError> {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Ok(0) };
    let bytes = encode(samples);
    let weight: usize = samples.iter().map(run::weight).sum();
    let sql = "INSERT INTO chunks (tenant, series, first_us, last_us, first_sequence, last_sequence, samples, weight,
            size, bytes)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    connection.prepare_cached(sql)?.execute(params![
        tenant,
        series,
        first.time_us,
        last.time_us,
        signed(first_sequence),
        signed(last_sequence),
        size(samples.len()),
        size(weight),
        size(bytes.len()),
        bytes,
    ])?;
    Ok(last.time_us.saturating_sub(first.time_us))
}

/// The first `limit` samples of a range, in either order.
pub(super) fn samples(
    connection: &Connection,
    query: &SeriesQuery<'_>,
    unwritten: &Unwritten,
    limit: usize,
    order: Order,
) -> Result<Vec<Sample>, StoreError> {
    let mut timeline = Timeline::open(connection, query, unwritten, order)?;
    let mut samples = Vec::new();
    while samples.len() < limit
        && let Some(sample) = timeline.next()?
    {
        samples.push(sample);
    }
    Ok(samples)
}

/// The first `limit` buckets of a range, in either order.
pub(super) fn downsample(
    connection: &Connection,
    query: &SeriesQuery<'_>,
    unwritten: &Unwritten,
    mut buckets: Buckets,
    limit: usize,
    order: Order,
) -> Result<Vec<Sample>, StoreError> {
    let mut timeline = Timeline::open(connection, query, unwritten, order)?;
    let mut samples = Vec::new();
    while samples.len() < limit {
        let Some(sample) = timeline.next()? else {
            samples.extend(buckets.end());
            break;
        };
        samples.extend(buckets.take(sample));
    }
    Ok(samples)
}
