//! The tables, and how a database of an earlier version becomes one of this version.

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// Marks the file as ours: "dinr".
const APPLICATION_ID: i64 = 0x6469_6e72;

/// What makes version n of the schema from version n - 1.
const MIGRATIONS: [&str; 1] = [include_str!("schema/1.sql")];

/// The version of the schema that is there; 0 for none. Changes nothing.
pub(super) fn version(connection: &Connection) -> Result<i64, StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application_id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && application_id != APPLICATION_ID {
        return Err(StoreError::Damaged("it is another program's".to_owned()));
    }
    let known = MIGRATIONS.len() as i64;
    if found > known { Err(StoreError::NewerSchema { found, known }) } else { Ok(found) }
}

/// Brings the database from a version to the newest; a transaction a version.
pub(super) fn migrate(connection: &mut Connection, found: i64) -> Result<(), StoreError> {
    for (version, migration) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}
