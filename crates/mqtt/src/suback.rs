//! SUBACK [3.9].

use crate::cursor::Cursor;
use crate::error::{Fault, Offence};
use crate::field::Field;
use crate::fixed_header::PacketType;
use crate::properties::{Allowed, Properties};
use crate::property::PropertyId;
use crate::reason_code::ReasonCode;
use crate::version::{Sender, Version};
use crate::writer::{self, TooLarge};

pub(crate) const PROPERTIES: Allowed =
    Allowed { once: &[PropertyId::ReasonString], repeated: &[PropertyId::UserProperty] };

/// The answer to SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suback<'a> {
    /// The one of the SUBSCRIBE, never 0.
    pub packet_id: u16,
    /// One for each filter, in their order. In 3.1.1 every failure is 0x80.
    pub codes: Vec<ReasonCode>,
    /// Reason String and User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Suback<'a> {
    pub(crate) fn decode(version: Version, cursor: &mut Cursor<'a>) -> Result<Suback<'a>, Offence> {
        let packet_id = cursor.packet_id()?;
        let properties = Properties::decode(version, cursor, &PROPERTIES)?;
        let mut codes = Vec::new();
        while !cursor.is_empty() {
            let code = cursor.reason_code(PacketType::Suback, Sender::Server)?;
            if version == Version::V311 && code > ReasonCode::UnspecifiedError {
                return Err(Offence::Field(Field::ReasonCode, Fault::Invalid));
            }
            codes.push(code);
        }
        Ok(Suback { packet_id, codes, properties })
    }

    pub(crate) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        writer::packet(out, PacketType::Suback.first_byte(), &[], |writer| {
            writer.u16(self.packet_id);
            self.properties.encode(version, writer);
            for code in &self.codes {
                writer.u8(match version {
                    Version::V311 => (*code).min(ReasonCode::UnspecifiedError) as u8,
                    Version::V5 => *code as u8,
                });
            }
        })
    }
}
