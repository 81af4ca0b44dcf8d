//! Writing one packet.

use crate::cursor::Varint;
use crate::fixed_header::REMAINING_LENGTH_MAX;

/// Room for the longest Remaining Length, which is known only when the body is written.
const REMAINING_LENGTH_ROOM: usize = 4;

/// Appends the fields of a packet.
#[derive(Debug)]
pub(crate) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// A field was longer than its two-byte length can say.
    is_too_large: bool,
}

/// Writes a whole packet: fixed header, body, and a payload that is copied only once. On an error `out` is as it was.
pub(crate) fn packet(
    out: &mut Vec<u8>,
    first_byte: u8,
    payload: &[u8],
    body: impl FnOnce(&mut Writer<'_>),
) -> Result<(), TooLarge> {
    let start = out.len();
    out.push(first_byte);
    out.extend_from_slice(&[0; REMAINING_LENGTH_ROOM]);
    let body_start = out.len();
    let mut writer = Writer { out, is_too_large: false };
    body(&mut writer);
    let is_too_large = writer.is_too_large;
    let remaining = out.len() - body_start + payload.len();
    if is_too_large || remaining > REMAINING_LENGTH_MAX {
        out.truncate(start);
        return Err(TooLarge);
    }
    let (bytes, length) = varint(remaining as u32);
    out[start + 1..][..length].copy_from_slice(&bytes[..length]);
    out.copy_within(body_start.., start + 1 + length);
    out.truncate(out.len() - (REMAINING_LENGTH_ROOM - length));
    out.extend_from_slice(payload);
    Ok(())
}

fn varint(mut value: u32) -> ([u8; REMAINING_LENGTH_ROOM], usize) {
    let length = Varint::length(value);
    let mut bytes = [0; REMAINING_LENGTH_ROOM];
    for (index, byte) in bytes[..length].iter_mut().enumerate() {
        *byte = (value & 0x7F) as u8 | if index + 1 < length { 0x80 } else { 0 };
        value >>= 7;
    }
    (bytes, length)
}

impl Writer<'_> {
    pub(crate) fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.raw(&value.to_be_bytes());
    }

    /// A variable byte integer; one above its range makes the packet too large.
    pub(crate) fn varint(&mut self, value: u32) {
        self.is_too_large |= value as usize > REMAINING_LENGTH_MAX;
        let (bytes, length) = varint(value);
        self.raw(&bytes[..length]);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Binary data or a string, behind its two-byte length.
    pub(crate) fn binary(&mut self, bytes: &[u8]) {
        match u16::try_from(bytes.len()) {
            Ok(length) => {
                self.u16(length);
                self.raw(bytes);
            }
            Err(_) => self.is_too_large = true,
        }
    }

    /// Writes a part in front of which its length stands as a variable byte integer.
    pub(crate) fn measured(&mut self, part: impl FnOnce(&mut Writer<'_>)) {
        let mut out = Vec::new();
        let mut writer = Writer { out: &mut out, is_too_large: false };
        part(&mut writer);
        self.is_too_large |= writer.is_too_large;
        self.varint(u32::try_from(out.len()).unwrap_or(u32::MAX));
        self.raw(&out);
    }
}

/// A packet does not fit: a field is longer than 65,535 bytes, the packet longer than MQTT can say, or larger than the
/// peer takes (its Maximum Packet Size) [MQTT-3.1.2-24]. Nothing of it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the packet is too large to be sent")]
pub struct TooLarge;
