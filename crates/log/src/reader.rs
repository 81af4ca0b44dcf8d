//! Reading what is committed, while the writer goes on.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::damage::{Damage, DamageReason};
use crate::frame::{Codec, FRAME_HEADER_BYTES, Frame};
use crate::position::Position;
use crate::scan::Scan;
use crate::segment::SEGMENT_HEADER_BYTES;
use crate::storage::{SegmentFile, Storage};
use crate::walk::Limit;

/// Segment files that random access keeps open: a few, for sessions that read at different places.
const OPEN_FILES_MAX: usize = 8;

/// Bytes of the first read of random access: most frames are in it as a whole.
const FIRST_READ_BYTES: u64 = 4096;

/// Reads committed frames, from any thread, while the writer appends and removes.
#[derive(Clone, Debug)]
pub struct LogReader(pub(crate) Arc<Shared>);

/// A segment as a reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its first byte.
    pub start: Position,
    /// First byte behind it; more may be written below it.
    pub end: Position,
}

impl LogReader {
    /// Start of the oldest segment.
    pub fn start(&self) -> Position {
        Position(self.0.list().extents.front().map_or(0, |extent| extent.start))
    }

    /// End of what is committed.
    pub fn end(&self) -> Position {
        Position(self.0.list().end)
    }

    /// The segments up to the one in which the log ends, oldest first.
    pub fn segments(&self) -> Vec<Segment> {
        let list = self.0.list();
        let committed = list.extents.iter().take_while(|extent| extent.start < list.end);
        committed.map(|extent| Segment { start: Position(extent.start), end: Position(extent.end()) }).collect()
    }

    /// Frames at `from` and behind it, up to what is committed now, in order. Damage comes as an `Err`, and the scan
    /// goes on behind it. Segments that are removed meanwhile are left out.
    pub fn scan(&self, from: Position) -> Scan {
        Scan::new(self.clone(), from.0)
    }

    /// The frame at a position.
    ///
    /// # Errors
    /// There is no frame that can be read; see [`ReadError`].
    pub fn read(&self, position: Position) -> Result<Frame, ReadError> {
        let (extent, end) = self.0.find(position.0)?;
        let file = match self.0.open(&extent) {
            Ok(Some(file)) => file,
            Ok(None) => return Err(ReadError::Removed),
            Err(cause) => return Err(ReadError::Medium(cause)),
        };
        read_frame(&*file, &extent, position.0, end)
    }
}

fn read_frame(file: &dyn SegmentFile, extent: &Extent, position: u64, end: u64) -> Result<Frame, ReadError> {
    let offset = position - extent.start;
    let (Limit::Exactly(limit) | Limit::AtMost(limit)) = extent.limit(end);
    let mut bytes = vec![0; FIRST_READ_BYTES.min(limit.saturating_sub(offset)) as usize];
    let read = file.read_at(offset, &mut bytes).map_err(ReadError::Medium)?;
    bytes.truncate(read);
    let head = extent.codec.head(position, &bytes).filter(|head| !head.is_cut && offset >= SEGMENT_HEADER_BYTES);
    let Some(head) = head else { return Err(extent.unreadable(offset, offset + 1)) };
    if bytes.len() as u64 >= head.frame_bytes() || offset + head.frame_bytes() > limit {
        bytes.drain(..FRAME_HEADER_BYTES as usize);
    } else {
        bytes.resize(head.body_bytes(), 0);
        let read = file.read_at(offset + u64::from(FRAME_HEADER_BYTES), &mut bytes).map_err(ReadError::Medium)?;
        bytes.truncate(read);
    }
    let body = extent.codec.body(&head, &bytes);
    let (tenant, payload) = body.ok_or_else(|| extent.unreadable(offset, offset + head.frame_bytes()))?;
    Ok(Frame::new(&head, tenant, payload))
}

/// What the writer tells its readers.
#[derive(Debug)]
pub(crate) struct Shared {
    storage: Arc<dyn Storage>,
    list: Mutex<List>,
    /// Files of random access, the latest last.
    files: Mutex<VecDeque<(u64, Arc<dyn SegmentFile>)>>,
}

#[derive(Debug)]
pub(crate) struct List {
    pub(crate) extents: VecDeque<Arc<Extent>>,
    pub(crate) end: u64,
}

/// A segment: where it is, and how it is read.
#[derive(Debug)]
pub(crate) struct Extent {
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    pub(crate) codec: Codec,
    /// What open has found about the segment as a whole: reason, and the offsets concerned.
    pub(crate) fault: Option<(DamageReason, u64, u64)>,
    /// Offset up to which it was written, known of segments that this run has written; else 0.
    written: AtomicU64,
}

impl Extent {
    pub(crate) fn new(start: u64, bytes: u64, codec: Codec, fault: Option<(DamageReason, u64, u64)>) -> Extent {
        Extent { start, bytes, codec, fault, written: AtomicU64::new(0) }
    }

    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes
    }

    pub(crate) fn set_written(&self, offset: u64) {
        self.written.store(offset, Ordering::Release);
    }

    /// Up to where it holds committed frames, in a log that is committed up to `end`.
    pub(crate) fn limit(&self, end: u64) -> Limit {
        if end < self.end() {
            return Limit::Exactly(end.saturating_sub(self.start));
        }
        match self.written.load(Ordering::Acquire) {
            0 => Limit::AtMost(self.bytes),
            written => Limit::Exactly(written),
        }
    }

    pub(crate) fn damage(&self, reason: DamageReason, from: u64, to: u64) -> Damage {
        let [from, to] = [from, to].map(|offset| Position(self.start + offset));
        Damage { segment: Position(self.start), from, to, reason }
    }

    fn unreadable(&self, from: u64, to: u64) -> ReadError {
        ReadError::Unreadable(self.damage(DamageReason::Frame, from, to))
    }
}

impl Shared {
    pub(crate) fn new(storage: Arc<dyn Storage>, extents: VecDeque<Arc<Extent>>, end: u64) -> Shared {
        Shared { storage, list: Mutex::new(List { extents, end }), files: Mutex::default() }
    }

    pub(crate) fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().expect("no panic while the list of segments is locked")
    }

    /// The first segment that starts at `start` or behind it, and whether it is the oldest.
    pub(crate) fn next_extent(&self, start: u64) -> Option<(Arc<Extent>, bool)> {
        let list = self.list();
        let at = list.extents.partition_point(|extent| extent.start < start);
        list.extents.get(at).map(|extent| (extent.clone(), at == 0))
    }

    /// Start of the segment with this position, or the position itself in a gap.
    pub(crate) fn start_of(&self, position: u64) -> u64 {
        self.find(position).map_or(position, |(extent, _)| extent.start)
    }

    fn find(&self, position: u64) -> Result<(Arc<Extent>, u64), ReadError> {
        let list = self.list();
        if position >= list.end {
            return Err(ReadError::NotCommitted);
        }
        let at = list.extents.partition_point(|extent| extent.start <= position);
        let extent = at.checked_sub(1).and_then(|at| list.extents.get(at)).ok_or(ReadError::Removed)?;
        if position >= extent.end() {
            return Err(ReadError::Unreadable(missing(extent.end(), position + 1)));
        }
        Ok((extent.clone(), list.end))
    }

    /// The file of a segment; `None` if it has been removed.
    pub(crate) fn open(&self, extent: &Extent) -> io::Result<Option<Arc<dyn SegmentFile>>> {
        if let Some((_, file)) = self.files().iter().find(|(start, _)| *start == extent.start) {
            return Ok(Some(file.clone()));
        }
        match self.storage.open(extent.start) {
            Ok(file) => {
                self.keep_open(extent.start, &file);
                Ok(Some(file))
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound && !self.is_listed(extent.start) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    fn keep_open(&self, start: u64, file: &Arc<dyn SegmentFile>) {
        let mut files = self.files();
        // Not one that was removed since: an open file keeps its room on the disk.
        if self.is_listed(start) {
            files.push_back((start, file.clone()));
        }
        if files.len() > OPEN_FILES_MAX {
            files.pop_front();
        }
    }

    /// Closes the file of a segment that is no longer listed.
    pub(crate) fn close(&self, start: u64) {
        self.files().retain(|(open, _)| *open != start);
    }

    fn is_listed(&self, start: u64) -> bool {
        self.list().extents.binary_search_by_key(&start, |extent| extent.start).is_ok()
    }

    fn files(&self) -> MutexGuard<'_, VecDeque<(u64, Arc<dyn SegmentFile>)>> {
        self.files.lock().expect("no panic while the open files are locked")
    }
}

/// Damage where a segment should be.
pub(crate) fn missing(from: u64, to: u64) -> Damage {
    let [from, to] = [from, to].map(Position);
    Damage { segment: from, from, to, reason: DamageReason::Missing }
}

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its segment has been removed.
    #[error("this part of the log has been removed")]
    Removed,
    /// The log does not reach so far, or is not committed there yet.
    #[error("the log is not committed up to there")]
    NotCommitted,
    /// There is no good frame at this position: it is damaged, or no frame begins there.
    #[error("no frame can be read")]
    Unreadable(#[source] Damage),
    /// The medium refuses to read it.
    #[error("the log cannot be read")]
    Medium(#[source] io::Error),
}
