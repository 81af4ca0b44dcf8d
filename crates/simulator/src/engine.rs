//! The server's engine in one thread: log, tenants and store, and the steps of its writer and its keeper, which the
//! world takes in any order. What each step does is what `server/src/engine` does between two points at which another
//! thread could run.

mod keeper;
mod open;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use broker::SessionKey;
use identity::TenantId;
use log::{Damage, Log, LogReader, Position, Preparer};
use tenant::{Effect, Message, Outcome, Record, Tenant};

use crate::Sabotage;
use crate::keeping::PoweredStore;
use keeper::Keeper;
use writer::Writer;

/// How an engine keeps its data.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) limits: tenant::Limits,
    pub(crate) segment_bytes: u64,
    /// How long the log is kept after it is in a checkpoint, microseconds; none keeps it for ever.
    pub(crate) raw_retention_us: Option<i64>,
    /// Whether a first connect is to come again.
    pub(crate) first_connect_ends: bool,
    pub(crate) sabotage: Option<Sabotage>,
}

/// Names a connection; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// A record on its way to the log.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) bytes: Vec<u8>,
    pub(crate) reply: Reply,
}

/// Who hears the outcome of a record.
#[derive(Debug)]
pub(crate) enum Reply {
    Nobody,
    Connection(ConnectionId, Tag),
    Connect(ConnectionId, SessionKey),
    /// An operator, who waits until it can be queried too.
    Operator,
}

/// What a connection's record was; a publish with its number in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Onboard,
    Connect,
    Puback(u16, usize),
    Pubrec(u16, usize),
    Pubcomp(u16),
    Suback(u16),
    Unsuback(u16),
}

/// Something for a connection from outside of it.
#[derive(Debug)]
pub(crate) enum Mail {
    Answer(Tag, u64, Outcome),
    Wake,
    Deliver(Arc<Message>),
    Close,
}

/// Whether the log can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    Writable,
    Full,
    Failed,
}

/// A record that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) position: u64,
    pub(crate) tenant: TenantId,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Engine {
    settings: Settings,
    log: Log,
    pub(crate) reader: LogReader,
    preparer: Preparer,
    store: Rc<PoweredStore>,
    pub(crate) slots: BTreeMap<TenantId, Slot>,
    writer: Writer,
    keeper: Keeper,
    pub(crate) disk: Disk,
    /// Every record below this log position has been applied.
    applied_through: u64,
    /// Log position below which the writer may remove segments.
    retire_below: Option<Position>,
    /// What was committed and the world has not taken yet.
    pub(crate) committed: Vec<Committed>,
    /// Outcomes as the live tenants gave them.
    pub(crate) outcomes: Vec<(u64, Outcome)>,
    pub(crate) mail: Vec<(ConnectionId, Mail)>,
    /// Operators' changes that are applied and not projected yet.
    pub(crate) waiting: Vec<(TenantId, u64, Outcome)>,
    /// Damage that opening has told.
    pub(crate) damage: Vec<Damage>,
    /// Records that opening could not read.
    pub(crate) unreadable: Vec<String>,
}

/// One tenant: its state, its way to the writer, its live connections.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) tenant: Tenant,
    lane: VecDeque<Entry>,
    pub(crate) live: BTreeMap<SessionKey, (u64, ConnectionId)>,
    /// Log position up to which the projection is in the store.
    pub(crate) projected: u64,
}

impl Engine {
    /// Queues a record; false when nothing is taken any more.
    pub(crate) fn submit(&mut self, tenant: &TenantId, record: &Record<'_>, reply: Reply) -> bool {
        let is_taken = self.disk != Disk::Failed;
        if let (true, Some(slot)) = (is_taken, self.slots.get_mut(tenant)) {
            slot.lane.push_back(Entry { bytes: record.encode(), reply });
        }
        is_taken
    }

    /// Makes a tenant, as far as memory goes.
    pub(crate) fn add_tenant(&mut self, id: &TenantId) {
        let limits = self.settings.limits;
        self.slots.entry(id.clone()).or_insert_with(|| Slot::new(Tenant::new(id.clone(), limits)));
    }

    /// Submits `Timeout` records where one is due.
    pub(crate) fn tick(&mut self, now_us: i64) {
        let is_due = |slot: &Slot| slot.tenant.poll_timeout().is_some_and(|at| at <= now_us);
        let due: Vec<_> = self.slots.iter().filter(|(_, slot)| is_due(slot)).map(|(id, _)| id.clone()).collect();
        for id in due {
            self.submit(&id, &Record::Timeout { now_us }, Reply::Nobody);
        }
    }

    /// The message that a queue entry stands for: from the log, or from where it outlived its segment.
    pub(crate) fn message(&self, tenant: &TenantId, position: u64) -> Option<Message> {
        let bytes = match self.reader.read(Position(position)) {
            Ok(frame) => frame.into_payload(),
            Err(_) => self.store.read(|store| store.message(tenant.as_str(), position)).ok()??,
        };
        Record::decode(&bytes).ok()?.message()
    }

    /// The connection `epoch` has ended.
    pub(crate) fn unset_live(&mut self, tenant: &TenantId, session: &SessionKey, epoch: u64) {
        let Some(slot) = self.slots.get_mut(tenant) else { return };
        if slot.live.get(session).is_some_and(|(current, _)| *current == epoch) {
            slot.live.remove(session);
        }
    }

    pub(crate) fn first_connect_ends(&self) -> bool {
        self.settings.first_connect_ends
    }

    /// Whether nothing waits for the writer.
    pub(crate) fn is_written(&self) -> bool {
        matches!(self.writer, Writer::Idle) && self.slots.values().all(|slot| slot.lane.is_empty())
    }

    /// Whether all that was committed is applied.
    pub(crate) fn is_applied(&self) -> bool {
        !matches!(self.writer, Writer::Committed { .. })
    }

    /// Whether the keeper holds nothing in its hands.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self.keeper, Keeper::Idle)
    }

    fn sabotages(&self, sabotage: Sabotage) -> bool {
        self.settings.sabotage == Some(sabotage)
    }
}

impl Slot {
    fn new(tenant: Tenant) -> Slot {
        Slot { tenant, lane: VecDeque::new(), live: BTreeMap::new(), projected: 0 }
    }

    /// Brings an effect of apply to the connection it is for.
    fn bring(&mut self, effect: Effect, mail: &mut Vec<(ConnectionId, Mail)>) {
        match effect {
            Effect::Close { session, epoch, .. } => {
                if let Some((current, id)) = self.live.get(&session).copied()
                    && current == epoch
                {
                    self.live.remove(&session);
                    mail.push((id, Mail::Close));
                }
            }
            Effect::Wake(session) => mail.extend(self.live.get(&session).map(|(_, id)| (*id, Mail::Wake))),
            Effect::Deliver { session, message } => {
                mail.extend(self.live.get(&session).map(|(_, id)| (*id, Mail::Deliver(message))));
            }
        }
    }
}
