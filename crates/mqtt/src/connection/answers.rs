//! What is written to the client: answers, messages, and the end.

use super::{Connection, State};
use crate::acknowledgement::Ack;
use crate::connack::{Accept, Connack, ConnectRefusal};
use crate::disconnect::Disconnect;
use crate::error::ProtocolError;
use crate::flow::Flow;
use crate::keep_alive::KeepAlive;
use crate::packet::Packet;
use crate::properties::Properties;
use crate::property::{Property, PropertyId, Value};
use crate::publish::Publish;
use crate::qos::QoS;
use crate::reason_code::ReasonCode;
use crate::suback::Suback;
use crate::unsuback::Unsuback;
use crate::version::Version;
use crate::writer::TooLarge;

/// Bytes of the longest Reason String that is sent: a few sentences. An acknowledgement stays small.
const REASON_STRING_MAX: usize = 1_024;

/// What a Reason String adds to a packet beside its text: reason code, Property Length of two bytes, identifier, the
/// string's own length, and one more byte of Remaining Length.
const REASON_STRING_OVERHEAD: usize = 7;

impl Connection {
    /// Accepts the CONNECT: CONNACK is written, and in version 5 says what the limits are wherever they are not what the
    /// standard supposes.
    ///
    /// # Panics
    /// There is no CONNECT to answer.
    pub fn accept(&mut self, accept: Accept<'_>) {
        let State::Deciding { heard } = self.state else {
            panic!("accept answers a CONNECT that came and was not answered")
        };
        let keep_alive = accept.keep_alive.unwrap_or(self.client.keep_alive);
        self.state = State::Connected {
            keep_alive: KeepAlive::new(keep_alive, self.limits.idle_max, heard),
            flow: Flow::new(self.version, self.limits.receive_maximum),
        };
        let properties = self.offer(&accept);
        let properties = if self.version == Version::V5 { &properties[..] } else { &[] };
        let connack = Connack {
            session_present: accept.session_present,
            reason: ReasonCode::Success,
            properties: Properties::from(properties),
        };
        // A client whose Maximum Packet Size is below that of a CONNACK hears nothing [MQTT-3.1.2-24].
        let _ = self.send(&Packet::Connack(connack));
    }

    /// What a client of version 5 is told about its connection, as far as it differs from what the standard supposes.
    fn offer<'p>(&self, accept: &Accept<'p>) -> Vec<Property<'p>> {
        let limits = &self.limits;
        let not_available = |id, is_available: bool| (!is_available).then_some((id, Value::Byte(0)));
        let packet_size_max = u32::try_from(limits.packet_size_max()).unwrap_or(u32::MAX);
        let silent = limits.idle_max.filter(|_| self.client.keep_alive == 0).map(KeepAlive::seconds);
        let properties = [
            accept.session_expiry_s.map(|expiry| (PropertyId::SessionExpiryInterval, Value::FourByteInteger(expiry))),
            Some((PropertyId::ReceiveMaximum, Value::TwoByteInteger(limits.receive_maximum))),
            (limits.qos_max < QoS::ExactlyOnce).then_some((PropertyId::MaximumQoS, Value::Byte(limits.qos_max as u8))),
            not_available(PropertyId::RetainAvailable, limits.retain_available),
            Some((PropertyId::MaximumPacketSize, Value::FourByteInteger(packet_size_max))),
            accept.assigned_client_id.map(|id| (PropertyId::AssignedClientIdentifier, Value::Text(id))),
            not_available(PropertyId::WildcardSubscriptionAvailable, limits.wildcard_subscriptions_available),
            not_available(PropertyId::SubscriptionIdentifierAvailable, limits.subscription_identifiers_available),
            not_available(PropertyId::SharedSubscriptionAvailable, limits.shared_subscriptions_available),
            accept.keep_alive.or(silent).map(|seconds| (PropertyId::ServerKeepAlive, Value::TwoByteInteger(seconds))),
        ];
        properties.into_iter().flatten().collect()
    }

    /// Refuses the CONNECT. CONNACK is the last packet; in version 5 it says `reason` as well.
    ///
    /// # Panics
    /// There is no CONNECT to answer.
    pub fn refuse(&mut self, refusal: ConnectRefusal, reason: Option<&str>) {
        assert!(
            matches!(self.state, State::Deciding { .. }),
            "refuse answers a CONNECT that came and was not answered"
        );
        self.state = State::Closed;
        self.refuse_with(refusal.reason_code(), reason);
    }

    fn refuse_with(&mut self, code: ReasonCode, reason: Option<&str>) {
        self.send_with_reason(reason, |properties| {
            Packet::Connack(Connack { session_present: false, reason: code, properties })
        });
    }

    /// Acknowledges a PUBLISH of QoS 1. 3.1.1 cannot say how it went.
    pub fn puback(&mut self, packet_id: u16, code: ReasonCode, reason: Option<&str>) {
        let State::Connected { flow, .. } = &mut self.state else { return };
        flow.complete(packet_id);
        self.acknowledge(reason, |properties| Packet::Puback(Ack { packet_id, reason: code, properties }));
    }

    /// Acknowledges a PUBLISH of QoS 2. A failure ends its delivery; 3.1.1 cannot say it.
    pub fn pubrec(&mut self, packet_id: u16, code: ReasonCode, reason: Option<&str>) {
        let State::Connected { flow, .. } = &mut self.state else { return };
        if code.is_error() {
            flow.complete(packet_id);
        } else {
            flow.answer();
        }
        self.acknowledge(reason, |properties| Packet::Pubrec(Ack { packet_id, reason: code, properties }));
    }

    /// Answers a PUBREC.
    pub fn pubrel(&mut self, packet_id: u16, code: ReasonCode, reason: Option<&str>) {
        let State::Connected { .. } = &self.state else { return };
        self.acknowledge(reason, |properties| Packet::Pubrel(Ack { packet_id, reason: code, properties }));
    }

    /// Answers a PUBREL.
    pub fn pubcomp(&mut self, packet_id: u16, code: ReasonCode, reason: Option<&str>) {
        let State::Connected { flow, .. } = &mut self.state else { return };
        flow.complete(packet_id);
        self.acknowledge(reason, |properties| Packet::Pubcomp(Ack { packet_id, reason: code, properties }));
    }

    /// Answers a SUBSCRIBE: a code for each of its filters, in their order. In 3.1.1 every failure is 0x80.
    pub fn suback(&mut self, packet_id: u16, codes: &[ReasonCode]) {
        let State::Connected { flow, .. } = &mut self.state else { return };
        flow.answer();
        let suback = Suback { packet_id, codes: codes.to_vec(), properties: Properties::default() };
        let _ = self.send(&Packet::Suback(suback));
    }

    /// Answers an UNSUBSCRIBE: a code for each of its filters, in their order. 3.1.1 has no codes.
    pub fn unsuback(&mut self, packet_id: u16, codes: &[ReasonCode]) {
        let State::Connected { flow, .. } = &mut self.state else { return };
        flow.answer();
        let unsuback = Unsuback { packet_id, codes: codes.to_vec(), properties: Properties::default() };
        let _ = self.send(&Packet::Unsuback(unsuback));
    }

    /// Sends a message. Which packet ids are free, and how many messages may be under way, is for the caller to know.
    ///
    /// # Errors
    /// It is larger than the client takes, and is to be treated as if it had been delivered [MQTT-3.1.2-25].
    pub fn publish<'p>(&mut self, publish: impl Into<Publish<'p>>) -> Result<(), TooLarge> {
        let State::Connected { .. } = &self.state else { return Ok(()) };
        self.send(&Packet::Publish(publish.into()))
    }

    /// Ends the connection. 3.1.1 cannot say why, so nothing is written.
    pub fn disconnect(&mut self, code: ReasonCode, reason: Option<&str>) {
        let was_connected = matches!(self.state, State::Connected { .. });
        self.state = State::Closed;
        if was_connected && self.version == Version::V5 {
            self.send_with_reason(reason, |properties| Packet::Disconnect(Disconnect { reason: code, properties }));
        }
    }

    /// Ends the connection because of an error, and tells the peer what its version and the moment allow:
    ///
    /// - before CONNACK: a CONNACK with the code, if the peer plainly speaks version 5; CONNACK 1 to a client of a version
    ///   older than 3.1.1; to anybody else nothing, for it may speak no MQTT at all;
    /// - later: a DISCONNECT with the code in version 5, nothing in 3.1.1.
    pub fn fail(&mut self, error: &ProtocolError) {
        let reason = error.to_string();
        if let State::ExpectConnect { .. } = self.state {
            self.state = State::Closed;
            if self.version == Version::V5 || error.is_unsupported_version() {
                self.refuse_with(error.reason_code(), Some(&reason));
            }
        } else {
            self.disconnect(error.reason_code(), Some(&reason));
        }
    }

    /// Sends an acknowledgement, without the reason where the client does not want one [MQTT-3.1.2-29].
    fn acknowledge(&mut self, reason: Option<&str>, packet: impl for<'p> Fn(Properties<'p>) -> Packet<'p>) {
        let reason = reason.filter(|_| self.client.wants_reasons);
        self.send_with_reason(reason, packet);
    }

    /// Sends a packet with as much of the reason as the client's Maximum Packet Size leaves room for [MQTT-3.4.2-2].
    fn send_with_reason(&mut self, reason: Option<&str>, packet: impl for<'p> Fn(Properties<'p>) -> Packet<'p>) {
        let start = self.output.len();
        if self.send(&packet(Properties::default())).is_err() || self.version == Version::V311 {
            return;
        }
        let taken = self.output.len() - start + REASON_STRING_OVERHEAD;
        let room = self.client.packet_size_max.saturating_sub(taken);
        let text = shortened(reason.unwrap_or(""), room.min(REASON_STRING_MAX));
        if !text.is_empty() {
            self.output.truncate(start);
            let properties = [(PropertyId::ReasonString, Value::Text(text))];
            let sent = self.send(&packet(Properties::from(&properties[..])));
            assert!(sent.is_ok(), "the text was cut to the room that there is");
        }
    }

    /// Writes a packet, unless it is larger than the client takes [MQTT-3.1.2-24].
    pub(super) fn send(&mut self, packet: &Packet<'_>) -> Result<(), TooLarge> {
        let start = self.output.len();
        packet.encode(self.version, &mut self.output)?;
        if self.output.len() - start > self.client.packet_size_max {
            self.output.truncate(start);
            return Err(TooLarge);
        }
        Ok(())
    }
}

/// The begin of a text that a string may hold: no more than this many bytes, and nothing from a U+0000 on.
fn shortened(text: &str, length_max: usize) -> &str {
    let text = text.split('\0').next().unwrap_or("");
    &text[..text.floor_char_boundary(length_max)]
}
