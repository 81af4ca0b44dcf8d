//! The one durable log of the server: frames of many tenants, in segment files, durable by group commit.
//!
//! One [`Log`] writes. [`Log::append`] gives a frame its [`Position`] and keeps it in memory; [`Log::commit`] makes all
//! that was appended durable with one write and one sync. Any number of [`LogReader`]s read what is committed, from any
//! thread. [`Log::open`] finds the end again after a crash: it cuts off a torn tail, and tells of damage in the middle.
//!
//! Files are behind [`Storage`]: [`FileStorage`] for the server, [`MemoryStorage`], and [`CrashingStorage`], which knows
//! what a power cut would leave. Nothing here reads a clock or makes randomness. The bytes on disk and the reasoning
//! about crashes are in `docs/disk-format.md`.

mod crashing;
mod damage;
mod file;
mod frame;
mod memory;
mod options;
mod position;
mod reader;
mod recovery;
mod scan;
mod segment;
mod shelf;
mod storage;
mod walk;
mod window;
mod writer;

pub use crashing::CrashingStorage;
pub use damage::{Cut, Damage, DamageReason, Recovered};
pub use file::{FileStorage, FileStorageError};
pub use frame::{FRAME_BYTES_LIMIT, FRAME_HEADER_BYTES, Frame, TENANT_BYTES_MAX};
pub use memory::MemoryStorage;
pub use options::Options;
pub use position::Position;
pub use reader::{LogReader, ReadError, Segment};
pub use recovery::OpenError;
pub use scan::Scan;
pub use segment::SEGMENT_HEADER_BYTES;
pub use shelf::{PrepareError, Preparer};
pub use storage::{SegmentFile, Storage};
pub use writer::{AppendError, Ballast, CommitError, Log, RemoveError};
