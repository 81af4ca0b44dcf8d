//! What recovery and reading have to tell.

use crate::position::Position;

/// A part of the log that cannot be read. It stays on the disk as it is; what lies behind it is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is damaged from {from} to {to}, in the segment that starts at {segment}: {reason}")]
pub struct Damage {
    /// Start of the segment.
    pub segment: Position,
    /// First damaged byte.
    pub from: Position,
    /// First byte behind it.
    pub to: Position,
    /// What is wrong.
    pub reason: DamageReason,
}

/// What is wrong with a part of the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamageReason {
    /// Bytes that are no frame, or whose checksum does not hold.
    #[error("no frame can be read there")]
    Frame,
    /// Both copies of the segment's header; its frames are read with what the other segments say.
    #[error("the header of the segment cannot be read")]
    Header,
    /// The file is shorter than its header says.
    #[error("the file ends too early")]
    Short,
    /// There is no file for this part, and the log goes on behind it.
    #[error("there is no file for it")]
    Missing,
    /// The medium refuses to read it.
    #[error("the medium cannot read it: {0}")]
    Medium(String),
}

/// What was cut off the end: frames of a commit that was under way when the machine stopped. None was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Where.
    pub position: Position,
    /// Bytes from there to the last one that had been written.
    pub bytes: u64,
}

/// What [`Log::open`](crate::Log::open) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Where the log goes on.
    pub end: Position,
    /// Damage in the segment that was written last, and of whole segments. Frames of older segments are not read at
    /// open, so that a restart takes no longer for a longer log: their damage is told by whoever reads them.
    pub damaged: Vec<Damage>,
    /// The torn tail.
    pub cut: Option<Cut>,
}
