//! Dropping the oldest rejects and refusals.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use crate::{PruneLimits, StoreError};

/// Rows dropped in one transaction, so that other writers come in between.
const BATCH: usize = 5_000;

/// Drops what is beyond the limits.
pub(super) fn prune(store: &SqliteStore, now_us: i64, limits: &PruneLimits) -> Result<(), StoreError> {
    let oldest_us = |age: Duration| now_us.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
    let rejects = Bounds {
        count: limits.rejects_max,
        bytes: limits.rejects_bytes_max,
        oldest_us: oldest_us(limits.rejects_age_max),
    };
    let sql = "SELECT tenant FROM totals WHERE kind = 'rejects'";
    let tenants = store.read(|snapshot| {
        let tenants =
            snapshot.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>();
        Ok(tenants?)
    })?;
    for tenant in tenants {
        while store.write(|transaction| prune_rejects(transaction, &tenant, rejects))? {}
    }
    let refusals = Bounds {
        count: limits.refusals_max,
        bytes: limits.refusals_bytes_max,
        oldest_us: oldest_us(limits.refusals_age_max),
    };
    while store.write(|transaction| prune_refusals(transaction, refusals))? {}
    Ok(())
}

/// What may be kept.
#[derive(Clone, Copy)]
struct Bounds {
    count: u64,
    bytes: u64,
    /// Nothing older.
    oldest_us: i64,
}

/// Drops a batch of a tenant's rejects; tells whether there may be more.
fn prune_rejects(connection: &Connection, tenant: &str, bounds: Bounds) -> Result<bool, StoreError> {
    let sql = "SELECT count, bytes FROM totals WHERE tenant = ?1 AND kind = 'rejects'";
    let excess = Excess::of(connection, sql, &[&tenant], bounds)?;
    let sql = "SELECT received_us, size, position, line FROM rejects WHERE tenant = ?1 ORDER BY position, line";
    let (count, last) = excess.count(connection, sql, &[&tenant], |row| Ok((row.get(2)?, row.get(3)?)))?;
    if let Some((position, line)) = last {
        let sql = "DELETE FROM rejects WHERE tenant = ?1 AND (position, line) <= (?2, ?3)";
        let values: (&str, i64, i64) = (tenant, position, line);
        connection.prepare_cached(sql)?.execute(values)?;
    }
    Ok(count == BATCH)
}

/// Drops a batch of refusals; tells whether there may be more.
fn prune_refusals(connection: &Connection, bounds: Bounds) -> Result<bool, StoreError> {
    let sql = "SELECT coalesce(sum(count), 0), coalesce(sum(bytes), 0) FROM totals WHERE kind = 'refusals'";
    let excess = Excess::of(connection, sql, &[], bounds)?;
    let sql = "SELECT at_us, size, id FROM refusals ORDER BY id";
    let (count, last) = excess.count(connection, sql, &[], |row| row.get::<_, i64>(2))?;
    if let Some(id) = last {
        connection.prepare_cached("DELETE FROM refusals WHERE id <= ?1")?.execute(params![id])?;
    }
    Ok(count == BATCH)
}

/// By how much a table is beyond its bounds.
struct Excess {
    count: i64,
    bytes: i64,
    oldest_us: i64,
}

impl Excess {
    fn of(
        connection: &Connection,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
        bounds: Bounds,
    ) -> Result<Excess, StoreError> {
        let totals = connection.prepare_cached(sql)?.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)));
        let (count, bytes): (i64, i64) = totals.optional()?.unwrap_or_default();
        Ok(Excess {
            count: count.saturating_sub_unsigned(bounds.count),
            bytes: bytes.saturating_sub_unsigned(bounds.bytes),
            oldest_us: bounds.oldest_us,
        })
    }

    /// How many of the oldest rows have to go, a batch at most, and the key of the last of them. The rows begin with
    /// their time and size.
    fn count<K>(
        mut self,
        connection: &Connection,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
        key: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<K>,
    ) -> Result<(usize, Option<K>), StoreError> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        let (mut count, mut last) = (0, None);
        while count < BATCH
            && let Some(row) = rows.next()?
        {
            let (at_us, size): (i64, i64) = (row.get(0)?, row.get(1)?);
            if self.count <= 0 && self.bytes <= 0 && at_us >= self.oldest_us {
                break;
            }
            self.count = self.count.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(size);
            count += 1;
            last = Some(key(row)?);
        }
        Ok((count, last))
    }
}
