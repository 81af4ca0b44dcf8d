//! What one checkpoint of a tenant hands to the store, to be written in one transaction.

use std::sync::Arc;

use crate::Sample;

/// The dirty parts of a tenant's image at one log position, with the chunks sealed since the last one.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Every record below this log position is contained.
    pub position: u64,
    /// Changed parts of the image; a part that is not named here stays as the store has it.
    pub parts: Vec<Part>,
    /// Samples that left the heads; immutable from here on.
    pub chunks: Vec<Arc<SealedChunk>>,
}

/// One independently written piece of the image, such as one session or one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// `kind/name`, unique in the tenant.
    pub key: String,
    /// The new content; none deletes the part.
    pub value: Option<Vec<u8>>,
}

/// A run of samples of one series, sorted by time, one sample a time.
#[derive(Clone, Debug, PartialEq)]
pub struct SealedChunk {
    /// Client id of the agent.
    pub agent: String,
    /// The series within the agent.
    pub data_point: String,
    /// Grows by one with each chunk of a series. Where two chunks hold the same time, the higher one is read.
    pub sequence: u64,
    /// At least one, in ascending time.
    pub samples: Vec<Sample>,
}
