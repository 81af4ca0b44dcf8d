//! Segments in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::storage::{SegmentFile, Storage};

/// Segments in memory: what is written is there. Clones share the files.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    files: Arc<Mutex<BTreeMap<u64, Arc<MemoryFile>>>>,
}

#[derive(Default)]
struct MemoryFile(Mutex<Vec<u8>>);

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage").finish_non_exhaustive()
    }
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFile").finish_non_exhaustive()
    }
}

impl MemoryStorage {
    /// An empty folder.
    pub fn new() -> MemoryStorage {
        MemoryStorage::default()
    }

    /// Puts a file there as it is, whole or not: an image that a crash has left.
    pub fn put(&self, start: u64, content: Vec<u8>) {
        self.files().insert(start, Arc::new(MemoryFile(Mutex::new(content))));
    }

    /// The content of a file, if there is one.
    pub fn content(&self, start: u64) -> Option<Vec<u8>> {
        let file = self.files().get(&start)?.clone();
        let content = file.content().clone();
        Some(content)
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<MemoryFile>>> {
        self.files.lock().expect("no panic while the files are locked")
    }
}

impl Storage for MemoryStorage {
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.files().keys().copied().collect())
    }

    fn create(&self, start: u64, bytes: u64) -> io::Result<Arc<dyn SegmentFile>> {
        self.put(start, vec![0; bytes as usize]);
        self.open(start)
    }

    fn open(&self, start: u64) -> io::Result<Arc<dyn SegmentFile>> {
        let file = self.files().get(&start).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(file)
    }

    fn remove(&self, start: u64) -> io::Result<()> {
        self.files().remove(&start).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_folder(&self) -> io::Result<()> {
        Ok(())
    }

    fn hold_ballast(&self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }

    fn release_ballast(&self) -> io::Result<()> {
        Ok(())
    }
}

impl MemoryFile {
    fn content(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("no panic while a file is locked")
    }
}

impl SegmentFile for MemoryFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.content().len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        Ok(copy_out(&self.content(), offset, into))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        copy_in(&mut self.content(), offset, bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads from a content in memory.
pub(crate) fn copy_out(content: &[u8], offset: u64, into: &mut [u8]) -> usize {
    let from = content.get(offset as usize..).unwrap_or_default();
    let bytes = from.len().min(into.len());
    into[..bytes].copy_from_slice(&from[..bytes]);
    bytes
}

/// Writes to a content in memory, which grows as a file does.
pub(crate) fn copy_in(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let from = offset as usize;
    let to = from + bytes.len();
    if content.len() < to {
        content.resize(to, 0);
    }
    content[from..to].copy_from_slice(bytes);
}
