//! The vectors beside the tests, one file for each control packet: bytes in, packet or error out.
//!
//! A case names the version it holds for (both, if it names none), the side that sends it (the client, if it names none),
//! the bytes, and either the packet they are or the error that refuses them. `canonical: false` marks a packet that has
//! a shorter form, which is then what is written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dinrail_mqtt::{Ack, Connect, Limits, Packet, Properties, Publish, QoS, Sender, Subscribe, Value, Version};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::client::{Peer, connect};
use crate::notation;

const PACKET_SIZE_MAX: usize = 200_000;

/// What is no error of the bytes, but of what the server offers.
const NOT_OFFERED: [&str; 3] =
    ["topic_alias_above_maximum", "authentication_method_not_served", "session_expiry_raised"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    from: Option<String>,
    bytes: String,
    #[serde(default)]
    packet: Option<Map<String, Json>>,
    #[serde(default = "yes")]
    canonical: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

fn yes() -> bool {
    true
}

impl Case {
    fn versions(&self) -> Vec<Version> {
        match self.version.as_deref() {
            Some("3.1.1") => vec![Version::V311],
            Some("5") => vec![Version::V5],
            None => vec![Version::V311, Version::V5],
            Some(other) => panic!("{}: version {other}", self.name),
        }
    }

    fn sender(&self) -> Sender {
        match self.from.as_deref() {
            None => Sender::Client,
            Some("server") => Sender::Server,
            Some(other) => panic!("{}: from {other}", self.name),
        }
    }
}

/// Calls `check` for each case of each file, in each of its versions.
fn each(check: impl Fn(&str, &Case, Version)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for case in &cases {
            for version in case.versions() {
                check(&file, case, version);
            }
        }
        files += 1;
    }
    assert_eq!(files, 16, "15 control packets and the fixed header");
}

/// Calls `check` for each case that is a packet.
fn each_packet(check: impl Fn(&Case, Version, &[u8], &Packet<'_>)) {
    each(|_, case, version| {
        if case.packet.is_some() {
            let bytes = notation::bytes(&case.bytes);
            let packet = decode(version, case.sender(), &mut &bytes[..]).unwrap().unwrap();
            check(case, version, &bytes, &packet);
        }
    });
}

fn decode<'a>(
    version: Version,
    sender: Sender,
    input: &mut &'a [u8],
) -> Result<Option<Packet<'a>>, dinrail_mqtt::ProtocolError> {
    Packet::decode(version, sender, PACKET_SIZE_MAX, input)
}

#[test]
fn every_vector_is_read_as_it_says() {
    each(|file, case, version| {
        let name = format!("{file}: {} ({version})", case.name);
        let bytes = notation::bytes(&case.bytes);
        let mut rest = &bytes[..];
        let result = decode(version, case.sender(), &mut rest);
        if let Some(expected) = &case.packet {
            let packet = result.unwrap_or_else(|error| panic!("{name}: {error}")).expect(&name);
            assert!(rest.is_empty(), "{name}: {} bytes are left", rest.len());
            assert_eq!(&summary(&packet), expected, "{name}");
            if file != "fixed_header" {
                assert_eq!(packet.packet_type().name().to_lowercase(), file, "{name}");
            }
        } else {
            let error = result.expect_err(&name);
            assert_eq!(Some(error.label()), case.error.as_deref(), "{name}: {error}");
            let code = format!("{:#04x}", error.reason_code() as u8);
            assert_eq!(Some(&code), case.reason.as_ref(), "{name}: {error}");
            assert_eq!(rest, bytes, "{name}: an error takes nothing");
        }
    });
}

#[test]
fn a_connection_judges_the_packets_of_a_client_as_the_codec_does() {
    each(|file, case, version| {
        // AUTH is refused by its type, and what the fixed header alone decides depends on what is expected.
        if case.sender() == Sender::Server || ["auth", "fixed_header"].contains(&file) {
            return;
        }
        let name = format!("{file}: {} ({version})", case.name);
        let limits = Limits { subscription_identifiers_available: true, topic_slashes_max: 100, ..Limits::default() };
        let mut peer = match file {
            "connect" => Peer::fresh(limits),
            _ => Peer::connected_with(limits, &connect(version)),
        };
        let bytes = notation::bytes(&case.bytes);
        let label = peer.receive(&bytes).map(|event| event.expect(&name)).map_err(|error| error.label());
        match (label, &case.error) {
            (Ok(_), None) => {}
            (Err(label), Some(expected)) => assert_eq!(label, expected, "{name}"),
            (Err(label), None) => assert!(NOT_OFFERED.contains(&label), "{name}: {label}"),
            (Ok(event), Some(expected)) => panic!("{name}: {event:?} instead of {expected}"),
        }
    });
}

#[test]
fn every_packet_is_written_as_it_was_read() {
    each_packet(|case, version, bytes, packet| {
        let mut written = Vec::new();
        packet.encode(version, &mut written).unwrap();
        if case.canonical {
            assert_eq!(written, bytes, "{}", case.name);
        } else {
            assert!(written.len() < bytes.len(), "{}: it is canonical", case.name);
            let again = decode(version, case.sender(), &mut &written[..]).unwrap().unwrap();
            assert_eq!(&again, packet, "{}", case.name);
        }
    });
}

#[test]
fn a_packet_that_is_cut_anywhere_waits_for_the_rest() {
    each_packet(|case, version, bytes, _| {
        for length in 0..bytes.len() {
            let mut rest = &bytes[..length];
            let result = decode(version, case.sender(), &mut rest);
            assert_eq!(result, Ok(None), "{} cut to {length}", case.name);
            assert_eq!(rest.len(), length);
        }
    });
}

#[test]
fn a_packet_that_is_cut_anywhere_with_its_length_put_right_is_refused_or_another_packet() {
    each_packet(|case, version, bytes, packet| {
        let header = 1 + bytes[1..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        for length in header..bytes.len() {
            let cut = notation::packet(bytes[0], &bytes[header..length]);
            let mut rest = &cut[..];
            match decode(version, case.sender(), &mut rest) {
                Ok(Some(other)) => {
                    assert!(rest.is_empty());
                    assert!(&other != packet || !case.canonical, "{} cut to {length} is the same", case.name);
                }
                Ok(None) => panic!("{} cut to {length} is whole", case.name),
                Err(error) => assert!(error.reason_code().is_error(), "{error}"),
            }
        }
    });
}

#[test]
fn every_error_of_the_vectors_has_a_label_and_words_of_its_own() {
    let labels = std::cell::RefCell::new(BTreeMap::new());
    each(|_, case, version| {
        let bytes = notation::bytes(&case.bytes);
        let Err(error) = decode(version, case.sender(), &mut &bytes[..]) else { return };
        let words = error.to_string();
        let offence = words.split_once(": ").map_or(&*words, |(_, offence)| offence).to_owned();
        let before = labels.borrow_mut().insert(error.label(), offence.clone());
        assert!(before.is_none_or(|before| before == offence), "{} has two meanings", error.label());
    });
    let labels = labels.into_inner();
    assert!(labels.len() > 60, "{}", labels.len());
    assert!(labels.keys().all(|label| label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')));
}

/// What the vectors say of a packet: its fields, without those that are absent, empty or false.
fn summary(packet: &Packet<'_>) -> Map<String, Json> {
    let mut fields = match packet {
        Packet::Connect(connect) => connect_summary(connect),
        Packet::Connack(connack) => json!({
            "session_present": connack.session_present,
            "reason": format!("{:?}", connack.reason),
            "properties": properties(connack.properties),
        }),
        Packet::Publish(publish) => publish_summary(publish),
        Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack) => ack_summary(ack),
        Packet::Subscribe(subscribe) => subscribe_summary(subscribe),
        Packet::Suback(suback) => json!({
            "packet_id": suback.packet_id,
            "codes": suback.codes.iter().map(|code| format!("{code:?}")).collect::<Vec<_>>(),
            "properties": properties(suback.properties),
        }),
        Packet::Unsubscribe(unsubscribe) => json!({
            "packet_id": unsubscribe.packet_id,
            "filters": unsubscribe.filters,
            "properties": properties(unsubscribe.properties),
        }),
        Packet::Unsuback(unsuback) => json!({
            "packet_id": unsuback.packet_id,
            "codes": unsuback.codes.iter().map(|code| format!("{code:?}")).collect::<Vec<_>>(),
            "properties": properties(unsuback.properties),
        }),
        Packet::Pingreq | Packet::Pingresp => json!({}),
        Packet::Disconnect(disconnect) => json!({
            "reason": format!("{:?}", disconnect.reason),
            "properties": properties(disconnect.properties),
        }),
        Packet::Auth(auth) => json!({
            "reason": format!("{:?}", auth.reason),
            "properties": properties(auth.properties),
        }),
    };
    prune(&mut fields);
    fields.as_object().unwrap().clone()
}

fn connect_summary(connect: &Connect<'_>) -> Json {
    json!({
        "version": connect.version.to_string(),
        "client_id": connect.client_id,
        "clean_start": connect.clean_start,
        "keep_alive": connect.keep_alive,
        "username": connect.username,
        "password": connect.password.map(binary),
        "will": connect.will.map(|will| json!({
            "topic": will.topic,
            "payload": binary(will.payload),
            "qos": will.qos as u8,
            "retain": will.retain,
            "properties": properties(will.properties),
        })),
        "properties": properties(connect.properties),
    })
}

fn publish_summary(publish: &Publish<'_>) -> Json {
    assert_eq!(publish.packet_id.is_some(), publish.qos > QoS::AtMostOnce);
    json!({
        "topic": publish.topic,
        "payload": binary(publish.payload),
        "qos": publish.qos as u8,
        "packet_id": publish.packet_id,
        "dup": publish.dup,
        "retain": publish.retain,
        "properties": properties(publish.properties),
    })
}

fn ack_summary(ack: &Ack<'_>) -> Json {
    json!({
        "packet_id": ack.packet_id,
        "reason": format!("{:?}", ack.reason),
        "properties": properties(ack.properties),
    })
}

fn subscribe_summary(subscribe: &Subscribe<'_>) -> Json {
    let filters = subscribe.filters.iter().map(|subscription| {
        let options = subscription.options;
        let retain_handling = options.retain_handling as u8;
        json!({
            "filter": subscription.text,
            "error": subscription.filter.err().map(|error| format!("{error:?}")),
            "shared": subscription.filter.is_ok_and(|filter| filter.is_shared()),
            "qos": options.qos as u8,
            "no_local": options.no_local,
            "retain_as_published": options.retain_as_published,
            "retain_handling": (retain_handling > 0).then_some(retain_handling),
        })
    });
    json!({
        "packet_id": subscribe.packet_id,
        "filters": filters.collect::<Vec<_>>(),
        "properties": properties(subscribe.properties),
    })
}

fn properties(properties: Properties<'_>) -> Json {
    properties.iter().map(|(id, value)| json!([format!("{id:?}"), property(value)])).collect()
}

fn property(value: Value<'_>) -> Json {
    match value {
        Value::Byte(value) => value.into(),
        Value::TwoByteInteger(value) => value.into(),
        Value::FourByteInteger(value) | Value::VariableByteInteger(value) => value.into(),
        Value::Text(text) => text.into(),
        Value::Binary(bytes) => format!("0x{}", hex::encode(bytes)).into(),
        Value::Pair(name, value) => json!([name, value]),
    }
}

/// Text as text, anything else in hexadecimal digits.
fn binary(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => format!("0x{}", hex::encode(bytes)),
    }
}

fn prune(json: &mut Json) {
    match json {
        Json::Object(fields) => {
            fields.values_mut().for_each(prune);
            fields.retain(|_, value| !(value.is_null() || value == &json!(false) || value == &json!([])));
        }
        Json::Array(values) => values.iter_mut().for_each(prune),
        _ => {}
    }
}
