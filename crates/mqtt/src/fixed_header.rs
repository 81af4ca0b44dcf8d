//! The fixed header: packet type, flags and Remaining Length [2.1].

use std::fmt;

use crate::cursor::Varint;
use crate::error::{ProtocolError, Rule};
use crate::version::{Sender, Version};

/// The largest Remaining Length: what four bytes of seven bits hold [1.5.5].
pub const REMAINING_LENGTH_MAX: usize = 268_435_455;

/// A kind of control packet. The numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the variants are the standard's names for its packets")]
pub enum PacketType {
    Connect = 1,
    Connack = 2,
    Publish = 3,
    Puback = 4,
    Pubrec = 5,
    Pubrel = 6,
    Pubcomp = 7,
    Subscribe = 8,
    Suback = 9,
    Unsubscribe = 10,
    Unsuback = 11,
    Pingreq = 12,
    Pingresp = 13,
    Disconnect = 14,
    Auth = 15,
}

/// A fixed header that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FixedHeader {
    pub(crate) packet_type: PacketType,
    pub(crate) flags: u8,
    /// Bytes of the header itself, 2 to 5.
    pub(crate) length: usize,
    /// Remaining Length: bytes of the packet behind the header.
    pub(crate) remaining: usize,
}

impl PacketType {
    /// The packet's name as the standard prints it.
    pub fn name(self) -> &'static str {
        match self {
            PacketType::Connect => "CONNECT",
            PacketType::Connack => "CONNACK",
            PacketType::Publish => "PUBLISH",
            PacketType::Puback => "PUBACK",
            PacketType::Pubrec => "PUBREC",
            PacketType::Pubrel => "PUBREL",
            PacketType::Pubcomp => "PUBCOMP",
            PacketType::Subscribe => "SUBSCRIBE",
            PacketType::Suback => "SUBACK",
            PacketType::Unsubscribe => "UNSUBSCRIBE",
            PacketType::Unsuback => "UNSUBACK",
            PacketType::Pingreq => "PINGREQ",
            PacketType::Pingresp => "PINGRESP",
            PacketType::Disconnect => "DISCONNECT",
            PacketType::Auth => "AUTH",
        }
    }

    /// The type in the upper half of a packet's first byte; none for 0, which is reserved.
    pub(crate) fn of(first_byte: u8) -> Option<PacketType> {
        Some(match first_byte >> 4 {
            1 => PacketType::Connect,
            2 => PacketType::Connack,
            3 => PacketType::Publish,
            4 => PacketType::Puback,
            5 => PacketType::Pubrec,
            6 => PacketType::Pubrel,
            7 => PacketType::Pubcomp,
            8 => PacketType::Subscribe,
            9 => PacketType::Suback,
            10 => PacketType::Unsubscribe,
            11 => PacketType::Unsuback,
            12 => PacketType::Pingreq,
            13 => PacketType::Pingresp,
            14 => PacketType::Disconnect,
            15 => PacketType::Auth,
            _ => return None,
        })
    }

    /// The flags that are fixed for the type [MQTT-2.1.3-1]; PUBLISH has its own use for them.
    pub(crate) fn flags(self) -> u8 {
        match self {
            PacketType::Pubrel | PacketType::Subscribe | PacketType::Unsubscribe => 0b0010,
            _ => 0,
        }
    }

    /// The first byte of a packet with the fixed flags.
    pub(crate) fn first_byte(self) -> u8 {
        (self as u8) << 4 | self.flags()
    }

    /// The rule that is broken when this side sends the packet.
    pub(crate) fn wrong_sender(self, sender: Sender) -> Option<Rule> {
        match (self, sender) {
            (
                PacketType::Connack | PacketType::Suback | PacketType::Unsuback | PacketType::Pingresp,
                Sender::Client,
            ) => Some(Rule::OnlyServerSends),
            (
                PacketType::Connect | PacketType::Subscribe | PacketType::Unsubscribe | PacketType::Pingreq,
                Sender::Server,
            ) => Some(Rule::OnlyClientSends),
            _ => None,
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FixedHeader {
    /// Reads the fixed header at the begin of the input; none while it is not whole. What is wrong with the first byte
    /// is told without waiting for the rest.
    ///
    /// A Remaining Length that is longer than it need be is accepted: 3.1.1 allows it, and which version a CONNECT speaks
    /// is not known here yet.
    pub(crate) fn decode(version: Version, input: &[u8]) -> Result<Option<FixedHeader>, ProtocolError> {
        let Some((first, rest)) = input.split_first() else { return Ok(None) };
        let Some(packet_type) = PacketType::of(*first) else {
            return Err(ProtocolError::without_packet(Rule::ReservedPacketType));
        };
        if packet_type == PacketType::Auth && version == Version::V311 {
            return Err(ProtocolError::without_packet(Rule::ReservedPacketType));
        }
        let flags = first & 0x0F;
        if packet_type != PacketType::Publish && flags != packet_type.flags() {
            return Err(ProtocolError::new(packet_type, Rule::FixedHeaderFlags));
        }
        match Varint::decode(rest) {
            Varint::Value { value, length } => {
                Ok(Some(FixedHeader { packet_type, flags, length: 1 + length, remaining: value as usize }))
            }
            Varint::Unfinished => Ok(None),
            Varint::TooLong => Err(ProtocolError::new(packet_type, Rule::RemainingLength)),
        }
    }

    /// Bytes of the whole packet, as Maximum Packet Size counts them.
    pub(crate) fn packet_length(&self) -> usize {
        self.length + self.remaining
    }

    /// What follows the header inside the packet; none while it is not all there.
    pub(crate) fn body<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        input.get(self.length..self.packet_length())
    }
}
