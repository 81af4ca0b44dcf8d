//! Random histories: what agents and operators may do, in any order, as records.

use std::collections::BTreeMap;

use broker::Face;
use identity::Judgement;
use proptest::prelude::*;
use tenant::{Connection, Record, SEAL_AGE_US};

use crate::bed::{
    Bed, FOR_EVER, PERSISTENT, SECOND, Wish, add_authority, connected, message, published, subscribed,
    time_series_topic,
};

pub(crate) const AGENTS: [&str; 3] = ["press", "pump", "valve"];

/// Values of a burst: three of them fill a head.
const BURST: i64 = 200;

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Onboard {
        agent: usize,
    },
    Connect {
        agent: usize,
        hub: bool,
        clean_start: bool,
        expiry_s: u32,
        receive_maximum: u16,
    },
    Publish {
        agent: usize,
        on: Which,
        qos: u8,
        packet_id: u16,
        content: Content,
    },
    Release {
        agent: usize,
        on: Which,
        packet_id: u16,
    },
    Subscribe {
        agent: usize,
        on: Which,
        tail: &'static str,
        qos: u8,
    },
    Unsubscribe {
        agent: usize,
        on: Which,
        tail: &'static str,
    },
    Acknowledge {
        agent: usize,
        on: Which,
        packet_ids: Vec<u16>,
    },
    Send {
        agent: usize,
        tail: &'static str,
        qos: u8,
    },
    Disconnect {
        agent: usize,
        on: Which,
        expiry_s: Option<u32>,
        is_fault: bool,
    },
    Revoke {
        agent: usize,
    },
    Restore {
        agent: usize,
    },
    /// A second authority, of which no agent has anything.
    AddAuthority,
    RevokeAuthority {
        id: u128,
    },
    Restart,
    /// Time passes, or the clock is set back.
    Time {
        seconds: i64,
    },
    Timeout,
}

/// Which connection of an agent speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    Latest,
    Older,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// (data point, time, value): few of each, so that they meet again.
    Values(Vec<(&'static str, i64, i64)>),
    /// Many values in order of time, to fill a head.
    Burst,
    NoJson,
    UnknownTopic,
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![6 => Just(Which::Latest), 1 => Just(Which::Older)]
}

fn tail() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("#"), Just("mc_v3/d"), Just("cmd"), Just("+")]
}

fn content() -> impl Strategy<Value = Content> {
    let data_point = prop_oneof![4 => Just("temp"), 2 => Just("speed"), 1 => Just("power"), 1 => Just("beyond")];
    let value = (data_point, 0..12_i64, 0..3_i64);
    prop_oneof![
        8 => prop::collection::vec(value, 1..5).prop_map(Content::Values),
        2 => Just(Content::Burst),
        1 => Just(Content::NoJson),
        1 => Just(Content::UnknownTopic),
    ]
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let agent = || 0..AGENTS.len();
    let expiry = prop_oneof![Just(0), Just(60), Just(FOR_EVER)];
    let end = prop_oneof![4 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(60))];
    prop_oneof![
        2 => agent().prop_map(|agent| Operation::Onboard { agent }),
        6 => (agent(), prop::bool::weighted(0.2), prop::bool::weighted(0.3), expiry, 1..4_u16).prop_map(
            |(agent, hub, clean_start, expiry_s, receive_maximum)| Operation::Connect {
                agent, hub, clean_start, expiry_s, receive_maximum
            }
        ),
        12 => (agent(), which(), 0..3_u8, 1..4_u16, content()).prop_map(
            |(agent, on, qos, packet_id, content)| Operation::Publish { agent, on, qos, packet_id, content }
        ),
        2 => (agent(), which(), 1..4_u16).prop_map(|(agent, on, packet_id)| Operation::Release { agent, on, packet_id }),
        3 => (agent(), which(), tail(), 0..2_u8).prop_map(|(agent, on, tail, qos)| Operation::Subscribe { agent, on, tail, qos }),
        1 => (agent(), which(), tail()).prop_map(|(agent, on, tail)| Operation::Unsubscribe { agent, on, tail }),
        3 => (agent(), which(), prop::collection::vec(1..6_u16, 1..3)).prop_map(
            |(agent, on, packet_ids)| Operation::Acknowledge { agent, on, packet_ids }
        ),
        5 => (agent(), prop_oneof![Just("cmd"), Just("a/b")], 0..2_u8).prop_map(|(agent, tail, qos)| Operation::Send { agent, tail, qos }),
        3 => (agent(), which(), end, any::<bool>()).prop_map(
            |(agent, on, expiry_s, is_fault)| Operation::Disconnect { agent, on, expiry_s, is_fault }
        ),
        1 => agent().prop_map(|agent| Operation::Revoke { agent }),
        2 => agent().prop_map(|agent| Operation::Restore { agent }),
        1 => Just(Operation::AddAuthority),
        1 => prop_oneof![3 => Just(2), 1 => Just(1)].prop_map(|id| Operation::RevokeAuthority { id }),
        1 => Just(Operation::Restart),
        3 => prop_oneof![
            4 => 0..100_i64,
            1 => Just(SEAL_AGE_US / SECOND),
            1 => Just(-200_i64),
        ].prop_map(|seconds| Operation::Time { seconds }),
        3 => Just(Operation::Timeout),
    ]
}

/// Makes records of operations: it knows who has which connections.
pub(crate) struct Writer {
    judgements: Vec<Judgement>,
    connections: BTreeMap<usize, Vec<Connection<'static>>>,
    /// The next time of a burst.
    burst_us: i64,
}

impl Writer {
    pub(crate) fn new(bed: &Bed) -> Writer {
        let judgements = AGENTS.iter().map(|name| bed.judge(1, name)).collect();
        Writer { judgements, connections: BTreeMap::new(), burst_us: bed.now_us }
    }

    /// The bytes of the operation's record at the bed's position; none where there is nothing to say.
    pub(crate) fn write(&mut self, bed: &mut Bed, operation: &Operation) -> Option<Vec<u8>> {
        let at_us = bed.now_us;
        let name = |agent: &usize| format!("acme_{}", AGENTS[*agent]);
        let record = match operation {
            Operation::Onboard { agent } => {
                Record::AgentOnboarded { judgement: self.judgements[*agent].clone(), at_us }
            }
            Operation::Connect { agent, hub, clean_start, expiry_s, receive_maximum } => {
                let face = if *hub { Face::Hub } else { PERSISTENT.face };
                let (clean_start, expiry_s, receive_maximum) = (*clean_start, *expiry_s, *receive_maximum);
                let connection = Connection { face, client_id: name(agent).into(), epoch: bed.position };
                self.connections.entry(*agent).or_default().push(connection);
                connected(self.judgements[*agent].clone(), Wish { face, clean_start, expiry_s, receive_maximum }, at_us)
            }
            Operation::Publish { agent, on, qos, packet_id, content } => {
                let connection = self.connection(*agent, *on)?;
                let packet_id = (*qos > 0).then_some(*packet_id);
                let (topic, payload) = self.content(&connection, content);
                return Some(published(&connection, &topic, *qos, packet_id, &payload, at_us).encode());
            }
            Operation::Release { agent, on, packet_id } => {
                Record::Released { connection: self.connection(*agent, *on)?, packet_id: *packet_id }
            }
            Operation::Subscribe { agent, on, tail, qos } => {
                subscribed(&self.connection(*agent, *on)?, &format!("tc/acme/{}/i/{tail}", name(agent)), *qos)
            }
            Operation::Unsubscribe { agent, on, tail } => {
                let filters = vec![format!("tc/acme/{}/i/{tail}", name(agent)).into()];
                Record::Unsubscribed { connection: self.connection(*agent, *on)?, filters }
            }
            Operation::Acknowledge { agent, on, packet_ids } => {
                Record::Acknowledged { connection: self.connection(*agent, *on)?, packet_ids: packet_ids.clone() }
            }
            Operation::Send { agent, tail, qos } => {
                let topic = format!("tc/acme/{}/i/{tail}", name(agent)).into();
                Record::Sent { change: bed.change(), topic, payload: b"go".as_slice().into(), qos: *qos }
            }
            Operation::Disconnect { agent, on, expiry_s, is_fault } => {
                let fault = is_fault.then(|| "malformed".into());
                Record::Disconnected { connection: self.connection(*agent, *on)?, expiry_s: *expiry_s, fault, at_us }
            }
            Operation::Revoke { agent } => Record::AgentRevoked { change: bed.change(), agent: name(agent).into() },
            Operation::Restore { agent } => Record::AgentRestored { change: bed.change(), agent: name(agent).into() },
            Operation::AddAuthority => add_authority(bed.change(), 2),
            Operation::RevokeAuthority { id } => Record::AuthorityRevoked { change: bed.change(), authority: *id },
            Operation::Restart => Record::Restarted { at_us },
            Operation::Time { seconds } => {
                bed.now_us += seconds * SECOND;
                return None;
            }
            Operation::Timeout => Record::Timeout { now_us: at_us },
        };
        Some(record.encode())
    }

    fn connection(&self, agent: usize, on: Which) -> Option<Connection<'static>> {
        let connections = self.connections.get(&agent)?;
        match on {
            Which::Latest => connections.last().cloned(),
            Which::Older => connections.first().cloned(),
        }
    }

    fn content(&mut self, connection: &Connection<'_>, content: &Content) -> (String, String) {
        let topic = time_series_topic(connection);
        match content {
            Content::Values(values) => {
                let texts: Vec<_> = values.iter().map(|(_, _, value)| format!("{value}.50")).collect();
                let values: Vec<_> =
                    values.iter().zip(&texts).map(|((name, time, _), text)| (*name, *time * SECOND, &**text)).collect();
                (topic, message(&values))
            }
            Content::Burst => {
                let from = self.burst_us;
                self.burst_us += BURST * SECOND;
                let values: Vec<_> = (0..BURST).map(|n| ("temp", from + n * SECOND, "7")).collect();
                (topic, message(&values))
            }
            Content::NoJson => (topic, "no JSON".to_owned()),
            Content::UnknownTopic => (format!("{topic}/unknown"), "{}".to_owned()),
        }
    }
}
