//! PUBLISH both ways.

use std::borrow::Cow;
use std::time::Instant;

use ingest::{Decoded, MessageKind};
use mqtt::{OutgoingPublish, Publish, QoS, ReasonCode};
use tenant::{Message, Published, Record, Verdict, VerdictKind};
use tracing::info;

use super::{Connection, End};
use crate::clock;
use crate::config::ForbiddenPublish;
use crate::engine::{Entry, Reply, Tag};

/// Bytes that are made ready to be sent at a time; messages beyond wait until the peer has read these.
const OUTPUT_BYTES_MAX: usize = 256 << 10;

impl Connection<'_> {
    /// Takes a publish of the agent: spelling to kind, payload to rows, both into a record.
    pub(super) fn publish(&mut self, publish: &Publish<'_>) -> Result<(), End> {
        let received_us = clock::now_us();
        let decoded = match ingest::message_kind(self.slot.id.as_str(), &self.session.client_id, publish.topic) {
            Ok(MessageKind::TimeSeries) => ingest::decode(publish.payload, &self.context.ingest, received_us),
            Ok(MessageKind::Refused(finding)) => Decoded { rows: Vec::new(), findings: vec![finding] },
            Err(forbidden) => return self.forbid(publish, &forbidden.to_string()),
        };
        let packet_id = publish.packet_id;
        let record = Record::Published(Published {
            connection: tenant::Connection {
                face: self.session.face,
                client_id: Cow::Borrowed(&self.session.client_id),
                epoch: self.epoch,
            },
            packet_id,
            qos: publish.qos as u8,
            received_us,
            topic: publish.topic.into(),
            payload: publish.payload.into(),
            decoder: ingest::DECODER_GENERATION,
            rows: decoded.rows,
            findings: decoded.findings,
        });
        let bytes = record.encode();
        match (publish.qos, packet_id) {
            (QoS::AtLeastOnce, Some(packet_id)) => self.submit(bytes, Tag::Puback(packet_id, Instant::now())),
            (QoS::ExactlyOnce, Some(packet_id)) => self.submit(bytes, Tag::Pubrec(packet_id, Instant::now())),
            _ => self.push(Entry { bytes, reply: Reply::Nobody }),
        }
    }

    /// Sends what the session's queue holds and this connection has not sent yet.
    pub(super) fn send_queued(&mut self) {
        let entries: Vec<_> = {
            let state = self.slot.state();
            let fresh = state.broker().inflight(&self.session, self.epoch).filter(|entry| entry.position >= self.sent);
            fresh.collect()
        };
        self.has_more = false;
        for entry in entries {
            if self.wire.mqtt.transmit().len() >= OUTPUT_BYTES_MAX {
                self.has_more = true;
                return;
            }
            // What cannot be read now is tried again when the queue moves, or on the next connection.
            let Ok(message) = self.context.engine.message(&self.slot.id, entry.position) else { return };
            self.sent = entry.position + 1;
            let is_sent = message.is_some_and(|message| {
                self.wire
                    .mqtt
                    .publish(OutgoingPublish {
                        topic: &message.topic,
                        payload: &message.payload,
                        qos: QoS::AtLeastOnce,
                        packet_id: Some(entry.packet_id),
                        dup: entry.epoch != self.epoch,
                        retain: false,
                    })
                    .is_ok()
            });
            if !is_sent {
                self.skip(entry.packet_id);
            }
        }
    }

    /// Answers the PUBREC of a client to which nothing is sent at QoS 2 [MQTT-4.3.3-4].
    pub(super) fn pubrec(&mut self, packet_id: u16) -> Result<(), End> {
        let is_qos_1 =
            self.slot.state().broker().inflight(&self.session, self.epoch).any(|entry| entry.packet_id == packet_id);
        if is_qos_1 {
            return Err(End::Refused(ReasonCode::ProtocolError, "pubrec_for_qos_1"));
        }
        self.wire.mqtt.pubrel(packet_id, ReasonCode::PacketIdentifierNotFound, None);
        Ok(())
    }

    /// A message larger than the client takes is treated as delivered [MQTT-3.1.2-25]; so is one that is lost.
    fn skip(&mut self, packet_id: u16) {
        info!(event = "delivery.skip", tenant = %self.slot.id, agent = self.session.client_id, packet_id, "the client does not take a message of this size");
        let record = Record::Acknowledged { connection: self.name(), packet_ids: vec![packet_id] };
        // Without room it stays in the window, and is tried again on the next connection.
        let _ = self.slot.lane.push(Entry { bytes: record.encode(), reply: Reply::Nobody });
    }

    /// Sends a message at QoS 0; one that the client does not take is dropped, as QoS 0 allows.
    pub(super) fn send_at_once(&mut self, message: &Message) {
        let _ = self.wire.mqtt.publish(OutgoingPublish {
            topic: &message.topic,
            payload: &message.payload,
            qos: QoS::AtMostOnce,
            packet_id: None,
            dup: false,
            retain: false,
        });
    }

    /// A topic that the agent may not publish to. MQTT 5 can say so; for 3.1.1, and at QoS 0, a setting decides.
    fn forbid(&mut self, publish: &Publish<'_>, why: &str) -> Result<(), End> {
        info!(event = "ingest.reject", tenant = %self.slot.id, agent = self.session.client_id, conn_id = self.epoch, topic = publish.topic, why, "forbidden topic");
        let ignore = self.context.config.forbidden_publish == ForbiddenPublish::Ignore;
        let answers = self.wire.mqtt.version() == mqtt::Version::V5 || ignore;
        match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(packet_id)) if answers => {
                self.wire.mqtt.puback(packet_id, ReasonCode::NotAuthorized, Some(why));
                Ok(())
            }
            (QoS::ExactlyOnce, Some(packet_id)) if answers => {
                self.wire.mqtt.pubrec(packet_id, ReasonCode::NotAuthorized, Some(why));
                Ok(())
            }
            _ if ignore => Ok(()),
            _ => Err(End::Refused(ReasonCode::NotAuthorized, "forbidden_topic")),
        }
    }
}

/// The reason code of an acknowledgement. All of these mean: do not send it again.
pub(super) fn reason(verdict: &Verdict) -> (ReasonCode, Option<&str>) {
    let code = match verdict.kind {
        VerdictKind::Accepted => ReasonCode::Success,
        VerdictKind::Unusable => ReasonCode::PayloadFormatInvalid,
        VerdictKind::UnknownTopic => ReasonCode::TopicNameInvalid,
        VerdictKind::OverQuota => ReasonCode::QuotaExceeded,
    };
    (code, verdict.reason.as_deref())
}
