//! DISCONNECT [3.14].

use crate::acknowledgement::{decode_outcome, encode_outcome};
use crate::cursor::Cursor;
use crate::error::Offence;
use crate::fixed_header::PacketType;
use crate::properties::{Allowed, Properties};
use crate::property::PropertyId;
use crate::reason_code::ReasonCode;
use crate::version::{Sender, Version};
use crate::writer::{self, TooLarge};

const CLIENT_PROPERTIES: Allowed = Allowed {
    once: &[PropertyId::SessionExpiryInterval, PropertyId::ReasonString],
    repeated: &[PropertyId::UserProperty],
};

const SERVER_PROPERTIES: Allowed =
    Allowed { once: &[PropertyId::ReasonString, PropertyId::ServerReference], repeated: &[PropertyId::UserProperty] };

/// The sender ends the connection. In 3.1.1 only a client says so, and never why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why; `Success` is the normal end.
    pub reason: ReasonCode,
    /// Session Expiry Interval (of a client), Reason String, User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    /// Seconds that the session outlives the connection, where they change with its end.
    pub fn session_expiry_s(&self) -> Option<u32> {
        self.properties.number(PropertyId::SessionExpiryInterval)
    }

    pub(crate) fn decode(version: Version, sender: Sender, cursor: &mut Cursor<'a>) -> Result<Disconnect<'a>, Offence> {
        let allowed = match sender {
            Sender::Client => &CLIENT_PROPERTIES,
            Sender::Server => &SERVER_PROPERTIES,
        };
        let (reason, properties) = decode_outcome(version, sender, PacketType::Disconnect, allowed, cursor)?;
        Ok(Disconnect { reason, properties })
    }

    pub(crate) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        writer::packet(out, PacketType::Disconnect.first_byte(), &[], |writer| {
            encode_outcome(version, self.reason, self.properties, writer);
        })
    }
}
