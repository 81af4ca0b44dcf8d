//! What a watcher is told of a connection. Packets are read off the wire's own bytes, so that none is forgotten.

use mqtt::{Event, Packet, PropertyId, Sender};
use tenant::Verdict;

use super::Connection;
use crate::trace::Happening;

impl Connection<'_> {
    /// Whether anybody watches this client.
    pub(super) fn is_watched(&self) -> bool {
        self.context.traces.is_watched(&self.session.client_id)
    }

    /// Tells of a packet that came.
    pub(super) fn trace_event(&self, event: &Event<'_>) {
        let (what, detail, payload) = match event {
            Event::Publish(publish) => ("PUBLISH", describe_publish(publish), Some(publish.payload)),
            Event::Puback(ack) => ("PUBACK", format!("id {}", ack.packet_id), None),
            Event::Pubrec(ack) => ("PUBREC", format!("id {}", ack.packet_id), None),
            Event::Pubrel(ack) => ("PUBREL", format!("id {}", ack.packet_id), None),
            Event::Pubcomp(ack) => ("PUBCOMP", format!("id {}", ack.packet_id), None),
            Event::Subscribe(subscribe) => {
                let filters = subscribe
                    .filters
                    .iter()
                    .map(|filter| format!("{} at QoS {}", filter.text, filter.options.qos as u8));
                ("SUBSCRIBE", format!("id {}: {}", subscribe.packet_id, filters.collect::<Vec<_>>().join(", ")), None)
            }
            Event::Unsubscribe(unsubscribe) => {
                ("UNSUBSCRIBE", format!("id {}: {}", unsubscribe.packet_id, unsubscribe.filters.join(", ")), None)
            }
            Event::Ping => ("PINGREQ", String::new(), None),
            Event::Disconnect(disconnect) => ("DISCONNECT", format!("{:?}", disconnect.reason), None),
            // It was told of before there was a connection.
            Event::Connect(_) => return,
        };
        self.tell("in", what, detail, payload);
    }

    /// Tells of the packets that wait to be sent.
    pub(super) fn trace_output(&mut self) {
        let version = self.wire.mqtt.version();
        let output = std::mem::take(self.wire.mqtt.transmit());
        let mut rest = &output[..];
        while let Ok(Some(packet)) = Packet::decode(version, Sender::Server, usize::MAX, &mut rest) {
            let words = |properties: mqtt::Properties<'_>| {
                properties.text(PropertyId::ReasonString).map(|words| format!(": {words}")).unwrap_or_default()
            };
            let (what, detail, payload) = match &packet {
                Packet::Publish(publish) => ("PUBLISH", describe_publish(publish), Some(publish.payload)),
                Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack) => {
                    let what = match packet {
                        Packet::Puback(_) => "PUBACK",
                        Packet::Pubrec(_) => "PUBREC",
                        Packet::Pubrel(_) => "PUBREL",
                        _ => "PUBCOMP",
                    };
                    (what, format!("id {}, {:?}{}", ack.packet_id, ack.reason, words(ack.properties)), None)
                }
                Packet::Suback(suback) => ("SUBACK", format!("id {}: {:?}", suback.packet_id, suback.codes), None),
                Packet::Unsuback(unsuback) => {
                    ("UNSUBACK", format!("id {}: {:?}", unsuback.packet_id, unsuback.codes), None)
                }
                Packet::Pingresp => ("PINGRESP", String::new(), None),
                Packet::Disconnect(end) => ("DISCONNECT", format!("{:?}{}", end.reason, words(end.properties)), None),
                Packet::Connack(connack) => ("CONNACK", format!("{:?}", connack.reason), None),
                other => ("packet", format!("{:?}", other.packet_type()), None),
            };
            self.tell("out", what, detail, payload);
        }
        *self.wire.mqtt.transmit() = output;
    }

    /// Tells what became of a message.
    pub(super) fn trace_verdict(&self, packet_id: u16, verdict: &Verdict) {
        let counts = verdict.counts;
        let detail = match &verdict.reason {
            Some(reason) => format!("id {packet_id}: {reason}"),
            None => format!("id {packet_id}: {} stored, {} duplicate", counts.stored, counts.duplicate),
        };
        self.tell("note", "verdict", detail, None);
    }

    /// Tells of anything.
    pub(super) fn tell(&self, direction: &'static str, what: &str, detail: String, payload: Option<&[u8]>) {
        self.context.traces.tell(&self.session.client_id, &Happening { direction, what, detail, payload });
    }
}

fn describe_publish(publish: &mqtt::Publish<'_>) -> String {
    let id = publish.packet_id.map(|id| format!(", id {id}")).unwrap_or_default();
    let dup = if publish.dup { ", again" } else { "" };
    format!("{} at QoS {}{id}{dup}, {} bytes", publish.topic, publish.qos as u8, publish.payload.len())
}
