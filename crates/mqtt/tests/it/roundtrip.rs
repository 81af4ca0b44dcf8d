//! Whatever packet is written is the packet that is read.

use dinrail_mqtt::{
    Ack, Auth, Connack, Connect, Disconnect, Packet, Properties, Property, PropertyId, Publish, QoS, ReasonCode,
    RetainHandling, Sender, Suback, Subscribe, Subscription, SubscriptionOptions, Unsuback, Unsubscribe, Value,
    Version, Will,
};
use proptest::prelude::*;
use proptest::sample::select;

/// The parts of which packets are made.
#[derive(Clone, Debug)]
struct Parts {
    version: Version,
    packet_id: u16,
    number: u16,
    qos: QoS,
    flags: [bool; 3],
    text: String,
    topic: String,
    payload: Vec<u8>,
    filters: Vec<(String, QoS, u8)>,
    user_properties: Vec<(String, String)>,
}

fn qos() -> impl Strategy<Value = QoS> {
    select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
}

fn text() -> impl Strategy<Value = String> {
    "[^\u{0}]{0,40}"
}

fn parts() -> impl Strategy<Value = Parts> {
    let filters = prop::collection::vec((text(), qos(), 0..3u8), 1..5);
    let user_properties = prop::collection::vec((text(), text()), 0..5);
    // Large enough now and then for a Remaining Length of three bytes.
    let payload = prop_oneof![prop::collection::vec(any::<u8>(), 0..300), Just(vec![7; 20_000])];
    (
        select(vec![Version::V311, Version::V5]),
        (1..=u16::MAX, any::<u16>(), qos(), any::<[bool; 3]>()),
        (text(), "[^\u{0}+#]{1,40}", payload, filters, user_properties),
    )
        .prop_map(
            |(version, (packet_id, number, qos, flags), (text, topic, payload, filters, user_properties))| Parts {
                version,
                packet_id,
                number,
                qos,
                flags,
                text,
                topic,
                payload,
                filters,
                user_properties,
            },
        )
}

impl Parts {
    /// The User Properties and one more, if the version has properties.
    fn properties<'p>(&'p self, one: Option<Property<'p>>) -> Vec<Property<'p>> {
        if self.version == Version::V311 {
            return Vec::new();
        }
        let user =
            self.user_properties.iter().map(|(name, value)| (PropertyId::UserProperty, Value::Pair(name, value)));
        one.into_iter().chain(user).collect()
    }

    /// A reason code, if the version has them.
    fn reason(&self, code: ReasonCode) -> ReasonCode {
        if self.version == Version::V5 && self.flags[0] { code } else { ReasonCode::Success }
    }

    fn connect<'p>(&'p self, properties: Properties<'p>) -> Packet<'p> {
        let [clean_start, has_will, has_password] = self.flags;
        let will = Will {
            topic: &self.topic,
            payload: &self.payload,
            qos: self.qos,
            retain: clean_start,
            properties: Properties::default(),
        };
        Packet::Connect(Connect {
            version: self.version,
            client_id: &self.text,
            clean_start,
            keep_alive: self.number,
            username: has_password.then_some(&*self.topic),
            password: has_password.then_some(&*self.payload),
            will: has_will.then_some(will),
            properties,
        })
    }

    fn publish<'p>(&'p self, properties: Properties<'p>) -> Packet<'p> {
        let has_id = self.qos > QoS::AtMostOnce;
        Packet::Publish(Publish {
            topic: &self.topic,
            payload: &self.payload,
            qos: self.qos,
            packet_id: has_id.then_some(self.packet_id),
            dup: has_id && self.flags[0],
            retain: self.flags[1],
            properties,
        })
    }

    fn subscribe<'p>(&'p self, properties: Properties<'p>) -> Packet<'p> {
        let filters = self.filters.iter().map(|(text, qos, retain_handling)| {
            let mut options = SubscriptionOptions::with_qos(*qos);
            if self.version == Version::V5 {
                options.no_local = self.flags[0] && !text.starts_with("$share/");
                options.retain_as_published = self.flags[1];
                options.retain_handling = [RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend]
                    [usize::from(*retain_handling)];
            }
            Subscription::new(text, options)
        });
        Packet::Subscribe(Subscribe { packet_id: self.packet_id, filters: filters.collect(), properties })
    }

    fn unsubscribe<'p>(&'p self, properties: Properties<'p>) -> Packet<'p> {
        let filters = self.filters.iter().map(|(text, ..)| &**text).collect();
        Packet::Unsubscribe(Unsubscribe { packet_id: self.packet_id, filters, properties })
    }
}

/// Writes a packet, reads it, and compares.
fn check(version: Version, sender: Sender, packet: &Packet<'_>) {
    let mut written = b"before".to_vec();
    packet.encode(version, &mut written).unwrap();
    let mut rest = written.strip_prefix(b"before").unwrap();
    let length = rest.len();
    assert_eq!(Packet::decode(version, sender, length, &mut rest).as_ref(), Ok(&Some(packet.clone())));
    assert!(rest.is_empty());
    let error = Packet::decode(version, sender, length - 1, &mut &written[6..]).unwrap_err();
    assert_eq!(error.label(), "packet_too_large");
}

proptest! {
    #[test]
    fn packets_of_a_client(parts in parts()) {
        let version = parts.version;
        let expiry = Value::FourByteInteger(parts.number.into());
        let session = parts.properties(Some((PropertyId::SessionExpiryInterval, expiry)));
        let session = Properties::from(&session[..]);
        let content = parts.properties(Some((PropertyId::ContentType, Value::Text(&parts.text))));
        let identifier = Value::VariableByteInteger(u32::from(parts.packet_id) * 4_000);
        let identifier = parts.properties(Some((PropertyId::SubscriptionIdentifier, identifier)));
        let user = parts.properties(None);
        check(version, Sender::Client, &parts.connect(session));
        check(version, Sender::Client, &parts.publish(Properties::from(&content[..])));
        check(version, Sender::Client, &parts.subscribe(Properties::from(&identifier[..])));
        check(version, Sender::Client, &parts.unsubscribe(Properties::from(&user[..])));
        check(version, Sender::Client, &Packet::Pingreq);
        let reason = parts.reason(ReasonCode::DisconnectWithWill);
        check(version, Sender::Client, &Packet::Disconnect(Disconnect { reason, properties: session }));
    }

    #[test]
    fn packets_of_a_server(parts in parts()) {
        let Parts { version, packet_id, .. } = parts;
        let properties = parts.properties(Some((PropertyId::ReasonString, Value::Text(&parts.text))));
        let properties = Properties::from(&properties[..]);
        let session_present = parts.flags[1];
        let connack = Connack { session_present, reason: ReasonCode::Success, properties };
        check(version, Sender::Server, &Packet::Connack(connack));
        let connack = Connack { session_present: false, reason: ReasonCode::NotAuthorized, properties };
        check(version, Sender::Server, &Packet::Connack(connack));
        let codes = vec![ReasonCode::GrantedQoS2, ReasonCode::UnspecifiedError];
        check(version, Sender::Server, &Packet::Suback(Suback { packet_id, codes, properties }));
        let codes = if version == Version::V5 { vec![ReasonCode::NoSubscriptionExisted] } else { Vec::new() };
        check(version, Sender::Server, &Packet::Unsuback(Unsuback { packet_id, codes, properties }));
        check(version, Sender::Server, &Packet::Pingresp);
        if version == Version::V5 {
            let reason = parts.reason(ReasonCode::SessionTakenOver);
            check(version, Sender::Server, &Packet::Disconnect(Disconnect { reason, properties }));
        }
    }

    #[test]
    fn packets_of_both(parts in parts()) {
        let Parts { version, packet_id, .. } = parts;
        let properties = parts.properties(Some((PropertyId::ReasonString, Value::Text(&parts.text))));
        let properties = Properties::from(&properties[..]);
        let method = parts.properties(Some((PropertyId::AuthenticationMethod, Value::Text(&parts.text))));
        let not_found = Ack { packet_id, reason: parts.reason(ReasonCode::PacketIdentifierNotFound), properties };
        let refused = Ack { packet_id, reason: parts.reason(ReasonCode::NotAuthorized), properties };
        for sender in [Sender::Client, Sender::Server] {
            check(version, sender, &parts.publish(Properties::default()));
            check(version, sender, &Packet::Puback(refused));
            check(version, sender, &Packet::Pubrec(refused));
            check(version, sender, &Packet::Pubrel(not_found));
            check(version, sender, &Packet::Pubcomp(not_found));
            if version == Version::V5 {
                let properties = Properties::from(&method[..]);
                check(version, sender, &Packet::Auth(Auth { reason: ReasonCode::ContinueAuthentication, properties }));
            }
        }
    }
}
