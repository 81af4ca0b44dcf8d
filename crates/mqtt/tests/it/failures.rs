//! What the peer hears when something is wrong.

use dinrail_mqtt::{Disconnect, Limits, Packet, PropertyId, ReasonCode, Timeout, Version};

use crate::client::{NOTHING, Peer, VERSIONS, connack, connect, connect_with, only};
use crate::notation::bytes;

/// What a fresh connection answers to some bytes that are wrong.
fn answer_to(bytes: &[u8]) -> Vec<u8> {
    let mut peer = Peer::fresh(Limits::default());
    let error = peer.receive(bytes).unwrap_err();
    peer.connection.fail(&error);
    peer.sent()
}

fn disconnect(version: Version, bytes: &[u8]) -> Disconnect<'_> {
    match only(version, bytes) {
        Packet::Disconnect(disconnect) => disconnect,
        other => panic!("{other:?} is no DISCONNECT"),
    }
}

#[test]
fn mqtt_3_1_hears_return_code_1() {
    assert_eq!(answer_to(&bytes("10 0f 0006'MQIsdp' 03 02 003c 0001'a'")), [0x20, 2, 0, 1]);
}

#[test]
fn a_bridge_that_says_so_by_its_level_hears_return_code_1_and_comes_again_without() {
    assert_eq!(answer_to(&bytes("10 0d 0004'MQTT' 84 02 003c 0001'a'")), [0x20, 2, 0, 1]);
    assert_eq!(answer_to(&bytes("10 0f 0006'MQIsdp' 83 02 003c 0001'a'")), [0x20, 2, 0, 1]);
}

#[test]
fn a_version_after_5_hears_it_in_the_words_of_5() {
    let sent = answer_to(&bytes("10 0e 0004'MQTT' 06 02 003c 00 0001'a'"));
    assert_eq!(connack(Version::V5, &sent).reason, ReasonCode::UnsupportedProtocolVersion);
}

#[test]
fn another_protocol_hears_nothing() {
    assert_eq!(answer_to(&bytes("10 0d 0004'MQTX' 04 02 003c 0001'a'")), NOTHING);
    assert_eq!(answer_to(b"GET / HTTP/1.1\r\n\r\n"), NOTHING);
    assert_eq!(answer_to(&bytes("16 03 01 02 00 01")), NOTHING);
}

#[test]
fn a_malformed_connect_is_answered_in_5_and_not_in_3_1_1() {
    assert_eq!(answer_to(&bytes("10 0d 0004'MQTT' 04 03 003c 0001'a'")), NOTHING);
    let sent = answer_to(&bytes("10 0e 0004'MQTT' 05 03 003c 00 0001'a'"));
    let connack = connack(Version::V5, &sent);
    assert_eq!(connack.reason, ReasonCode::MalformedPacket);
    let reason = connack.properties.text(PropertyId::ReasonString).unwrap();
    assert_eq!(reason, "CONNECT: the reserved bit of the Connect Flags is set [MQTT-3.1.2-3]");
}

#[test]
fn a_version_behind_the_end_of_the_connect_is_not_its_version() {
    assert_eq!(answer_to(&bytes("10 00 0004'MQTT' 05 02 003c 00 0001'a'")), NOTHING);
}

#[test]
fn a_connect_that_is_too_slow_is_answered_when_it_plainly_is_one_of_5() {
    for (begin, expected) in [("10 0e 0004'MQTT' 05 02", 0x82), ("10 0e 0004'MQTT' 04 02", 0), ("10 0e 00", 0)] {
        let mut peer = Peer::fresh(Limits::default());
        assert_eq!(peer.receive(&bytes(begin)), Ok(None));
        peer.connection.fail(&Timeout::Connect.into());
        let sent = peer.sent();
        match expected {
            0 => assert_eq!(sent, NOTHING, "{begin}"),
            code => assert_eq!(connack(Version::V5, &sent).reason as u8, code),
        }
    }
}

#[test]
fn after_connack_5_says_why_and_3_1_1_just_ends() {
    for (input, code) in [
        ("00 00", ReasonCode::MalformedPacket),
        ("20 02 00 00", ReasonCode::ProtocolError),
        ("30 ff ff ff 7f", ReasonCode::PacketTooLarge),
        ("32 05 0001't' 0000", ReasonCode::ProtocolError),
    ] {
        let mut peer = Peer::connected(Version::V5);
        let error = peer.receive(&bytes(input)).unwrap_err();
        peer.connection.fail(&error);
        let sent = peer.sent();
        let disconnect = disconnect(Version::V5, &sent);
        assert_eq!(disconnect.reason, code, "{input}");
        assert_eq!(disconnect.properties.text(PropertyId::ReasonString), Some(&*error.to_string()), "{input}");

        let mut peer = Peer::connected(Version::V311);
        let error = peer.receive(&bytes(input)).unwrap_err();
        assert_eq!(error.reason_code(), code, "{input}");
        peer.connection.fail(&error);
        assert_eq!(peer.sent(), NOTHING, "{input}");
    }
}

#[test]
fn a_silent_client_of_5_hears_that_it_was_silent() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        peer.connection.fail(&Timeout::KeepAlive.into());
        let sent = peer.sent();
        match version {
            Version::V311 => assert_eq!(sent, NOTHING),
            Version::V5 => assert_eq!(disconnect(version, &sent).reason, ReasonCode::KeepAliveTimeout),
        }
    }
}

#[test]
fn the_server_ends_a_connection_with_a_reason() {
    let mut peer = Peer::connected(Version::V5);
    peer.connection.disconnect(ReasonCode::SessionTakenOver, Some("by another"));
    let sent = peer.sent();
    let disconnect = disconnect(Version::V5, &sent);
    assert_eq!(disconnect.reason, ReasonCode::SessionTakenOver);
    assert_eq!(disconnect.properties.text(PropertyId::ReasonString), Some("by another"));
    let mut peer = Peer::connected(Version::V311);
    peer.connection.disconnect(ReasonCode::SessionTakenOver, Some("by another"));
    assert_eq!(peer.sent(), NOTHING);
}

#[test]
fn before_connack_there_is_no_disconnect() {
    for version in VERSIONS {
        let mut peer = Peer::fresh(Limits::default());
        peer.connection.disconnect(ReasonCode::ServerShuttingDown, None);
        assert_eq!(peer.sent(), NOTHING);
        let mut peer = Peer::fresh(Limits::default());
        peer.receive(&connect(version)).unwrap().unwrap();
        peer.connection.disconnect(ReasonCode::ServerShuttingDown, None);
        assert_eq!(peer.sent(), NOTHING);
    }
}

#[test]
fn nothing_follows_the_last_packet() {
    let mut peer = Peer::connected(Version::V5);
    peer.connection.fail(&Timeout::KeepAlive.into());
    let sent = peer.sent();
    assert!(!sent.is_empty());
    peer.connection.fail(&Timeout::KeepAlive.into());
    peer.connection.pubcomp(1, ReasonCode::Success, None);
    peer.connection.suback(1, &[ReasonCode::Success]);
    assert_eq!(peer.sent(), NOTHING);
}

#[test]
fn a_reason_is_cut_to_the_clients_maximum_packet_size() {
    for size in 3..=120u32 {
        let mut peer = Peer::connected_with(Limits::default(), &connect_with(&format!("27 {size:08x}")));
        let error = peer.receive(&bytes("00")).unwrap_err();
        peer.connection.fail(&error);
        let sent = peer.sent();
        assert!(sent.len() <= size as usize, "{} of {size} bytes", sent.len());
        assert_eq!(disconnect(Version::V5, &sent).reason, ReasonCode::MalformedPacket);
    }
}

#[test]
fn errors_name_the_packet_the_field_and_the_rule() {
    for (input, words) in [
        ("30 02 0000", "PUBLISH: the Topic Name is empty [MQTT-4.7.3-1]"),
        ("40 02 0000", "PUBACK: the Packet Identifier is 0 [MQTT-2.2.1-3]"),
        ("30 03 0001ff", "PUBLISH: Topic Name is not well-formed UTF-8 [MQTT-1.5.4-1]"),
        ("00", "the packet type is reserved [2.1.2]"),
    ] {
        let mut peer = Peer::connected(Version::V311);
        assert_eq!(peer.receive(&bytes(input)).unwrap_err().to_string(), words);
    }
}
