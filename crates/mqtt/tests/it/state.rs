//! Packets at the wrong time, or from the wrong side.

use dinrail_mqtt::{Event, Limits, PacketType, ReasonCode, Version};

use crate::client::{NOTHING, Peer, VERSIONS, connect, connect_with, publish};
use crate::notation::bytes;

#[test]
fn the_first_packet_has_to_be_a_connect_and_one_byte_tells() {
    for first in (0x00..=0xFFu8).filter(|first| first >> 4 != 1) {
        let mut peer = Peer::fresh(Limits::default());
        let error = peer.receive(&[first]).unwrap_err();
        assert_eq!(error.label(), "first_packet_not_connect", "{first:#04x}");
        peer.connection.fail(&error);
        assert_eq!(peer.sent(), NOTHING, "whoever sends this may not speak MQTT");
    }
}

#[test]
fn a_tls_record_on_a_plain_port_is_told_by_its_first_byte() {
    let mut peer = Peer::fresh(Limits::default());
    assert_eq!(peer.refused(&[0x16]), "fixed_header_flags");
}

#[test]
fn a_second_connect_is_refused() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        assert_eq!(peer.refused(&connect(version)), "second_connect");
        assert_eq!(peer.refused(&[0x10]), "second_connect");
    }
}

#[test]
fn packets_of_a_server_are_refused_by_their_first_byte() {
    for version in VERSIONS {
        for first in [0x20, 0x90, 0xB0, 0xD0] {
            let mut peer = Peer::connected(version);
            let error = peer.receive(&[first]).unwrap_err();
            assert_eq!(error.label(), "only_server_sends");
            assert_eq!(error.packet_type().map(|packet_type| packet_type as u8), Some(first >> 4));
            assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
        }
    }
}

#[test]
fn a_connack_right_behind_the_connect_is_refused() {
    let mut peer = Peer::fresh(Limits::default());
    let input = bytes("10 10 0004'MQTT' 05 02 003c 03 21 0014 0000 29 02 0001 e0 00");
    let mut rest = &input[..];
    peer.connection.handle_input(std::time::Duration::ZERO, &mut rest).unwrap().unwrap();
    peer.connection.accept(dinrail_mqtt::Accept::default());
    assert_eq!(peer.refused(rest), "only_server_sends");
}

#[test]
fn reserved_types_are_malformed() {
    let mut peer = Peer::connected(Version::V311);
    for first in [0x00, 0x0F, 0xF0, 0xFF] {
        let error = peer.receive(&[first]).unwrap_err();
        assert_eq!((error.label(), error.reason_code()), ("reserved_packet_type", ReasonCode::MalformedPacket));
    }
}

#[test]
fn auth_is_refused_because_no_method_was_agreed_upon() {
    let mut peer = Peer::connected(Version::V5);
    let error = peer.receive(&bytes("f0 06 18 04 15 0001'm'")[..1]).unwrap_err();
    assert_eq!((error.label(), error.reason_code()), ("auth_without_method", ReasonCode::ProtocolError));
    assert_eq!(error.packet_type(), Some(PacketType::Auth));
}

#[test]
fn acknowledgements_of_unknown_ids_are_for_the_caller_and_harmless() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        assert!(
            matches!(peer.receive(&bytes("40 02 1234")).unwrap(), Some(Event::Puback(ack)) if ack.packet_id == 0x1234)
        );
        assert!(
            matches!(peer.receive(&bytes("50 02 1234")).unwrap(), Some(Event::Pubrec(ack)) if ack.packet_id == 0x1234)
        );
        assert!(
            matches!(peer.receive(&bytes("62 02 1234")).unwrap(), Some(Event::Pubrel(ack)) if ack.packet_id == 0x1234)
        );
        assert!(
            matches!(peer.receive(&bytes("70 02 1234")).unwrap(), Some(Event::Pubcomp(ack)) if ack.packet_id == 0x1234)
        );
        assert_eq!(peer.sent(), NOTHING);
    }
}

#[test]
fn a_ping_is_answered_at_once() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        assert_eq!(peer.receive(&bytes("c0 00")), Ok(Some(Event::Ping)));
        assert_eq!(peer.sent(), [0xD0, 0]);
    }
}

#[test]
fn nothing_is_taken_or_written_after_a_disconnect() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        peer.receive(&publish(version, 1, 1)).unwrap().unwrap();
        assert!(matches!(peer.receive(&bytes("e0 00")).unwrap(), Some(Event::Disconnect(_))));
        assert_eq!(peer.receive(&publish(version, 0, 0)), Ok(None));
        peer.connection.puback(1, ReasonCode::Success, None);
        peer.connection.disconnect(ReasonCode::ServerShuttingDown, None);
        assert_eq!(peer.sent(), NOTHING);
        assert_eq!(peer.connection.poll_timeout(), None);
    }
}

#[test]
fn a_session_that_was_to_end_cannot_be_prolonged_at_the_end() {
    let prolong = bytes("e0 07 00 05 11 00000001");
    for request in [connect(Version::V5), connect_with("11 00000000")] {
        let mut peer = Peer::connected_with(Limits::default(), &request);
        assert_eq!(peer.refused(&prolong), "session_expiry_raised");
    }
    let mut peer = Peer::connected_with(Limits::default(), &connect_with("11 0000000a"));
    let event = peer.receive(&prolong).unwrap();
    assert!(matches!(event, Some(Event::Disconnect(disconnect)) if disconnect.session_expiry_s() == Some(1)));
}

#[test]
fn a_session_can_be_ended_with_its_connection() {
    let mut peer = Peer::connected_with(Limits::default(), &connect_with("11 0000000a"));
    let end = bytes("e0 07 00 05 11 00000000");
    let event = peer.receive(&end).unwrap();
    assert!(matches!(event, Some(Event::Disconnect(disconnect)) if disconnect.session_expiry_s() == Some(0)));
}

#[test]
fn an_error_comes_again_until_the_connection_ends() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        let first = peer.receive(&bytes("e1 00")).unwrap_err();
        assert_eq!(peer.receive(&bytes("e1 00")), Err(first));
        peer.connection.fail(&first);
        assert_eq!(peer.receive(&bytes("e1 00")), Ok(None));
    }
}
