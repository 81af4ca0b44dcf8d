//! CONNECT [3.1].

use std::fmt;

use crate::cursor::Cursor;
use crate::error::{Offence, Rule};
use crate::field::Field;
use crate::fixed_header::PacketType;
use crate::properties::{Allowed, Properties};
use crate::property::PropertyId;
use crate::qos::QoS;
use crate::topic::TopicName;
use crate::version::Version;
use crate::writer::{self, TooLarge, Writer};

/// Protocol Name of 3.1.1 and 5.
pub(crate) const PROTOCOL_NAME: &[u8] = b"MQTT";

/// Protocol Name of MQTT 3.1, whose level is 3.
const PROTOCOL_NAME_31: &[u8] = b"MQIsdp";

/// The bit of the Protocol Level by which a bridge says that it is one. It is no part of the standard; bridges that are
/// refused with return code 1 come again without it.
const BRIDGE_LEVEL: u8 = 0x80;

/// Receive Maximum where none is given [3.1.2.11.3]; 3.1.1 knows no other bound.
const RECEIVE_MAXIMUM_DEFAULT: u16 = u16::MAX;

const RESERVED: u8 = 0x01;
const CLEAN_START: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_QOS_SHIFT: u8 = 3;
const WILL_QOS: u8 = 0x03 << WILL_QOS_SHIFT;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USER_NAME: u8 = 0x80;

const PROPERTIES: Allowed = Allowed {
    once: &[
        PropertyId::SessionExpiryInterval,
        PropertyId::ReceiveMaximum,
        PropertyId::MaximumPacketSize,
        PropertyId::TopicAliasMaximum,
        PropertyId::RequestResponseInformation,
        PropertyId::RequestProblemInformation,
        PropertyId::AuthenticationMethod,
        PropertyId::AuthenticationData,
    ],
    repeated: &[PropertyId::UserProperty],
};

const WILL_PROPERTIES: Allowed = Allowed {
    once: &[
        PropertyId::WillDelayInterval,
        PropertyId::PayloadFormatIndicator,
        PropertyId::MessageExpiryInterval,
        PropertyId::ContentType,
        PropertyId::ResponseTopic,
        PropertyId::CorrelationData,
    ],
    repeated: &[PropertyId::UserProperty],
};

/// A client asks for a session. Its `Debug` form does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The version that it, and all that follows, is in.
    pub version: Version,
    /// As it came, and maybe empty: what a client id has to look like is for others to say.
    pub client_id: &'a str,
    /// Begin without what an earlier connection left; 3.1.1 calls it CleanSession.
    pub clean_start: bool,
    /// Keep Alive in seconds; 0 is none.
    pub keep_alive: u16,
    /// A text; what it means is for others to say.
    pub username: Option<&'a str>,
    /// A secret, or any other bytes.
    pub password: Option<&'a [u8]>,
    /// What to publish when the connection ends without a DISCONNECT.
    pub will: Option<Will<'a>>,
    /// Of the connection; the Will has its own.
    pub properties: Properties<'a>,
}

/// A message that is published when its client is gone [3.1.2.5].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    /// A valid topic name.
    pub topic: &'a str,
    /// The message.
    pub payload: &'a [u8],
    /// The QoS to publish it at.
    pub qos: QoS,
    /// Publish it as a retained message.
    pub retain: bool,
    /// Of the message.
    pub properties: Properties<'a>,
}

impl<'a> Connect<'a> {
    /// Seconds that the session outlives the connection; none in 3.1.1, where `clean_start` says it.
    pub fn session_expiry_s(&self) -> Option<u32> {
        match self.version {
            Version::V311 => None,
            Version::V5 => Some(self.properties.number(PropertyId::SessionExpiryInterval).unwrap_or(0)),
        }
    }

    /// How many messages of QoS 1 and 2 the client takes before it has acknowledged any.
    pub fn receive_maximum(&self) -> u16 {
        let number = self.properties.number(PropertyId::ReceiveMaximum);
        number.and_then(|number| number.try_into().ok()).unwrap_or(RECEIVE_MAXIMUM_DEFAULT)
    }

    /// Bytes of the largest packet that the client takes; none is no limit.
    pub fn maximum_packet_size(&self) -> Option<u32> {
        self.properties.number(PropertyId::MaximumPacketSize)
    }

    /// Whether acknowledgements may carry a Reason String [3.1.2.11.7].
    pub fn request_problem_information(&self) -> bool {
        self.properties.number(PropertyId::RequestProblemInformation) != Some(0)
    }

    /// How the client wants to authenticate beyond user name and password [4.12].
    pub fn authentication_method(&self) -> Option<&'a str> {
        self.properties.text(PropertyId::AuthenticationMethod)
    }

    pub(crate) fn decode(cursor: &mut Cursor<'a>) -> Result<Connect<'a>, Offence> {
        let version = decode_version(cursor)?;
        let flags = decode_flags(version, cursor)?;
        let keep_alive = cursor.u16(Field::KeepAlive)?;
        let properties = Properties::decode(version, cursor, &PROPERTIES)?;
        check_authentication(properties)?;
        let client_id = cursor.text(Field::ClientIdentifier)?;
        let will = (flags & WILL != 0).then(|| Will::decode(version, flags, cursor)).transpose()?;
        let username = (flags & USER_NAME != 0).then(|| cursor.text(Field::UserName)).transpose()?;
        let password = (flags & PASSWORD != 0).then(|| cursor.binary(Field::Password)).transpose()?;
        let clean_start = flags & CLEAN_START != 0;
        Ok(Connect { version, client_id, clean_start, keep_alive, username, password, will, properties })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        writer::packet(out, PacketType::Connect.first_byte(), &[], |writer| {
            writer.binary(PROTOCOL_NAME);
            writer.u8(self.version.level());
            writer.u8(self.flags());
            writer.u16(self.keep_alive);
            self.properties.encode(self.version, writer);
            writer.binary(self.client_id.as_bytes());
            if let Some(will) = &self.will {
                will.encode(self.version, writer);
            }
            for field in [self.username.map(str::as_bytes), self.password].into_iter().flatten() {
                writer.binary(field);
            }
        })
    }

    fn flags(&self) -> u8 {
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let will = self
            .will
            .as_ref()
            .map_or(0, |will| WILL | (will.qos as u8) << WILL_QOS_SHIFT | bit(will.retain, WILL_RETAIN));
        bit(self.clean_start, CLEAN_START)
            | bit(self.username.is_some(), USER_NAME)
            | bit(self.password.is_some(), PASSWORD)
            | will
    }
}

impl fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("username", &self.username)
            .field("password", &self.password.map(|_| format_args!("…")))
            .field("will", &self.will)
            .field("properties", &self.properties)
            .finish()
    }
}

impl<'a> Will<'a> {
    fn decode(version: Version, flags: u8, cursor: &mut Cursor<'a>) -> Result<Will<'a>, Offence> {
        let qos = QoS::try_from((flags & WILL_QOS) >> WILL_QOS_SHIFT).map_err(|_| Rule::WillQoS)?;
        let properties = Properties::decode(version, cursor, &WILL_PROPERTIES)?;
        let topic = cursor.text(Field::WillTopic)?;
        TopicName::new(topic).map_err(|_| Rule::WillTopic)?;
        let payload = cursor.binary(Field::WillPayload)?;
        Ok(Will { topic, payload, qos, retain: flags & WILL_RETAIN != 0, properties })
    }

    fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        self.properties.encode(version, writer);
        writer.binary(self.topic.as_bytes());
        writer.binary(self.payload);
    }
}

/// The version in which a client expects its answer, as far as the begin of a CONNECT's body plainly tells. It may be one
/// that is not served: whoever is newer than 5 reads an answer of 5, whoever is older one of 3.1.1.
pub(crate) fn plain_version(body: &[u8]) -> Option<Version> {
    let level = body.strip_prefix(&[0, PROTOCOL_NAME.len() as u8])?.strip_prefix(PROTOCOL_NAME)?.first()?;
    Some(if level & !BRIDGE_LEVEL >= Version::V5.level() { Version::V5 } else { Version::V311 })
}

fn decode_version(cursor: &mut Cursor<'_>) -> Result<Version, Offence> {
    let name = cursor.binary(Field::ProtocolName)?;
    let level = cursor.u8(Field::ProtocolLevel)?;
    match (name, level) {
        (PROTOCOL_NAME, 4) => Ok(Version::V311),
        (PROTOCOL_NAME, 5) => Ok(Version::V5),
        (PROTOCOL_NAME | PROTOCOL_NAME_31, _) => Err(Rule::ProtocolVersion.into()),
        _ => Err(Rule::ProtocolName.into()),
    }
}

fn decode_flags(version: Version, cursor: &mut Cursor<'_>) -> Result<u8, Offence> {
    let flags = cursor.u8(Field::ConnectFlags)?;
    if flags & RESERVED != 0 {
        return Err(Rule::ConnectReservedFlag.into());
    }
    if flags & WILL == 0 && flags & (WILL_QOS | WILL_RETAIN) != 0 {
        return Err(Rule::WillFlagsWithoutWill.into());
    }
    if flags & WILL_QOS == WILL_QOS {
        return Err(Rule::WillQoS.into());
    }
    // Version 5 allows a password alone [3.1.2.9].
    if version == Version::V311 && flags & PASSWORD != 0 && flags & USER_NAME == 0 {
        return Err(Rule::PasswordWithoutUserName.into());
    }
    Ok(flags)
}

fn check_authentication(properties: Properties<'_>) -> Result<(), Offence> {
    let has = |id| properties.find(id).is_some();
    if has(PropertyId::AuthenticationData) && !has(PropertyId::AuthenticationMethod) {
        return Err(Rule::AuthenticationDataWithoutMethod.into());
    }
    Ok(())
}
