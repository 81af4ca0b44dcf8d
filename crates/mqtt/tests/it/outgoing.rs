//! Messages to a client.

use dinrail_mqtt::{Limits, OutgoingPublish, Packet, Properties, PropertyId, Publish, QoS, TooLarge, Value, Version};

use crate::client::{NOTHING, Peer, VERSIONS, connect_with, only};

const MESSAGE: OutgoingPublish<'_> = OutgoingPublish {
    topic: "i/cmd_v3/c",
    payload: b"go",
    qos: QoS::AtLeastOnce,
    packet_id: Some(9),
    dup: true,
    retain: false,
};

#[test]
fn a_message_arrives_as_it_was_sent() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        assert_eq!(peer.connection.publish(MESSAGE), Ok(()));
        let sent = peer.sent();
        assert_eq!(only(version, &sent), Packet::Publish(MESSAGE.into()));
    }
}

#[test]
fn a_message_can_have_properties_which_3_1_1_does_not_hear_of() {
    let properties = [(PropertyId::SubscriptionIdentifier, Value::VariableByteInteger(300))];
    let message = Publish { properties: Properties::from(&properties[..]), ..MESSAGE.into() };
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        assert_eq!(peer.connection.publish(message), Ok(()));
        let sent = peer.sent();
        let Packet::Publish(publish) = only(version, &sent) else { panic!("no message") };
        let expected = (version == Version::V5).then_some(300);
        assert_eq!(publish.properties.number(PropertyId::SubscriptionIdentifier), expected);
    }
}

#[test]
fn a_message_larger_than_the_client_takes_is_not_sent() {
    // 2 bytes of header, 12 of topic, 2 of packet id, 1 of properties, 2 of payload.
    for (size, is_sent) in [(19, true), (18, false)] {
        let mut peer = Peer::connected_with(Limits::default(), &connect_with(&format!("27 {size:08x}")));
        assert_eq!(peer.connection.publish(MESSAGE).is_ok(), is_sent);
        assert_eq!(peer.sent().len(), if is_sent { 19 } else { 0 });
    }
}

#[test]
fn a_message_larger_than_mqtt_can_say_is_not_sent() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        let topic = "t".repeat(65_536);
        assert_eq!(peer.connection.publish(OutgoingPublish { topic: &topic, ..MESSAGE }), Err(TooLarge));
        assert_eq!(peer.sent(), NOTHING);
        assert_eq!(peer.connection.publish(OutgoingPublish { topic: &topic[1..], ..MESSAGE }), Ok(()));
    }
}

#[test]
fn what_was_waiting_stays_when_a_message_is_too_large() {
    let mut peer = Peer::connected_with(Limits::default(), &connect_with("27 00000012"));
    peer.connection.puback(1, dinrail_mqtt::ReasonCode::Success, None);
    assert_eq!(peer.connection.publish(MESSAGE), Err(TooLarge));
    assert_eq!(peer.sent(), [0x40, 2, 0, 1]);
}
