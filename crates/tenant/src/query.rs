//! Reading a tenant: nothing here changes what `apply` sees.

use std::ops::Range;
use std::sync::Arc;

use broker::{Broker, Session};
use identity::{ClientId, Registry, TenantId};

use crate::{Agent, Ledger, Limits, Message, Projected, Record, Sample, SealedChunk, Tenant};

/// The samples of a series that the store does not have yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unwritten {
    /// The head's samples, ascending in time. They are newer than any chunk.
    pub head: Vec<Sample>,
    /// Sealed chunks that wait for their checkpoint.
    pub chunks: Vec<Arc<SealedChunk>>,
}

impl Tenant {
    /// The tenant's id.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// The bounds in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// When it was created, microseconds since the Unix epoch; none before its first record.
    pub fn created_us(&self) -> Option<i64> {
        self.created_us
    }

    /// Log position after the last record applied.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Authorities, credentials, revocations.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Sessions and subscriptions.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Agents in the order of their client ids, after `after`.
    pub fn agents<'a>(&'a self, after: Option<&str>) -> impl Iterator<Item = (&'a ClientId, &'a Agent)> + use<'a> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = after.map_or(Unbounded, Excluded);
        self.agents.range::<str, _>((start, Unbounded))
    }

    /// One agent.
    pub fn agent(&self, client_id: &str) -> Option<&Agent> {
        self.agents.get(client_id)
    }

    /// The ledger over all agents.
    pub fn ledger(&self) -> Ledger {
        let mut sum = Ledger::default();
        self.agents.values().for_each(|agent| sum.add(agent.status.ledger));
        sum
    }

    /// What the store cannot know of a series within a range of time.
    pub fn unwritten(&self, client_id: &str, data_point: &str, range: &Range<i64>) -> Unwritten {
        let Some(series) = self.agents.get(client_id).and_then(|agent| agent.series.get(data_point)) else {
            return Unwritten::default();
        };
        let head = series.unsealed();
        let from = head.partition_point(|sample| sample.time_us < range.start);
        let to = head.partition_point(|sample| sample.time_us < range.end).max(from);
        let of_series = |chunk: &&Arc<SealedChunk>| chunk.agent == client_id && chunk.data_point == data_point;
        Unwritten { head: head[from..to].to_vec(), chunks: self.sealed.iter().filter(of_series).cloned().collect() }
    }

    /// Samples in sealed chunks that no checkpoint has written.
    pub fn sealed_samples(&self) -> usize {
        self.sealed.iter().map(|chunk| chunk.samples.len()).sum()
    }

    /// Rows that wait for the projection.
    pub fn outbox_len(&self) -> usize {
        self.outbox.len()
    }

    /// Takes the rows out; give them back with `return_outbox` if they could not be written.
    pub fn take_outbox(&mut self) -> Vec<Projected> {
        std::mem::take(&mut self.outbox)
    }

    /// Puts rows back in front.
    pub fn return_outbox(&mut self, mut rows: Vec<Projected>) {
        rows.append(&mut self.outbox);
        self.outbox = rows;
    }

    /// When a `Timeout` record is due, microseconds since the Unix epoch.
    pub fn poll_timeout(&self) -> Option<i64> {
        [self.broker.poll_timeout(), self.seal_at_us].into_iter().flatten().min()
    }

    /// Log positions below `limit` that a session's queue still needs.
    pub fn queued_below(&self, limit: u64) -> Vec<u64> {
        let positions = self.broker.sessions().flat_map(|(_, session)| Session::queued(session));
        let mut positions: Vec<_> = positions.filter(|position| *position < limit).collect();
        positions.sort_unstable();
        positions.dedup();
        positions
    }
}

impl Record<'_> {
    /// The message that a queue entry with this record's position stands for.
    pub fn message(&self) -> Option<Message> {
        match self {
            Record::Sent { topic, payload, .. } => {
                Some(Message { topic: topic.to_string(), payload: payload.to_vec() })
            }
            _ => None,
        }
    }

    /// When the record was made, microseconds since the Unix epoch, where it says so.
    pub fn at_us(&self) -> Option<i64> {
        match self {
            Record::TenantCreated(change)
            | Record::AuthorityAdded { change, .. }
            | Record::AuthorityVerified { change, .. }
            | Record::CodeRenewed { change, .. }
            | Record::AuthorityRevoked { change, .. }
            | Record::AgentRevoked { change, .. }
            | Record::AgentRestored { change, .. }
            | Record::Sent { change, .. } => Some(change.at_us),
            Record::AgentOnboarded { at_us, .. } | Record::Disconnected { at_us, .. } | Record::Restarted { at_us } => {
                Some(*at_us)
            }
            Record::Connected(connected) => Some(connected.at_us),
            Record::Published(published) => Some(published.received_us),
            Record::Timeout { now_us } => Some(*now_us),
            Record::LimitsSet { at_us, .. } => Some(*at_us),
            Record::Subscribed { .. }
            | Record::Unsubscribed { .. }
            | Record::Released { .. }
            | Record::Acknowledged { .. } => None,
        }
    }
}
