//! One frame: its bytes, and what a reader gets of it.

use std::fmt;

use crate::position::Position;
use crate::segment::{u32_at, u64_at};

/// Bytes of a frame before the tenant's name.
pub const FRAME_HEADER_BYTES: u32 = 22;

/// Longest tenant name: its length is one byte.
pub const TENANT_BYTES_MAX: usize = 255;

/// Upper bound of `frame_bytes_max`, whatever a header or an option says: one frame is held in memory as a whole.
pub const FRAME_BYTES_LIMIT: u32 = 256 << 20;

/// Marks a frame that somebody appended. Not zero, so that preallocated bytes are never a frame.
const MARK_RECORD: u8 = 0xD7;

/// Marks the frame that recovery leaves where it has cut: all before it has been judged.
const MARK_CUT: u8 = 0xC5;

/// A committed frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    position: Position,
    tenant: Box<str>,
    payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(head: &Head, tenant: &str, payload: &[u8]) -> Frame {
        Frame { position: Position(head.position), tenant: tenant.into(), payload: payload.to_vec() }
    }

    /// Where it is.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Whose it is.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// What was appended.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The same without a copy.
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A payload may hold a secret, and megabytes.
        f.debug_struct("Frame")
            .field("position", &self.position)
            .field("tenant", &self.tenant)
            .field("payload_bytes", &self.payload.len())
            .finish()
    }
}

/// What the header of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) position: u64,
    /// End of the log when the batch of this frame began: all before it was durable when this frame was written.
    pub(crate) batch_start: u64,
    /// Whether recovery has made it; it is nobody's.
    pub(crate) is_cut: bool,
    tenant_bytes: usize,
    payload_bytes: usize,
    body_checksum: u32,
}

impl Head {
    /// Bytes of the whole frame.
    pub(crate) fn frame_bytes(&self) -> u64 {
        u64::from(FRAME_HEADER_BYTES) + self.body_bytes() as u64
    }

    pub(crate) fn body_bytes(&self) -> usize {
        self.tenant_bytes + self.payload_bytes
    }
}

/// How the frames of a segment are written and checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Codec {
    head_seed: u32,
    body_seed: u32,
    frame_bytes_max: u32,
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec").field("frame_bytes_max", &self.frame_bytes_max).finish_non_exhaustive()
    }
}

impl Codec {
    pub(crate) fn new(salt: u64, frame_bytes_max: u32) -> Codec {
        Codec { head_seed: salt as u32, body_seed: (salt >> 32) as u32, frame_bytes_max }
    }

    /// Writes a frame behind what `out` holds. The caller has checked the lengths.
    pub(crate) fn encode(&self, position: u64, batch_start: u64, tenant: &str, payload: &[u8], out: &mut Vec<u8>) {
        let body_checksum = crc32c::crc32c_append(crc32c::crc32c_append(self.body_seed, tenant.as_bytes()), payload);
        let length = u32::try_from(payload.len()).expect("a frame is bounded");
        let tenant_bytes = u8::try_from(tenant.len()).expect("a tenant's name is bounded");
        out.extend(self.header(position, body_checksum, length, MARK_RECORD, tenant_bytes, batch_start));
        out.extend(tenant.as_bytes());
        out.extend(payload);
    }

    /// The frame that recovery leaves at a cut. Its batch begins behind it: frames of the batch that was cut off,
    /// which may be left behind it until they are zeroed, began earlier and are told by that.
    pub(crate) fn cut_mark(&self, position: u64) -> [u8; FRAME_HEADER_BYTES as usize] {
        self.header(position, self.body_seed, 0, MARK_CUT, 0, position + u64::from(FRAME_HEADER_BYTES))
    }

    fn header(&self, position: u64, body: u32, length: u32, mark: u8, tenant: u8, batch_start: u64) -> [u8; 22] {
        let mut header = [0; FRAME_HEADER_BYTES as usize];
        header[4..8].copy_from_slice(&body.to_le_bytes());
        header[8..12].copy_from_slice(&length.to_le_bytes());
        header[12] = mark;
        header[13] = tenant;
        header[14..22].copy_from_slice(&batch_start.to_le_bytes());
        let checksum = self.head_checksum(position, &header);
        header[..4].copy_from_slice(&checksum.to_le_bytes());
        header
    }

    /// Over the position too, so that a frame is good only where it was written.
    fn head_checksum(&self, position: u64, header: &[u8]) -> u32 {
        let seed = crc32c::crc32c_append(self.head_seed, &position.to_le_bytes());
        crc32c::crc32c_append(seed, &header[4..FRAME_HEADER_BYTES as usize])
    }

    /// The header at the beginning of `bytes`, if there is a good one for this position. Its lengths can be trusted.
    pub(crate) fn head(&self, position: u64, bytes: &[u8]) -> Option<Head> {
        if bytes.len() < FRAME_HEADER_BYTES as usize || !matches!(bytes[12], MARK_RECORD | MARK_CUT) {
            return None;
        }
        let head = Head {
            position,
            batch_start: u64_at(bytes, 14),
            is_cut: bytes[12] == MARK_CUT,
            tenant_bytes: bytes[13].into(),
            payload_bytes: u32_at(bytes, 8) as usize,
            body_checksum: u32_at(bytes, 4),
        };
        let latest_start = if head.is_cut { position + head.frame_bytes() } else { position };
        let is_good = head.frame_bytes() <= self.frame_bytes_max.into()
            && head.batch_start <= latest_start
            && u32_at(bytes, 0) == self.head_checksum(position, bytes);
        is_good.then_some(head)
    }

    /// Tenant and payload, if the bytes behind the header are what was written.
    pub(crate) fn body<'a>(&self, head: &Head, bytes: &'a [u8]) -> Option<(&'a str, &'a [u8])> {
        let body = bytes.get(..head.body_bytes())?;
        if crc32c::crc32c_append(self.body_seed, body) != head.body_checksum {
            return None;
        }
        let (tenant, payload) = body.split_at(head.tenant_bytes);
        Some((str::from_utf8(tenant).ok()?, payload))
    }
}
