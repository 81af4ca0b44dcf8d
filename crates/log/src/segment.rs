//! The header of a segment, and how a segment is made.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::frame::{Codec, FRAME_BYTES_LIMIT, FRAME_HEADER_BYTES};
use crate::options::SEGMENT_BYTES_LIMIT;
use crate::storage::{SegmentFile, Storage, is_full};

/// Bytes before the first frame of a segment: the header twice, each in a sector of its own.
pub const SEGMENT_HEADER_BYTES: u64 = 1024;

/// Version of the format that this crate writes.
pub(crate) const VERSION: u32 = 1;

/// Offsets of the two copies: one bad sector leaves the other.
const COPY_OFFSETS: [usize; 2] = [0, 512];

/// Bytes of a copy.
const COPY_BYTES: usize = 64;

/// First bytes of a copy, in every version.
const MAGIC: [u8; 8] = *b"dinrail\0";

/// What a segment says about itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) start: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) frame_bytes_max: u32,
    pub(crate) salt: u64,
}

/// What the first bytes of a segment file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Header(Header),
    /// A good header of a version that this crate does not know.
    Newer(u32),
    Unreadable,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("start", &self.start)
            .field("segment_bytes", &self.segment_bytes)
            .field("frame_bytes_max", &self.frame_bytes_max)
            .finish_non_exhaustive()
    }
}

impl Header {
    /// Position behind the segment.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.segment_bytes
    }

    /// How its frames are read.
    pub(crate) fn codec(&self) -> Codec {
        Codec::new(self.salt, self.frame_bytes_max)
    }

    /// The segment that follows, of the size `segment_bytes`.
    pub(crate) fn following(&self, segment_bytes: u64, frame_bytes_max: u32) -> Header {
        Header { start: self.end(), segment_bytes, frame_bytes_max, salt: self.salt }
    }

    fn encode(&self) -> [u8; COPY_BYTES] {
        let mut copy = [0; COPY_BYTES];
        copy[..8].copy_from_slice(&MAGIC);
        copy[8..12].copy_from_slice(&VERSION.to_le_bytes());
        copy[12..20].copy_from_slice(&self.start.to_le_bytes());
        copy[20..28].copy_from_slice(&self.segment_bytes.to_le_bytes());
        copy[28..32].copy_from_slice(&self.frame_bytes_max.to_le_bytes());
        copy[32..40].copy_from_slice(&self.salt.to_le_bytes());
        let checksum = crc32c::crc32c(&copy[..60]);
        copy[60..].copy_from_slice(&checksum.to_le_bytes());
        copy
    }

    fn decode(copy: &[u8], start: u64) -> Read {
        if copy[..8] != MAGIC || crc32c::crc32c(&copy[..60]) != u32_at(copy, 60) {
            return Read::Unreadable;
        }
        let version = u32_at(copy, 8);
        if version > VERSION {
            return Read::Newer(version);
        }
        let header = Header {
            start: u64_at(copy, 12),
            segment_bytes: u64_at(copy, 20),
            frame_bytes_max: u32_at(copy, 28),
            salt: u64_at(copy, 32),
        };
        if version == VERSION && header.start == start && header.is_possible() {
            Read::Header(header)
        } else {
            Read::Unreadable
        }
    }

    fn is_possible(&self) -> bool {
        (FRAME_HEADER_BYTES..=FRAME_BYTES_LIMIT).contains(&self.frame_bytes_max)
            && (SEGMENT_HEADER_BYTES..=SEGMENT_BYTES_LIMIT).contains(&self.segment_bytes)
    }
}

/// Reads the header of the file that is named `start`, from whichever copy is good.
pub(crate) fn read_header(file: &dyn SegmentFile, start: u64) -> io::Result<Read> {
    let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
    file.read_at(0, &mut bytes)?;
    let copies = COPY_OFFSETS.map(|offset| Header::decode(&bytes[offset..offset + COPY_BYTES], start));
    Ok(copies.into_iter().find(|copy| *copy != Read::Unreadable).unwrap_or(Read::Unreadable))
}

/// Makes a segment, durable with its name. A header is written only after its zeros are durable, and nobody writes a
/// frame before the header is: so a file without a good header is one whose making was cut short, or damage.
pub(crate) fn make(storage: &dyn Storage, header: &Header) -> Result<Arc<dyn SegmentFile>, MakeError> {
    let file = storage.create(header.start, header.segment_bytes).map_err(MakeError::from)?;
    if let Err(cause) = write_header(&*file, header) {
        // A file that stays is made anew by the next attempt, or removed by the next open.
        drop(storage.remove(header.start));
        return Err(cause.into());
    }
    storage.sync_folder().map_err(MakeError::Failed)?;
    Ok(file)
}

fn write_header(file: &dyn SegmentFile, header: &Header) -> io::Result<()> {
    for offset in COPY_OFFSETS {
        file.write_at(offset as u64, &header.encode())?;
    }
    file.sync()
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Why a segment could not be made.
#[derive(Debug)]
pub(crate) enum MakeError {
    /// No room: what there was of the file is gone, so trying again is a new file, not a second sync of an old one.
    Full,
    Failed(io::Error),
}

impl From<io::Error> for MakeError {
    fn from(cause: io::Error) -> MakeError {
        if is_full(&cause) { MakeError::Full } else { MakeError::Failed(cause) }
    }
}
