//! CONNACK [3.2].

use crate::cursor::Cursor;
use crate::error::{Fault, Offence, Rule};
use crate::field::Field;
use crate::fixed_header::PacketType;
use crate::properties::{Allowed, Properties};
use crate::property::PropertyId;
use crate::reason_code::ReasonCode;
use crate::version::{Sender, Version};
use crate::writer::{self, TooLarge};

const SESSION_PRESENT: u8 = 0x01;

const PROPERTIES: Allowed = Allowed {
    once: &[
        PropertyId::SessionExpiryInterval,
        PropertyId::ReceiveMaximum,
        PropertyId::MaximumQoS,
        PropertyId::RetainAvailable,
        PropertyId::MaximumPacketSize,
        PropertyId::AssignedClientIdentifier,
        PropertyId::TopicAliasMaximum,
        PropertyId::ReasonString,
        PropertyId::WildcardSubscriptionAvailable,
        PropertyId::SubscriptionIdentifierAvailable,
        PropertyId::SharedSubscriptionAvailable,
        PropertyId::ServerKeepAlive,
        PropertyId::ResponseInformation,
        PropertyId::ServerReference,
        PropertyId::AuthenticationMethod,
        PropertyId::AuthenticationData,
    ],
    repeated: &[PropertyId::UserProperty],
};

/// The answer to CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connack<'a> {
    /// The server still has the session.
    pub session_present: bool,
    /// `Success`, or why not. The return codes of 3.1.1 are read as the codes of the same meaning, and written as the
    /// nearest one.
    pub reason: ReasonCode,
    /// What the server offers.
    pub properties: Properties<'a>,
}

/// What is answered to a CONNECT that is accepted, beyond what the limits say already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accept<'a> {
    /// The server still has the session.
    pub session_present: bool,
    /// Keep Alive that holds instead of the client's, in seconds. A client of 3.1.1 is not told.
    pub keep_alive: Option<u16>,
    /// Seconds that the session outlives the connection, when they are not the client's. Only version 5 can say it.
    pub session_expiry_s: Option<u32>,
    /// The client id that the server made for a client without one. Only version 5 can say it.
    pub assigned_client_id: Option<&'a str>,
}

/// Why a CONNECT is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectRefusal {
    /// A version of the protocol that is not served here: 1, or 0x84 in version 5.
    UnsupportedVersion,
    /// A client id of bad syntax: 2, or 0x85.
    BadClientId,
    /// The server cannot serve now: 3, or 0x88.
    ServerUnavailable,
    /// The server is busy; the client may try again later: 3, or 0x89.
    ServerBusy,
    /// A budget is spent: 3, or 0x97.
    QuotaExceeded,
    /// Connections come too fast: 3, or 0x9F.
    ConnectionRateExceeded,
    /// User name or password are not accepted: 4, or 0x86.
    BadCredentials,
    /// The client may not connect, or not with this Will: 5, or 0x87.
    NotAuthorized,
    /// An administrator has shut the client out: 5, or 0x8A.
    Banned,
}

impl ConnectRefusal {
    /// The code of version 5.
    pub fn reason_code(self) -> ReasonCode {
        match self {
            ConnectRefusal::UnsupportedVersion => ReasonCode::UnsupportedProtocolVersion,
            ConnectRefusal::BadClientId => ReasonCode::ClientIdentifierNotValid,
            ConnectRefusal::ServerUnavailable => ReasonCode::ServerUnavailable,
            ConnectRefusal::ServerBusy => ReasonCode::ServerBusy,
            ConnectRefusal::QuotaExceeded => ReasonCode::QuotaExceeded,
            ConnectRefusal::ConnectionRateExceeded => ReasonCode::ConnectionRateExceeded,
            ConnectRefusal::BadCredentials => ReasonCode::BadUserNameOrPassword,
            ConnectRefusal::NotAuthorized => ReasonCode::NotAuthorized,
            ConnectRefusal::Banned => ReasonCode::Banned,
        }
    }
}

impl<'a> Connack<'a> {
    pub(crate) fn decode(version: Version, cursor: &mut Cursor<'a>) -> Result<Connack<'a>, Offence> {
        let flags = cursor.u8(Field::ConnackFlags)?;
        if flags & !SESSION_PRESENT != 0 {
            return Err(Offence::Field(Field::ConnackFlags, Fault::Invalid));
        }
        let session_present = flags & SESSION_PRESENT != 0;
        let reason = decode_reason(version, cursor)?;
        if session_present && reason != ReasonCode::Success {
            return Err(Rule::SessionPresentWithError.into());
        }
        let properties = Properties::decode(version, cursor, &PROPERTIES)?;
        Ok(Connack { session_present, reason, properties })
    }

    pub(crate) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        writer::packet(out, PacketType::Connack.first_byte(), &[], |writer| {
            writer.u8(if self.session_present { SESSION_PRESENT } else { 0 });
            writer.u8(match version {
                Version::V311 => return_code(self.reason),
                Version::V5 => self.reason as u8,
            });
            self.properties.encode(version, writer);
        })
    }
}

fn decode_reason(version: Version, cursor: &mut Cursor<'_>) -> Result<ReasonCode, Offence> {
    if version == Version::V5 {
        return cursor.reason_code(PacketType::Connack, Sender::Server);
    }
    Ok(match cursor.u8(Field::ReasonCode)? {
        0 => ReasonCode::Success,
        1 => ReasonCode::UnsupportedProtocolVersion,
        2 => ReasonCode::ClientIdentifierNotValid,
        3 => ReasonCode::ServerUnavailable,
        4 => ReasonCode::BadUserNameOrPassword,
        5 => ReasonCode::NotAuthorized,
        _ => return Err(Offence::Field(Field::ReasonCode, Fault::Invalid)),
    })
}

/// The return code of 3.1.1 that comes nearest to a reason code [3.2.2.3 of 3.1.1].
fn return_code(reason: ReasonCode) -> u8 {
    match reason {
        ReasonCode::UnsupportedProtocolVersion => 1,
        ReasonCode::ClientIdentifierNotValid => 2,
        ReasonCode::ServerUnavailable
        | ReasonCode::ServerBusy
        | ReasonCode::QuotaExceeded
        | ReasonCode::ConnectionRateExceeded => 3,
        ReasonCode::BadUserNameOrPassword => 4,
        reason if reason.is_error() => 5,
        _ => 0,
    }
}
