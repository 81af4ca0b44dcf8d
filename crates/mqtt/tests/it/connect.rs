//! CONNECT and its answers.

use std::time::Duration;

use dinrail_mqtt::{
    Accept, ConnectRefusal, Event, Limits, Packet, PropertyId, QoS, ReasonCode, Sender, Value, Version,
};

use crate::client::{NOTHING, Peer, VERSIONS, connack, connect, connect_with};
use crate::notation::bytes;

/// What the CONNACK of a connection with these limits says.
fn offered(limits: Limits, connect: &[u8], accept: Accept<'_>) -> Vec<(PropertyId, String)> {
    let mut peer = Peer::fresh(limits);
    peer.receive(connect).unwrap().unwrap();
    peer.connection.accept(accept);
    let sent = peer.sent();
    let connack = connack(Version::V5, &sent);
    assert_eq!(connack.reason, ReasonCode::Success);
    connack.properties.iter().map(|(id, value)| (id, format!("{value:?}"))).collect()
}

#[test]
fn a_client_of_3_1_1_is_accepted_with_two_bytes() {
    for session_present in [false, true] {
        let mut peer = Peer::fresh(Limits::default());
        let request = connect(Version::V311);
        let event = peer.receive(&request).unwrap();
        let Some(Event::Connect(request)) = event else { panic!("{event:?}") };
        assert_eq!((request.version, request.client_id, request.clean_start), (Version::V311, "a", true));
        assert_eq!((request.session_expiry_s(), request.receive_maximum()), (None, 65_535));
        peer.connection.accept(Accept { session_present, ..Accept::default() });
        assert_eq!(peer.sent(), [0x20, 2, session_present.into(), 0]);
        assert_eq!(peer.connection.version(), Version::V311);
    }
}

#[test]
fn a_client_of_5_says_what_it_can_take() {
    let mut peer = Peer::fresh(Limits::default());
    let request = connect_with("11 00000e10 21 0014 27 00000100 17 00");
    let event = peer.receive(&request).unwrap();
    let Some(Event::Connect(connect)) = event else { panic!("{event:?}") };
    assert_eq!(connect.session_expiry_s(), Some(3_600));
    assert_eq!(connect.receive_maximum(), 20);
    assert_eq!(connect.maximum_packet_size(), Some(256));
    assert!(!connect.request_problem_information());
}

#[test]
fn a_client_of_5_that_says_nothing_gets_what_the_standard_supposes() {
    let mut peer = Peer::fresh(Limits::default());
    let request = connect(Version::V5);
    let event = peer.receive(&request).unwrap();
    let Some(Event::Connect(connect)) = event else { panic!("{event:?}") };
    assert_eq!(connect.session_expiry_s(), Some(0));
    assert_eq!(connect.receive_maximum(), 65_535);
    assert_eq!(connect.maximum_packet_size(), None);
    assert!(connect.request_problem_information());
}

#[test]
fn a_client_of_5_is_told_the_limits() {
    let told = offered(Limits::default(), &connect(Version::V5), Accept::default());
    let expected = [
        (PropertyId::ReceiveMaximum, Value::TwoByteInteger(100)),
        (PropertyId::RetainAvailable, Value::Byte(0)),
        (PropertyId::MaximumPacketSize, Value::FourByteInteger(128 * 1024 + 65_539)),
        (PropertyId::SubscriptionIdentifierAvailable, Value::Byte(0)),
        (PropertyId::SharedSubscriptionAvailable, Value::Byte(0)),
    ];
    assert_eq!(told, expected.map(|(id, value)| (id, format!("{value:?}"))));
}

#[test]
fn what_is_as_the_standard_supposes_is_not_told() {
    let limits = Limits {
        retain_available: true,
        subscription_identifiers_available: true,
        shared_subscriptions_available: true,
        ..Limits::default()
    };
    let ids: Vec<_> = offered(limits, &connect(Version::V5), Accept::default()).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [PropertyId::ReceiveMaximum, PropertyId::MaximumPacketSize]);
}

#[test]
fn what_differs_for_one_client_is_told_to_it() {
    let accept = Accept {
        session_present: false,
        keep_alive: Some(30),
        session_expiry_s: Some(60),
        assigned_client_id: Some("made-up"),
    };
    let limits = Limits { qos_max: QoS::AtLeastOnce, wildcard_subscriptions_available: false, ..Limits::default() };
    let told = offered(limits, &connect(Version::V5), accept);
    for expected in [
        (PropertyId::ServerKeepAlive, Value::TwoByteInteger(30)),
        (PropertyId::SessionExpiryInterval, Value::FourByteInteger(60)),
        (PropertyId::AssignedClientIdentifier, Value::Text("made-up")),
        (PropertyId::MaximumQoS, Value::Byte(1)),
        (PropertyId::WildcardSubscriptionAvailable, Value::Byte(0)),
    ] {
        assert!(told.contains(&(expected.0, format!("{:?}", expected.1))), "{expected:?} in {told:?}");
    }
}

#[test]
fn a_client_without_a_keep_alive_is_told_when_it_would_be_cut_off() {
    let silent = bytes("10 0e 0004'MQTT' 05 02 0000 00 0001'a'");
    let told = offered(Limits::default(), &silent, Accept::default());
    assert!(told.contains(&(PropertyId::ServerKeepAlive, format!("{:?}", Value::TwoByteInteger(1_178)))), "{told:?}");
    let told = offered(Limits { idle_max: None, ..Limits::default() }, &silent, Accept::default());
    assert!(told.iter().all(|(id, _)| *id != PropertyId::ServerKeepAlive), "{told:?}");
}

#[test]
fn a_refusal_has_the_words_of_each_version() {
    let table = [
        (ConnectRefusal::UnsupportedVersion, 1, 0x84),
        (ConnectRefusal::BadClientId, 2, 0x85),
        (ConnectRefusal::ServerUnavailable, 3, 0x88),
        (ConnectRefusal::ServerBusy, 3, 0x89),
        (ConnectRefusal::QuotaExceeded, 3, 0x97),
        (ConnectRefusal::ConnectionRateExceeded, 3, 0x9F),
        (ConnectRefusal::BadCredentials, 4, 0x86),
        (ConnectRefusal::NotAuthorized, 5, 0x87),
        (ConnectRefusal::Banned, 5, 0x8A),
    ];
    for (refusal, code_311, code_5) in table {
        let mut peer = Peer::fresh(Limits::default());
        peer.receive(&connect(Version::V311)).unwrap().unwrap();
        peer.connection.refuse(refusal, Some("because"));
        assert_eq!(peer.sent(), [0x20, 2, 0, code_311], "{refusal:?}");

        let mut peer = Peer::fresh(Limits::default());
        peer.receive(&connect(Version::V5)).unwrap().unwrap();
        peer.connection.refuse(refusal, Some("because"));
        let sent = peer.sent();
        let connack = connack(Version::V5, &sent);
        assert_eq!((connack.reason as u8, connack.session_present), (code_5, false), "{refusal:?}");
        assert_eq!(connack.properties.text(PropertyId::ReasonString), Some("because"));
    }
}

#[test]
fn after_a_refusal_nothing_is_taken_or_written() {
    for version in VERSIONS {
        let mut peer = Peer::fresh(Limits::default());
        peer.receive(&connect(version)).unwrap().unwrap();
        peer.connection.refuse(ConnectRefusal::NotAuthorized, None);
        peer.sent();
        assert_eq!(peer.receive(&bytes("c0 00")), Ok(None));
        peer.connection.puback(1, ReasonCode::Success, None);
        peer.connection.disconnect(ReasonCode::ServerShuttingDown, None);
        assert_eq!(peer.sent(), NOTHING);
        assert!(!peer.connection.may_read());
        assert_eq!(peer.connection.poll_timeout(), None);
    }
}

#[test]
fn an_authentication_method_is_not_served() {
    let mut peer = Peer::fresh(Limits::default());
    let error = peer.receive(&connect_with("15 0005'SCRAM'")).unwrap_err();
    assert_eq!(error.label(), "authentication_method_not_served");
    peer.connection.fail(&error);
    let sent = peer.sent();
    assert_eq!(connack(Version::V5, &sent).reason, ReasonCode::BadAuthenticationMethod);
}

#[test]
fn a_will_above_the_maximum_qos_is_refused() {
    let limits = Limits { qos_max: QoS::AtLeastOnce, ..Limits::default() };
    let mut peer = Peer::fresh(limits);
    assert_eq!(peer.refused(&bytes("10 12 0004'MQTT' 04 16 003c 0001'a' 0001'w' 0000")), "qos_not_served");
}

#[test]
fn a_will_topic_has_no_more_slashes_than_a_topic() {
    let with = |topic: &str| {
        let head = bytes("0004'MQTT' 04 06 003c 0001'a'");
        let body = [&head[..], &(topic.len() as u16).to_be_bytes(), topic.as_bytes(), &[0, 0]].concat();
        crate::notation::packet(0x10, &body)
    };
    let mut peer = Peer::fresh(Limits::default());
    assert_eq!(peer.refused(&with("1/2/3/4/5/6/7/8/9")), "will_topic_invalid");
    assert!(peer.receive(&with("1/2/3/4/5/6/7/8")).unwrap().is_some());
}

#[test]
fn a_connect_has_to_be_whole_in_time() {
    let limits = Limits { connect_time: Duration::from_secs(10), ..Limits::default() };
    let mut peer = Peer::fresh(limits);
    let request = connect(Version::V311);
    assert_eq!(peer.connection.poll_timeout(), Some(Duration::from_secs(10)));
    assert_eq!(peer.receive_at(Duration::from_secs(9), &request[..5]), Ok(None));
    assert_eq!(peer.connection.handle_timeout(Duration::from_millis(9_999)), None);
    assert_eq!(peer.connection.handle_timeout(Duration::from_secs(10)), Some(dinrail_mqtt::Timeout::Connect));
}

#[test]
fn while_a_connect_is_decided_on_no_time_runs() {
    let mut peer = Peer::fresh(Limits::default());
    peer.receive(&connect(Version::V311)).unwrap().unwrap();
    assert_eq!(peer.connection.poll_timeout(), None);
    assert_eq!(peer.connection.handle_timeout(Duration::MAX), None);
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let mut peer = Peer::fresh(Limits::default());
    let head = bytes("0004'MQTT' 05 42 003c 0e 15 0001'm' 16 0007'secret1' 0001'a' 0007'secret2'");
    let error = peer.receive(&crate::notation::packet(0x10, &head)).unwrap_err();
    assert_eq!(error.label(), "authentication_method_not_served");
    let input = crate::notation::packet(0x10, &head);
    let packet = Packet::decode(Version::V5, Sender::Client, 100, &mut &input[..]).unwrap().unwrap();
    let shown = format!("{packet:?}");
    assert!(shown.contains("client_id: \"a\"") && shown.contains("password: Some(…)"), "{shown}");
    assert!(!shown.contains("secret") && !shown.contains("115, 101, 99"), "{shown}");
}
