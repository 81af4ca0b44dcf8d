//! All sessions of one tenant, and the way of a message to those that subscribed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Face, FilterTree, Inflight, Queue, Session, SessionKey, Subscription};

/// Bounds of one broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Entries in one session's queue; a message beyond is refused where it enters.
    pub queued_per_session_max: usize,
    /// Subscriptions of one session; one beyond is refused.
    pub subscriptions_per_session_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { queued_per_session_max: 1_000_000, subscriptions_per_session_max: 100 }
    }
}

/// Sessions and subscriptions of one tenant.
#[derive(Clone, Debug, Default)]
pub struct Broker {
    limits: Limits,
    sessions: BTreeMap<SessionKey, Session>,
    filters: FilterTree<SessionKey, Subscription>,
    /// Derived from the sessions: when the absent ones end.
    expiries: BTreeSet<(i64, SessionKey)>,
    /// Derived from the sessions, so that the next expiry and a checkpoint cost what has changed.
    dirty: BTreeSet<SessionKey>,
}

/// What a CONNECT asks for.
#[derive(Clone, Copy, Debug)]
pub struct Connect {
    /// Log position of the CONNECT; names the connection from here on.
    pub epoch: u64,
    /// Begin with an empty session [MQTT-3.1.2-4].
    pub clean_start: bool,
    /// Seconds that the session outlives the connection.
    pub expiry_s: u32,
    /// The client's Receive Maximum.
    pub receive_maximum: u16,
    /// Microseconds since the Unix epoch; a taken-over session's expiry begins here.
    pub now_us: i64,
}

/// The answer to a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// Whether the session is an old one.
    pub session_present: bool,
    /// Live connections of the same client, on any face, that have to go.
    pub superseded: Vec<(SessionKey, u64)>,
}

/// What a QoS 2 publish is to its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Its id is new: the message is to be taken.
    New,
    /// It was taken before, and only its acknowledgement has to be given again.
    Again,
    /// The connection is no longer the session's. The client will never hear of it and sends it again on its next
    /// connection, so taking it here would take it twice.
    Stale,
}

/// What the end of a connection left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnected {
    /// The connection was no longer the session's.
    Stale,
    /// The session waits for its client.
    Kept,
    /// The session ended with its connection.
    Ended,
}

/// Where a message goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routed {
    /// Sessions that have it in their queue.
    pub queued: usize,
    /// Sessions whose queue has grown and whose connection is up.
    pub wake: Vec<SessionKey>,
    /// Connected sessions that get it at QoS 0.
    pub at_once: Vec<SessionKey>,
    /// Sessions whose queue is full: the message has to be refused.
    pub full: Vec<SessionKey>,
}

impl Broker {
    /// An empty broker.
    pub fn new(limits: Limits) -> Broker {
        Broker { limits, ..Broker::default() }
    }

    /// Other bounds hold from here on; what is above them already stays.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Puts a session back as a checkpoint kept it.
    pub fn restore(&mut self, key: SessionKey, session: Session) {
        for (filter, subscription) in &session.subscriptions {
            self.filters.insert(filter, key.clone(), *subscription);
        }
        if let Some(expires_us) = session.expires_us {
            self.expiries.insert((expires_us, key.clone()));
        }
        self.sessions.insert(key, session);
    }

    /// Makes or resumes the session of a client and takes over its live connections [MQTT-3.1.4-3].
    pub fn connect(&mut self, key: SessionKey, connect: Connect) -> Connected {
        let superseded = self.live_connections(&key.client_id);
        for (other, epoch) in &superseded {
            self.disconnect(other, *epoch, None, connect.now_us);
        }
        if connect.clean_start {
            self.remove(&key);
        }
        let session_present = self.sessions.contains_key(&key);
        let session = self.sessions.entry(key.clone()).or_insert_with(Session::empty);
        if let Some(expires_us) = session.expires_us.take() {
            self.expiries.remove(&(expires_us, key.clone()));
        }
        session.epoch = Some(connect.epoch);
        session.expiry_s = connect.expiry_s;
        session.queue.open_window(connect.epoch, connect.receive_maximum);
        self.dirty.insert(key);
        Connected { session_present, superseded }
    }

    /// Ends a connection. `expiry_s` is a new Session Expiry Interval that came with DISCONNECT.
    pub fn disconnect(&mut self, key: &SessionKey, epoch: u64, expiry_s: Option<u32>, now_us: i64) -> Disconnected {
        let Some(session) = self.sessions.get_mut(key).filter(|session| session.epoch == Some(epoch)) else {
            return Disconnected::Stale;
        };
        session.epoch = None;
        session.expiry_s = expiry_s.unwrap_or(session.expiry_s);
        if !session.is_persistent() {
            self.remove(key);
            return Disconnected::Ended;
        }
        if session.expiry_s != u32::MAX {
            let expires_us = now_us.saturating_add(i64::from(session.expiry_s) * 1_000_000);
            session.expires_us = Some(expires_us);
            self.expiries.insert((expires_us, key.clone()));
        }
        self.dirty.insert(key.clone());
        Disconnected::Kept
    }

    /// Ends sessions whose time is over; gives their keys.
    pub fn expire(&mut self, now_us: i64) -> Vec<SessionKey> {
        let mut expired = Vec::new();
        while let Some((_, key)) = self.expiries.first().filter(|(at, _)| *at <= now_us).cloned() {
            self.remove(&key);
            expired.push(key);
        }
        expired
    }

    /// Adds or replaces a subscription of the connection `epoch`. False when the session may hold no more.
    pub fn subscribe(&mut self, key: &SessionKey, epoch: u64, filter: &str, subscription: Subscription) -> bool {
        let Some(session) = self.sessions.get_mut(key).filter(|session| session.epoch == Some(epoch)) else {
            return false;
        };
        let full = session.subscriptions.len() >= self.limits.subscriptions_per_session_max;
        if full && !session.subscriptions.contains_key(filter) {
            return false;
        }
        session.subscriptions.insert(filter.to_owned(), subscription);
        self.filters.insert(filter, key.clone(), subscription);
        self.dirty.insert(key.clone());
        true
    }

    /// Removes a subscription; whether there was one.
    pub fn unsubscribe(&mut self, key: &SessionKey, epoch: u64, filter: &str) -> bool {
        let Some(session) = self.sessions.get_mut(key).filter(|session| session.epoch == Some(epoch)) else {
            return false;
        };
        let existed = session.subscriptions.remove(filter).is_some();
        self.filters.remove(filter, key);
        self.dirty.insert(key.clone());
        existed
    }

    /// Queues the message at `position` for each session that subscribed to its topic, at the lower of both QoS.
    ///
    /// A session with overlapping subscriptions gets it once, at the highest QoS among them [MQTT-3.3.5-1].
    /// Absent sessions take nothing of QoS 0. With a full queue among them nothing is queued anywhere.
    pub fn route(&mut self, topic: &str, qos: u8, position: u64) -> Routed {
        let mut granted: BTreeMap<SessionKey, u8> = BTreeMap::new();
        self.filters.matches(topic, &mut |key, subscription| {
            let best = granted.entry(key.clone()).or_default();
            *best = (*best).max(subscription.qos.min(qos));
        });
        let mut routed = Routed::default();
        routed
            .full
            .extend(granted.iter().filter(|(key, qos)| **qos > 0 && self.is_full(key)).map(|(key, _)| key.clone()));
        if !routed.full.is_empty() {
            return routed;
        }
        for (key, qos) in granted {
            let Some(session) = self.sessions.get_mut(&key) else {
                continue;
            };
            match (qos, session.epoch) {
                (0, Some(_)) => routed.at_once.push(key),
                (0, None) => {}
                (_, epoch) => {
                    session.queue.push(position, epoch);
                    routed.queued += 1;
                    self.dirty.insert(key.clone());
                    if epoch.is_some() {
                        routed.wake.push(key);
                    }
                }
            }
        }
        routed
    }

    /// Connected sessions that subscribed to a topic: for messages that nobody waits for.
    pub fn listeners(&self, topic: &str) -> BTreeSet<SessionKey> {
        let mut listeners = BTreeSet::new();
        self.filters.matches(topic, &mut |key, _| {
            listeners.insert(key.clone());
        });
        listeners.retain(|key| self.sessions.get(key).is_some_and(|session| session.epoch.is_some()));
        listeners
    }

    /// The client has a delivery. False for an id that is not in flight, or a connection that is not the session's.
    pub fn acknowledge(&mut self, key: &SessionKey, epoch: u64, packet_id: u16) -> bool {
        let Some(session) = self.sessions.get_mut(key).filter(|session| session.epoch == Some(epoch)) else {
            return false;
        };
        let known = session.queue.acknowledge(packet_id, epoch).is_some();
        if known {
            self.dirty.insert(key.clone());
        }
        known
    }

    /// Notes an incoming QoS 2 publish [MQTT-4.3.3-10].
    pub fn receive_exactly_once(&mut self, key: &SessionKey, epoch: u64, packet_id: u16) -> Received {
        let Some(session) = self.sessions.get_mut(key).filter(|session| session.epoch == Some(epoch)) else {
            return Received::Stale;
        };
        self.dirty.insert(key.clone());
        if session.unreleased.insert(packet_id) { Received::New } else { Received::Again }
    }

    /// The client released an incoming QoS 2 id; whether it was there.
    pub fn release(&mut self, key: &SessionKey, epoch: u64, packet_id: u16) -> bool {
        let Some(session) = self.sessions.get_mut(key).filter(|session| session.epoch == Some(epoch)) else {
            return false;
        };
        self.dirty.insert(key.clone());
        session.unreleased.remove(&packet_id)
    }

    /// Keys of sessions that changed since the last call; a key without a session was removed.
    pub fn take_dirty(&mut self) -> BTreeSet<SessionKey> {
        std::mem::take(&mut self.dirty)
    }

    /// Marks keys as changed, for a checkpoint that could not be written.
    pub fn mark_dirty(&mut self, keys: impl IntoIterator<Item = SessionKey>) {
        self.dirty.extend(keys);
    }

    /// Whether any session changed since they were last taken.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// One session.
    pub fn session(&self, key: &SessionKey) -> Option<&Session> {
        self.sessions.get(key)
    }

    /// All sessions, by key.
    pub fn sessions(&self) -> impl Iterator<Item = (&SessionKey, &Session)> {
        self.sessions.iter()
    }

    /// What the connection `epoch` may have on the wire, oldest first.
    pub fn inflight<'a>(&'a self, key: &SessionKey, epoch: u64) -> impl Iterator<Item = Inflight> + 'a {
        let session = self.sessions.get(key).filter(|session| session.epoch == Some(epoch));
        session.into_iter().flat_map(|session| session.queue.inflight())
    }

    /// When `expire` has something to do, microseconds since the Unix epoch.
    pub fn poll_timeout(&self) -> Option<i64> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Live connections of one client over all faces.
    pub fn live_connections(&self, client_id: &str) -> Vec<(SessionKey, u64)> {
        [Face::Eu1, Face::Hub, Face::App]
            .into_iter()
            .map(|face| SessionKey { face, client_id: client_id.to_owned() })
            .filter_map(|key| {
                let epoch = self.sessions.get(&key)?.epoch?;
                Some((key, epoch))
            })
            .collect()
    }

    fn is_full(&self, key: &SessionKey) -> bool {
        self.sessions.get(key).is_some_and(|session| session.queue.len() >= self.limits.queued_per_session_max)
    }

    fn remove(&mut self, key: &SessionKey) {
        let Some(session) = self.sessions.remove(key) else {
            return;
        };
        for filter in session.subscriptions.keys() {
            self.filters.remove(filter, key);
        }
        if let Some(expires_us) = session.expires_us {
            self.expiries.remove(&(expires_us, key.clone()));
        }
        self.dirty.insert(key.clone());
    }
}

impl Session {
    fn empty() -> Session {
        Session {
            epoch: None,
            expiry_s: 0,
            expires_us: None,
            subscriptions: BTreeMap::new(),
            queue: Queue::default(),
            unreleased: BTreeSet::new(),
        }
    }
}
