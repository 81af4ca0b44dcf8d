//! One MQTT connection, from its first byte to its last. The loop in [`Connection::run`] is its whole life.

mod connect;
mod publish;
mod subscribe;
mod trace;
mod wire;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use broker::SessionKey;
use mqtt::{Event, ProtocolError, ReasonCode};
use tenant::{CloseReason, Outcome, Record};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::blackbox::BlackBox;
use crate::clock;
use crate::config::MqttConfig;
use crate::door::{Opened, Port};
use crate::engine::{Disk, Engine, Entry, Mail, Mailbox, PushError, Reply, Slot, Tag};
use crate::metrics::Metrics;
use crate::trace::Traces;
use wire::Wire;

/// How long a peer may leave unread what it is sent, before it counts as gone.
const WRITE_TIME: Duration = Duration::from_secs(60);

/// How often a connection looks whether the disk has failed under it.
const HEALTH_EVERY: Duration = Duration::from_secs(1);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) engine: Arc<Engine>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) black_box: BlackBox,
    pub(crate) config: Arc<MqttConfig>,
    pub(crate) ingest: ingest::Limits,
    pub(crate) traces: Arc<Traces>,
}

/// A connection whose CONNECT was accepted.
struct Connection<'c> {
    context: &'c Context,
    wire: Wire,
    slot: Arc<Slot>,
    session: SessionKey,
    /// Log position of the CONNECT.
    epoch: u64,
    mailbox: Arc<Mailbox>,
    /// Queue entries up to this log position are on the wire.
    sent: u64,
    /// There were more of them than go out in one write.
    has_more: bool,
    /// A record that found its tenant's queue full. Until it is in, the socket is not read.
    held: Option<Entry>,
    /// A new Session Expiry Interval that came with DISCONNECT.
    expiry_s: Option<u32>,
    /// SUBSCRIBEs under way, with the codes that were decided before their records.
    subscribing: VecDeque<(u16, Vec<ReasonCode>)>,
}

/// All that can wake the loop.
enum Wake {
    /// The peer has sent something; nothing is its end.
    Input(io::Result<usize>),
    /// The engine has answered, or wants something.
    Mail,
    /// The tenant's queue may have room again.
    Room,
    /// A time of the protocol has come, or it is time to look at the disk.
    Time,
    /// The server stops.
    Stop,
}

/// Why a connection ends. Each kind is told to the peer and to the log in its own way.
enum End {
    /// DISCONNECT.
    Disconnected,
    /// The peer closed the socket, or the network did.
    Lost(String),
    /// The peer broke a rule of MQTT.
    Protocol(ProtocolError),
    /// The peer did what it may not do.
    Refused(ReasonCode, &'static str),
    /// Closed from outside.
    Closed(CloseReason),
    /// The server stops, or its log has failed.
    Stopped,
}

/// Serves one connection until it ends.
pub(crate) async fn serve(opened: Opened, context: Arc<Context>, stop: CancellationToken) {
    let Opened { stream, address, port, place, .. } = opened;
    let mut wire = Wire::new(stream, &context.config);
    let listener = match port {
        Port::Mqtts => "mqtts",
        Port::Https => "https",
    };
    // Boxed, so that the many connections at rest do not keep the room that connecting needs.
    let accepted = Box::pin(connect::accept(&mut wire, &context, address, &stop)).await;
    if let Some(accepted) = accepted {
        let tenant = accepted.slot.id.to_string();
        context.metrics.connected(listener, &tenant);
        let connection = Connection {
            context: &context,
            wire,
            slot: accepted.slot,
            session: accepted.session,
            epoch: accepted.epoch,
            mailbox: accepted.mailbox,
            sent: 0,
            has_more: false,
            held: None,
            expiry_s: None,
            subscribing: VecDeque::new(),
        };
        connection.run(address, &stop).await;
        context.metrics.disconnected(listener, &tenant);
    } else {
        wire.close().await;
    }
    drop(place);
}

impl Connection<'_> {
    async fn run(mut self, address: SocketAddr, stop: &CancellationToken) {
        info!(event = "conn.open", tenant = %self.slot.id, agent = self.session.client_id, conn_id = self.epoch, %address, "connected");
        // What a session has waited for goes out first.
        self.send_queued();
        let end = loop {
            if let Err(end) = self.take_input() {
                break end;
            }
            if self.is_watched() {
                self.trace_output();
            }
            if let Err(end) = self.flush(stop).await {
                break end;
            }
            let result = match self.wake(stop).await {
                Wake::Input(Ok(0)) => Err(End::Lost("the peer closed the connection".into())),
                Wake::Input(Ok(_)) => Ok(()),
                Wake::Input(Err(cause)) => Err(End::Lost(cause.to_string())),
                Wake::Mail => self.take_mail(),
                Wake::Room => self.submit_held(),
                Wake::Time => self.take_time(),
                Wake::Stop => Err(End::Stopped),
            };
            if let Err(end) = result {
                break end;
            }
        };
        Box::pin(self.end(end)).await;
    }

    async fn wake(&mut self, stop: &CancellationToken) -> Wake {
        let reads =
            self.held.is_none() && self.wire.mqtt.may_read() && self.context.engine.health().disk() == Disk::Writable;
        let now = self.wire.now();
        if reads {
            self.wire.mqtt.resume(now);
        } else {
            self.wire.mqtt.suspend(now);
        }
        let time = self.wire.mqtt.poll_timeout().map_or(HEALTH_EVERY, |at| at.saturating_sub(now)).min(HEALTH_EVERY);
        tokio::select! {
            biased;
            () = stop.cancelled() => Wake::Stop,
            () = self.mailbox.arrived() => Wake::Mail,
            read = self.wire.read(), if reads => Wake::Input(read),
            () = self.slot.lane.room().notified(), if self.held.is_some() => Wake::Room,
            () = tokio::time::sleep(time) => Wake::Time,
        }
    }

    /// Takes whole packets off the input, as long as they may be acted upon.
    fn take_input(&mut self) -> Result<(), End> {
        let input = std::mem::take(&mut self.wire.input);
        let mut rest = &input[..];
        let now = self.wire.now();
        let result = loop {
            if self.held.is_some() {
                break Ok(());
            }
            match self.wire.mqtt.handle_input(now, &mut rest) {
                Ok(None) => break Ok(()),
                Ok(Some(event)) => {
                    if self.is_watched() {
                        self.trace_event(&event);
                    }
                    if let Err(end) = self.act(event) {
                        break Err(end);
                    }
                }
                Err(error) => break Err(End::Protocol(error)),
            }
        };
        let taken = input.len() - rest.len();
        self.wire.input = input;
        self.wire.take(taken);
        result
    }

    /// Sends what waits. A peer that does not read holds up nobody but itself, and not the end of its connection.
    async fn flush(&mut self, stop: &CancellationToken) -> Result<(), End> {
        loop {
            tokio::select! {
                biased;
                flushed = self.wire.flush() => flushed.map_err(|cause| End::Lost(cause.to_string()))?,
                reason = self.mailbox.closed() => return Err(End::Closed(reason)),
                () = stop.cancelled() => return Err(End::Stopped),
                () = tokio::time::sleep(WRITE_TIME) => return Err(End::Lost("the peer does not read".to_owned())),
            }
            if !self.has_more {
                return Ok(());
            }
            self.send_queued();
        }
    }

    fn act(&mut self, event: Event<'_>) -> Result<(), End> {
        match event {
            Event::Publish(publish) => self.publish(&publish),
            Event::Pubrel(ack) => {
                let record = Record::Released { connection: self.name(), packet_id: ack.packet_id };
                self.submit(record.encode(), Tag::Pubcomp(ack.packet_id))
            }
            Event::Puback(ack) => {
                let record = Record::Acknowledged { connection: self.name(), packet_ids: vec![ack.packet_id] };
                self.push(Entry { bytes: record.encode(), reply: Reply::Nobody })
            }
            Event::Subscribe(subscribe) => self.subscribe(&subscribe),
            Event::Unsubscribe(unsubscribe) => self.unsubscribe(&unsubscribe),
            Event::Disconnect(disconnect) => {
                self.expiry_s = disconnect.session_expiry_s();
                Err(End::Disconnected)
            }
            Event::Pubrec(ack) => self.pubrec(ack.packet_id),
            // QoS 2 is not granted to subscribers, so nothing of theirs ends here; and the core takes one CONNECT only.
            Event::Pubcomp(_) | Event::Connect(_) | Event::Ping => Ok(()),
        }
    }

    fn take_mail(&mut self) -> Result<(), End> {
        for mail in self.mailbox.take() {
            match mail {
                Mail::Answer(tag, answer) => self.answer(tag, &answer.outcome)?,
                Mail::Wake => self.send_queued(),
                Mail::Deliver(message) => self.send_at_once(&message),
                Mail::Close(reason) => return Err(End::Closed(reason)),
            }
        }
        Ok(())
    }

    fn answer(&mut self, tag: Tag, outcome: &Outcome) -> Result<(), End> {
        if let (Tag::Puback(packet_id, _) | Tag::Pubrec(packet_id, _), Outcome::Published(verdict)) = (tag, outcome)
            && self.is_watched()
        {
            self.trace_verdict(packet_id, verdict);
        }
        match (tag, outcome) {
            (_, Outcome::Refused(_)) => return Err(End::Closed(CloseReason::TakenOver)),
            (Tag::Puback(packet_id, since), Outcome::Published(verdict)) => {
                self.context.metrics.puback_seconds.observe(since.elapsed().as_secs_f64());
                let (code, reason) = publish::reason(verdict);
                self.wire.mqtt.puback(packet_id, code, reason);
            }
            (Tag::Pubrec(packet_id, since), Outcome::Published(verdict)) => {
                self.context.metrics.puback_seconds.observe(since.elapsed().as_secs_f64());
                let (code, reason) = publish::reason(verdict);
                self.wire.mqtt.pubrec(packet_id, code, reason);
            }
            (Tag::Pubcomp(packet_id), Outcome::Released(known)) => {
                let code = if *known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
                self.wire.mqtt.pubcomp(packet_id, code, None);
            }
            (Tag::Suback(packet_id), Outcome::Subscribed(granted)) => self.suback(packet_id, granted),
            (Tag::Unsuback(packet_id), Outcome::Unsubscribed(existed)) => self.unsuback(packet_id, existed),
            _ => {}
        }
        Ok(())
    }

    fn take_time(&mut self) -> Result<(), End> {
        if self.context.engine.health().disk() == Disk::Failed {
            return Err(End::Stopped);
        }
        self.submit_held()?;
        let now = self.wire.now();
        match self.wire.mqtt.handle_timeout(now) {
            Some(timeout) => Err(End::Protocol(timeout.into())),
            None => Ok(()),
        }
    }

    /// Names this connection in a record.
    fn name(&self) -> tenant::Connection<'static> {
        let client_id = Cow::Owned(self.session.client_id.clone());
        tenant::Connection { face: self.session.face, client_id, epoch: self.epoch }
    }

    fn submit(&mut self, bytes: Vec<u8>, tag: Tag) -> Result<(), End> {
        self.push(Entry { bytes, reply: Reply::Connection(self.mailbox.clone(), tag) })
    }

    fn push(&mut self, entry: Entry) -> Result<(), End> {
        match self.slot.lane.push(entry) {
            Ok(()) => Ok(()),
            Err(PushError::Full(entry)) => {
                self.held = Some(entry);
                Ok(())
            }
            Err(PushError::Closed) => Err(End::Stopped),
        }
    }

    fn submit_held(&mut self) -> Result<(), End> {
        match self.held.take() {
            Some(entry) => self.push(entry),
            None => Ok(()),
        }
    }

    /// Tells the peer and the log why, and the tenant that the connection is gone.
    async fn end(mut self, end: End) {
        let (code, cause, fault) = match end {
            End::Disconnected => (None, "client: DISCONNECT".to_owned(), None),
            End::Lost(cause) => (None, format!("network: {cause}"), None),
            End::Protocol(error) => {
                self.wire.mqtt.fail(&error);
                (None, format!("client: {error}"), Some(error.label()))
            }
            End::Refused(code, fault) => (Some(code), format!("client: {fault}"), Some(fault)),
            End::Closed(CloseReason::TakenOver) => {
                (Some(ReasonCode::SessionTakenOver), "server: taken over".to_owned(), None)
            }
            End::Closed(CloseReason::Kicked) => {
                (Some(ReasonCode::AdministrativeAction), "server: kicked".to_owned(), None)
            }
            End::Closed(CloseReason::Revoked) => (Some(ReasonCode::NotAuthorized), "server: revoked".to_owned(), None),
            End::Stopped => (Some(ReasonCode::ServerShuttingDown), "server: shutting down".to_owned(), None),
        };
        if let Some(code) = code {
            self.wire.mqtt.disconnect(code, None);
        }
        if self.is_watched() {
            self.trace_output();
            self.tell("note", "closed", cause.clone(), None);
        }
        let record = Record::Disconnected {
            connection: self.name(),
            expiry_s: self.expiry_s,
            fault: fault.map(Into::into),
            at_us: clock::now_us(),
        };
        // What was held first, then the end: both have to be in, or the agent would look connected.
        let entries = [self.held.take(), Some(Entry { bytes: record.encode(), reply: Reply::Nobody })];
        for entry in entries.into_iter().flatten() {
            self.slot.lane.push_whenever(entry).await;
        }
        self.slot.unset_live(&self.session, self.epoch);
        let dropped = self.mailbox.dropped();
        info!(event = "conn.close", tenant = %self.slot.id, agent = self.session.client_id, conn_id = self.epoch, cause, dropped, "closed");
        self.wire.close().await;
    }
}
