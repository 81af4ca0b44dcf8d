//! All tenants of this server, each behind a lock of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use broker::SessionKey;
use identity::TenantId;
use tenant::{CloseReason, Effect, Tenant};
use tokio::sync::watch;

use super::queue::{Lane, Queue};
use super::reply::{Mail, Mailbox};

/// How long a query of the projection waits for what was applied before it.
const CATCH_UP_TIME: Duration = Duration::from_secs(2);

/// The tenants, by id. The map is locked for a look-up only.
#[derive(Debug, Default)]
pub(crate) struct Tenants {
    slots: RwLock<BTreeMap<TenantId, Arc<Slot>>>,
}

/// One tenant: its state, its way to the writer, its live connections.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: TenantId,
    /// Way to the writer.
    pub(crate) lane: Lane,
    /// Locked for microseconds, never across an await, hence the plain one.
    state: Mutex<Tenant>,
    live: Mutex<HashMap<SessionKey, (u64, Arc<Mailbox>)>>,
    /// Log position up to which the projection is in SQL.
    projected: watch::Sender<u64>,
}

impl Tenants {
    /// Finds a tenant.
    pub(crate) fn get(&self, id: &TenantId) -> Option<Arc<Slot>> {
        self.slots.read().expect("no panic while the map is locked").get(id).cloned()
    }

    /// All tenants, by id.
    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.slots.read().expect("no panic while the map is locked").values().cloned().collect()
    }

    /// Adds a tenant, or finds it there.
    pub(crate) fn add(&self, state: Tenant, queue: &Queue) -> Arc<Slot> {
        let mut slots = self.slots.write().expect("no panic while the map is locked");
        let id = state.id().clone();
        slots.entry(id.clone()).or_insert_with(|| Arc::new(Slot::new(id, state, queue))).clone()
    }
}

impl Slot {
    fn new(id: TenantId, state: Tenant, queue: &Queue) -> Slot {
        Slot {
            lane: queue.lane(id.clone()),
            id,
            state: Mutex::new(state),
            live: Mutex::default(),
            projected: watch::Sender::new(0),
        }
    }

    /// The tenant's state.
    pub(crate) fn state(&self) -> MutexGuard<'_, Tenant> {
        self.state.lock().expect("apply does not panic: it was given a decoded record")
    }

    /// The connection `epoch` is the session's from now on.
    pub(crate) fn set_live(&self, session: SessionKey, epoch: u64, mailbox: Arc<Mailbox>) {
        self.live().insert(session, (epoch, mailbox));
    }

    /// The connection `epoch` has ended.
    pub(crate) fn unset_live(&self, session: &SessionKey, epoch: u64) {
        let mut live = self.live();
        if live.get(session).is_some_and(|(current, _)| *current == epoch) {
            live.remove(session);
        }
    }

    /// Live connections of this tenant.
    pub(crate) fn live_count(&self) -> usize {
        self.live().len()
    }

    /// Ends the live connections of a client; whether there were any.
    pub(crate) fn close(&self, client_id: &str, reason: CloseReason) -> bool {
        let live = self.state().broker().live_connections(client_id);
        for (session, epoch) in &live {
            self.bring(Effect::Close { session: session.clone(), epoch: *epoch, reason });
        }
        !live.is_empty()
    }

    /// Brings an effect of apply to the connection it is for.
    pub(crate) fn bring(&self, effect: Effect) {
        let mut live = self.live();
        match effect {
            Effect::Close { session, epoch, reason } => {
                if live.get(&session).is_some_and(|(current, _)| *current == epoch)
                    && let Some((_, mailbox)) = live.remove(&session)
                {
                    mailbox.put(Mail::Close(reason));
                }
            }
            Effect::Wake(session) => {
                if let Some((_, mailbox)) = live.get(&session) {
                    mailbox.put(Mail::Wake);
                }
            }
            Effect::Deliver { session, message } => {
                if let Some((_, mailbox)) = live.get(&session) {
                    mailbox.put(Mail::Deliver(message));
                }
            }
        }
    }

    /// The projection has reached `position`.
    pub(crate) fn set_projected(&self, position: u64) {
        self.projected.send_replace(position);
    }

    /// Waits until what the record at `position` changed can be queried.
    pub(crate) async fn projected(&self, position: u64) {
        // The sender lives in this slot, so the wait cannot fail.
        let _ = self.projected.subscribe().wait_for(|projected| *projected >= position).await;
    }

    /// Waits until everything applied so far can be queried; not for ever, since SQL may be failing.
    pub(crate) async fn caught_up(&self) {
        let applied = self.state().applied();
        let _ = tokio::time::timeout(CATCH_UP_TIME, self.projected(applied)).await;
    }

    fn live(&self) -> MutexGuard<'_, HashMap<SessionKey, (u64, Arc<Mailbox>)>> {
        self.live.lock().expect("no panic while the connections are locked")
    }
}
