//! AUTH, which only version 5 has [3.15].

use crate::acknowledgement::{decode_outcome, encode_outcome};
use crate::cursor::Cursor;
use crate::error::{Offence, Rule};
use crate::fixed_header::PacketType;
use crate::properties::{Allowed, Properties};
use crate::property::PropertyId;
use crate::reason_code::ReasonCode;
use crate::version::{Sender, Version};
use crate::writer::{self, TooLarge};

const PROPERTIES: Allowed = Allowed {
    once: &[PropertyId::AuthenticationMethod, PropertyId::AuthenticationData, PropertyId::ReasonString],
    repeated: &[PropertyId::UserProperty],
};

/// One step of an extended authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    /// `Success`, `ContinueAuthentication` or `ReAuthenticate`.
    pub reason: ReasonCode,
    /// Authentication Method and Data, Reason String, User Properties.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    pub(crate) fn decode(version: Version, sender: Sender, cursor: &mut Cursor<'a>) -> Result<Auth<'a>, Offence> {
        let (reason, properties) = decode_outcome(version, sender, PacketType::Auth, &PROPERTIES, cursor)?;
        // An empty one is the bare `Success` that the standard allows, though it demands the method elsewhere.
        let is_bare = reason == ReasonCode::Success && properties.is_empty();
        if !is_bare && properties.text(PropertyId::AuthenticationMethod).is_none() {
            return Err(Rule::AuthWithoutMethod.into());
        }
        Ok(Auth { reason, properties })
    }

    pub(crate) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        writer::packet(out, PacketType::Auth.first_byte(), &[], |writer| {
            encode_outcome(version, self.reason, self.properties, writer);
        })
    }
}
