//! Messages that outlive their log segment.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::{signed, size, unsigned};
use crate::StoreError;

/// Keeps messages; one that is there is the same one.
pub(super) fn put(connection: &Connection, tenant: &str, messages: &[(u64, Vec<u8>)]) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO messages (tenant, position, size, bytes) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )?;
    for (position, bytes) in messages {
        statement.execute(params![tenant, signed(*position), size(bytes.len()), bytes])?;
    }
    Ok(())
}

/// Drops all but these.
pub(super) fn retain(connection: &Connection, tenant: &str, positions: &BTreeSet<u64>) -> Result<(), StoreError> {
    let mut kept = connection.prepare_cached("SELECT position FROM messages WHERE tenant = ?1")?;
    let kept = kept.query_map([tenant], |row| row.get(0).map(unsigned))?.collect::<Result<Vec<_>, _>>()?;
    let mut delete = connection.prepare_cached("DELETE FROM messages WHERE tenant = ?1 AND position = ?2")?;
    for position in kept.into_iter().filter(|position| !positions.contains(position)) {
        delete.execute(params![tenant, signed(position)])?;
    }
    Ok(())
}

/// One message.
pub(super) fn find(connection: &Connection, tenant: &str, position: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM messages WHERE tenant = ?1 AND position = ?2")?;
    Ok(statement.query_row(params![tenant, signed(position)], |row| row.get(0)).optional()?)
}
