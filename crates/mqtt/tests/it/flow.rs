//! How much a client may have under way.

use dinrail_mqtt::{Ack, Event, Limits, Packet, ReasonCode, Subscribe, Subscription, Unsubscribe, Version};

use crate::client::{Peer, VERSIONS, at_least_once, connect, publish};
use crate::notation::bytes;

const WINDOW: u16 = 100;

fn fill(peer: &mut Peer, qos: u8, count: u16) {
    for packet_id in 1..=count {
        peer.receive(&publish(peer.version, qos, packet_id)).unwrap().unwrap();
    }
}

fn release(peer: &mut Peer, packet_id: u16) {
    peer.send(&Packet::Pubrel(Ack::new(packet_id, ReasonCode::Success)));
}

#[test]
fn a_socket_of_3_1_1_is_not_read_beyond_the_window() {
    let mut peer = Peer::connected(Version::V311);
    fill(&mut peer, 1, WINDOW - 1);
    assert!(peer.connection.may_read());
    fill(&mut peer, 1, 1);
    assert!(!peer.connection.may_read());
    assert_eq!(peer.receive(&publish(Version::V311, 1, 500)), Ok(None));
    assert_eq!(peer.receive(&bytes("c0 00")), Ok(None));
    peer.connection.puback(7, ReasonCode::Success, None);
    assert!(peer.connection.may_read());
    assert!(peer.receive(&publish(Version::V311, 1, 500)).unwrap().is_some());
}

#[test]
fn a_client_of_3_1_1_with_a_hundred_unreleased_messages_is_still_heard() {
    let mut peer = Peer::connected(Version::V311);
    fill(&mut peer, 2, WINDOW);
    assert!(!peer.connection.may_read());
    for packet_id in 1..=WINDOW {
        peer.connection.pubrec(packet_id, ReasonCode::Success, None);
    }
    assert!(peer.connection.may_read(), "it is the client's turn");
    for packet_id in 1..=WINDOW {
        release(&mut peer, packet_id);
    }
    assert!(!peer.connection.may_read(), "it is the server's turn");
    peer.connection.pubcomp(1, ReasonCode::Success, None);
    assert!(peer.connection.may_read());
}

#[test]
fn in_5_one_more_than_receive_maximum_is_an_error() {
    for qos in [1, 2] {
        let mut peer = Peer::connected(Version::V5);
        fill(&mut peer, qos, WINDOW);
        assert!(peer.connection.may_read(), "whoever has filled it may still send the rest");
        let error = peer.receive(&publish(Version::V5, qos, 500)).unwrap_err();
        assert_eq!(error.label(), "receive_maximum_exceeded");
        assert_eq!(error.reason_code(), ReasonCode::ReceiveMaximumExceeded);
        assert!(peer.receive(&publish(Version::V5, 0, 0)).unwrap().is_some(), "QoS 0 does not count");
    }
}

#[test]
fn an_acknowledgement_makes_room_for_one() {
    let mut peer = Peer::connected(Version::V5);
    fill(&mut peer, 1, WINDOW);
    peer.connection.puback(50, ReasonCode::Success, None);
    assert!(peer.receive(&publish(Version::V5, 1, 500)).unwrap().is_some());
    assert_eq!(peer.refused(&publish(Version::V5, 1, 501)), "receive_maximum_exceeded");
}

#[test]
fn in_5_a_message_of_qos_2_counts_until_pubcomp() {
    let mut peer = Peer::connected(Version::V5);
    fill(&mut peer, 2, WINDOW);
    peer.connection.pubrec(1, ReasonCode::Success, None);
    assert_eq!(peer.refused(&publish(Version::V5, 2, 500)), "receive_maximum_exceeded");
    release(&mut peer, 1);
    assert_eq!(peer.refused(&publish(Version::V5, 2, 500)), "receive_maximum_exceeded");
    peer.connection.pubcomp(1, ReasonCode::Success, None);
    assert!(peer.receive(&publish(Version::V5, 2, 500)).unwrap().is_some());
}

#[test]
fn in_5_a_message_of_qos_2_that_fails_counts_no_longer() {
    let mut peer = Peer::connected(Version::V5);
    fill(&mut peer, 2, WINDOW);
    peer.connection.pubrec(1, ReasonCode::NotAuthorized, None);
    assert!(peer.receive(&publish(Version::V5, 2, 500)).unwrap().is_some());
}

#[test]
fn a_message_of_qos_2_that_is_sent_again_counts_once() {
    let mut peer = Peer::connected_with(Limits { receive_maximum: 1, ..Limits::default() }, &connect(Version::V5));
    fill(&mut peer, 2, 1);
    fill(&mut peer, 2, 1);
    peer.connection.pubrec(1, ReasonCode::Success, None);
    peer.connection.pubrec(1, ReasonCode::Success, None);
    release(&mut peer, 1);
    peer.connection.pubcomp(1, ReasonCode::Success, None);
    assert!(peer.receive(&publish(Version::V5, 2, 2)).unwrap().is_some());
}

#[test]
fn an_id_of_qos_1_may_be_under_way_twice() {
    for version in VERSIONS {
        let mut peer = Peer::connected_with(Limits { receive_maximum: 2, ..Limits::default() }, &connect(version));
        fill(&mut peer, 1, 1);
        fill(&mut peer, 1, 1);
        peer.connection.puback(1, ReasonCode::Success, None);
        fill(&mut peer, 1, 1);
        peer.connection.puback(1, ReasonCode::Success, None);
        peer.connection.puback(1, ReasonCode::Success, None);
        fill(&mut peer, 1, 2);
    }
}

#[test]
fn releases_of_unknown_messages_take_nothing_from_receive_maximum() {
    let mut peer = Peer::connected(Version::V5);
    for packet_id in 1..=WINDOW {
        release(&mut peer, packet_id);
    }
    fill(&mut peer, 1, WINDOW);
    assert!(!peer.connection.may_read(), "two hundred answers are owed");
    peer.connection.pubcomp(1, ReasonCode::PacketIdentifierNotFound, None);
    assert!(peer.connection.may_read());
}

#[test]
fn requests_are_bounded_as_well() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        let owed_max = if version == Version::V5 { 2 * WINDOW } else { WINDOW };
        for index in 0..owed_max {
            assert!(peer.connection.may_read(), "{version}: {index}");
            if index % 2 == 0 {
                let filters = vec![Subscription::new("a", at_least_once())];
                peer.send(&Packet::Subscribe(Subscribe { packet_id: 1, filters, properties: Default::default() }));
            } else {
                let filters = vec!["a"];
                peer.send(&Packet::Unsubscribe(Unsubscribe { packet_id: 1, filters, properties: Default::default() }));
            }
        }
        assert!(!peer.connection.may_read());
        peer.connection.suback(1, &[ReasonCode::Success]);
        assert!(peer.connection.may_read());
        peer.send(&Packet::Unsubscribe(Unsubscribe {
            packet_id: 2,
            filters: vec!["a"],
            properties: Default::default(),
        }));
        assert!(!peer.connection.may_read());
        peer.connection.unsuback(1, &[ReasonCode::Success]);
        assert!(peer.connection.may_read());
    }
}

#[test]
fn messages_of_qos_0_and_pings_are_never_counted() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        for _ in 0..1_000 {
            assert!(matches!(peer.receive(&publish(version, 0, 0)).unwrap(), Some(Event::Publish(_))));
            assert_eq!(peer.receive(&bytes("c0 00")), Ok(Some(Event::Ping)));
        }
        assert!(peer.connection.may_read());
    }
}

#[test]
fn an_answer_to_nothing_makes_no_room() {
    for version in VERSIONS {
        let limits = Limits { receive_maximum: 1, ..Limits::default() };
        let mut peer = Peer::connected_with(limits, &connect(version));
        peer.connection.puback(9, ReasonCode::Success, None);
        fill(&mut peer, 1, 1);
        match version {
            Version::V311 => assert!(!peer.connection.may_read()),
            Version::V5 => assert_eq!(peer.refused(&publish(version, 1, 2)), "receive_maximum_exceeded"),
        }
    }
}
