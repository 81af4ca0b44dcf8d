//! The message that tells an agent what became of one of its own.

use ingest::Finding;

use crate::Message;
use crate::record::Published;

/// The message about the record at `position`.
///
/// Its ids are made of the arrival and the position, so that applying the record again gives the same message.
pub(crate) fn message(topic: String, position: u64, published: &Published<'_>, findings: &[Finding]) -> Message {
    let id = ulid(published.received_us, u128::from(position) << 1);
    let correlation_id = ulid(published.received_us, (u128::from(position) << 1) | 1);
    let payload = ingest::diagnostics(id, correlation_id, published.received_us, &published.topic, findings);
    Message { topic, payload: payload.into_bytes() }
}

/// 48 bits of milliseconds, then 80 bits that tell apart (the ULID layout).
fn ulid(at_us: i64, low: u128) -> u128 {
    let milliseconds = u128::from((at_us / 1000).max(0).cast_unsigned());
    (milliseconds & ((1 << 48) - 1)) << 80 | low & ((1 << 80) - 1)
}
