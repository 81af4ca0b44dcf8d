//! PUBACK, PUBREC, PUBREL and PUBCOMP, which are of one shape [3.4 to 3.7].

use crate::cursor::Cursor;
use crate::error::Offence;
use crate::fixed_header::PacketType;
use crate::properties::{Allowed, Properties};
use crate::property::PropertyId;
use crate::reason_code::ReasonCode;
use crate::version::{Sender, Version};
use crate::writer::{self, TooLarge, Writer};

const PROPERTIES: Allowed = Allowed { once: &[PropertyId::ReasonString], repeated: &[PropertyId::UserProperty] };

/// One step of the delivery of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The one of the message, never 0.
    pub packet_id: u16,
    /// How the step ended; 3.1.1 knows `Success` only, and neither reads nor writes it.
    pub reason: ReasonCode,
    /// Reason String and User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// An acknowledgement without properties.
    pub fn new(packet_id: u16, reason: ReasonCode) -> Ack<'a> {
        Ack { packet_id, reason, properties: Properties::default() }
    }

    pub(crate) fn decode(
        version: Version,
        sender: Sender,
        packet_type: PacketType,
        cursor: &mut Cursor<'a>,
    ) -> Result<Ack<'a>, Offence> {
        let packet_id = cursor.packet_id()?;
        let (reason, properties) = decode_outcome(version, sender, packet_type, &PROPERTIES, cursor)?;
        Ok(Ack { packet_id, reason, properties })
    }

    pub(crate) fn encode(&self, version: Version, packet_type: PacketType, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        writer::packet(out, packet_type.first_byte(), &[], |writer| {
            writer.u16(self.packet_id);
            encode_outcome(version, self.reason, self.properties, writer);
        })
    }
}

/// Reads the reason code and the properties at the end of a packet. Version 5 lets both be left out, or the properties
/// alone, where they say nothing; 3.1.1 does not have them.
pub(crate) fn decode_outcome<'a>(
    version: Version,
    sender: Sender,
    packet_type: PacketType,
    allowed: &Allowed,
    cursor: &mut Cursor<'a>,
) -> Result<(ReasonCode, Properties<'a>), Offence> {
    let mut outcome = (ReasonCode::Success, Properties::default());
    if version == Version::V5 && !cursor.is_empty() {
        outcome.0 = cursor.reason_code(packet_type, sender)?;
        if !cursor.is_empty() {
            outcome.1 = Properties::decode(version, cursor, allowed)?;
        }
    }
    Ok(outcome)
}

/// Writes what [`decode_outcome`] reads, as short as it may be.
pub(crate) fn encode_outcome(
    version: Version,
    reason: ReasonCode,
    properties: Properties<'_>,
    writer: &mut Writer<'_>,
) {
    if version == Version::V311 || (reason == ReasonCode::Success && properties.is_empty()) {
        return;
    }
    writer.u8(reason as u8);
    if !properties.is_empty() {
        properties.encode(version, writer);
    }
}
