//! How a log is kept.

use std::fmt;

use crate::frame::{FRAME_BYTES_LIMIT, FRAME_HEADER_BYTES};
use crate::segment::SEGMENT_HEADER_BYTES;

/// How a log is kept. Sizes may change between two runs: each segment remembers its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// Size of a segment file, in bytes, preallocated. Space is given back in these units.
    pub segment_bytes: u64,
    /// Size of the largest frame: header, tenant and payload. A frame fits into a segment, and into memory.
    pub frame_bytes_max: u32,
    /// Size of the reserve that is given back to the rest of the server when the disk is full; 0 for none.
    pub ballast_bytes: u64,
    /// A number that no tenant can guess, for a new log; an old one remembers its own. It keys the checksums, so
    /// that a payload cannot imitate a frame where recovery searches for the next one behind damage.
    pub salt: u64,
}

impl Default for Options {
    /// 64 MiB a segment: made in a second, and a restart reads at most two. 16 MiB a frame: four times what a tenant's
    /// queue takes. 8 MiB of ballast: two of SQL's checkpoints.
    fn default() -> Options {
        Options { segment_bytes: 64 << 20, frame_bytes_max: 16 << 20, ballast_bytes: 8 << 20, salt: 0 }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The salt is of use only as long as nobody reads it anywhere.
        f.debug_struct("Options")
            .field("segment_bytes", &self.segment_bytes)
            .field("frame_bytes_max", &self.frame_bytes_max)
            .field("ballast_bytes", &self.ballast_bytes)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Whether the largest frame fits into a segment.
    pub(crate) fn are_possible(&self) -> bool {
        (FRAME_HEADER_BYTES..=FRAME_BYTES_LIMIT).contains(&self.frame_bytes_max)
            && self.segment_bytes <= SEGMENT_BYTES_LIMIT
            && self.segment_bytes >= SEGMENT_HEADER_BYTES + u64::from(self.frame_bytes_max)
    }
}

/// Upper bound of a segment: far above what is useful, it only keeps sums of positions small.
pub(crate) const SEGMENT_BYTES_LIMIT: u64 = 1 << 40;
