//! A connection with somebody at the other end of it.

use std::time::Duration;

use dinrail_mqtt::{
    Accept, Connack, Connection, Event, Limits, Packet, ProtocolError, Sender, SubscriptionOptions, Version,
};

use crate::notation::bytes;

/// A CONNECT with a Keep Alive of 60 s and no properties.
pub(crate) fn connect(version: Version) -> Vec<u8> {
    bytes(match version {
        Version::V311 => "10 0d 0004'MQTT' 04 02 003c 0001'a'",
        Version::V5 => "10 0e 0004'MQTT' 05 02 003c 00 0001'a'",
    })
}

/// A CONNECT of version 5 with these properties.
pub(crate) fn connect_with(properties: &str) -> Vec<u8> {
    let properties = bytes(properties);
    let head = bytes("0004'MQTT' 05 02 003c");
    let body = [&head[..], &crate::notation::varint(properties.len()), &properties, &bytes("0001'a'")].concat();
    crate::notation::packet(0x10, &body)
}

/// The server's side, and what it has sent.
pub(crate) struct Peer {
    pub(crate) connection: Connection,
    pub(crate) version: Version,
}

impl Peer {
    /// A connection that waits for its CONNECT, since time 0.
    pub(crate) fn fresh(limits: Limits) -> Peer {
        Peer { connection: Connection::new(limits, Duration::ZERO), version: Version::V311 }
    }

    /// A connection whose CONNECT was accepted at time 0.
    pub(crate) fn connected(version: Version) -> Peer {
        Peer::connected_with(Limits::default(), &connect(version))
    }

    pub(crate) fn connected_with(limits: Limits, connect: &[u8]) -> Peer {
        let mut peer = Peer::fresh(limits);
        peer.receive(connect).unwrap().unwrap();
        peer.connection.accept(Accept::default());
        peer.version = peer.connection.version();
        peer.connection.transmit().clear();
        peer
    }

    /// Gives bytes that hold one packet; it has to be taken whole, or not at all.
    pub(crate) fn receive<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<Event<'a>>, ProtocolError> {
        self.receive_at(Duration::ZERO, bytes)
    }

    pub(crate) fn receive_at<'a>(
        &mut self,
        now: Duration,
        bytes: &'a [u8],
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        let mut rest = bytes;
        let event = self.connection.handle_input(now, &mut rest);
        match event {
            Ok(Some(_)) => assert!(rest.is_empty(), "{} bytes are left", rest.len()),
            _ => assert_eq!(rest, bytes, "bytes were taken without an event"),
        }
        event
    }

    /// Gives bytes and expects an error; tells its label.
    pub(crate) fn refused(&mut self, bytes: &[u8]) -> &'static str {
        self.receive(bytes).unwrap_err().label()
    }

    /// Sends a packet as its client.
    pub(crate) fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(self.version, &mut bytes).unwrap();
        self.receive(&bytes).unwrap().unwrap();
    }

    /// What the client has been sent since the last time, as bytes.
    pub(crate) fn sent(&mut self) -> Vec<u8> {
        std::mem::take(self.connection.transmit())
    }
}

/// The only packet in some bytes that a server has sent.
pub(crate) fn only(version: Version, bytes: &[u8]) -> Packet<'_> {
    let mut rest = bytes;
    let packet = Packet::decode(version, Sender::Server, usize::MAX, &mut rest).unwrap().unwrap();
    assert!(rest.is_empty(), "more than one packet");
    packet
}

/// The CONNACK in some bytes.
pub(crate) fn connack(version: Version, bytes: &[u8]) -> Connack<'_> {
    match only(version, bytes) {
        Packet::Connack(connack) => connack,
        other => panic!("{other:?} is no CONNACK"),
    }
}

/// A PUBLISH to `t`, with 3 bytes of payload.
pub(crate) fn publish(version: Version, qos: u8, packet_id: u16) -> Vec<u8> {
    let mut body = bytes("0001't'");
    if qos > 0 {
        body.extend(packet_id.to_be_bytes());
    }
    if version == Version::V5 {
        body.push(0);
    }
    body.extend(b"abc");
    crate::notation::packet(0x30 | qos << 1, &body)
}

/// Options of QoS 1.
pub(crate) fn at_least_once() -> SubscriptionOptions {
    SubscriptionOptions::with_qos(dinrail_mqtt::QoS::AtLeastOnce)
}

pub(crate) const VERSIONS: [Version; 2] = [Version::V311, Version::V5];

/// What a client is sent that is told nothing.
pub(crate) const NOTHING: [u8; 0] = [];
