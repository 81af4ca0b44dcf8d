//! Why a call failed.

use rusqlite::ErrorCode;

use crate::ChunkError;

/// Why a call failed, by what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Make room; the same call will then succeed.
    #[error("the disk of the database is full; make room and it goes on by itself")]
    Full,
    /// Another process holds the database; try again when it has let go.
    #[error("another process holds the database: {0}")]
    Busy(rusqlite::Error),
    /// Start the version of dinrail that wrote the database, or a newer one.
    #[error(
        "the database has schema {found}, and this version of dinrail knows no newer one than {known}; start the version that wrote it, or a newer one"
    )]
    NewerSchema {
        /// Version of the file.
        found: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// Restore the database from a backup, or remove it and replay the log.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// One chunk is damaged; all others can be read.
    #[error("the chunk up to sequence {sequence} of data point {data_point:?} of agent {agent:?} is damaged: {cause}")]
    DamagedChunk {
        /// Client id.
        agent: String,
        /// The series within the agent.
        data_point: String,
        /// The chunk's last sequence.
        sequence: u64,
        /// What is wrong with it.
        cause: ChunkError,
    },
    /// Delete a token first.
    #[error("there are {max} tokens already, and no more are allowed; delete one that is not used")]
    TooManyTokens {
        /// How many are allowed.
        max: usize,
    },
    /// Look at the disk and at the files' permissions.
    #[error("the database's files cannot be read or written: {0}")]
    Files(String),
    /// The call does not fit what is there, or this program is wrong.
    #[error("the database refused: {0}")]
    Refused(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(error),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error.to_string()),
            Some(
                ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied,
            ) => StoreError::Files(error.to_string()),
            _ => StoreError::Refused(error),
        }
    }
}
