//! UNSUBSCRIBE [3.10].

use crate::cursor::Cursor;
use crate::error::Offence;
use crate::field::Field;
use crate::fixed_header::PacketType;
use crate::properties::{Allowed, Properties};
use crate::property::PropertyId;
use crate::subscribe::decode_filters;
use crate::version::Version;
use crate::writer::{self, TooLarge};

const PROPERTIES: Allowed = Allowed { once: &[], repeated: &[PropertyId::UserProperty] };

/// A client wants no more messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// The one to answer with, never 0.
    pub packet_id: u16,
    /// At least one. They are compared with the filters of the session character by character [MQTT-3.10.4-1], so one
    /// that is no topic filter is simply not among them, and harms nobody.
    pub filters: Vec<&'a str>,
    /// User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Unsubscribe<'a> {
    pub(crate) fn decode(version: Version, cursor: &mut Cursor<'a>) -> Result<Unsubscribe<'a>, Offence> {
        let packet_id = cursor.packet_id()?;
        let properties = Properties::decode(version, cursor, &PROPERTIES)?;
        let filters = decode_filters(cursor, |cursor| cursor.text(Field::TopicFilter))?;
        Ok(Unsubscribe { packet_id, filters, properties })
    }

    pub(crate) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        writer::packet(out, PacketType::Unsubscribe.first_byte(), &[], |writer| {
            writer.u16(self.packet_id);
            self.properties.encode(version, writer);
            self.filters.iter().for_each(|filter| writer.binary(filter.as_bytes()));
        })
    }
}
