//! Tenant images: positions and parts.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use tenant::{Checkpoint, Part};

use super::{signed, size, unsigned};
use crate::{StoreError, TenantImage};

/// All tenants with their parts.
pub(super) fn restore(connection: &Connection) -> Result<Vec<TenantImage>, StoreError> {
    let mut parts: HashMap<String, Vec<(String, Vec<u8>)>> = HashMap::new();
    let mut statement = connection.prepare("SELECT tenant, key, value FROM parts ORDER BY tenant, key")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        parts.entry(row.get(0)?).or_default().push((row.get(1)?, row.get(2)?));
    }
    let mut statement = connection
        .prepare("SELECT tenant, coalesce(position, 0), coalesce(projected, 0) FROM tenants ORDER BY tenant")?;
    let images = statement.query_map([], |row| {
        let tenant: String = row.get(0)?;
        Ok(TenantImage {
            position: unsigned(row.get(1)?),
            projected: unsigned(row.get(2)?),
            parts: parts.remove(&tenant).unwrap_or_default(),
            tenant,
        })
    })?;
    Ok(images.collect::<Result<_, _>>()?)
}

/// Where a restart begins to read the log.
pub(super) fn floor(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT position FROM floor")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?.map_or(0, unsigned))
}

/// Raises the floor.
pub(super) fn set_floor(connection: &Connection, position: u64) -> Result<(), StoreError> {
    let sql = "INSERT INTO floor VALUES (1, ?1) ON CONFLICT DO UPDATE SET position = max(position, excluded.position)";
    connection.prepare_cached(sql)?.execute(params![signed(position)])?;
    Ok(())
}

/// Writes the position and the changed parts of a checkpoint.
pub(super) fn put_parts(connection: &Connection, tenant: &str, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let sql = "INSERT INTO tenants (tenant, position) VALUES (?1, ?2)
        ON CONFLICT DO UPDATE SET position = excluded.position";
    connection.prepare_cached(sql)?.execute(params![tenant, signed(checkpoint.position)])?;
    let mut put = connection.prepare_cached(
        "INSERT INTO parts (tenant, key, size, value) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET size = excluded.size, value = excluded.value",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM parts WHERE tenant = ?1 AND key = ?2")?;
    for Part { key, value } in &checkpoint.parts {
        match value {
            Some(value) => put.execute(params![tenant, key, size(value.len()), value])?,
            None => delete.execute(params![tenant, key])?,
        };
    }
    Ok(())
}
