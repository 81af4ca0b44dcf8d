//! How the network cuts the bytes changes nothing, and no bytes do harm.

use std::time::Duration;

use dinrail_mqtt::{Accept, Connection, Event, Limits, Packet, ProtocolError, ReasonCode, Sender, Version};
use proptest::prelude::*;

use crate::client::{connect, publish};
use crate::notation::{bytes, packet};

/// What a connection makes of its input: the events in words, the error if there is one, and all it has sent.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<String>,
    error: Option<ProtocolError>,
    sent: Vec<u8>,
}

/// A server that accepts everybody and answers everything with success.
struct Server {
    connection: Connection,
    buffer: Vec<u8>,
    outcome: Outcome,
}

impl Server {
    fn new() -> Server {
        let connection = Connection::new(Limits { receive_maximum: 3, ..Limits::default() }, Duration::ZERO);
        Server {
            connection,
            buffer: Vec::new(),
            outcome: Outcome { events: Vec::new(), error: None, sent: Vec::new() },
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        if self.outcome.error.is_some() {
            return;
        }
        self.buffer.extend_from_slice(bytes);
        let buffer = std::mem::take(&mut self.buffer);
        let mut rest = &buffer[..];
        loop {
            let before = rest.len();
            match self.connection.handle_input(Duration::ZERO, &mut rest) {
                Ok(Some(event)) => {
                    assert!(rest.len() < before && buffer.ends_with(rest), "an event takes bytes off the input");
                    self.answer(&event);
                }
                Ok(None) => {
                    assert_eq!(rest.len(), before);
                    break;
                }
                Err(error) => {
                    assert_eq!(rest.len(), before);
                    self.connection.fail(&error);
                    self.outcome.error = Some(error);
                    break;
                }
            }
        }
        self.buffer = rest.to_vec();
        self.outcome.sent.append(self.connection.transmit());
    }

    fn answer(&mut self, event: &Event<'_>) {
        self.outcome.events.push(format!("{event:?}"));
        let connection = &mut self.connection;
        match event {
            Event::Connect(_) => connection.accept(Accept::default()),
            Event::Publish(publish) if publish.qos as u8 == 1 => {
                connection.puback(publish.packet_id.unwrap(), ReasonCode::Success, None);
            }
            Event::Publish(publish) if publish.qos as u8 == 2 => {
                connection.pubrec(publish.packet_id.unwrap(), ReasonCode::Success, None);
            }
            Event::Pubrel(ack) => connection.pubcomp(ack.packet_id, ReasonCode::Success, None),
            Event::Pubrec(ack) => connection.pubrel(ack.packet_id, ReasonCode::PacketIdentifierNotFound, None),
            Event::Subscribe(subscribe) => {
                connection.suback(subscribe.packet_id, &vec![ReasonCode::Success; subscribe.filters.len()]);
            }
            Event::Unsubscribe(unsubscribe) => {
                connection.unsuback(unsubscribe.packet_id, &vec![ReasonCode::Success; unsubscribe.filters.len()]);
            }
            _ => {}
        }
    }

    /// Feeds the input in pieces of the sizes that are given, then the rest.
    fn run(input: &[u8], pieces: &[usize]) -> Outcome {
        let mut server = Server::new();
        let mut rest = input;
        for size in pieces {
            let (piece, behind) = rest.split_at((*size).min(rest.len()));
            server.feed(piece);
            rest = behind;
        }
        server.feed(rest);
        server.outcome
    }
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V311), Just(Version::V5)]
}

/// A packet that is mostly right, in either version.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let bodies = prop::collection::vec(any::<u8>(), 0..24);
    prop_oneof![
        (version(), 0..3u8, 1..6u16).prop_map(|(version, qos, packet_id)| publish(version, qos, packet_id)),
        (1..6u8).prop_map(|packet_id| vec![0x62, 2, 0, packet_id]),
        (1..6u8).prop_map(|packet_id| vec![0x50, 2, 0, packet_id]),
        Just(bytes("c0 00")),
        Just(bytes("82 06 0001 0001'a' 00")),
        Just(bytes("82 07 0001 00 0001'a' 00")),
        Just(bytes("a2 05 0001 0001'a'")),
        Just(bytes("e0 00")),
        (any::<u8>(), bodies).prop_map(|(first, body)| packet(first, &body)),
    ]
}

fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let behind = prop::collection::vec(plausible(), 0..8);
    (version(), behind).prop_map(|(version, packets)| [connect(version), packets.concat()].concat())
}

fn decode_all(version: Version, sender: Sender, input: &[u8]) -> Vec<Packet<'_>> {
    let mut rest = input;
    let mut packets = Vec::new();
    while let Ok(Some(packet)) = Packet::decode(version, sender, 100_000, &mut rest) {
        assert!(input.ends_with(rest));
        packets.push(packet);
    }
    packets
}

proptest! {
    #[test]
    fn any_cut_of_a_conversation_has_the_same_outcome(
        input in conversation(),
        pieces in prop::collection::vec(0..20usize, 0..40),
    ) {
        let at_once = Server::run(&input, &[]);
        prop_assert_eq!(&Server::run(&input, &pieces), &at_once);
        prop_assert_eq!(&Server::run(&input, &vec![1; input.len()]), &at_once);
    }

    #[test]
    fn any_cut_of_any_bytes_has_the_same_outcome(
        input in prop::collection::vec(any::<u8>(), 0..64),
        is_connect in any::<bool>(),
    ) {
        let input = if is_connect { [&[0x10][..], &input].concat() } else { input };
        prop_assert_eq!(Server::run(&input, &vec![1; input.len()]), Server::run(&input, &[]));
    }

    #[test]
    fn a_spoilt_conversation_does_no_harm(
        input in conversation(),
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut input = input;
        for (index, byte) in spoilt {
            let length = input.len();
            input[index.index(length)] = byte;
        }
        prop_assert_eq!(Server::run(&input, &vec![1; input.len()]), Server::run(&input, &[]));
    }

    #[test]
    fn what_is_read_is_read_again_from_what_is_written(
        input in prop::collection::vec(plausible(), 1..4),
        version in version(),
        from_server in any::<bool>(),
    ) {
        let sender = if from_server { Sender::Server } else { Sender::Client };
        let input = input.concat();
        for packet in decode_all(version, sender, &input) {
            let mut written = Vec::new();
            packet.encode(version, &mut written).unwrap();
            prop_assert!(written.len() <= input.len());
            prop_assert_eq!(decode_all(version, sender, &written), vec![packet]);
        }
    }
}
