//! What the log needs of a medium.

use std::fmt;
use std::io;
use std::sync::Arc;

/// A folder of segment files, each named by the position at which it starts.
///
/// What is written is durable only after [`SegmentFile::sync`]; a file made or removed is so only after
/// [`Storage::sync_folder`]. A medium without room answers [`io::ErrorKind::StorageFull`] or
/// [`io::ErrorKind::QuotaExceeded`]; the log tries again later. After any other error it stops for good.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Starts of all segment files, in any order.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn list(&self) -> io::Result<Vec<u64>>;

    /// Makes a file of `bytes` zeros, in place of one of that name. Its content is durable on return, its name is not.
    ///
    /// # Errors
    /// No room, or the medium fails; then no file is left, as far as the medium allows.
    fn create(&self, start: u64, bytes: u64) -> io::Result<Arc<dyn SegmentFile>>;

    /// Opens a file.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`], or the medium fails.
    fn open(&self, start: u64) -> io::Result<Arc<dyn SegmentFile>>;

    /// Removes a file. Who has it open reads on.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`], or the medium fails.
    fn remove(&self, start: u64) -> io::Result<()>;

    /// Makes durable which files there are.
    ///
    /// # Errors
    /// The medium fails; nobody knows what it holds then.
    fn sync_folder(&self) -> io::Result<()>;

    /// Takes `bytes` of room as a reserve, or none at 0; does nothing when they are held already.
    ///
    /// # Errors
    /// No room, or the medium fails; then nothing is held.
    fn hold_ballast(&self, bytes: u64) -> io::Result<()>;

    /// Gives the reserve back to whoever else writes on this medium.
    ///
    /// # Errors
    /// The medium fails.
    fn release_ballast(&self) -> io::Result<()>;
}

/// One open segment file. Reads and writes may come from several threads, writes to one range only from one.
pub trait SegmentFile: fmt::Debug + Send + Sync {
    /// Its length.
    ///
    /// # Errors
    /// The medium fails.
    fn bytes(&self) -> io::Result<u64>;

    /// Fills `into` from `offset` on; returns fewer bytes only at the end of the file.
    ///
    /// # Errors
    /// The medium fails.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, inside of the file's length.
    ///
    /// # Errors
    /// No room, or the medium fails; a part may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes all that was written to this file durable.
    ///
    /// # Errors
    /// The medium fails; nobody knows what it holds then.
    fn sync(&self) -> io::Result<()>;
}

/// Whether an error only says that there is no room now.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Writes zeros over a range, in bounded blocks.
pub(crate) fn write_zeros(file: &dyn SegmentFile, mut from: u64, to: u64) -> io::Result<()> {
    while from < to {
        let bytes = (to - from).min(ZEROS.len() as u64);
        file.write_at(from, &ZEROS[..bytes as usize])?;
        from += bytes;
    }
    Ok(())
}

/// Zeros of one write: few calls for a segment, and no memory of its own.
pub(crate) static ZEROS: [u8; 256 << 10] = [0; 256 << 10];
