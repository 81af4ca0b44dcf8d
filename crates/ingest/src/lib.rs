//! From what an agent sends to what is kept: topic spelling to message kind, payload to rows,
//! or a typed rejection for each value that cannot be one. Pure: no IO, clock or state.
//!
//! The way of a publish: [`message_kind`] reads the topic, [`decode`] takes a time series message apart. What both make
//! (rows and findings) goes into the log beside the raw bytes, so that applying it never decodes again.
//!
//! Times are microseconds since the Unix epoch, in `i64`.

mod diagnostics;
mod excerpt;
mod fault;
mod field;
mod finding;
mod limits;
mod subscription;
mod time_series;
mod timestamp;
mod topic;
mod ulid;
mod value;
mod verdicts;
mod walk;

pub use diagnostics::diagnostics;
pub use finding::{Code, Finding, Severity, State};
pub use limits::{
    DATA_POINT_LENGTH_MAX, FINDINGS_MAX, FUTURE_US, Limits, SAMPLINGS_PER_MESSAGE_MAX, VALUES_PER_MESSAGE_MAX,
};
pub use subscription::{diagnostics_topic, inbound_topic, may_subscribe};
pub use time_series::{Decoded, decode};
pub use timestamp::{TimeError, format_time, parse_time};
pub use topic::{Forbidden, MessageKind, message_kind};
pub use ulid::{format_ulid, parse_ulid};
pub use value::{Row, Value};

/// Generation of the rules in this crate, kept in each log record beside the rows that they made.
///
/// It grows by one whenever the same bytes would give other rows or findings; a replay of the raw data shows where.
pub const DECODER_GENERATION: u16 = 1;
