//! Opening: which segments there are, where the log ends, what was torn off and what is damaged.

use std::io;
use std::sync::Arc;

use crate::damage::{Cut, Damage, DamageReason, Recovered};
use crate::frame::FRAME_HEADER_BYTES;
use crate::options::Options;
use crate::position::Position;
use crate::reader::{Extent, missing};
use crate::segment::{self, Header, MakeError, Read, SEGMENT_HEADER_BYTES};
use crate::storage::{SegmentFile, Storage, is_full, write_zeros};
use crate::walk::{Limit, Step, Walk};
use crate::window::Window;

/// Positions from here on are no log of ours; below, no sum overflows.
const POSITION_LIMIT: u64 = 1 << 62;

/// Bytes that are written again at once.
const SETTLED_BLOCK_BYTES: usize = 1 << 20;

/// What opening hands to the writer.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) extents: Vec<Extent>,
    pub(crate) end: End,
    pub(crate) recovered: Recovered,
}

/// Where the log goes on.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) header: Header,
    pub(crate) file: Arc<dyn SegmentFile>,
    /// Offset in the segment.
    pub(crate) offset: u64,
    cut: Option<Cut>,
}

/// A segment file as it was found.
#[derive(Debug)]
struct Found {
    start: u64,
    bytes: u64,
    header: Option<Header>,
}

/// Finds the end of the log, and makes it one that can be appended to.
pub(crate) fn open(storage: &dyn Storage, options: &Options) -> Result<Opened, OpenError> {
    if !options.are_possible() {
        return Err(OpenError::Options);
    }
    let mut found = inspect(storage)?;
    let base = base(&found, options);
    let unused = split_off_unused(storage, &mut found)?;
    let (mut extents, mut damaged) = describe(&found, &base)?;
    // Where nothing was ever written, the one segment is made again in its place, so that no position comes twice.
    let first = if found.is_empty() { unused.first().map(|segment| segment.start) } else { None };
    remove(storage, &unused[usize::from(first.is_some())..])?;
    let end = match (found.last(), extents.last()) {
        (Some(Found { header: Some(header), .. }), Some(Extent { fault: None, .. })) => {
            resume(storage, *header, &mut damaged)?
        }
        (_, Some(broken)) => {
            damaged.extend(holes_of_broken(storage, broken)?);
            begin(storage, Header { start: broken.end(), ..base })?
        }
        (_, None) => begin(storage, Header { start: first.unwrap_or(0), ..base })?,
    };
    if extents.last().is_none_or(|extent| extent.start != end.header.start) {
        extents.push(Extent::new(end.header.start, end.header.segment_bytes, end.header.codec(), None));
    }
    extents.last().expect("just made sure").set_written(end.offset);
    let recovered = Recovered { end: Position(end.header.start + end.offset), damaged, cut: end.cut };
    Ok(Opened { extents, end, recovered })
}

/// All segment files, in order.
fn inspect(storage: &dyn Storage) -> Result<Vec<Found>, OpenError> {
    let mut starts = storage.list().map_err(|cause| OpenError::Folder { cause })?;
    starts.sort_unstable();
    starts.into_iter().map(|start| inspect_one(storage, start)).collect()
}

fn inspect_one(storage: &dyn Storage, start: u64) -> Result<Found, OpenError> {
    if start >= POSITION_LIMIT {
        return Err(OpenError::Foreign { segment: Position(start) });
    }
    let file = open_file(storage, start)?;
    let bytes = file.bytes().map_err(|cause| OpenError::medium(start, cause))?;
    let header = match segment::read_header(&*file, start).map_err(|cause| OpenError::medium(start, cause))? {
        Read::Header(header) => Some(header),
        Read::Unreadable => None,
        Read::Newer(version) => return Err(OpenError::Newer { segment: Position(start), version }),
    };
    Ok(Found { start, bytes, header })
}

/// What a segment says that has no header, or is made now: an old log keeps its salt.
fn base(found: &[Found], options: &Options) -> Header {
    let salt = found.iter().rev().find_map(|segment| segment.header).map_or(options.salt, |header| header.salt);
    Header { start: 0, segment_bytes: options.segment_bytes, frame_bytes_max: options.frame_bytes_max, salt }
}

/// Takes off the end what was made ahead of time, or not to the end, and never written on.
fn split_off_unused(storage: &dyn Storage, found: &mut Vec<Found>) -> Result<Vec<Found>, OpenError> {
    let mut used = found.len();
    while let Some(last) = used.checked_sub(1).and_then(|at| found.get(at))
        && !has_frames(storage, last)?
    {
        used -= 1;
    }
    Ok(found.split_off(used))
}

/// Whether anything was ever written behind the header. If so, the segment before was durable, whatever it looks like.
fn has_frames(storage: &dyn Storage, segment: &Found) -> Result<bool, OpenError> {
    let mut window = Window::new(open_file(storage, segment.start)?, segment.bytes);
    window.is_written(SEGMENT_HEADER_BYTES).map_err(|cause| OpenError::medium(segment.start, cause))
}

/// The segments as readers will see them, and what is wrong with them as a whole.
fn describe(found: &[Found], base: &Header) -> Result<(Vec<Extent>, Vec<Damage>), OpenError> {
    let mut extents: Vec<Extent> = Vec::with_capacity(found.len());
    let mut damaged = Vec::new();
    let frame_bytes_max = found.iter().filter_map(|segment| segment.header).map(|header| header.frame_bytes_max).max();
    let frame_bytes_max = base.frame_bytes_max.max(frame_bytes_max.unwrap_or(0));
    for (at, segment) in found.iter().enumerate() {
        match extents.last().map(Extent::end) {
            Some(expected) if expected < segment.start => damaged.push(missing(expected, segment.start)),
            Some(expected) if expected > segment.start => {
                return Err(OpenError::Foreign { segment: Position(segment.start) });
            }
            _ => {}
        }
        let following = found.get(at + 1).map(|next| next.start - segment.start);
        let guess = following.unwrap_or(segment.bytes.max(base.segment_bytes));
        let header = Header { start: segment.start, segment_bytes: guess, frame_bytes_max, ..*base };
        let extent = extent(segment, header);
        damaged.extend(extent.fault.iter().map(|(reason, from, to)| extent.damage(reason.clone(), *from, *to)));
        extents.push(extent);
    }
    Ok((extents, damaged))
}

fn extent(segment: &Found, guess: Header) -> Extent {
    let header = segment.header.unwrap_or(guess);
    let fault = match segment.header {
        None => Some((DamageReason::Header, 0, SEGMENT_HEADER_BYTES)),
        Some(header) if segment.bytes < header.segment_bytes => {
            Some((DamageReason::Short, segment.bytes, header.segment_bytes))
        }
        Some(_) => None,
    };
    Extent::new(header.start, header.segment_bytes, header.codec(), fault)
}

/// Finds the end of the log in the segment that was written last.
fn resume(storage: &dyn Storage, header: Header, damaged: &mut Vec<Damage>) -> Result<End, OpenError> {
    let file = open_file(storage, header.start)?;
    let mut walk = Walk::new(file.clone(), header.codec(), header.start, Limit::AtMost(header.segment_bytes));
    let medium = |cause| OpenError::medium(header.start, cause);
    let mut holes = holes(&mut walk).map_err(medium)?;
    // What lies before the beginning of the last batch was durable before that batch was written.
    let durable = walk.floor().saturating_sub(header.start);
    let torn = holes.partition_point(|(from, _)| *from < durable);
    let written_end = holes.last().map_or(0, |(_, to)| *to).max(walk.frames_end());
    let (mut offset, mut cut) = (walk.frames_end(), None);
    let settled_end = holes.get(torn).map_or(offset, |(from, _)| *from);
    settle(&*file, durable.max(SEGMENT_HEADER_BYTES).min(walk.last_start()), settled_end).map_err(medium)?;
    if let Some((from, _)) = holes.get(torn).copied() {
        offset = from + u64::from(FRAME_HEADER_BYTES);
        if offset <= header.segment_bytes {
            cut_off(&*file, &header, from, written_end).map_err(medium)?;
            cut = Some(Cut { position: Position(header.start + from), bytes: written_end - from });
            holes.truncate(torn);
        } else {
            // No frame has ever been there: too little room for one. The next one goes to the next segment.
            offset = header.segment_bytes;
        }
    }
    let extent = Extent::new(header.start, header.segment_bytes, header.codec(), None);
    damaged.extend(holes.into_iter().map(|(from, to)| extent.damage(DamageReason::Frame, from, to)));
    Ok(End { header, file, offset, cut })
}

fn holes(walk: &mut Walk) -> io::Result<Vec<(u64, u64)>> {
    let mut holes = Vec::new();
    while let Some(step) = walk.step()? {
        if let Step::Hole { from, to } = step {
            holes.push((from, to));
        }
    }
    Ok(holes)
}

/// Writes the last batch, or the mark of the last cut, again, and syncs it. After a failed sync, or a crash of the process alone, it may be in the
/// system's memory and not on the disk, and the system may believe that it is; what is read must not go away later.
fn settle(file: &dyn SegmentFile, mut from: u64, to: u64) -> io::Result<()> {
    let mut block = vec![0; SETTLED_BLOCK_BYTES];
    while from < to {
        let wanted = (to - from).min(block.len() as u64) as usize;
        let read = file.read_at(from, &mut block[..wanted])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_at(from, &block[..read])?;
        from += read as u64;
    }
    file.sync()
}

/// Ends the log at `from`. First a mark, which keeps what was known until now by the frames behind it: that all before
/// it was durable. Only when the mark is durable are those frames zeroed, so that none comes alive later. A crash in
/// between leaves either what there was, or the mark and a tail to cut again.
fn cut_off(file: &dyn SegmentFile, header: &Header, from: u64, written_end: u64) -> io::Result<()> {
    let mark = header.codec().cut_mark(header.start + from);
    file.write_at(from, &mark)?;
    file.sync()?;
    write_zeros(file, from + mark.len() as u64, written_end)?;
    file.sync()
}

/// What cannot be read of a last segment that cannot be written on. It may have a torn tail: that is left there.
fn holes_of_broken(storage: &dyn Storage, extent: &Extent) -> Result<Vec<Damage>, OpenError> {
    let file = open_file(storage, extent.start)?;
    let mut walk = Walk::new(file, extent.codec, extent.start, Limit::AtMost(extent.bytes));
    let holes = holes(&mut walk).map_err(|cause| OpenError::medium(extent.start, cause))?;
    Ok(holes.into_iter().map(|(from, to)| extent.damage(DamageReason::Frame, from, to)).collect())
}

/// An empty segment to go on in.
fn begin(storage: &dyn Storage, header: Header) -> Result<End, OpenError> {
    let file = segment::make(storage, &header).map_err(|error| match error {
        MakeError::Full => OpenError::Full,
        MakeError::Failed(cause) => OpenError::medium(header.start, cause),
    })?;
    Ok(End { header, file, offset: SEGMENT_HEADER_BYTES, cut: None })
}

/// Removes segments that were never written on, the last one first, so that no gap is ever left. They are not taken
/// as they are: after a crash of the process alone, their names may be in the system's memory and not on the disk.
/// For the same reason the folder is synced even if nothing is removed.
fn remove(storage: &dyn Storage, unused: &[Found]) -> Result<(), OpenError> {
    for segment in unused.iter().rev() {
        storage.remove(segment.start).map_err(|cause| OpenError::medium(segment.start, cause))?;
        storage.sync_folder().map_err(|cause| OpenError::Folder { cause })?;
    }
    storage.sync_folder().map_err(|cause| OpenError::Folder { cause })
}

fn open_file(storage: &dyn Storage, start: u64) -> Result<Arc<dyn SegmentFile>, OpenError> {
    storage.open(start).map_err(|cause| OpenError::medium(start, cause))
}

/// Why a log could not be opened. Nothing is lost by it: opening can be tried again.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The largest frame does not fit into a segment, or one of them is beyond all bounds.
    #[error("the log cannot be kept so: a segment must hold its header and the largest frame")]
    Options,
    /// Written by a later version of dinrail, which may know more than we do.
    #[error("the segment at {segment} has format {version}, which only a newer dinrail can read")]
    Newer {
        /// Start of the segment.
        segment: Position,
        /// Its format.
        version: u32,
    },
    /// A file that does not fit between its neighbours: it belongs to another log.
    #[error("the segment at {segment} does not belong into this log; take the file away")]
    Foreign {
        /// Start of the segment.
        segment: Position,
    },
    /// The folder cannot be read.
    #[error("the folder of the log cannot be read: {cause}")]
    Folder {
        /// What the system says.
        cause: io::Error,
    },
    /// No room for a segment to go on in, or, on a medium that never writes in place, for the last batch.
    #[error("there is no room for the log; make some, and start again")]
    Full,
    /// The medium refuses. Nothing is cut off because of that.
    #[error("the segment at {segment} cannot be read or written: {cause}")]
    Medium {
        /// Start of the segment.
        segment: Position,
        /// What the system says.
        cause: io::Error,
    },
}

impl OpenError {
    fn medium(start: u64, cause: io::Error) -> OpenError {
        if is_full(&cause) { OpenError::Full } else { OpenError::Medium { segment: Position(start), cause } }
    }
}
