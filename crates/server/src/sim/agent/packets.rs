//! The packets of an agent, both ways.

use std::time::{Duration, Instant};

use mqtt::{
    Ack, Disconnect, Packet, Properties, Publish, QoS, ReasonCode, Sender, Subscribe, Subscription,
    SubscriptionOptions, Version,
};

use super::{Agent, Connection, Kept};
use crate::sim::fault::{Failed, Fault};
use crate::sim::outbox::{Outbox, Pending};
use crate::sim::tally::Tally;
use crate::sim::wire::{PACKET_SIZE_MAX, Wire};

/// Packet id of the one SUBSCRIBE of a connection. Messages have those up to the window, which ends below.
const SUBSCRIBE_ID: u16 = u16::MAX;

/// How long the end of a connection waits for a server that does not read.
const CLOSE_TIME: Duration = Duration::from_secs(2);

impl Agent {
    pub(super) fn subscribe(&self, connection: &mut Connection) -> Result<(), Failed> {
        let Some(filter) = &self.profile.filter else { return Ok(()) };
        let filters = vec![Subscription::new(filter, SubscriptionOptions::with_qos(self.shared.behaviour.qos))];
        let subscribe = Subscribe { packet_id: SUBSCRIBE_ID, filters, properties: Properties::default() };
        Ok(Packet::Subscribe(subscribe).encode(self.shared.behaviour.version, &mut connection.wire.output)?)
    }

    /// Sends what an earlier connection left unacknowledged, before anything new [MQTT-4.4.0-1].
    pub(super) fn send_again(&mut self, connection: &mut Connection) -> Result<(), Failed> {
        let version = self.shared.behaviour.version;
        let pending = self.outbox.pending();
        for message in &pending {
            let packet = match *message {
                Pending::Publish(packet_id) => self.packet(Some(packet_id), self.outbox.payload(packet_id), true),
                Pending::Pubrel(packet_id) => Packet::Pubrel(Ack::new(packet_id, ReasonCode::Success)),
            };
            packet.encode(version, &mut connection.wire.output)?;
        }
        self.shared.tally().counts.resent += pending.len() as u64;
        Ok(())
    }

    /// Appends the next message.
    pub(super) fn send(&mut self, now: Instant, now_us: i64, output: &mut Vec<u8>) -> Result<(), Failed> {
        let behaviour = &self.shared.behaviour;
        let number = self.next;
        // At QoS 0 the message is done with as soon as it is written, so one place serves all.
        let Some((packet_id, payload)) = self.outbox.take(number, now) else { return Ok(()) };
        let time_us = self.profile.source.write(now_us, payload);
        if self.kept.times_us.len() < self.profile.kept_max {
            self.kept.times_us.push(time_us);
            self.kept.is_acknowledged.push(false);
        }
        let id = (behaviour.qos > QoS::AtMostOnce).then_some(packet_id);
        self.packet(id, self.outbox.payload(packet_id), false).encode(behaviour.version, output)?;
        if id.is_none() {
            self.outbox.finish(packet_id);
        }
        self.next += 1;
        Ok(())
    }

    fn packet<'a>(&'a self, packet_id: Option<u16>, payload: &'a [u8], dup: bool) -> Packet<'a> {
        Packet::Publish(Publish {
            topic: &self.profile.topic,
            payload,
            qos: if packet_id.is_some() { self.shared.behaviour.qos } else { QoS::AtMostOnce },
            packet_id,
            dup,
            retain: false,
            properties: Properties::default(),
        })
    }

    pub(super) fn ping(&self, output: &mut Vec<u8>) -> Result<(), Failed> {
        Ok(Packet::Pingreq.encode(self.shared.behaviour.version, output)?)
    }

    /// Says DISCONNECT and closes; what the server makes of it does not matter any more.
    pub(super) async fn disconnect(&mut self, mut wire: Wire) {
        let disconnect = Disconnect { reason: ReasonCode::Success, properties: Properties::default() };
        if Packet::Disconnect(disconnect).encode(self.shared.behaviour.version, &mut wire.output).is_ok() {
            let _ = tokio::time::timeout(CLOSE_TIME, wire.close()).await;
        }
    }

    /// Takes whole packets off the input.
    pub(super) fn take_input(&mut self, connection: &mut Connection) -> Result<(), Failed> {
        connection.has_heard = true;
        let shared = self.shared.clone();
        let mut intake = Intake {
            version: shared.behaviour.version,
            qos: shared.behaviour.qos,
            now: Instant::now(),
            outbox: &mut self.outbox,
            kept: &mut self.kept,
            tally: &mut shared.tally(),
        };
        let (mut rest, output) = connection.wire.parts();
        while let Some(packet) = Packet::decode(intake.version, Sender::Server, PACKET_SIZE_MAX, &mut rest)? {
            intake.take(&packet, output)?;
        }
        let left = rest.len();
        connection.wire.keep(left);
        Ok(())
    }
}

/// What packets of the server act upon.
struct Intake<'a> {
    version: Version,
    qos: QoS,
    now: Instant,
    outbox: &'a mut Outbox,
    kept: &'a mut Kept,
    tally: &'a mut Tally,
}

impl Intake<'_> {
    fn take(&mut self, packet: &Packet<'_>, output: &mut Vec<u8>) -> Result<(), Failed> {
        match packet {
            Packet::Puback(ack) if self.qos == QoS::AtLeastOnce => self.finish(ack),
            Packet::Pubcomp(ack) if self.qos == QoS::ExactlyOnce => self.finish(ack),
            // A PUBREC that refuses is the end of its message [MQTT-4.3.3-4].
            Packet::Pubrec(ack) if ack.reason.is_error() => self.finish(ack),
            Packet::Pubrec(ack) => {
                if !self.outbox.release(ack.packet_id) {
                    return Err(unasked(ack));
                }
                self.answer(&Packet::Pubrel(Ack::new(ack.packet_id, ReasonCode::Success)), output)
            }
            Packet::Publish(publish) => self.receive(publish, output),
            Packet::Pubrel(ack) => self.answer(&Packet::Pubcomp(Ack::new(ack.packet_id, ReasonCode::Success)), output),
            Packet::Suback(suback) => {
                let refused = suback.codes.iter().find(|code| code.is_error());
                refused.map_or(Ok(()), |code| Err(Failed::new(Fault::SubscribeRefused(*code), "SUBACK refuses")))
            }
            Packet::Pingresp => Ok(()),
            Packet::Disconnect(disconnect) => {
                Err(Failed::new(Fault::Disconnect(disconnect.reason), "the server said DISCONNECT"))
            }
            other => Err(Failed::new(Fault::Protocol, &format!("unexpected {:?}", other.packet_type()))),
        }
    }

    /// A message's last acknowledgement has come.
    fn finish(&mut self, ack: &Ack<'_>) -> Result<(), Failed> {
        let (number, sent) = self.outbox.finish(ack.packet_id).ok_or_else(|| unasked(ack))?;
        // The server of a new session does not know the message that an earlier one has taken.
        if ack.reason.is_error() && ack.reason != ReasonCode::PacketIdentifierNotFound {
            self.tally.counts.refused += 1;
            self.tally.fail(&Failed::new(Fault::MessageRefused(ack.reason), "the acknowledgement refuses"));
            return Ok(());
        }
        self.tally.counts.acknowledged += 1;
        self.tally.acknowledgements.record(self.now.saturating_duration_since(sent));
        self.kept.acknowledged += 1;
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        if let Some(is_acknowledged) = self.kept.is_acknowledged.get_mut(number) {
            *is_acknowledged = true;
        }
        Ok(())
    }

    fn receive(&mut self, publish: &Publish<'_>, output: &mut Vec<u8>) -> Result<(), Failed> {
        self.tally.counts.received += 1;
        let Some(packet_id) = publish.packet_id else { return Ok(()) };
        let ack = Ack::new(packet_id, ReasonCode::Success);
        let answer = if publish.qos == QoS::ExactlyOnce { Packet::Pubrec(ack) } else { Packet::Puback(ack) };
        self.answer(&answer, output)
    }

    fn answer(&self, packet: &Packet<'_>, output: &mut Vec<u8>) -> Result<(), Failed> {
        Ok(packet.encode(self.version, output)?)
    }
}

fn unasked(ack: &Ack<'_>) -> Failed {
    Failed::new(Fault::Protocol, &format!("an acknowledgement of packet {}, which is not under way", ack.packet_id))
}
