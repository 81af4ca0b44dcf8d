//! Topic names and topic filters.

use dinrail_mqtt::{Event, Limits, Packet, Subscribe, Subscription, TopicFilter, TopicFilterError, TopicName};
use dinrail_mqtt::{TopicNameError, Version};

use crate::client::{Peer, VERSIONS, at_least_once, connect};
use crate::notation::{bytes, packet};

#[test]
fn a_topic_name_has_a_character_and_no_wildcard() {
    for text in ["a", "/", "a//b", "$SYS/x", "$share/g/t", " ", "\u{feff}", "__proto__", "\u{1}", "\u{ffff}"] {
        assert_eq!(TopicName::new(text).map(TopicName::as_str), Ok(text));
    }
    for (text, error) in [
        ("", TopicNameError::Empty),
        ("a/+", TopicNameError::Wildcard),
        ("a#", TopicNameError::Wildcard),
        ("a\0b", TopicNameError::NullCharacter),
    ] {
        assert_eq!(TopicName::new(text), Err(error), "{text:?}");
    }
    assert!(TopicName::new(&"x".repeat(65_535)).is_ok());
    assert_eq!(TopicName::new(&"x".repeat(65_536)), Err(TopicNameError::TooLong));
    assert_eq!(TopicName::new("a/b//").unwrap().slashes(), 3);
}

#[test]
fn a_topic_filter_has_wildcards_as_whole_levels() {
    for text in ["a", "/", "#", "+", "a/#", "+/+", "a/+/b", "/#", "+/", "$SYS/#", "$share", "$shared/g"] {
        let filter = TopicFilter::new(text).unwrap();
        assert_eq!((filter.as_str(), filter.filter(), filter.is_shared()), (text, text, false));
        assert_eq!(filter.has_wildcard(), text.contains(['#', '+']));
    }
    for (text, error) in [
        ("", TopicFilterError::Empty),
        ("#/a", TopicFilterError::NotLast),
        ("#/", TopicFilterError::NotLast),
        ("a/#/#", TopicFilterError::NotLast),
        ("a#", TopicFilterError::WildcardInLevel),
        ("##", TopicFilterError::WildcardInLevel),
        ("a+/b", TopicFilterError::WildcardInLevel),
        ("+#", TopicFilterError::WildcardInLevel),
        ("a\0", TopicFilterError::NullCharacter),
    ] {
        assert_eq!(TopicFilter::new(text), Err(error), "{text:?}");
    }
    assert_eq!(TopicFilter::new(&"x".repeat(65_536)), Err(TopicFilterError::TooLong));
}

#[test]
fn a_shared_subscription_has_a_group_and_a_filter() {
    let filter = TopicFilter::new("$share/g/a/+/#").unwrap();
    assert!(filter.is_shared() && filter.has_wildcard());
    assert_eq!((filter.filter(), filter.slashes()), ("a/+/#", 2));
    assert!(TopicFilter::new("$share/g//").is_ok());
    for text in
        ["$share/", "$share//", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/#/a", "$share/a#b/c"]
    {
        assert_eq!(TopicFilter::new(text), Err(TopicFilterError::Share), "{text:?}");
    }
    assert_eq!(TopicFilter::new("$share/g/a#"), Err(TopicFilterError::WildcardInLevel));
}

#[test]
fn a_topic_has_seven_slashes_at_most() {
    for version in VERSIONS {
        let publish = |topic: &str| {
            let mut body = (topic.len() as u16).to_be_bytes().to_vec();
            body.extend_from_slice(topic.as_bytes());
            body.push(0);
            packet(0x30, &body)
        };
        let mut peer = Peer::connected(version);
        assert!(peer.receive(&publish("c/acme_pump7/o/opcua/v3/u/m/t")).unwrap().is_some());
        let error = peer.receive(&publish("c/acme_pump7/o/opcua/v3/u/m/t/x")).unwrap_err();
        assert_eq!((error.label(), error.reason_code() as u8), ("topic_slashes", 0x90));
    }
}

#[test]
fn a_filter_with_more_slashes_spoils_only_itself() {
    for version in VERSIONS {
        let texts = ["1/2/3/4/5/6/7/8", "1/2/3/4/5/6/7/8/9", "1/2/3/4/5/6/7/8/#", "$share/g/1/2/3/4/5/6/7/8"];
        let filters = texts.map(|text| Subscription::new(text, at_least_once())).to_vec();
        let subscribe = Subscribe { packet_id: 1, filters, properties: Default::default() };
        let mut input = Vec::new();
        Packet::Subscribe(subscribe).encode(version, &mut input).unwrap();
        let mut peer = Peer::connected(version);
        let Some(Event::Subscribe(subscribe)) = peer.receive(&input).unwrap() else { panic!("no SUBSCRIBE") };
        let errors: Vec<_> = subscribe.filters.iter().map(|subscription| subscription.filter.err()).collect();
        let too_many = Some(TopicFilterError::TooManySlashes);
        assert_eq!(errors, [None, too_many, too_many, None]);
    }
}

#[test]
fn a_topic_alias_is_above_the_maximum_which_is_zero() {
    let mut peer = Peer::connected(Version::V5);
    for input in ["30 07 0001't' 03 23 0001", "30 06 0000 03 23 0001"] {
        let error = peer.receive(&bytes(input)).unwrap_err();
        assert_eq!((error.label(), error.reason_code() as u8), ("topic_alias_above_maximum", 0x94));
    }
}

#[test]
fn a_subscription_identifier_is_refused_where_it_is_not_served() {
    let input = bytes("82 09 0001 02 0b 05 0001'a' 00");
    let mut peer = Peer::connected(Version::V5);
    let error = peer.receive(&input).unwrap_err();
    assert_eq!((error.label(), error.reason_code() as u8), ("subscription_identifiers_not_served", 0xA1));
    let limits = Limits { subscription_identifiers_available: true, ..Limits::default() };
    let mut peer = Peer::connected_with(limits, &connect(Version::V5));
    let Some(Event::Subscribe(subscribe)) = peer.receive(&input).unwrap() else { panic!("no SUBSCRIBE") };
    assert_eq!(subscribe.subscription_identifier(), Some(5));
}

#[test]
fn a_message_above_the_maximum_qos_is_refused() {
    for version in VERSIONS {
        let limits = Limits { qos_max: dinrail_mqtt::QoS::AtLeastOnce, ..Limits::default() };
        let mut peer = Peer::connected_with(limits, &connect(version));
        assert!(peer.receive(&crate::client::publish(version, 1, 1)).unwrap().is_some());
        let error = peer.receive(&crate::client::publish(version, 2, 2)).unwrap_err();
        assert_eq!((error.label(), error.reason_code() as u8), ("qos_not_served", 0x9B));
    }
}

#[test]
fn a_retained_message_is_taken_even_where_none_are_kept() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        let input = packet(0x31, &bytes("0001't' 00"));
        let event = peer.receive(&input).unwrap();
        assert!(matches!(event, Some(Event::Publish(publish)) if publish.retain));
    }
}
