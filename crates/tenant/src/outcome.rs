//! What applying a record answers to its sender, and what it asks of others.

use std::sync::Arc;

use broker::SessionKey;

use crate::Ledger;

/// The answer to whoever submitted the record.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done; nothing to tell.
    Done,
    /// The state did not allow it any more, and nothing was changed.
    Refused(Refused),
    /// The agent is durable. `created` is false when a racing first connect had made it already.
    Onboarded {
        /// Whether this record made the agent.
        created: bool,
    },
    /// The connection is the session's; its epoch is the record's position.
    Connected {
        /// For CONNACK.
        session_present: bool,
    },
    /// A publish was taken.
    Published(Verdict),
    /// One a filter: whether it was granted.
    Subscribed(Vec<bool>),
    /// One a filter: whether there was such a subscription.
    Unsubscribed(Vec<bool>),
    /// A QoS 2 id was released; false when it was not known.
    Released(bool),
    /// A message to an agent was taken; how many sessions get it or have it queued.
    Sent {
        /// Sessions reached.
        sessions: usize,
    },
}

/// Why a record changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The tenant is there already.
    #[error("the tenant exists already")]
    TenantExists,
    /// No such authority in this tenant.
    #[error("no such certificate authority")]
    UnknownAuthority,
    /// An authority could not be added or changed.
    #[error("{0}")]
    Authority(String),
    /// No such agent in this tenant.
    #[error("no such agent")]
    UnknownAgent,
    /// Revoked between judgement and this record.
    #[error("the agent or its certificate has been revoked")]
    Revoked,
    /// A named bound is reached.
    #[error("{0} is at its limit of {1}")]
    Quota(&'static str, usize),
    /// The connection is no longer its session's.
    #[error("another connection has taken over")]
    Stale,
}

/// What became of the values of one publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The counts of this message alone.
    pub counts: Ledger,
    /// The worst that is to be said of it.
    pub kind: VerdictKind,
    /// One line for an MQTT 5 reason string; none when there is nothing to tell.
    pub reason: Option<String>,
}

impl Verdict {
    /// Of a message that was taken before.
    pub(crate) fn nothing() -> Verdict {
        Verdict { counts: Ledger::default(), kind: VerdictKind::Accepted, reason: None }
    }
}

/// Decides the reason code of PUBACK or PUBREC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictKind {
    /// At least one value was taken, or there was none.
    Accepted,
    /// Nothing could be taken.
    Unusable,
    /// The topic is the agent's own, but names nothing that is served.
    UnknownTopic,
    /// Nothing could be taken because a limit is reached.
    OverQuota,
}

/// A consequence for somebody else than the sender.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// This connection has to go.
    Close {
        /// The session.
        session: SessionKey,
        /// Its connection.
        epoch: u64,
        /// Why.
        reason: CloseReason,
    },
    /// The session's queue has something to send.
    Wake(SessionKey),
    /// A message at QoS 0 for a connected session.
    Deliver {
        /// The session.
        session: SessionKey,
        /// The message.
        message: Arc<Message>,
    },
}

/// Why a connection is closed from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The same agent connected again.
    TakenOver,
    /// The agent, its certificate or its authority was revoked.
    Revoked,
    /// An operator wants it to connect again.
    Kicked,
}

/// A message on its way to subscribers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Topic name.
    pub topic: String,
    /// Application message.
    pub payload: Vec<u8>,
}
