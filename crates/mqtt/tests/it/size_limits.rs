//! Sizes are refused from the fixed header, before the body is there.

use dinrail_mqtt::{Event, Limits, ReasonCode, Version};

use crate::client::{NOTHING, Peer, VERSIONS, connack, connect, publish};
use crate::notation::{bytes, packet, varint};

const PAYLOAD_MAX: usize = 128 * 1024;

/// A PUBLISH at QoS 0 to a topic, with a payload of zeros.
fn message(version: Version, topic: &str, payload: usize) -> Vec<u8> {
    let mut body = (topic.len() as u16).to_be_bytes().to_vec();
    body.extend_from_slice(topic.as_bytes());
    if version == Version::V5 {
        body.push(0);
    }
    body.resize(body.len() + payload, 0);
    packet(0x30, &body)
}

#[test]
fn five_bytes_are_enough_to_refuse_a_packet() {
    for version in VERSIONS {
        for first in ["30", "32", "82", "a2", "40", "e0"] {
            let mut peer = Peer::connected(version);
            let error = peer.receive(&bytes(&format!("{first} ff ff ff 7f"))).unwrap_err();
            assert_eq!((error.label(), error.reason_code()), ("packet_too_large", ReasonCode::PacketTooLarge));
        }
    }
}

#[test]
fn a_packet_may_be_as_large_as_the_maximum_packet_size_says() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        // A Remaining Length of this size has three bytes.
        let remaining = PAYLOAD_MAX + 65_539 - 4;
        assert_eq!(peer.receive(&[&[0x30][..], &varint(remaining)].concat()), Ok(None));
        assert_eq!(peer.refused(&[&[0x30][..], &varint(remaining + 1)].concat()), "packet_too_large");
    }
}

#[test]
fn a_remaining_length_of_five_bytes_is_malformed() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        assert_eq!(peer.receive(&bytes("30 ff ff ff")), Ok(None));
        let error = peer.receive(&bytes("30 ff ff ff ff")).unwrap_err();
        assert_eq!((error.label(), error.reason_code()), ("remaining_length_overlong", ReasonCode::MalformedPacket));
    }
}

#[test]
fn a_payload_may_be_as_large_as_the_limit_says() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        let largest = message(version, "t", PAYLOAD_MAX);
        let event = peer.receive(&largest).unwrap();
        assert!(matches!(event, Some(Event::Publish(publish)) if publish.payload.len() == PAYLOAD_MAX));
        let error = peer.receive(&message(version, "t", PAYLOAD_MAX + 1)).unwrap_err();
        assert_eq!((error.label(), error.reason_code()), ("payload_too_large", ReasonCode::PacketTooLarge));
    }
}

#[test]
fn the_longest_topic_fits_beside_a_large_payload() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        let event = peer.receive(&message(version, &"t".repeat(65_000), PAYLOAD_MAX - 8)).map(|event| event.is_some());
        assert_eq!(event, Ok(true));
    }
}

#[test]
fn a_payload_is_not_copied() {
    let mut peer = Peer::connected(Version::V311);
    let input = publish(Version::V311, 0, 0);
    let Some(Event::Publish(publish)) = peer.receive(&input).unwrap() else { panic!("no message") };
    assert!(std::ptr::eq(publish.payload, &input[input.len() - 3..]));
}

#[test]
fn a_connect_may_be_as_large_as_its_own_limit_says() {
    let head = bytes("0004'MQTT' 04 02 003c");
    let with_client_id = |length: u16| {
        let client_id = vec![b'x'; length.into()];
        packet(0x10, &[&head[..], &length.to_be_bytes(), &client_id].concat())
    };
    // 15 bytes are not the client id.
    let largest = with_client_id((16 << 10) - 15);
    assert_eq!(largest.len(), 16 << 10);
    assert!(Peer::fresh(Limits::default()).receive(&largest).unwrap().is_some());
    assert_eq!(Peer::fresh(Limits::default()).refused(&with_client_id((16 << 10) - 14)), "connect_too_large");
}

#[test]
fn a_connect_that_is_too_large_is_refused_when_its_version_is_there() {
    for (level, answers) in [(5, true), (4, false)] {
        // A client id of 64 KiB.
        let request = bytes(&format!("10 8a8004 0004'MQTT' {level:02x}"));
        let mut peer = Peer::fresh(Limits::default());
        for length in 0..request.len() {
            assert_eq!(peer.receive(&request[..length]), Ok(None), "{length}");
        }
        let error = peer.receive(&request).unwrap_err();
        assert_eq!((error.label(), error.reason_code()), ("connect_too_large", ReasonCode::PacketTooLarge));
        peer.connection.fail(&error);
        let sent = peer.sent();
        if answers {
            assert_eq!(connack(Version::V5, &sent).reason, ReasonCode::PacketTooLarge);
        } else {
            assert_eq!(sent, NOTHING);
        }
    }
}

#[test]
fn other_bytes_behind_a_connect_that_is_too_large_are_refused_as_soon() {
    let mut peer = Peer::fresh(Limits::default());
    let error = peer.receive(&bytes("10 ff ff ff 7f 00 00 00 00 00 00 00")).unwrap_err();
    assert_eq!(error.label(), "connect_too_large");
    peer.connection.fail(&error);
    assert_eq!(peer.sent(), NOTHING);
}

#[test]
fn the_limits_can_be_others() {
    let limits = Limits { payload_max: 10, connect_size_max: 14, ..Limits::default() };
    let mut peer = Peer::fresh(limits.clone());
    assert_eq!(peer.refused(&connect(Version::V5)), "connect_too_large");
    let mut peer = Peer::connected_with(Limits { connect_size_max: 15, ..limits }, &connect(Version::V311));
    assert!(peer.receive(&message(Version::V311, "t", 10)).unwrap().is_some());
    assert_eq!(peer.refused(&message(Version::V311, "t", 11)), "payload_too_large");
}
