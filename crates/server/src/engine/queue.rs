//! The writer's queue: one bounded queue a tenant, drained round robin, so that no tenant's storm delays another.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use identity::TenantId;
use tokio::sync::Notify;

use super::reply::Reply;

/// Bytes of records that may wait for one tenant. At it, the tenant's sockets are no longer read.
pub(crate) const QUEUED_BYTES_PER_TENANT_MAX: usize = 4 << 20;

/// Bytes of one batch. Larger ones only lengthen the time in which the other tenants wait.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Bytes that one tenant puts into a batch before the next one has its turn.
const TURN_BYTES: usize = 256 << 10;

/// How long a waiter for room sleeps before it looks by itself.
const ROOM_PATIENCE: Duration = Duration::from_millis(100);

/// A record on its way to the log.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) bytes: Vec<u8>,
    pub(crate) reply: Reply,
}

/// Records of one turn: one tenant's, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) tenant: TenantId,
    pub(crate) entries: Vec<Entry>,
}

/// One tenant's way into the queue.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    tenant: TenantId,
    queue: Arc<Shared>,
    room: Arc<Notify>,
}

/// The queue of all tenants; the writer's end.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lanes: BTreeMap<TenantId, Waiting>,
    /// Tenants with entries, in the order of their turns.
    turns: VecDeque<TenantId>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    bytes: usize,
    room: Arc<Notify>,
}

impl Lane {
    /// Queues a record.
    ///
    /// # Errors
    /// `Full` gives the entry back: wait for `room`, then try again. `Closed` is for ever.
    pub(crate) fn push(&self, entry: Entry) -> Result<(), PushError> {
        let mut state = self.queue.lock();
        if state.closed {
            return Err(PushError::Closed);
        }
        let waiting = state.lanes.entry(self.tenant.clone()).or_default();
        if waiting.bytes >= QUEUED_BYTES_PER_TENANT_MAX {
            return Err(PushError::Full(entry));
        }
        waiting.bytes += entry.bytes.len();
        waiting.entries.push_back(entry);
        if waiting.entries.len() == 1 {
            state.turns.push_back(self.tenant.clone());
            self.queue.filled.notify_one();
        }
        Ok(())
    }

    /// Queues a record as soon as there is room; false when the queue is closed.
    pub(crate) async fn push_whenever(&self, mut entry: Entry) -> bool {
        loop {
            let room = self.room.notified();
            match self.push(entry) {
                Ok(()) => return true,
                Err(PushError::Closed) => return false,
                Err(PushError::Full(again)) => entry = again,
            }
            // A room made between push and wait is not missed for long.
            let _ = tokio::time::timeout(ROOM_PATIENCE, room).await;
        }
    }

    /// Whether nothing more is taken: the server stops, or its log has failed.
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// Told when the tenant's queue has room again.
    pub(crate) fn room(&self) -> &Notify {
        &self.room
    }
}

impl Queue {
    /// The way in for a tenant.
    pub(crate) fn lane(&self, tenant: TenantId) -> Lane {
        let room = self.shared.lock().lanes.entry(tenant.clone()).or_default().room.clone();
        Lane { tenant, queue: self.shared.clone(), room }
    }

    /// Waits for records and takes a batch of turns; empty after `patience`, none once the queue is closed and drained.
    pub(crate) fn take(&self, patience: Duration) -> Option<Vec<Turn>> {
        let mut state = self.shared.lock();
        if state.turns.is_empty() && !state.closed {
            state = self.shared.filled.wait_timeout(state, patience).expect("no panic while the queue is locked").0;
        }
        if state.turns.is_empty() && state.closed {
            return None;
        }
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH_BYTES_MAX {
            let Some(tenant) = state.turns.pop_front() else { break };
            let turn = state.turn(tenant, &mut bytes);
            batch.push(turn);
        }
        Some(batch)
    }

    /// Whether nothing more is taken.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }

    /// Refuses further records; what is queued is still taken.
    pub(crate) fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_all();
    }
}

impl State {
    fn turn(&mut self, tenant: TenantId, batch_bytes: &mut usize) -> Turn {
        let mut entries = Vec::new();
        let Some(waiting) = self.lanes.get_mut(&tenant) else { return Turn { tenant, entries } };
        let mut bytes = 0;
        while bytes < TURN_BYTES {
            let Some(entry) = waiting.entries.pop_front() else { break };
            bytes += entry.bytes.len();
            entries.push(entry);
        }
        let was_full = waiting.bytes >= QUEUED_BYTES_PER_TENANT_MAX;
        waiting.bytes -= bytes;
        if was_full && waiting.bytes < QUEUED_BYTES_PER_TENANT_MAX {
            waiting.room.notify_waiters();
        }
        if !waiting.entries.is_empty() {
            self.turns.push_back(tenant.clone());
        }
        *batch_bytes += bytes;
        Turn { tenant, entries }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while the queue is locked")
    }
}

/// Why a record was not queued.
#[derive(Debug)]
pub(crate) enum PushError {
    /// The tenant has reached its bound.
    Full(Entry),
    /// The server is stopping, or its log has failed.
    Closed,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: usize) -> Entry {
        Entry { bytes: vec![0; bytes], reply: Reply::Nobody }
    }

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    #[test]
    fn a_storm_of_one_tenant_leaves_every_batch_a_turn_for_the_other() {
        let queue = Queue::default();
        let (storm, calm) = (queue.lane(tenant("storm")), queue.lane(tenant("calm")));
        while storm.push(entry(1000)).is_ok() {}
        calm.push(entry(10)).unwrap();
        let batch = queue.take(Duration::ZERO).unwrap();
        assert_eq!(batch[1].tenant, tenant("calm"));
        assert!(batch[0].entries.len() * 1000 <= TURN_BYTES + 1000);
    }

    #[test]
    fn a_full_tenant_is_told_and_finds_room_later() {
        let queue = Queue::default();
        let lane = queue.lane(tenant("acme"));
        for _ in 0..4 {
            lane.push(entry(1 << 20)).unwrap();
        }
        assert!(matches!(lane.push(entry(1)), Err(PushError::Full(_))));
        assert!(queue.lane(tenant("other")).push(entry(1)).is_ok(), "the bound is the tenant's own");
        queue.take(Duration::ZERO).unwrap();
        assert!(lane.push(entry(1)).is_ok());
    }

    #[test]
    fn a_closed_queue_gives_what_it_holds_and_then_ends() {
        let queue = Queue::default();
        let lane = queue.lane(tenant("acme"));
        lane.push(entry(1)).unwrap();
        queue.close();
        assert!(matches!(lane.push(entry(1)), Err(PushError::Closed)));
        assert_eq!(queue.take(Duration::ZERO).unwrap().len(), 1);
        assert!(queue.take(Duration::ZERO).is_none());
    }
}
