//! What a client hears of its messages and subscriptions.

use dinrail_mqtt::{Ack, Connection, Limits, Packet, PropertyId, ReasonCode, Version};

use crate::client::{NOTHING, Peer, VERSIONS, connect_with, only};

/// One of the four acknowledgements.
type Answer = fn(&mut Connection, u16, ReasonCode, Option<&str>);

const ANSWERS: [(Answer, u8); 4] =
    [(Connection::puback, 0x40), (Connection::pubrec, 0x50), (Connection::pubrel, 0x62), (Connection::pubcomp, 0x70)];

fn ack(bytes: &[u8]) -> Ack<'_> {
    match only(Version::V5, bytes) {
        Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack) => ack,
        other => panic!("{other:?} is no acknowledgement"),
    }
}

#[test]
fn success_is_four_bytes_in_both_versions() {
    for version in VERSIONS {
        for (answer, first) in ANSWERS {
            let mut peer = Peer::connected(version);
            answer(&mut peer.connection, 0x1234, ReasonCode::Success, None);
            assert_eq!(peer.sent(), [first, 2, 0x12, 0x34]);
        }
    }
}

#[test]
fn several_answers_leave_together() {
    let mut peer = Peer::connected(Version::V311);
    for packet_id in 1..=3 {
        peer.connection.puback(packet_id, ReasonCode::Success, None);
    }
    assert_eq!(peer.sent(), [0x40, 2, 0, 1, 0x40, 2, 0, 2, 0x40, 2, 0, 3]);
}

#[test]
fn a_failure_is_told_in_5_and_cannot_be_in_3_1_1() {
    let mut peer = Peer::connected(Version::V5);
    peer.connection.puback(1, ReasonCode::PayloadFormatInvalid, Some("no JSON"));
    let sent = peer.sent();
    assert_eq!(ack(&sent).reason, ReasonCode::PayloadFormatInvalid);
    assert_eq!(ack(&sent).properties.text(PropertyId::ReasonString), Some("no JSON"));
    let mut peer = Peer::connected(Version::V311);
    peer.connection.puback(1, ReasonCode::PayloadFormatInvalid, Some("no JSON"));
    assert_eq!(peer.sent(), [0x40, 2, 0, 1]);
}

#[test]
fn success_can_have_a_reason_too() {
    let mut peer = Peer::connected(Version::V5);
    peer.connection.puback(1, ReasonCode::Success, Some("2 of 3 values"));
    let sent = peer.sent();
    assert_eq!(ack(&sent).reason, ReasonCode::Success);
    assert_eq!(ack(&sent).properties.text(PropertyId::ReasonString), Some("2 of 3 values"));
}

#[test]
fn a_client_that_wants_no_reasons_gets_none() {
    let mut peer = Peer::connected_with(Limits::default(), &connect_with("17 00"));
    for (answer, first) in ANSWERS {
        answer(&mut peer.connection, 1, ReasonCode::PacketIdentifierNotFound, Some("unknown"));
        assert_eq!(peer.sent(), [first, 3, 0, 1, 0x92]);
    }
}

#[test]
fn a_reason_is_cut_between_characters_to_what_the_client_takes() {
    for character in ["x", "ä€😀"] {
        let reason = character.repeat(400);
        for (size, code) in
            (5..300u32).flat_map(|size| [(size, ReasonCode::NotAuthorized), (size, ReasonCode::Success)])
        {
            let mut peer = Peer::connected_with(Limits::default(), &connect_with(&format!("27 {size:08x}")));
            peer.connection.puback(1, code, Some(&reason));
            let sent = peer.sent();
            assert!(sent.len() <= size as usize, "{} of {size} bytes", sent.len());
            let text = ack(&sent).properties.text(PropertyId::ReasonString).unwrap_or("");
            assert!(reason.starts_with(text));
            assert!(sent.len() + 12 > size as usize, "only {} of {size} bytes", sent.len());
        }
    }
}

#[test]
fn a_reason_has_an_end_of_its_own() {
    let mut peer = Peer::connected(Version::V5);
    peer.connection.puback(1, ReasonCode::NotAuthorized, Some(&"x".repeat(100_000)));
    let sent = peer.sent();
    assert_eq!(ack(&sent).properties.text(PropertyId::ReasonString).map(str::len), Some(1_024));
}

#[test]
fn a_reason_ends_before_a_character_that_may_not_be_sent() {
    let mut peer = Peer::connected(Version::V5);
    peer.connection.puback(1, ReasonCode::NotAuthorized, Some("a\0b"));
    let sent = peer.sent();
    assert_eq!(ack(&sent).properties.text(PropertyId::ReasonString), Some("a"));
    peer.connection.puback(1, ReasonCode::NotAuthorized, Some("\0b"));
    assert_eq!(peer.sent(), [0x40, 3, 0, 1, 0x87]);
}

#[test]
fn an_acknowledgement_larger_than_the_client_takes_is_not_sent() {
    let mut peer = Peer::connected_with(Limits::default(), &connect_with("27 00000004"));
    peer.connection.puback(1, ReasonCode::Success, Some("fine"));
    assert_eq!(peer.sent(), [0x40, 2, 0, 1]);
    peer.connection.puback(1, ReasonCode::NotAuthorized, None);
    assert_eq!(peer.sent(), NOTHING);
}

#[test]
fn a_subscription_is_granted_or_refused_filter_by_filter() {
    let codes = [
        ReasonCode::Success,
        ReasonCode::GrantedQoS1,
        ReasonCode::GrantedQoS2,
        ReasonCode::NotAuthorized,
        ReasonCode::TopicFilterInvalid,
        ReasonCode::QuotaExceeded,
    ];
    let mut peer = Peer::connected(Version::V311);
    peer.connection.suback(7, &codes);
    assert_eq!(peer.sent(), [0x90, 8, 0, 7, 0, 1, 2, 0x80, 0x80, 0x80]);
    let mut peer = Peer::connected(Version::V5);
    peer.connection.suback(7, &codes);
    assert_eq!(peer.sent(), [0x90, 9, 0, 7, 0, 0, 1, 2, 0x87, 0x8F, 0x97]);
}

#[test]
fn the_end_of_a_subscription_has_codes_in_5_only() {
    let codes = [ReasonCode::Success, ReasonCode::NoSubscriptionExisted];
    let mut peer = Peer::connected(Version::V311);
    peer.connection.unsuback(7, &codes);
    assert_eq!(peer.sent(), [0xB0, 2, 0, 7]);
    let mut peer = Peer::connected(Version::V5);
    peer.connection.unsuback(7, &codes);
    assert_eq!(peer.sent(), [0xB0, 5, 0, 7, 0, 0, 0x11]);
}
