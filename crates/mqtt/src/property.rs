//! One property of version 5: its identifier, type and value [2.2.2].

use crate::cursor::Cursor;
use crate::error::{Fault, Offence, Rule};
use crate::field::Field;
use crate::topic::TopicName;
use crate::writer::Writer;

/// A property, as packets have it. The value has to be of the identifier's type, or the peer cannot read it.
pub type Property<'a> = (PropertyId, Value<'a>);

/// Which property. The numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the variants are the standard's names for its properties")]
pub enum PropertyId {
    PayloadFormatIndicator = 0x01,
    MessageExpiryInterval = 0x02,
    ContentType = 0x03,
    ResponseTopic = 0x08,
    CorrelationData = 0x09,
    SubscriptionIdentifier = 0x0B,
    SessionExpiryInterval = 0x11,
    AssignedClientIdentifier = 0x12,
    ServerKeepAlive = 0x13,
    AuthenticationMethod = 0x15,
    AuthenticationData = 0x16,
    RequestProblemInformation = 0x17,
    WillDelayInterval = 0x18,
    RequestResponseInformation = 0x19,
    ResponseInformation = 0x1A,
    ServerReference = 0x1C,
    ReasonString = 0x1F,
    ReceiveMaximum = 0x21,
    TopicAliasMaximum = 0x22,
    TopicAlias = 0x23,
    MaximumQoS = 0x24,
    RetainAvailable = 0x25,
    UserProperty = 0x26,
    MaximumPacketSize = 0x27,
    WildcardSubscriptionAvailable = 0x28,
    SubscriptionIdentifierAvailable = 0x29,
    SharedSubscriptionAvailable = 0x2A,
}

/// The value of a property, in the standard's words for its types [1.5].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// One byte.
    Byte(u8),
    /// Two bytes, high byte first.
    TwoByteInteger(u16),
    /// Four bytes, high byte first.
    FourByteInteger(u32),
    /// One to four bytes of seven bits, low bits first.
    VariableByteInteger(u32),
    /// A UTF-8 string.
    Text(&'a str),
    /// Binary data.
    Binary(&'a [u8]),
    /// A name and its value.
    Pair(&'a str, &'a str),
}

impl PropertyId {
    fn of(identifier: u32) -> Option<PropertyId> {
        Some(match identifier {
            0x01 => PropertyId::PayloadFormatIndicator,
            0x02 => PropertyId::MessageExpiryInterval,
            0x03 => PropertyId::ContentType,
            0x08 => PropertyId::ResponseTopic,
            0x09 => PropertyId::CorrelationData,
            0x0B => PropertyId::SubscriptionIdentifier,
            0x11 => PropertyId::SessionExpiryInterval,
            0x12 => PropertyId::AssignedClientIdentifier,
            0x13 => PropertyId::ServerKeepAlive,
            0x15 => PropertyId::AuthenticationMethod,
            0x16 => PropertyId::AuthenticationData,
            0x17 => PropertyId::RequestProblemInformation,
            0x18 => PropertyId::WillDelayInterval,
            0x19 => PropertyId::RequestResponseInformation,
            0x1A => PropertyId::ResponseInformation,
            0x1C => PropertyId::ServerReference,
            0x1F => PropertyId::ReasonString,
            0x21 => PropertyId::ReceiveMaximum,
            0x22 => PropertyId::TopicAliasMaximum,
            0x23 => PropertyId::TopicAlias,
            0x24 => PropertyId::MaximumQoS,
            0x25 => PropertyId::RetainAvailable,
            0x26 => PropertyId::UserProperty,
            0x27 => PropertyId::MaximumPacketSize,
            0x28 => PropertyId::WildcardSubscriptionAvailable,
            0x29 => PropertyId::SubscriptionIdentifierAvailable,
            0x2A => PropertyId::SharedSubscriptionAvailable,
            _ => return None,
        })
    }

    fn decode_value<'a>(self, cursor: &mut Cursor<'a>) -> Result<Value<'a>, Offence> {
        let field = Field::Property(self);
        match self {
            PropertyId::PayloadFormatIndicator
            | PropertyId::RequestProblemInformation
            | PropertyId::RequestResponseInformation
            | PropertyId::MaximumQoS
            | PropertyId::RetainAvailable
            | PropertyId::WildcardSubscriptionAvailable
            | PropertyId::SubscriptionIdentifierAvailable
            | PropertyId::SharedSubscriptionAvailable => cursor.u8(field).map(Value::Byte),
            PropertyId::ServerKeepAlive
            | PropertyId::ReceiveMaximum
            | PropertyId::TopicAliasMaximum
            | PropertyId::TopicAlias => cursor.u16(field).map(Value::TwoByteInteger),
            PropertyId::MessageExpiryInterval
            | PropertyId::SessionExpiryInterval
            | PropertyId::WillDelayInterval
            | PropertyId::MaximumPacketSize => cursor.u32(field).map(Value::FourByteInteger),
            PropertyId::SubscriptionIdentifier => cursor.varint(field).map(Value::VariableByteInteger),
            PropertyId::ContentType
            | PropertyId::ResponseTopic
            | PropertyId::AssignedClientIdentifier
            | PropertyId::AuthenticationMethod
            | PropertyId::ResponseInformation
            | PropertyId::ServerReference
            | PropertyId::ReasonString => cursor.text(field).map(Value::Text),
            PropertyId::CorrelationData | PropertyId::AuthenticationData => cursor.binary(field).map(Value::Binary),
            PropertyId::UserProperty => Ok(Value::Pair(cursor.text(field)?, cursor.text(field)?)),
        }
    }

    /// Whether the value is one that the property may have.
    fn check(self, value: Value<'_>) -> Result<(), Offence> {
        match (self, value) {
            // The only byte that is no yes or no is Maximum QoS, and 0 and 1 are its values too.
            (_, Value::Byte(2..)) => Err(Offence::Field(Field::Property(self), Fault::Invalid)),
            (PropertyId::TopicAlias, Value::TwoByteInteger(0)) => Err(Rule::TopicAliasZero.into()),
            (PropertyId::ReceiveMaximum, Value::TwoByteInteger(0))
            | (PropertyId::MaximumPacketSize, Value::FourByteInteger(0))
            | (_, Value::VariableByteInteger(0)) => Err(Offence::Field(Field::Property(self), Fault::Invalid)),
            (PropertyId::ResponseTopic, Value::Text(topic)) if TopicName::new(topic).is_err() => {
                Err(Rule::ResponseTopic.into())
            }
            _ => Ok(()),
        }
    }
}

/// Reads the next property of a block.
pub(crate) fn decode<'a>(cursor: &mut Cursor<'a>) -> Result<Property<'a>, Offence> {
    let identifier = cursor.varint(Field::PropertyIdentifier)?;
    let id = PropertyId::of(identifier).ok_or(Rule::PropertyUnknown)?;
    let value = id.decode_value(cursor)?;
    id.check(value)?;
    Ok((id, value))
}

pub(crate) fn encode((id, value): Property<'_>, writer: &mut Writer<'_>) {
    writer.u8(id as u8);
    match value {
        Value::Byte(value) => writer.u8(value),
        Value::TwoByteInteger(value) => writer.u16(value),
        Value::FourByteInteger(value) => writer.u32(value),
        Value::VariableByteInteger(value) => writer.varint(value),
        Value::Text(text) => writer.binary(text.as_bytes()),
        Value::Binary(bytes) => writer.binary(bytes),
        Value::Pair(name, value) => {
            writer.binary(name.as_bytes());
            writer.binary(value.as_bytes());
        }
    }
}
