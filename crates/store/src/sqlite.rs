//! The store on SQLite: one connection that writes, a few that read snapshots beside it.

mod images;
mod merge;
mod messages;
mod projection;
mod prune;
mod readers;
mod refusals;
mod schema;
mod series;
mod sizes;
mod timeline;
mod tokens;

use std::collections::BTreeSet;
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tenant::{Checkpoint, Projected, Sample, Unwritten};

use crate::{
    Aggregate, Audit, Order, PruneLimits, Refusal, RefusalFilter, Reject, SeriesQuery, Store, StoreError, TenantImage,
    Token,
};
use readers::Readers;

/// How long a call waits for another process, such as a backup, that holds the database.
const BUSY: Duration = Duration::from_secs(10);

/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS_MAX: usize = 64;

/// Only the owner reads and writes the database's files. SQLite gives the files beside it the same mode.
const FILE_MODE: u32 = 0o600;

/// The database. Cheap calls and long queries may come from any thread.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    /// Held for one transaction; never across anything that waits for something else.
    writer: Mutex<Connection>,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the database, or makes it, and brings it to the schema of this version.
    ///
    /// # Errors
    /// Its files cannot be used, are no database of dinrail, or are of a newer version.
    pub fn open(path: &Path) -> Result<SqliteStore, StoreError> {
        let files = |error: std::io::Error| StoreError::Files(format!("{}: {error}", path.display()));
        OpenOptions::new().create(true).append(true).mode(FILE_MODE).open(path).map_err(files)?;
        std::fs::set_permissions(path, Permissions::from_mode(FILE_MODE)).map_err(files)?;
        let mut writer = connect(path)?;
        let version = schema::version(&writer)?;
        let mode: String = writer.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if mode != "wal" {
            let reason = format!("{}: no write-ahead log is possible there; use a local disk", path.display());
            return Err(StoreError::Files(reason));
        }
        // Bounds the log's file after a large checkpoint.
        writer.execute_batch("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;")?;
        schema::migrate(&mut writer, version)?;
        let readers = Readers::open(|| {
            let reader = connect(path)?;
            reader.execute_batch("PRAGMA query_only = ON;")?;
            Ok(reader)
        })?;
        Ok(SqliteStore { path: path.to_owned(), writer: Mutex::new(writer), readers })
    }

    /// One transaction: all of `body`, or nothing.
    fn write<T>(&self, body: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // A panic has rolled its transaction back.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = body(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }

    /// One snapshot, which nothing that is written meanwhile changes.
    fn read<T>(&self, body: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut reader = self.readers.take();
        let snapshot = reader.transaction()?;
        body(&snapshot)
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.execute_batch("PRAGMA foreign_keys = ON;")?;
    Ok(connection)
}

/// Log positions and sequences as SQL has them. They count bytes and chunks, and never come near 2^63.
fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// The way back.
fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}

/// A limit as SQL has it.
fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A length as SQL has it.
fn size(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

impl Store for SqliteStore {
    fn restore(&self) -> Result<Vec<TenantImage>, StoreError> {
        self.read(images::restore)
    }

    fn floor(&self) -> Result<u64, StoreError> {
        self.read(images::floor)
    }

    fn set_floor(&self, position: u64) -> Result<(), StoreError> {
        self.write(|transaction| images::set_floor(transaction, position))
    }

    fn checkpoint(&self, tenant: &str, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.write(|transaction| {
            images::put_parts(transaction, tenant, checkpoint)?;
            checkpoint.chunks.iter().try_for_each(|chunk| series::put_chunk(transaction, tenant, chunk))
        })
    }

    fn project(&self, tenant: &str, rows: &[Projected]) -> Result<(), StoreError> {
        self.write(|transaction| projection::put(transaction, tenant, rows))
    }

    fn put_messages(&self, tenant: &str, messages: &[(u64, Vec<u8>)]) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        self.write(|transaction| messages::put(transaction, tenant, messages))
    }

    fn retain_messages(&self, tenant: &str, positions: &BTreeSet<u64>) -> Result<(), StoreError> {
        self.write(|transaction| messages::retain(transaction, tenant, positions))
    }

    fn message(&self, tenant: &str, position: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|snapshot| messages::find(snapshot, tenant, position))
    }

    fn samples(
        &self,
        series: &SeriesQuery<'_>,
        unwritten: &Unwritten,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Sample>, StoreError> {
        self.read(|snapshot| series::samples(snapshot, series, unwritten, limit, order))
    }

    fn downsample(
        &self,
        series: &SeriesQuery<'_>,
        unwritten: &Unwritten,
        every_us: i64,
        aggregate: Aggregate,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Sample>, StoreError> {
        let buckets = crate::downsample::Buckets::new(every_us, aggregate);
        self.read(|snapshot| series::downsample(snapshot, series, unwritten, buckets, limit, order))
    }

    fn merge(&self, tenant: &str, budget: usize) -> Result<usize, StoreError> {
        merge::merge(self, tenant, budget)
    }

    fn rejects(&self, tenant: &str, agent: Option<&str>, limit: usize) -> Result<Vec<Reject>, StoreError> {
        self.read(|snapshot| projection::rejects(snapshot, tenant, agent, limit))
    }

    fn audit(&self, tenant: &str, limit: usize) -> Result<Vec<Audit>, StoreError> {
        self.read(|snapshot| projection::audit(snapshot, tenant, limit))
    }

    fn prune(&self, now_us: i64, limits: &PruneLimits) -> Result<(), StoreError> {
        prune::prune(self, now_us, limits)
    }

    fn record_refusals(&self, refusals: &[Refusal]) -> Result<(), StoreError> {
        self.write(|transaction| refusals::put(transaction, refusals))
    }

    fn refusals(&self, filter: &RefusalFilter) -> Result<Vec<Refusal>, StoreError> {
        self.read(|snapshot| refusals::find(snapshot, filter))
    }

    fn create_token(&self, token: &Token) -> Result<(), StoreError> {
        self.write(|transaction| tokens::create(transaction, token))
    }

    fn find_token(&self, hash: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        self.read(|snapshot| tokens::find(snapshot, hash))
    }

    fn tokens(&self, tenant: Option<&str>) -> Result<Vec<Token>, StoreError> {
        self.read(|snapshot| tokens::all(snapshot, tenant))
    }

    fn delete_token(&self, tenant: Option<&str>, id: &str) -> Result<bool, StoreError> {
        self.write(|transaction| tokens::delete(transaction, tenant, id))
    }

    fn sizes(&self) -> Result<Vec<(&'static str, u64)>, StoreError> {
        self.read(|snapshot| sizes::sizes(snapshot, &self.path))
    }
}
