//! How much there is.

use std::path::Path;

use rusqlite::Connection;

use super::unsigned;
use crate::StoreError;

/// The tables whose bytes are summed up.
const KINDS: [&str; 5] = ["parts", "chunks", "rejects", "messages", "refusals"];

/// Bytes by kind, and of the database's files.
pub(super) fn sizes(connection: &Connection, path: &Path) -> Result<Vec<(&'static str, u64)>, StoreError> {
    let sql = "SELECT coalesce(sum(bytes), 0) FROM totals WHERE kind = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut sizes = Vec::with_capacity(KINDS.len() + 1);
    for kind in KINDS {
        sizes.push((kind, statement.query_row([kind], |row| row.get(0).map(unsigned))?));
    }
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // The log is not there before the first write.
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    sizes.push(("file", length(path) + length(log.as_ref())));
    Ok(sizes)
}
