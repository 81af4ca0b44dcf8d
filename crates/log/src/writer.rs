//! The one writer.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::damage::Recovered;
use crate::frame::{FRAME_HEADER_BYTES, TENANT_BYTES_MAX};
use crate::options::Options;
use crate::position::Position;
use crate::reader::{Extent, LogReader, Shared};
use crate::recovery::{self, OpenError};
use crate::segment::{Header, SEGMENT_HEADER_BYTES};
use crate::shelf::{PrepareError, Preparer, Shelf};
use crate::storage::{SegmentFile, Storage, is_full};

/// Memory that is kept for the next batch; a larger batch gives its memory back. Twice what a busy server puts into one.
const BUFFER_KEPT_MAX: usize = 8 << 20;

/// The log's one writer.
pub struct Log {
    storage: Arc<dyn Storage>,
    options: Options,
    shared: Arc<Shared>,
    shelf: Arc<Shelf>,
    /// The segment that is written, and its extent.
    current: Header,
    file: Arc<dyn SegmentFile>,
    extent: Arc<Extent>,
    /// Where the next append goes: a segment that may not be made yet, and the offset in it.
    tail: Header,
    offset: u64,
    /// What is appended and not committed, one part a segment. A part leaves when it is durable.
    parts: VecDeque<Part>,
    /// End of the log when the batch began.
    batch_start: u64,
    /// A buffer of a former batch.
    buffer: Vec<u8>,
    ballast: Ballast,
    /// Whether the ballast is to be taken again after the next commit.
    ballast_is_due: bool,
    failed: Option<Arc<io::Error>>,
}

/// Frames for one segment.
struct Part {
    segment: u64,
    offset: u64,
    bytes: Vec<u8>,
}

/// The reserve on the medium that a full disk sets free; see [`Options::ballast_bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ballast {
    /// None is wanted.
    None,
    /// It is there.
    Held,
    /// It was given back, or could not be taken. It is taken again after a commit, when there is room.
    Released,
}

impl Log {
    /// Opens or makes the log in `storage`, cuts off a torn tail, and says what it found.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(storage: Arc<dyn Storage>, options: Options) -> Result<(Log, Recovered), OpenError> {
        let opened = recovery::open(&*storage, &options)?;
        let current = opened.end.header;
        let extents: VecDeque<_> = opened.extents.into_iter().map(Arc::new).collect();
        let extent = extents.back().expect("a log has a segment").clone();
        let end = opened.recovered.end.0;
        let next = current.following(options.segment_bytes, options.frame_bytes_max);
        let mut log = Log {
            shared: Arc::new(Shared::new(storage.clone(), extents, end)),
            shelf: Arc::new(Shelf::new(storage.clone(), next)),
            storage,
            options,
            current,
            file: opened.end.file,
            extent,
            tail: current,
            offset: opened.end.offset,
            parts: VecDeque::new(),
            batch_start: end,
            buffer: Vec::new(),
            ballast: Ballast::None,
            ballast_is_due: false,
            failed: None,
        };
        log.hold_ballast();
        Ok((log, opened.recovered))
    }

    /// Appends a frame in memory, and says where it will be. It is durable, and readable, after the next commit.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing is appended then.
    pub fn append(&mut self, tenant: &str, payload: &[u8]) -> Result<Position, AppendError> {
        if self.failed.is_some() {
            return Err(AppendError::Failed);
        }
        let bytes = FRAME_HEADER_BYTES as usize + tenant.len() + payload.len();
        if tenant.len() > TENANT_BYTES_MAX || bytes > self.options.frame_bytes_max as usize {
            return Err(AppendError::TooLarge { bytes, limit: self.options.frame_bytes_max });
        }
        let fits = self.offset + bytes as u64 <= self.tail.segment_bytes && bytes <= self.tail.frame_bytes_max as usize;
        if !fits {
            self.tail = self.tail.following(self.options.segment_bytes, self.options.frame_bytes_max);
            self.offset = SEGMENT_HEADER_BYTES;
        }
        let position = self.tail.start + self.offset;
        let codec = self.tail.codec();
        let batch_start = self.batch_start;
        codec.encode(position, batch_start, tenant, payload, &mut self.part().bytes);
        self.offset += bytes as u64;
        Ok(Position(position))
    }

    /// The part that the next frame goes to.
    fn part(&mut self) -> &mut Part {
        let segment = self.tail.start;
        if self.parts.back().is_none_or(|part| part.segment != segment) {
            self.parts.push_back(Part { segment, offset: self.offset, bytes: std::mem::take(&mut self.buffer) });
        }
        self.parts.back_mut().expect("just made sure")
    }

    /// Makes all that was appended durable, and readable. Returns the end of the log.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub fn commit(&mut self) -> Result<Position, CommitError> {
        if let Some(cause) = &self.failed {
            return Err(CommitError::Failed(cause.clone()));
        }
        let has_parts = !self.parts.is_empty();
        while !self.parts.is_empty() {
            // A part is durable before anything of the next one is written: a segment in which there is anything
            // proves all segments before it.
            self.write_part().map_err(|error| self.give_up(error))?;
        }
        let end = self.tail.start + self.offset;
        self.batch_start = end;
        self.shared.list().end = end;
        if has_parts && self.ballast_is_due {
            self.hold_ballast();
        }
        Ok(Position(end))
    }

    fn write_part(&mut self) -> Result<(), CommitError> {
        let Some(part) = self.parts.front() else { return Ok(()) };
        if part.segment != self.current.start {
            self.roll_over()?;
        }
        let Some(mut part) = self.parts.pop_front() else { return Ok(()) };
        if let Err(cause) = self.file.write_at(part.offset, &part.bytes) {
            self.parts.push_front(part);
            return Err(if is_full(&cause) { CommitError::Full } else { CommitError::Failed(Arc::new(cause)) });
        }
        // Even if it says that there is no room: after a failed sync nobody knows what is on the disk.
        self.file.sync().map_err(|cause| CommitError::Failed(Arc::new(cause)))?;
        self.extent.set_written(part.offset + part.bytes.len() as u64);
        part.bytes.clear();
        self.buffer = if part.bytes.capacity() <= BUFFER_KEPT_MAX { part.bytes } else { Vec::new() };
        Ok(())
    }

    /// Goes to the next segment.
    fn roll_over(&mut self) -> Result<(), CommitError> {
        let (header, file) = self.shelf.take()?;
        let extent = Arc::new(Extent::new(header.start, header.segment_bytes, header.codec(), None));
        self.shared.list().extents.push_back(extent.clone());
        (self.current, self.file, self.extent) = (header, file, extent);
        self.ballast_is_due |= self.ballast == Ballast::Released;
        Ok(())
    }

    fn give_up(&mut self, error: CommitError) -> CommitError {
        match &error {
            CommitError::Full => self.release_ballast(),
            CommitError::Failed(cause) => {
                self.failed = Some(cause.clone());
                self.parts.clear();
            }
        }
        error
    }

    fn release_ballast(&mut self) {
        self.ballast_is_due = true;
        if self.ballast == Ballast::Held && self.storage.release_ballast().is_ok() {
            self.ballast = Ballast::Released;
        }
    }

    /// Takes the ballast if there is room. If there is none, the next chance is after a roll-over: to try is to write.
    fn hold_ballast(&mut self) {
        self.ballast_is_due = false;
        let held = self.storage.hold_ballast(self.options.ballast_bytes);
        self.ballast = match (self.options.ballast_bytes, held) {
            (0, _) => Ballast::None,
            (_, Ok(())) => Ballast::Held,
            (_, Err(_)) => Ballast::Released,
        };
    }

    /// Whether the reserve is there.
    pub fn ballast(&self) -> Ballast {
        self.ballast
    }

    /// Removes the segments that lie entirely below `limit`, oldest first, never the last one.
    ///
    /// # Errors
    /// See [`RemoveError`].
    pub fn remove_before(&mut self, limit: Position) -> Result<(), RemoveError> {
        if let Some(cause) = &self.failed {
            return Err(RemoveError::Failed(cause.clone()));
        }
        while let Some(oldest) = self.take_oldest_below(limit) {
            if let Err(cause) = self.storage.remove(oldest.start)
                && cause.kind() != io::ErrorKind::NotFound
            {
                self.shared.list().extents.push_front(oldest);
                return Err(RemoveError::Refused(cause));
            }
            self.shared.close(oldest.start);
            // One by one, so that a crash never leaves a gap.
            if let Err(cause) = self.storage.sync_folder() {
                let cause = Arc::new(cause);
                self.give_up(CommitError::Failed(cause.clone()));
                return Err(RemoveError::Failed(cause));
            }
        }
        Ok(())
    }

    /// Takes it off the list first: readers must not look for a file that is gone.
    fn take_oldest_below(&self, limit: Position) -> Option<Arc<Extent>> {
        let mut list = self.shared.list();
        let oldest = list.extents.front()?;
        let is_below = oldest.end() <= limit.0 && oldest.start < self.current.start && oldest.end() <= list.end;
        if is_below { list.extents.pop_front() } else { None }
    }

    /// A reader of what is committed.
    pub fn reader(&self) -> LogReader {
        LogReader(self.shared.clone())
    }

    /// Makes segments ahead of time, on whichever thread calls it.
    pub fn preparer(&self) -> Preparer {
        Preparer(self.shelf.clone())
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("storage", &self.storage)
            .field("options", &self.options)
            .field("batch_start", &self.batch_start)
            .field("end", &(self.tail.start + self.offset))
            .field("ballast", &self.ballast)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// Why a frame was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// It is larger than a frame may be, or its tenant's name longer than [`TENANT_BYTES_MAX`].
    #[error("a frame of {bytes} bytes is above the limit of {limit}")]
    TooLarge {
        /// Size of the frame.
        bytes: usize,
        /// Size that a frame may have.
        limit: u32,
    },
    /// The log has failed before; it must be opened again.
    #[error("the log has failed and takes nothing more until it is opened again")]
    Failed,
}

/// Why a commit was not made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// No room. Nothing is lost: the same commit can be tried again, and succeeds when there is room.
    #[error("there is no room for the log")]
    Full,
    /// The medium has failed, now or before. Nobody knows what of this batch is on it; the log takes nothing more
    /// until it is opened again.
    #[error("the log has failed")]
    Failed(#[source] Arc<io::Error>),
}

impl From<PrepareError> for CommitError {
    fn from(error: PrepareError) -> CommitError {
        match error {
            PrepareError::Full => CommitError::Full,
            PrepareError::Failed(cause) => CommitError::Failed(cause),
        }
    }
}

/// Why segments were not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The medium refuses to remove a file. It can be tried again.
    #[error("a segment of the log could not be removed")]
    Refused(#[source] io::Error),
    /// The log has failed, now or before; it takes nothing more until it is opened again.
    #[error("the log has failed")]
    Failed(#[source] Arc<io::Error>),
}
