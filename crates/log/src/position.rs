//! Where a frame is.

use std::fmt;

/// Byte offset in the whole log: the start of a segment plus the offset in it. It only ever grows, and is never used
/// twice; between two segments there may be a gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
