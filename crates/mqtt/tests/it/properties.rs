//! Properties of version 5.

use dinrail_mqtt::{Ack, Packet, Properties, PropertyId, ReasonCode, Sender, TooLarge, Value, Version};

use crate::notation::bytes;

#[test]
fn a_list_and_a_block_of_the_same_properties_are_equal() {
    let list = [(PropertyId::ReasonString, Value::Text("so")), (PropertyId::UserProperty, Value::Pair("k", "v"))];
    let listed =
        Packet::Puback(Ack { properties: Properties::from(&list[..]), ..Ack::new(1, ReasonCode::NotAuthorized) });
    let mut written = Vec::new();
    listed.encode(Version::V5, &mut written).unwrap();
    assert_eq!(written, bytes("40 10 0001 87 0c 1f 0002'so' 26 0001'k' 0001'v'"));
    let read = Packet::decode(Version::V5, Sender::Client, 100, &mut &written[..]).unwrap().unwrap();
    assert_eq!(read, listed);
    let Packet::Puback(ack) = read else { panic!("{read:?}") };
    assert_eq!(ack.properties.iter().collect::<Vec<_>>(), list);
    assert_eq!(format!("{:?}", ack.properties), r#"{ReasonString: Text("so"), UserProperty: Pair("k", "v")}"#);
}

#[test]
fn a_property_is_found_by_its_name_and_type() {
    let list = [
        (PropertyId::UserProperty, Value::Pair("k", "v")),
        (PropertyId::UserProperty, Value::Pair("k", "w")),
        (PropertyId::MaximumQoS, Value::Byte(1)),
        (PropertyId::ReceiveMaximum, Value::TwoByteInteger(2)),
        (PropertyId::MaximumPacketSize, Value::FourByteInteger(3)),
        (PropertyId::SubscriptionIdentifier, Value::VariableByteInteger(4)),
        (PropertyId::ContentType, Value::Text("json")),
    ];
    let properties = Properties::from(&list[..]);
    assert_eq!(properties.find(PropertyId::UserProperty), Some(Value::Pair("k", "v")));
    assert_eq!(properties.number(PropertyId::MaximumQoS), Some(1));
    assert_eq!(properties.number(PropertyId::ReceiveMaximum), Some(2));
    assert_eq!(properties.number(PropertyId::MaximumPacketSize), Some(3));
    assert_eq!(properties.number(PropertyId::SubscriptionIdentifier), Some(4));
    assert_eq!(properties.text(PropertyId::ContentType), Some("json"));
    assert_eq!(properties.number(PropertyId::ContentType), None);
    assert_eq!(properties.text(PropertyId::MaximumQoS), None);
    assert_eq!(properties.find(PropertyId::ReasonString), None);
    assert!(!properties.is_empty() && Properties::default().is_empty() && Properties::from(&[][..]).is_empty());
}

#[test]
fn what_mqtt_cannot_say_is_not_written() {
    let long = "x".repeat(65_536);
    for property in [
        (PropertyId::ReasonString, Value::Text(&long)),
        (PropertyId::UserProperty, Value::Pair("k", &long)),
        (PropertyId::CorrelationData, Value::Binary(long.as_bytes())),
        (PropertyId::SubscriptionIdentifier, Value::VariableByteInteger(268_435_456)),
    ] {
        let list = [property];
        let mut out = b"before".to_vec();
        let ack = Ack { properties: Properties::from(&list[..]), ..Ack::new(1, ReasonCode::Success) };
        assert_eq!(Packet::Puback(ack).encode(Version::V5, &mut out), Err(TooLarge));
        assert_eq!(out, b"before");
    }
}
