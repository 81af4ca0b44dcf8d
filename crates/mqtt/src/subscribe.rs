//! SUBSCRIBE [3.8].

use crate::cursor::Cursor;
use crate::error::{Offence, Rule};
use crate::field::Field;
use crate::fixed_header::PacketType;
use crate::properties::{Allowed, Properties};
use crate::property::PropertyId;
use crate::qos::QoS;
use crate::topic::{TopicFilter, TopicFilterError};
use crate::version::Version;
use crate::writer::{self, TooLarge};

/// Topic filters of one SUBSCRIBE or UNSUBSCRIBE. Clients send a handful; this keeps a packet full of the shortest ones
/// from growing twenty-fold in memory.
pub const FILTERS_MAX: usize = 1_000;

const QOS: u8 = 0x03;
const NO_LOCAL: u8 = 0x04;
const RETAIN_AS_PUBLISHED: u8 = 0x08;
const RETAIN_HANDLING_SHIFT: u8 = 4;
const RETAIN_HANDLING: u8 = 0x03;
const RESERVED: u8 = 0xC0;

const PROPERTIES: Allowed =
    Allowed { once: &[PropertyId::SubscriptionIdentifier], repeated: &[PropertyId::UserProperty] };

/// A client asks for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// The one to answer with, never 0.
    pub packet_id: u16,
    /// At least one; SUBACK answers each.
    pub filters: Vec<Subscription<'a>>,
    /// Subscription Identifier and User Properties.
    pub properties: Properties<'a>,
}

/// One topic filter of a SUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// As it came.
    pub text: &'a str,
    /// The same, if it is a topic filter. One that is not spoils only itself: it is answered with 0x8F (0x80 in 3.1.1).
    pub filter: Result<TopicFilter<'a>, TopicFilterError>,
    /// How it is meant.
    pub options: SubscriptionOptions,
}

/// How a subscription is meant [3.8.3.1]. 3.1.1 has the QoS alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionOptions {
    /// The highest QoS at which the client wants messages.
    pub qos: QoS,
    /// Do not send back what the client publishes itself.
    pub no_local: bool,
    /// Send the RETAIN flag as it was published.
    pub retain_as_published: bool,
    /// Which retained messages to send.
    pub retain_handling: RetainHandling,
}

/// Which retained messages a SUBSCRIBE brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RetainHandling {
    /// All that match.
    Send = 0,
    /// All that match, unless the subscription was there before.
    SendIfNew = 1,
    /// None.
    DoNotSend = 2,
}

impl<'a> Subscribe<'a> {
    /// The number that goes with every message of these subscriptions.
    pub fn subscription_identifier(&self) -> Option<u32> {
        self.properties.number(PropertyId::SubscriptionIdentifier)
    }

    pub(crate) fn decode(version: Version, cursor: &mut Cursor<'a>) -> Result<Subscribe<'a>, Offence> {
        let packet_id = cursor.packet_id()?;
        let properties = Properties::decode(version, cursor, &PROPERTIES)?;
        let filters = decode_filters(cursor, |cursor| Subscription::decode(version, cursor))?;
        Ok(Subscribe { packet_id, filters, properties })
    }

    pub(crate) fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        writer::packet(out, PacketType::Subscribe.first_byte(), &[], |writer| {
            writer.u16(self.packet_id);
            self.properties.encode(version, writer);
            for subscription in &self.filters {
                writer.binary(subscription.text.as_bytes());
                writer.u8(subscription.options.byte(version));
            }
        })
    }
}

impl<'a> Subscription<'a> {
    /// Asks for the messages of a filter.
    pub fn new(text: &'a str, options: SubscriptionOptions) -> Subscription<'a> {
        Subscription { text, filter: TopicFilter::new(text), options }
    }

    fn decode(version: Version, cursor: &mut Cursor<'a>) -> Result<Subscription<'a>, Offence> {
        let text = cursor.text(Field::TopicFilter)?;
        let options = SubscriptionOptions::decode(version, cursor.u8(Field::SubscriptionOptions)?)?;
        let subscription = Subscription::new(text, options);
        if options.no_local && subscription.filter.is_ok_and(TopicFilter::is_shared) {
            return Err(Rule::NoLocalOnShared.into());
        }
        Ok(subscription)
    }
}

impl SubscriptionOptions {
    /// What 3.1.1 can say.
    pub fn with_qos(qos: QoS) -> SubscriptionOptions {
        let retain_handling = RetainHandling::Send;
        SubscriptionOptions { qos, no_local: false, retain_as_published: false, retain_handling }
    }

    fn decode(version: Version, byte: u8) -> Result<SubscriptionOptions, Offence> {
        let reserved = match version {
            Version::V311 => !QOS,
            Version::V5 => RESERVED,
        };
        if byte & reserved != 0 {
            return Err(Rule::SubscriptionOptionsReserved.into());
        }
        Ok(SubscriptionOptions {
            qos: QoS::try_from(byte & QOS).map_err(|_| Rule::SubscriptionQoS)?,
            no_local: byte & NO_LOCAL != 0,
            retain_as_published: byte & RETAIN_AS_PUBLISHED != 0,
            retain_handling: match byte >> RETAIN_HANDLING_SHIFT & RETAIN_HANDLING {
                0 => RetainHandling::Send,
                1 => RetainHandling::SendIfNew,
                2 => RetainHandling::DoNotSend,
                _ => return Err(Rule::RetainHandling.into()),
            },
        })
    }

    fn byte(self, version: Version) -> u8 {
        let qos = self.qos as u8;
        match version {
            Version::V311 => qos,
            Version::V5 => {
                let no_local = if self.no_local { NO_LOCAL } else { 0 };
                let retain_as_published = if self.retain_as_published { RETAIN_AS_PUBLISHED } else { 0 };
                qos | no_local | retain_as_published | (self.retain_handling as u8) << RETAIN_HANDLING_SHIFT
            }
        }
    }
}

/// Reads filters to the end of the packet; there has to be one, and there may not be too many.
pub(crate) fn decode_filters<'a, T>(
    cursor: &mut Cursor<'a>,
    decode: impl Fn(&mut Cursor<'a>) -> Result<T, Offence>,
) -> Result<Vec<T>, Offence> {
    let mut filters = Vec::new();
    while !cursor.is_empty() {
        if filters.len() == FILTERS_MAX {
            return Err(Rule::TooManyFilters.into());
        }
        filters.push(decode(cursor)?);
    }
    if filters.is_empty() { Err(Rule::NoFilters.into()) } else { Ok(filters) }
}
