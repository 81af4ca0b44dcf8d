//! A bounded view of a file that moves forward.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::storage::SegmentFile;

/// Bytes of one read: larger ones gained nothing, and memory is this or one frame, whichever is more.
const CHUNK_BYTES: u64 = 1 << 20;

/// A bounded view of a file that moves forward.
pub(crate) struct Window {
    file: Arc<dyn SegmentFile>,
    /// No byte is looked at from here on.
    limit: u64,
    offset: u64,
    buffer: Vec<u8>,
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("limit", &self.limit).field("offset", &self.offset).finish_non_exhaustive()
    }
}

impl Window {
    pub(crate) fn new(file: Arc<dyn SegmentFile>, limit: u64) -> Window {
        Window { file, limit, offset: 0, buffer: Vec::new() }
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes from `offset` on: at least `bytes` of them, fewer only before the limit or the end of the file.
    pub(crate) fn at(&mut self, offset: u64, bytes: u64) -> io::Result<&[u8]> {
        let bytes = bytes.min(self.limit.saturating_sub(offset));
        let is_inside = offset >= self.offset && offset + bytes <= self.offset + self.buffer.len() as u64;
        if !is_inside {
            self.fill(offset, bytes)?;
        }
        let from = (offset - self.offset) as usize;
        Ok(self.buffer.get(from..).unwrap_or_default())
    }

    fn fill(&mut self, offset: u64, bytes: u64) -> io::Result<()> {
        let wanted = bytes.max(CHUNK_BYTES).min(self.limit.saturating_sub(offset)) as usize;
        self.offset = offset;
        self.buffer.resize(wanted, 0);
        let read = self.file.read_at(offset, &mut self.buffer).inspect_err(|_| self.buffer.clear())?;
        self.buffer.truncate(read);
        if read < wanted {
            self.limit = offset + read as u64;
        }
        Ok(())
    }

    /// Whether any byte from `from` on is not zero.
    pub(crate) fn is_written(&mut self, mut from: u64) -> io::Result<bool> {
        while from < self.limit {
            let bytes = self.at(from, 1)?;
            if bytes.iter().any(|byte| *byte != 0) {
                return Ok(true);
            }
            from += bytes.len() as u64;
        }
        Ok(false)
    }

    /// End of the last byte from `from` on that is not zero, if there is one.
    pub(crate) fn written_end(&mut self, mut from: u64) -> io::Result<Option<u64>> {
        let mut end = None;
        while from < self.limit {
            let bytes = self.at(from, 1)?;
            if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
                end = Some(from + last as u64 + 1);
            }
            from += bytes.len() as u64;
        }
        Ok(end)
    }
}
