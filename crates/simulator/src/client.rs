//! A simulated agent: an MQTT client that keeps to the standard, remembers what it must, and is cut off often.

use std::collections::{BTreeMap, BTreeSet};

use identity::{ClientId, TenantId};
use rustls_pki_types::CertificateDer;

use crate::book::Book;
use crate::engine::ConnectionId;
use crate::packet::{Answer, Request};
use crate::pki;
use crate::random::Random;
use crate::speech::Speech;
use crate::violation::{Violation, promise};

/// Publishes under way, at most.
const OUTGOING_MAX: usize = 5;

/// Packet ids of SUBSCRIBE and UNSUBSCRIBE; those of publishes are below.
const SUBSCRIBE_ID: u16 = 100;

/// A session that never expires.
const FOR_EVER: u32 = u32::MAX;

/// How a client likes its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taste {
    /// Each connection begins anew.
    Clean,
    /// The session is kept for so many seconds.
    Kept(u32),
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) tenant: TenantId,
    pub(crate) client_id: ClientId,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    taste: Taste,
    is_v5: bool,
    receive_maximum: u16,
    pub(crate) speech: Speech,
    link: Link,
    /// Publishes that are not finished, in the order of their first sending.
    outgoing: Vec<Outgoing>,
    /// Whether the session has its subscription, as far as the client knows.
    is_subscribed: bool,
    /// Deliveries of this session by packet id: received and not acknowledged yet.
    incoming: BTreeMap<u16, Incoming>,
    /// The session that the deliveries belong to. The client itself cannot know: the CONNACK that said so may be lost.
    session: Option<u64>,
    /// Numbers of messages that this session has received at QoS 1, and the connection that each came on first.
    seen: BTreeMap<usize, ConnectionId>,
    /// Numbers of all messages that were ever received at QoS 1.
    pub(crate) received: BTreeSet<usize>,
    /// How many came at QoS 1.
    pub(crate) delivered: usize,
    /// How many of them had come before.
    pub(crate) redelivered: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Down,
    /// CONNECT is sent.
    Connecting(ConnectionId),
    Up(ConnectionId),
}

#[derive(Clone, Debug)]
struct Outgoing {
    number: usize,
    packet_id: u16,
    qos: u8,
    /// PUBREC has come, so only its PUBREL is sent again.
    is_received: bool,
}

#[derive(Clone, Copy, Debug)]
struct Incoming {
    number: usize,
    /// The connection it came on last.
    on: ConnectionId,
}

/// What a client wants to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    /// A new connection.
    Connect,
    Send,
    /// The connection ends properly.
    Disconnect,
    /// The connection is lost, and both ends know.
    Lose,
    /// The connection is lost, and the server does not know.
    Abandon,
}

impl Client {
    pub(crate) fn new(tenant: &TenantId, name: &str, random: &mut Random) -> Client {
        let client_id: ClientId = format!("{tenant}_{name}").parse().expect("the names of the simulation are good");
        let tastes = [Taste::Clean, Taste::Kept(FOR_EVER), Taste::Kept(FOR_EVER), Taste::Kept(900)];
        Client {
            speech: Speech::new(tenant.as_str(), client_id.as_str()),
            chain: vec![pki::agent(tenant.as_str(), name)],
            tenant: tenant.clone(),
            client_id,
            taste: random.pick(&tastes),
            is_v5: random.coin(),
            receive_maximum: 1,
            link: Link::Down,
            outgoing: Vec::new(),
            is_subscribed: false,
            incoming: BTreeMap::new(),
            session: None,
            seen: BTreeMap::new(),
            received: BTreeSet::new(),
            delivered: 0,
            redelivered: 0,
        }
    }

    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        match self.link {
            Link::Down => None,
            Link::Connecting(id) | Link::Up(id) => Some(id),
        }
    }

    /// Whether it is connected and has nothing under way.
    pub(crate) fn is_content(&self) -> bool {
        matches!(self.link, Link::Up(_)) && self.outgoing.is_empty() && self.incoming.is_empty()
    }

    pub(crate) fn wish(&self, random: &mut Random) -> Wish {
        match self.link {
            Link::Down => {
                if random.one_in(3) {
                    Wish::Connect
                } else {
                    Wish::Nothing
                }
            }
            Link::Connecting(_) => {
                if random.one_in(30) {
                    Wish::Abandon
                } else {
                    Wish::Nothing
                }
            }
            Link::Up(_) => {
                random.weighted(&[(60, Wish::Send), (1, Wish::Disconnect), (1, Wish::Lose), (1, Wish::Abandon)])
            }
        }
    }

    pub(crate) fn connect(&mut self, id: ConnectionId, random: &mut Random) -> Request {
        self.link = Link::Connecting(id);
        self.receive_maximum = random.pick(&[1, 2, 3, 20]);
        let (clean_start, expiry_s) = match self.taste {
            Taste::Clean => (true, 0),
            Taste::Kept(expiry_s) => (random.one_in(40), expiry_s),
        };
        Request::Connect { clean_start, expiry_s, receive_maximum: self.receive_maximum, is_v5: self.is_v5 }
    }

    /// The connection is no more.
    pub(crate) fn lose(&mut self) {
        self.link = Link::Down;
        if self.taste == Taste::Clean {
            self.forget_session();
            self.incoming.clear();
        }
    }

    /// DISCONNECT; in version 5 it may end the session.
    pub(crate) fn disconnect(&mut self, random: &mut Random) -> Request {
        let ends = self.is_v5 && random.one_in(4) && matches!(self.taste, Taste::Kept(_));
        Request::Disconnect { expiry_s: ends.then_some(0) }
    }

    /// Something to send while the connection is up.
    pub(crate) fn send(&mut self, book: &mut Book, random: &mut Random, now_us: i64) -> Option<Request> {
        let Link::Up(_) = self.link else { return None };
        if !self.incoming.is_empty() && random.coin() {
            return self.acknowledge(random);
        }
        if random.one_in(12) {
            return Some(self.change_subscription(random));
        }
        if self.outgoing.len() >= OUTGOING_MAX {
            return None;
        }
        let qos = random.weighted(&[(1, 0), (3, 1), (3, 2)]);
        let number = self.speech.say(book, random, qos, now_us);
        if qos == 0 {
            return Some(Request::Publish { number, packet_id: None, qos });
        }
        let packet_id = (1..).find(|id| self.outgoing.iter().all(|it| it.packet_id != *id))?;
        self.outgoing.push(Outgoing { number, packet_id, qos, is_received: false });
        Some(Request::Publish { number, packet_id: Some(packet_id), qos })
    }

    /// Acknowledges a delivery of this connection.
    pub(crate) fn acknowledge(&mut self, random: &mut Random) -> Option<Request> {
        let Link::Up(id) = self.link else { return None };
        let here: Vec<_> =
            self.incoming.iter().filter(|(_, it)| it.on == id).map(|(packet_id, _)| *packet_id).collect();
        let packet_id = *here.get(random.index(here.len().max(1)))?;
        self.incoming.remove(&packet_id);
        Some(Request::Puback(packet_id))
    }

    fn change_subscription(&mut self, random: &mut Random) -> Request {
        if self.is_subscribed && random.one_in(6) {
            return Request::Unsubscribe { packet_id: SUBSCRIBE_ID };
        }
        Request::Subscribe { packet_id: SUBSCRIBE_ID, qos: random.weighted(&[(1, 0), (5, 1), (1, 2)]) }
    }

    /// Takes what the server says; gives what there is to say at once.
    ///
    /// # Errors
    /// The server may not say that.
    pub(crate) fn take(&mut self, answer: Answer, book: &Book) -> Result<Vec<Request>, Violation> {
        let who = self.client_id.clone();
        match answer {
            Answer::Refused => Ok(Vec::new()),
            Answer::Connack { session_present, .. } => self.connected(session_present),
            Answer::Puback(packet_id) => {
                let before = self.outgoing.len();
                self.outgoing.retain(|it| it.packet_id != packet_id || it.qos != 1);
                promise!(self.outgoing.len() < before, "{who}: PUBACK {packet_id} is for nothing");
                Ok(Vec::new())
            }
            Answer::Pubrec { packet_id, is_error } => self.received(packet_id, is_error),
            Answer::Pubcomp(packet_id) => {
                let before = self.outgoing.len();
                self.outgoing.retain(|it| it.packet_id != packet_id || !it.is_received);
                promise!(self.outgoing.len() < before, "{who}: PUBCOMP {packet_id} is for nothing");
                Ok(Vec::new())
            }
            Answer::Suback(_) => {
                self.is_subscribed = true;
                Ok(Vec::new())
            }
            Answer::Unsuback(_) => {
                self.is_subscribed = false;
                Ok(Vec::new())
            }
            Answer::Publish { topic, payload, packet_id, is_dup } => {
                self.delivered(book, &topic, &payload, packet_id, is_dup)?;
                Ok(Vec::new())
            }
        }
    }

    /// The connection belongs to this session: deliveries of another one say nothing about those of this one.
    pub(crate) fn enter_session(&mut self, session: Option<u64>) {
        if self.session != session {
            self.session = session;
            self.incoming.clear();
            self.seen.clear();
        }
    }

    fn connected(&mut self, session_present: bool) -> Result<Vec<Request>, Violation> {
        let Link::Connecting(id) = self.link else {
            return Err(Violation(format!("{}: CONNACK comes out of nothing", self.client_id)));
        };
        self.link = Link::Up(id);
        if session_present {
            promise!(self.taste != Taste::Clean, "{}: a clean session was there before", self.client_id);
        } else {
            self.forget_session();
        }
        // All that is unfinished is sent again, in its order [MQTT-4.4.0-1].
        Ok(self.outgoing.iter().map(Outgoing::again).collect())
    }

    /// The session is another one: what was under way is nobody's any more.
    fn forget_session(&mut self) {
        self.outgoing.clear();
        self.is_subscribed = false;
    }

    fn received(&mut self, packet_id: u16, is_error: bool) -> Result<Vec<Request>, Violation> {
        let found = self.outgoing.iter().position(|it| it.packet_id == packet_id && it.qos == 2);
        let Some(index) = found else {
            return Err(Violation(format!("{}: PUBREC {packet_id} is for nothing", self.client_id)));
        };
        if is_error {
            self.outgoing.remove(index);
            return Ok(Vec::new());
        }
        self.outgoing[index].is_received = true;
        Ok(vec![Request::Pubrel(packet_id)])
    }

    fn delivered(
        &mut self,
        book: &Book,
        topic: &str,
        payload: &[u8],
        packet_id: Option<u16>,
        is_dup: bool,
    ) -> Result<(), Violation> {
        let who = self.client_id.clone();
        let own = format!("tc/{}/{who}/", self.tenant);
        promise!(topic.starts_with(&format!("{own}i/")), "{who} was sent something on {topic}");
        if topic.ends_with("/mc_v3/d") {
            let text = String::from_utf8_lossy(payload);
            promise!(text.contains(&format!("\"topic\":\"{own}o/")), "{who} was told about another's message: {text}");
            return Ok(());
        }
        let number = book.sent_number(payload);
        let addressee = number.and_then(|number| book.sent.get(number));
        let is_own = addressee == Some(&(self.tenant.to_string(), who.to_string()));
        let (Some(number), true) = (number, is_own) else {
            return Err(Violation(format!("{who} was sent another's message: {}", String::from_utf8_lossy(payload))));
        };
        match packet_id {
            Some(packet_id) => self.delivered_at_least_once(number, packet_id, is_dup),
            None => Ok(()),
        }
    }

    fn delivered_at_least_once(&mut self, number: usize, packet_id: u16, is_dup: bool) -> Result<(), Violation> {
        let who = &self.client_id;
        let Link::Up(id) = self.link else { return Err(Violation(format!("{who}: a delivery before CONNACK"))) };
        if let Some(first) = self.seen.get(&number) {
            promise!(*first != id, "{who} was sent message {number} twice on one connection");
            promise!(is_dup, "{who} was sent message {number} again without DUP");
        }
        if let Some(before) = self.incoming.get(&packet_id) {
            promise!(
                before.number == number && before.on != id,
                "{who}: packet id {packet_id} of message {} is given to {number}",
                before.number
            );
        }
        self.delivered += 1;
        self.redelivered += usize::from(self.seen.insert(number, id).is_some());
        self.received.insert(number);
        self.incoming.insert(packet_id, Incoming { number, on: id });
        let under_way = self.incoming.values().filter(|it| it.on == id).count();
        promise!(
            under_way <= usize::from(self.receive_maximum),
            "{who} takes {} messages at a time and was sent {under_way}",
            self.receive_maximum
        );
        Ok(())
    }
}

impl Outgoing {
    fn again(&self) -> Request {
        if self.is_received {
            return Request::Pubrel(self.packet_id);
        }
        Request::Publish { number: self.number, packet_id: Some(self.packet_id), qos: self.qos }
    }
}
