//! PUBLISH [3.3].

use crate::cursor::Cursor;
use crate::error::{Offence, Rule};
use crate::field::Field;
use crate::fixed_header::PacketType;
use crate::properties::{Allowed, Properties};
use crate::property::PropertyId;
use crate::qos::QoS;
use crate::topic::{TopicName, TopicNameError};
use crate::version::{Sender, Version};
use crate::writer::{self, TooLarge};

const RETAIN: u8 = 0x01;
const QOS_SHIFT: u8 = 1;
const QOS: u8 = 0x03;
const DUP: u8 = 0x08;

const PROPERTIES: Allowed = Allowed {
    once: &[
        PropertyId::PayloadFormatIndicator,
        PropertyId::MessageExpiryInterval,
        PropertyId::TopicAlias,
        PropertyId::ResponseTopic,
        PropertyId::CorrelationData,
        PropertyId::ContentType,
    ],
    // One Subscription Identifier for each subscription that matches; only a server knows them.
    repeated: &[PropertyId::UserProperty, PropertyId::SubscriptionIdentifier],
};

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// A valid topic name; empty only in version 5 beside a Topic Alias.
    pub topic: &'a str,
    /// The message, as it lies in the input.
    pub payload: &'a [u8],
    /// How hard to deliver it.
    pub qos: QoS,
    /// There at QoS 1 and 2, and never 0.
    pub packet_id: Option<u16>,
    /// It may have been sent before.
    pub dup: bool,
    /// To the server: keep it for later subscribers. To a client: it was kept.
    pub retain: bool,
    /// Of the message.
    pub properties: Properties<'a>,
}

/// A message to a client, without properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingPublish<'a> {
    /// A valid topic name.
    pub topic: &'a str,
    /// The message.
    pub payload: &'a [u8],
    /// How hard to deliver it.
    pub qos: QoS,
    /// To be given at QoS 1 and 2.
    pub packet_id: Option<u16>,
    /// It may have been sent before.
    pub dup: bool,
    /// It is sent because it was retained.
    pub retain: bool,
}

impl<'a> From<OutgoingPublish<'a>> for Publish<'a> {
    fn from(publish: OutgoingPublish<'a>) -> Publish<'a> {
        let OutgoingPublish { topic, payload, qos, packet_id, dup, retain } = publish;
        Publish { topic, payload, qos, packet_id, dup, retain, properties: Properties::default() }
    }
}

impl<'a> Publish<'a> {
    /// The number that stands for a topic [3.3.2.3.4].
    pub fn topic_alias(&self) -> Option<u16> {
        self.properties.number(PropertyId::TopicAlias).and_then(|alias| alias.try_into().ok())
    }

    pub(crate) fn decode(
        version: Version,
        sender: Sender,
        flags: u8,
        cursor: &mut Cursor<'a>,
    ) -> Result<Publish<'a>, Offence> {
        let qos = QoS::try_from(flags >> QOS_SHIFT & QOS).map_err(|_| Rule::PublishQoS)?;
        let dup = flags & DUP != 0;
        if dup && qos == QoS::AtMostOnce {
            return Err(Rule::DupWithQoS0.into());
        }
        let topic = cursor.text(Field::TopicName)?;
        let packet_id = (qos > QoS::AtMostOnce).then(|| cursor.packet_id()).transpose()?;
        let properties = Properties::decode(version, cursor, &PROPERTIES)?;
        let payload = cursor.rest();
        let publish = Publish { topic, payload, qos, packet_id, dup, retain: flags & RETAIN != 0, properties };
        publish.check(sender)?;
        Ok(publish)
    }

    fn check(&self, sender: Sender) -> Result<(), Offence> {
        let identifier = self.properties.find(PropertyId::SubscriptionIdentifier);
        if sender == Sender::Client && identifier.is_some() {
            return Err(Rule::SubscriptionIdentifierFromClient.into());
        }
        match TopicName::new(self.topic) {
            Ok(_) => Ok(()),
            Err(TopicNameError::Empty) if self.topic_alias().is_some() => Ok(()),
            Err(TopicNameError::Empty) => Err(Rule::TopicEmpty.into()),
            // A string from the wire is neither too long nor has it U+0000.
            Err(_) => Err(Rule::TopicWildcard.into()),
        }
    }

    /// Writes the packet. A packet id that is missing at QoS 1 or 2 becomes 0, which no peer accepts.
    pub(crate) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        let dup = if self.dup { DUP } else { 0 };
        let retain = if self.retain { RETAIN } else { 0 };
        let first_byte = PacketType::Publish.first_byte() | dup | (self.qos as u8) << QOS_SHIFT | retain;
        writer::packet(out, first_byte, self.payload, |writer| {
            writer.binary(self.topic.as_bytes());
            if self.qos > QoS::AtMostOnce {
                writer.u16(self.packet_id.unwrap_or(0));
            }
            self.properties.encode(version, writer);
        })
    }
}
