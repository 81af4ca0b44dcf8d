//! One tenant's whole state, changed only by `apply`.

mod checkpoint;
mod projection;
mod sample;

pub use checkpoint::{Checkpoint, Part, SealedChunk};
pub use projection::{Projected, ProjectionRow, RejectEntry};
pub use sample::Sample;
