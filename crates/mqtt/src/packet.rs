//! Any control packet, read and written.

use crate::acknowledgement::Ack;
use crate::auth::Auth;
use crate::connack::Connack;
use crate::connect::Connect;
use crate::cursor::Cursor;
use crate::disconnect::Disconnect;
use crate::error::{Offence, ProtocolError, Rule};
use crate::fixed_header::{FixedHeader, PacketType};
use crate::publish::Publish;
use crate::suback::Suback;
use crate::subscribe::Subscribe;
use crate::unsuback::Unsuback;
use crate::unsubscribe::Unsubscribe;
use crate::version::{Sender, Version};
use crate::writer::{self, TooLarge};

/// A control packet of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the standard's names for its packets")]
pub enum Packet<'a> {
    Connect(Connect<'a>),
    Connack(Connack<'a>),
    Publish(Publish<'a>),
    Puback(Ack<'a>),
    Pubrec(Ack<'a>),
    Pubrel(Ack<'a>),
    Pubcomp(Ack<'a>),
    Subscribe(Subscribe<'a>),
    Suback(Suback<'a>),
    Unsubscribe(Unsubscribe<'a>),
    Unsuback(Unsuback<'a>),
    Pingreq,
    Pingresp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

impl<'a> Packet<'a> {
    /// Takes the first packet off the input; none, and nothing is taken, while it is not whole.
    ///
    /// `sender` is who wrote the bytes. `version` is the connection's; a CONNECT names its own. A packet larger than
    /// `packet_size_max` bytes is refused as soon as its fixed header is there.
    ///
    /// # Errors
    /// The first packet is malformed, too large, or not one that this side may send. The input stays as it was.
    pub fn decode(
        version: Version,
        sender: Sender,
        packet_size_max: usize,
        input: &mut &'a [u8],
    ) -> Result<Option<Packet<'a>>, ProtocolError> {
        let Some(header) = FixedHeader::decode(version, input)? else { return Ok(None) };
        if let Some(rule) = header.packet_type.wrong_sender(sender) {
            return Err(ProtocolError::new(header.packet_type, rule));
        }
        if header.packet_length() > packet_size_max {
            return Err(ProtocolError::new(header.packet_type, Rule::PacketTooLarge));
        }
        let Some(body) = header.body(input) else { return Ok(None) };
        let packet = Packet::decode_body(version, sender, &header, body)?;
        *input = &input[header.packet_length()..];
        Ok(Some(packet))
    }

    /// Reads what follows the fixed header, all of it.
    pub(crate) fn decode_body(
        version: Version,
        sender: Sender,
        header: &FixedHeader,
        body: &'a [u8],
    ) -> Result<Packet<'a>, ProtocolError> {
        let mut cursor = Cursor::new(body);
        let packet = Packet::decode_fields(version, sender, header, &mut cursor);
        let whole = packet.and_then(|packet| cursor.finish().map(|()| packet));
        whole.map_err(|offence| ProtocolError::new(header.packet_type, offence))
    }

    fn decode_fields(
        version: Version,
        sender: Sender,
        header: &FixedHeader,
        cursor: &mut Cursor<'a>,
    ) -> Result<Packet<'a>, Offence> {
        let packet_type = header.packet_type;
        match packet_type {
            PacketType::Connect => Connect::decode(cursor).map(Packet::Connect),
            PacketType::Connack => Connack::decode(version, cursor).map(Packet::Connack),
            PacketType::Publish => Publish::decode(version, sender, header.flags, cursor).map(Packet::Publish),
            PacketType::Puback => Ack::decode(version, sender, packet_type, cursor).map(Packet::Puback),
            PacketType::Pubrec => Ack::decode(version, sender, packet_type, cursor).map(Packet::Pubrec),
            PacketType::Pubrel => Ack::decode(version, sender, packet_type, cursor).map(Packet::Pubrel),
            PacketType::Pubcomp => Ack::decode(version, sender, packet_type, cursor).map(Packet::Pubcomp),
            PacketType::Subscribe => Subscribe::decode(version, cursor).map(Packet::Subscribe),
            PacketType::Suback => Suback::decode(version, cursor).map(Packet::Suback),
            PacketType::Unsubscribe => Unsubscribe::decode(version, cursor).map(Packet::Unsubscribe),
            PacketType::Unsuback => Unsuback::decode(version, cursor).map(Packet::Unsuback),
            PacketType::Pingreq => Ok(Packet::Pingreq),
            PacketType::Pingresp => Ok(Packet::Pingresp),
            PacketType::Disconnect => Disconnect::decode(version, sender, cursor).map(Packet::Disconnect),
            PacketType::Auth => Auth::decode(version, sender, cursor).map(Packet::Auth),
        }
    }

    /// Appends the packet to `out`, each part as short as it may be. A CONNECT is written in its own version.
    ///
    /// # Errors
    /// A field or the packet is longer than MQTT can say; nothing was appended.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        let packet_type = self.packet_type();
        match self {
            Packet::Connect(connect) => connect.encode(out),
            Packet::Connack(connack) => connack.encode(version, out),
            Packet::Publish(publish) => publish.encode(version, out),
            Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack) => {
                ack.encode(version, packet_type, out)
            }
            Packet::Subscribe(subscribe) => subscribe.encode(version, out),
            Packet::Suback(suback) => suback.encode(version, out),
            Packet::Unsubscribe(unsubscribe) => unsubscribe.encode(version, out),
            Packet::Unsuback(unsuback) => unsuback.encode(version, out),
            Packet::Pingreq | Packet::Pingresp => writer::packet(out, packet_type.first_byte(), &[], |_| {}),
            Packet::Disconnect(disconnect) => disconnect.encode(version, out),
            Packet::Auth(auth) => auth.encode(version, out),
        }
    }

    /// Which kind of packet it is.
    pub fn packet_type(&self) -> PacketType {
        match self {
            Packet::Connect(_) => PacketType::Connect,
            Packet::Connack(_) => PacketType::Connack,
            Packet::Publish(_) => PacketType::Publish,
            Packet::Puback(_) => PacketType::Puback,
            Packet::Pubrec(_) => PacketType::Pubrec,
            Packet::Pubrel(_) => PacketType::Pubrel,
            Packet::Pubcomp(_) => PacketType::Pubcomp,
            Packet::Subscribe(_) => PacketType::Subscribe,
            Packet::Suback(_) => PacketType::Suback,
            Packet::Unsubscribe(_) => PacketType::Unsubscribe,
            Packet::Unsuback(_) => PacketType::Unsuback,
            Packet::Pingreq => PacketType::Pingreq,
            Packet::Pingresp => PacketType::Pingresp,
            Packet::Disconnect(_) => PacketType::Disconnect,
            Packet::Auth(_) => PacketType::Auth,
        }
    }
}
