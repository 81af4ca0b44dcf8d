//! The engine: log, tenants and store, and the two threads that move records from one to the next.
//!
//! `submit` -> queue -> writer (log, fsync, apply) -> reply. The keeper brings to SQL what apply leaves behind.

mod health;
mod keeper;
mod open;
mod queue;
mod reply;
mod tenants;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use identity::TenantId;
use log::{LogReader, Position, ReadError};
use store::Store;
use tenant::{Change, Message, Outcome, Record, Refused, Tenant};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub(crate) use health::{Disk, Health};
pub(crate) use open::OpenError;
pub(crate) use queue::{Entry, PushError};
pub(crate) use reply::{Answer, Mail, Mailbox, Reply, Tag};
pub(crate) use tenants::Slot;

use crate::clock;
use crate::metrics::Metrics;
use keeper::Bell;
use queue::Queue;
use tenants::Tenants;

/// How the engine keeps its data.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Bounds of each tenant.
    pub(crate) limits: tenant::Limits,
    /// Time between checkpoints; bounds what a restart has to apply again.
    pub(crate) checkpoint_every: Duration,
    /// How long the log is kept after it is in a checkpoint, for a replay.
    pub(crate) raw_retention: Duration,
    /// Bounds of rejects and refusals.
    pub(crate) prune: store::PruneLimits,
    /// Bytes of one log segment.
    pub(crate) segment_bytes: u64,
    /// How long a full disk is left alone before it is tried again.
    pub(crate) full_disk_retry: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            limits: tenant::Limits::default(),
            checkpoint_every: Duration::from_secs(30),
            raw_retention: Duration::from_secs(7 * 24 * 3600),
            prune: store::PruneLimits::default(),
            segment_bytes: 64 << 20,
            full_disk_retry: Duration::from_secs(5),
        }
    }
}

/// The data plane of one server.
#[derive(Debug)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
    log: LogReader,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the engine's threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    settings: Settings,
    tenants: Tenants,
    queue: Queue,
    store: Arc<dyn Store>,
    bell: Bell,
    health: Health,
    metrics: Arc<Metrics>,
    writer_ended: AtomicBool,
    /// Nothing more is brought to SQL.
    keeper_ended: CancellationToken,
    /// Every record below this log position has been applied.
    applied_through: AtomicU64,
    /// Log position below which the writer may remove segments.
    retire_below: Mutex<Option<Position>>,
}

impl Engine {
    /// A tenant.
    pub(crate) fn tenant(&self, id: &TenantId) -> Option<Arc<Slot>> {
        self.shared.tenants.get(id)
    }

    /// All tenants, by id.
    pub(crate) fn tenants(&self) -> Vec<Arc<Slot>> {
        self.shared.tenants.all()
    }

    /// What people query.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// Bytes of the log, with what is kept for a replay.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.log.end().0.saturating_sub(self.log.start().0)
    }

    /// Can it write?
    pub(crate) fn health(&self) -> &Health {
        &self.shared.health
    }

    /// Makes a tenant; answers when it can be queried. `Refused` when it is there already.
    pub(crate) async fn create_tenant(&self, id: TenantId, actor: &str) -> Result<Outcome, SubmitError> {
        let slot = self.shared.tenants.add(Tenant::new(id, tenant::Limits::default()), &self.shared.queue);
        let outcome = self.execute(&slot, &Record::TenantCreated(change(actor))).await?;
        let limits = self.shared.settings.limits;
        if slot.state().limits() != limits {
            self.execute(&slot, &Record::LimitsSet { limits, at_us: clock::now_us() }).await?;
        }
        Ok(outcome)
    }

    /// Submits a record, and waits until it is durable, applied, and what it changed can be queried.
    pub(crate) async fn execute(&self, slot: &Slot, record: &Record<'_>) -> Result<Outcome, SubmitError> {
        let (sender, answer) = oneshot::channel();
        if !slot.lane.push_whenever(Entry { bytes: record.encode(), reply: Reply::Task(sender) }).await {
            return Err(SubmitError);
        }
        let Answer { position, outcome } = answer.await.map_err(|_| SubmitError)?;
        // What is durable is done, even if SQL fails until the server stops.
        let _ = self.shared.keeper_ended.run_until_cancelled(slot.projected(position + 1)).await;
        Ok(outcome)
    }

    /// The message that a queue entry stands for: from the log, or from where it outlived its segment. None: it is lost,
    /// for the log is damaged there.
    ///
    /// # Errors
    /// It cannot be read now; another time it may.
    pub(crate) fn message(&self, tenant: &TenantId, position: u64) -> Result<Option<Message>, Unreadable> {
        let bytes = match self.log.read(Position(position)) {
            Ok(frame) => Some(frame.into_payload()),
            Err(ReadError::Removed) => self.shared.store.message(tenant.as_str(), position).map_err(|_| Unreadable)?,
            Err(ReadError::Unreadable(_)) => None,
            Err(ReadError::NotCommitted | ReadError::Medium(_)) => return Err(Unreadable),
        };
        Ok(bytes.and_then(|bytes| Record::decode(&bytes).ok()?.message()))
    }

    /// Submits `Timeout` records where one is due. Called about once a second.
    pub(crate) fn tick(&self) {
        let now_us = clock::now_us();
        for slot in self.tenants() {
            if slot.state().poll_timeout().is_some_and(|at| at <= now_us) {
                let bytes = Record::Timeout { now_us }.encode();
                // A full queue has its next tick.
                let _ = slot.lane.push(Entry { bytes, reply: Reply::Nobody });
            }
        }
    }

    /// Stops: what is queued is written and answered, then a last checkpoint is made. Blocks.
    pub(crate) fn stop(&self) {
        self.shared.queue.close();
        let threads = std::mem::take(&mut *self.threads.lock().expect("no panic while the threads are locked"));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine had panicked");
            }
        }
    }
}

impl Shared {
    fn writer_ended(&self) -> bool {
        self.writer_ended.load(Ordering::Acquire)
    }

    fn applied_through(&self) -> u64 {
        self.applied_through.load(Ordering::Acquire)
    }

    fn retire_below(&self, limit: Position) {
        *self.retire_below.lock().expect("no panic while the limit is locked") = Some(limit);
    }

    fn take_retire_limit(&self) -> Option<Position> {
        self.retire_below.lock().expect("no panic while the limit is locked").take()
    }
}

/// A change by `actor`, now.
pub(crate) fn change(actor: &str) -> Change<'_> {
    Change { actor: actor.into(), at_us: clock::now_us() }
}

/// Whether an outcome is a refusal.
pub(crate) fn refusal(outcome: &Outcome) -> Option<&Refused> {
    match outcome {
        Outcome::Refused(refused) => Some(refused),
        _ => None,
    }
}

/// A message cannot be read now.
#[derive(Debug)]
pub(crate) struct Unreadable;

/// The server is stopping, or its log has failed: nothing more is taken.
#[derive(Debug, thiserror::Error)]
#[error("the server takes no changes now: it is stopping, or its log has failed")]
pub(crate) struct SubmitError;
