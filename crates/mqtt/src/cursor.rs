//! Reading inside one packet.

use crate::error::{Fault, Offence, Rule};
use crate::field::Field;
use crate::fixed_header::PacketType;
use crate::reason_code::ReasonCode;
use crate::version::Sender;

/// The most bytes of a variable byte integer [MQTT-1.5.5-1].
const VARINT_LENGTH_MAX: usize = 4;

/// The bytes of one packet that are not read yet. It cannot read past them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

/// What the begin of some bytes says, read as a variable byte integer.
pub(crate) enum Varint {
    Value {
        value: u32,
        length: usize,
    },
    /// The bytes end before the integer does.
    Unfinished,
    /// The fourth byte announces a fifth.
    TooLong,
}

impl Varint {
    pub(crate) fn decode(bytes: &[u8]) -> Varint {
        let mut value = 0;
        for (index, byte) in bytes.iter().take(VARINT_LENGTH_MAX).enumerate() {
            value |= u32::from(byte & 0x7F) << (7 * index);
            if byte & 0x80 == 0 {
                return Varint::Value { value, length: index + 1 };
            }
        }
        if bytes.len() < VARINT_LENGTH_MAX { Varint::Unfinished } else { Varint::TooLong }
    }

    /// Bytes of the shortest encoding of a value.
    pub(crate) fn length(value: u32) -> usize {
        match value {
            0..=0x7F => 1,
            0x80..=0x3FFF => 2,
            0x4000..=0x1F_FFFF => 3,
            _ => VARINT_LENGTH_MAX,
        }
    }
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The end of a packet: nothing may be left.
    pub(crate) fn finish(&self) -> Result<(), Offence> {
        if self.is_empty() { Ok(()) } else { Err(Rule::TrailingBytes.into()) }
    }

    pub(crate) fn take(&mut self, length: usize, field: Field) -> Result<&'a [u8], Offence> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Offence::Field(field, Fault::Truncated))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: Field) -> Result<[u8; N], Offence> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Offence::Field(field, Fault::Truncated))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self, field: Field) -> Result<u8, Offence> {
        self.array(field).map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self, field: Field) -> Result<u16, Offence> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, field: Field) -> Result<u32, Offence> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// A packet identifier, which is never 0 [MQTT-2.2.1-3].
    pub(crate) fn packet_id(&mut self) -> Result<u16, Offence> {
        match self.u16(Field::PacketIdentifier)? {
            0 => Err(Rule::PacketIdentifierZero.into()),
            packet_id => Ok(packet_id),
        }
    }

    /// A reason code that the standard lists for the packet.
    pub(crate) fn reason_code(&mut self, packet_type: PacketType, sender: Sender) -> Result<ReasonCode, Offence> {
        let code = ReasonCode::try_from(self.u8(Field::ReasonCode)?).ok();
        let allowed = code.filter(|code| code.is_allowed(packet_type, sender));
        allowed.ok_or(Offence::Field(Field::ReasonCode, Fault::Invalid))
    }

    /// A variable byte integer in its shortest form [MQTT-1.5.5-1].
    pub(crate) fn varint(&mut self, field: Field) -> Result<u32, Offence> {
        match Varint::decode(self.rest) {
            Varint::Value { value, length } if length == Varint::length(value) => {
                self.take(length, field)?;
                Ok(value)
            }
            Varint::Unfinished => Err(Offence::Field(field, Fault::Truncated)),
            Varint::Value { .. } | Varint::TooLong => Err(Offence::Field(field, Fault::Overlong)),
        }
    }

    /// Binary data behind its two-byte length.
    pub(crate) fn binary(&mut self, field: Field) -> Result<&'a [u8], Offence> {
        let length = self.u16(field)?;
        self.take(length.into(), field)
    }

    /// A UTF-8 string behind its two-byte length.
    pub(crate) fn text(&mut self, field: Field) -> Result<&'a str, Offence> {
        let bytes = self.binary(field)?;
        let text = std::str::from_utf8(bytes).map_err(|_| Offence::Field(field, Fault::NotUtf8))?;
        if bytes.contains(&0) { Err(Offence::Field(field, Fault::NullCharacter)) } else { Ok(text) }
    }
}
