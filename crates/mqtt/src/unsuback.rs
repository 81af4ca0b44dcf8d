//! UNSUBACK [3.11].

use crate::cursor::Cursor;
use crate::error::Offence;
use crate::fixed_header::PacketType;
use crate::properties::Properties;
use crate::reason_code::ReasonCode;
use crate::suback::PROPERTIES;
use crate::version::{Sender, Version};
use crate::writer::{self, TooLarge};

/// The answer to UNSUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsuback<'a> {
    /// The one of the UNSUBSCRIBE, never 0.
    pub packet_id: u16,
    /// One for each filter, in their order. 3.1.1 has none.
    pub codes: Vec<ReasonCode>,
    /// Reason String and User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Unsuback<'a> {
    pub(crate) fn decode(version: Version, cursor: &mut Cursor<'a>) -> Result<Unsuback<'a>, Offence> {
        let packet_id = cursor.packet_id()?;
        let properties = Properties::decode(version, cursor, &PROPERTIES)?;
        let mut codes = Vec::new();
        while version == Version::V5 && !cursor.is_empty() {
            codes.push(cursor.reason_code(PacketType::Unsuback, Sender::Server)?);
        }
        Ok(Unsuback { packet_id, codes, properties })
    }

    pub(crate) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        writer::packet(out, PacketType::Unsuback.first_byte(), &[], |writer| {
            writer.u16(self.packet_id);
            self.properties.encode(version, writer);
            if version == Version::V5 {
                self.codes.iter().for_each(|code| writer.u8(*code as u8));
            }
        })
    }
}
