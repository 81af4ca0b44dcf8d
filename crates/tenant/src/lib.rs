//! One tenant's whole state: broker, identity, heads and ledger. It changes only by [`Tenant::apply`], record by
//! record in log order, live and in recovery alike. No IO, clock or randomness: what a record needs is in it.

mod agent;
mod checkpoint;
mod diagnostics;
mod image;
mod ledger;
mod outcome;
mod projection;
mod query;
mod record;
mod sample;
mod series;
mod tenant;

pub use agent::{Agent, LastError, Presence, Status};
pub use checkpoint::{Checkpoint, Part, SealedChunk};
pub use image::ImageError;
pub use ledger::Ledger;
pub use outcome::{CloseReason, Effect, Message, Outcome, Refused, Verdict, VerdictKind};
pub use projection::{Projected, ProjectionRow, RejectEntry};
pub use query::Unwritten;
pub use record::{Change, Connected, Connection, Published, Record, RecordError};
pub use sample::Sample;
pub use series::{RECENT_COUNT, SEAL_AGE_US, SEAL_COUNT, Series};
pub use tenant::{Limits, Tenant};
