//! The server's end of a connection, as `server/src/connection` has it.

use std::borrow::Cow;
use std::collections::VecDeque;

use broker::{SessionKey, Subscription};
use identity::{ClientId, Judgement, TenantId};
use ingest::{Decoded, MessageKind};
use rustls_pki_types::CertificateDer;
use tenant::{Connected, Connection, Outcome, Published, Record, VerdictKind};

use crate::book::Book;
use crate::engine::{ConnectionId, Disk, Engine, Mail, Reply, Tag};
use crate::packet::{Answer, Request};

/// The highest QoS that a subscription is granted.
const GRANTED_QOS_MAX: u8 = 1;

/// One connection.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) id: ConnectionId,
    tenant: TenantId,
    claimed: ClientId,
    chain: Vec<CertificateDer<'static>>,
    stage: Stage,
    is_v5: bool,
    /// Requests on their way here.
    pub(crate) inbox: VecDeque<Request>,
    /// Nothing comes behind the inbox.
    pub(crate) is_cut: bool,
    /// From the engine.
    pub(crate) mail: VecDeque<Mail>,
    /// Answers on their way to the client.
    pub(crate) outbox: VecDeque<Answer>,
}

#[derive(Debug)]
enum Stage {
    Fresh,
    /// The agent is being made.
    Onboarding(Wish, Judgement),
    Connecting,
    Open(Open),
    Closed,
}

#[derive(Clone, Copy, Debug)]
struct Wish {
    clean_start: bool,
    expiry_s: u32,
    receive_maximum: u16,
}

#[derive(Clone, Debug)]
struct Open {
    session: SessionKey,
    epoch: u64,
    /// Queue entries up to this log position are on the wire.
    sent: u64,
    expiry_s: Option<u32>,
}

/// What a step did that the checks want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The client was told that a publish is taken.
    Acknowledged(usize),
}

/// The connection ends; why does not matter here.
struct End;

impl Serving {
    pub(crate) fn new(
        id: ConnectionId,
        tenant: TenantId,
        claimed: ClientId,
        chain: Vec<CertificateDer<'static>>,
    ) -> Serving {
        Serving {
            id,
            tenant,
            claimed,
            chain,
            stage: Stage::Fresh,
            is_v5: false,
            inbox: VecDeque::new(),
            is_cut: false,
            mail: VecDeque::new(),
            outbox: VecDeque::new(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.stage, Stage::Closed)
    }

    /// Whether a step would do something.
    pub(crate) fn has_work(&self) -> bool {
        !self.is_closed() && (!self.mail.is_empty() || !self.is_waiting() && (!self.inbox.is_empty() || self.is_cut))
    }

    /// Whether it waits for the answer to its CONNECT, and looks at nothing else meanwhile.
    fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Onboarding(..) | Stage::Connecting)
    }

    /// The session and the connection's name in it, while it is open and was told of no end.
    pub(crate) fn live(&self) -> Option<(&SessionKey, u64)> {
        let is_ending = self.mail.iter().any(|mail| matches!(mail, Mail::Close));
        match &self.stage {
            Stage::Open(open) if !is_ending => Some((&open.session, open.epoch)),
            _ => None,
        }
    }

    /// Its name in the session, as soon as its CONNECT is applied and until it has ended.
    pub(crate) fn epoch(&self) -> Option<u64> {
        let accepted = self.mail.iter().find_map(|mail| match mail {
            Mail::Answer(Tag::Connect, position, Outcome::Connected { .. }) => Some(*position),
            _ => None,
        });
        match &self.stage {
            Stage::Open(open) => Some(open.epoch),
            _ => accepted,
        }
    }

    /// Takes its mail, or one request.
    pub(crate) fn step(&mut self, engine: &mut Engine, book: &Book, now_us: i64) -> Vec<Told> {
        let mut told = Vec::new();
        if self.advance(engine, book, now_us, &mut told).is_err() {
            self.end(engine, now_us);
        }
        told
    }

    fn advance(&mut self, engine: &mut Engine, book: &Book, now_us: i64, told: &mut Vec<Told>) -> Result<(), End> {
        if engine.disk == Disk::Failed {
            return Err(End);
        }
        if !self.mail.is_empty() {
            while let Some(mail) = self.mail.pop_front() {
                self.take_mail(engine, mail, now_us, told)?;
            }
            return Ok(());
        }
        // While the disk is full the socket is not read, except that a CONNECT is refused.
        let is_fresh = matches!(self.stage, Stage::Fresh);
        let reads = is_fresh || (matches!(self.stage, Stage::Open(_)) && engine.disk == Disk::Writable);
        match self.inbox.front() {
            Some(_) if reads => {
                let request = self.inbox.pop_front().ok_or(End)?;
                self.act(engine, book, &request, now_us)
            }
            None if self.is_cut && !self.is_waiting() => Err(End),
            _ => Ok(()),
        }
    }

    fn act(&mut self, engine: &mut Engine, book: &Book, request: &Request, now_us: i64) -> Result<(), End> {
        match *request {
            Request::Connect { clean_start, expiry_s, receive_maximum, is_v5 } => {
                self.is_v5 = is_v5;
                self.accept(engine, Wish { clean_start, expiry_s, receive_maximum }, now_us)
            }
            Request::Publish { number, packet_id, qos } => self.publish(engine, book, number, packet_id, qos, now_us),
            Request::Pubrel(packet_id) => {
                let record = Record::Released { connection: self.name()?, packet_id };
                self.submit(engine, &record, Some(Tag::Pubcomp(packet_id)))
            }
            Request::Puback(packet_id) => {
                let record = Record::Acknowledged { connection: self.name()?, packet_ids: vec![packet_id] };
                self.submit(engine, &record, None)
            }
            Request::Subscribe { packet_id, qos } => {
                let qos = qos.min(GRANTED_QOS_MAX);
                let subscription = Subscription { qos, retain_as_published: false, identifier: None };
                let filters = vec![(self.filter().into(), subscription)];
                let record = Record::Subscribed { connection: self.name()?, filters };
                self.submit(engine, &record, Some(Tag::Suback(packet_id)))
            }
            Request::Unsubscribe { packet_id } => {
                let record = Record::Unsubscribed { connection: self.name()?, filters: vec![self.filter().into()] };
                self.submit(engine, &record, Some(Tag::Unsuback(packet_id)))
            }
            Request::Disconnect { expiry_s } => {
                if let Stage::Open(open) = &mut self.stage {
                    open.expiry_s = expiry_s;
                }
                Err(End)
            }
        }
    }

    fn accept(&mut self, engine: &mut Engine, wish: Wish, now_us: i64) -> Result<(), End> {
        let judgement = if engine.disk == Disk::Writable { self.judge(engine, now_us) } else { None };
        let Some(judgement) = judgement else { return self.refuse() };
        let slot = engine.slots.get(&self.tenant).ok_or(End)?;
        if slot.tenant.agent(self.claimed.as_str()).is_some() {
            return self.connect(engine, wish, judgement, now_us);
        }
        self.stage = Stage::Onboarding(wish, judgement.clone());
        let record = Record::AgentOnboarded { judgement, at_us: now_us };
        self.submit(engine, &record, Some(Tag::Onboard))
    }

    fn judge(&self, engine: &Engine, now_us: i64) -> Option<Judgement> {
        let trust = engine.slots.get(&self.tenant)?.tenant.registry().trust(&self.claimed);
        trust.judge(now_us, &self.chain).ok()
    }

    fn connect(&mut self, engine: &mut Engine, wish: Wish, judgement: Judgement, now_us: i64) -> Result<(), End> {
        self.stage = Stage::Connecting;
        let session = SessionKey::eu1(judgement.client_id().as_str());
        let record = Record::Connected(Connected {
            face: session.face,
            client_id: session.client_id.clone().into(),
            judgement,
            clean_start: wish.clean_start,
            expiry_s: wish.expiry_s,
            receive_maximum: wish.receive_maximum,
            address: "192.0.2.7:49152".into(),
            at_us: now_us,
        });
        let is_taken = engine.submit(&self.tenant, &record, Reply::Connect(self.id, session));
        if is_taken { Ok(()) } else { Err(End) }
    }

    fn refuse(&mut self) -> Result<(), End> {
        self.outbox.push_back(Answer::Refused);
        Err(End)
    }

    fn publish(
        &mut self,
        engine: &mut Engine,
        book: &Book,
        number: usize,
        packet_id: Option<u16>,
        qos: u8,
        received_us: i64,
    ) -> Result<(), End> {
        let said = &book.said[number];
        let payload = said.payload.as_bytes();
        let decoded = match ingest::message_kind(self.tenant.as_str(), self.claimed.as_str(), &said.topic) {
            Ok(MessageKind::TimeSeries) => ingest::decode(payload, &ingest::Limits::default(), received_us),
            Ok(MessageKind::Refused(finding)) => Decoded { rows: Vec::new(), findings: vec![finding] },
            Err(_) => return Err(End),
        };
        let record = Record::Published(Published {
            connection: self.name()?,
            packet_id,
            qos,
            received_us,
            topic: Cow::Borrowed(&said.topic),
            payload: payload.into(),
            decoder: ingest::DECODER_GENERATION,
            rows: decoded.rows,
            findings: decoded.findings,
        });
        let tag = match (qos, packet_id) {
            (1, Some(packet_id)) => Some(Tag::Puback(packet_id, number)),
            (2, Some(packet_id)) => Some(Tag::Pubrec(packet_id, number)),
            _ => None,
        };
        self.submit(engine, &record, tag)
    }

    fn take_mail(&mut self, engine: &mut Engine, mail: Mail, now_us: i64, told: &mut Vec<Told>) -> Result<(), End> {
        match mail {
            Mail::Answer(tag, position, outcome) => self.answer(engine, tag, position, &outcome, now_us, told),
            Mail::Wake => self.send_queued(engine),
            Mail::Deliver(message) => {
                let (topic, payload) = (message.topic.clone(), message.payload.clone());
                self.outbox.push_back(Answer::Publish { topic, payload, packet_id: None, is_dup: false });
                Ok(())
            }
            Mail::Close => Err(End),
        }
    }

    fn answer(
        &mut self,
        engine: &mut Engine,
        tag: Tag,
        position: u64,
        outcome: &Outcome,
        now_us: i64,
        told: &mut Vec<Told>,
    ) -> Result<(), End> {
        match (tag, outcome) {
            (Tag::Connect | Tag::Onboard, Outcome::Refused(_)) => return self.refuse(),
            (_, Outcome::Refused(_)) => return Err(End),
            (Tag::Onboard, _) => return self.onboarded(engine, now_us),
            (Tag::Connect, Outcome::Connected { session_present }) => {
                let session = SessionKey::eu1(self.claimed.as_str());
                self.stage = Stage::Open(Open { session, epoch: position, sent: 0, expiry_s: None });
                self.outbox.push_back(Answer::Connack { session_present: *session_present, epoch: position });
                // What a session has waited for goes out first.
                return self.send_queued(engine);
            }
            (Tag::Puback(packet_id, number), Outcome::Published(_)) => {
                told.push(Told::Acknowledged(number));
                self.outbox.push_back(Answer::Puback(packet_id));
            }
            (Tag::Pubrec(packet_id, number), Outcome::Published(verdict)) => {
                told.push(Told::Acknowledged(number));
                let is_error = self.is_v5 && verdict.kind != VerdictKind::Accepted;
                self.outbox.push_back(Answer::Pubrec { packet_id, is_error });
            }
            (Tag::Pubcomp(packet_id), _) => self.outbox.push_back(Answer::Pubcomp(packet_id)),
            (Tag::Suback(packet_id), _) => self.outbox.push_back(Answer::Suback(packet_id)),
            (Tag::Unsuback(packet_id), _) => self.outbox.push_back(Answer::Unsuback(packet_id)),
            _ => {}
        }
        Ok(())
    }

    fn onboarded(&mut self, engine: &mut Engine, now_us: i64) -> Result<(), End> {
        let Stage::Onboarding(wish, judgement) = std::mem::replace(&mut self.stage, Stage::Closed) else {
            return Err(End);
        };
        if engine.first_connect_ends() { Err(End) } else { self.connect(engine, wish, judgement, now_us) }
    }

    /// Sends what the session's queue holds and this connection has not sent yet.
    fn send_queued(&mut self, engine: &mut Engine) -> Result<(), End> {
        let connection = self.name()?;
        let Stage::Open(open) = &mut self.stage else { return Ok(()) };
        let slot = engine.slots.get(&self.tenant).ok_or(End)?;
        let inflight = slot.tenant.broker().inflight(&open.session, open.epoch);
        let fresh: Vec<_> = inflight.filter(|entry| entry.position >= open.sent).collect();
        for entry in fresh {
            open.sent = entry.position + 1;
            match engine.message(&self.tenant, entry.position) {
                Some(message) => self.outbox.push_back(Answer::Publish {
                    topic: message.topic,
                    payload: message.payload,
                    packet_id: Some(entry.packet_id),
                    is_dup: entry.epoch != open.epoch,
                }),
                None => {
                    let (connection, packet_ids) = (connection.clone(), vec![entry.packet_id]);
                    engine.submit(&self.tenant, &Record::Acknowledged { connection, packet_ids }, Reply::Nobody);
                }
            }
        }
        Ok(())
    }

    /// Tells the tenant that the connection is gone.
    fn end(&mut self, engine: &mut Engine, now_us: i64) {
        if let (Ok(connection), Stage::Open(open)) = (self.name(), &self.stage) {
            let record = Record::Disconnected { connection, expiry_s: open.expiry_s, fault: None, at_us: now_us };
            engine.submit(&self.tenant, &record, Reply::Nobody);
            engine.unset_live(&self.tenant, &open.session, open.epoch);
        }
        self.stage = Stage::Closed;
    }

    fn submit(&mut self, engine: &mut Engine, record: &Record<'_>, tag: Option<Tag>) -> Result<(), End> {
        let reply = tag.map_or(Reply::Nobody, |tag| Reply::Connection(self.id, tag));
        if engine.submit(&self.tenant, record, reply) { Ok(()) } else { Err(End) }
    }

    fn name(&self) -> Result<Connection<'static>, End> {
        let Stage::Open(open) = &self.stage else { return Err(End) };
        let client_id = Cow::Owned(open.session.client_id.clone());
        Ok(Connection { face: open.session.face, client_id, epoch: open.epoch })
    }

    fn filter(&self) -> String {
        format!("tc/{}/{}/i/#", self.tenant, self.claimed)
    }
}
