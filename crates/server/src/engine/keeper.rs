//! The keeper: the one thread that writes what is derived from the log to SQL: the projection as it comes,
//! checkpoints now and then; and that gives up what the log no longer needs.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use log::{LogReader, Position, Preparer, ReadError};
use store::Store;
use tenant::Record;
use tracing::{debug, error, warn};

use super::Shared;
use super::tenants::Slot;
use crate::clock;

/// Rows that may wait for SQL before the writer waits for them.
pub(crate) const OUTBOX_MAX: usize = 100_000;

/// Sealed samples of a tenant in memory that call for a checkpoint; at twice as many the writer waits for it.
pub(crate) const SEALED_SAMPLES_MAX: usize = 4_000_000;

/// How long the keeper waits after SQL has refused something.
const RETRY: Duration = Duration::from_secs(5);

/// How often a tenant's series are merged, at most.
const MERGE_EVERY: Duration = Duration::from_secs(60);

/// Series that are merged in one call, and how long one tenant's turn goes on: meanwhile nothing is projected.
const MERGE_BUDGET: usize = 64;
const MERGE_TIME: Duration = Duration::from_millis(500);

/// Tells the keeper that there is something to project.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    condition: Condvar,
}

impl Bell {
    /// Wakes the keeper.
    pub(crate) fn ring(&self) {
        *self.rung.lock().expect("no panic while the bell is locked") = true;
        self.condition.notify_one();
    }

    fn wait(&self, patience: Duration) {
        let rung = self.rung.lock().expect("no panic while the bell is locked");
        let (mut rung, _) = self
            .condition
            .wait_timeout_while(rung, patience, |rung| !*rung)
            .expect("no panic while the bell is locked");
        *rung = false;
    }
}

/// The loop of the keeper's thread. After the writer has ended it writes a last checkpoint of all, and ends.
pub(crate) fn run(shared: &Shared, log: &LogReader, preparer: &Preparer) {
    let mut last_checkpoint = Instant::now();
    let mut last_merge = Instant::now();
    loop {
        let stopping = shared.writer_ended();
        let due = stopping || last_checkpoint.elapsed() >= shared.settings.checkpoint_every || is_heavy(shared);
        let written = if due { checkpoint_all(shared, log) } else { project_all(shared) };
        shared.health.set_store(written);
        if due && written {
            last_checkpoint = Instant::now();
        }
        if stopping {
            return;
        }
        // A full disk is the writer's to tell, when it needs the segment.
        let _ = preparer.prepare();
        if last_merge.elapsed() >= MERGE_EVERY {
            last_merge = Instant::now();
            tidy(shared);
        }
        if written {
            shared.bell.wait(Duration::from_millis(500));
        } else {
            std::thread::sleep(RETRY);
        }
    }
}

fn is_heavy(shared: &Shared) -> bool {
    shared.tenants.all().iter().any(|slot| slot.state().sealed_samples() > SEALED_SAMPLES_MAX)
}

fn project_all(shared: &Shared) -> bool {
    shared.tenants.all().iter().all(|slot| {
        let (rows, applied) = {
            let mut state = slot.state();
            (state.take_outbox(), state.applied())
        };
        write_projection(&*shared.store, slot, rows, applied)
    })
}

/// Writes what a tenant's outbox held when it had applied all below `applied`.
fn write_projection(store: &dyn Store, slot: &Slot, rows: Vec<tenant::Projected>, applied: u64) -> bool {
    if let Err(cause) = if rows.is_empty() { Ok(()) } else { store.project(slot.id.as_str(), &rows) } {
        error!(tenant = %slot.id, %cause, "rows could not be written; they are tried again");
        slot.state().return_outbox(rows);
        return false;
    }
    slot.set_projected(applied);
    true
}

/// Writes a checkpoint of each tenant that changed. Its outbox goes first: a restart begins at the checkpoint,
/// and would not make those rows again.
fn checkpoint_all(shared: &Shared, log: &LogReader) -> bool {
    let started = Instant::now();
    // All below has been applied by now, so after this round it is in its tenant's checkpoint. A tenant that this round
    // does not meet is made later, and has its records above.
    let floor = shared.applied_through();
    let mut written = 0;
    for slot in shared.tenants.all() {
        let (rows, checkpoint) = {
            let mut state = slot.state();
            if !state.is_dirty() && state.outbox_len() == 0 {
                slot.set_projected(state.applied());
                continue;
            }
            (state.take_outbox(), state.checkpoint())
        };
        if !write_projection(&*shared.store, &slot, rows, checkpoint.position) {
            slot.state().checkpoint_failed(&checkpoint);
            return false;
        }
        if let Err(cause) = shared.store.checkpoint(slot.id.as_str(), &checkpoint) {
            error!(tenant = %slot.id, %cause, "a checkpoint could not be written; it is tried again");
            slot.state().checkpoint_failed(&checkpoint);
            return false;
        }
        slot.state().checkpointed(&checkpoint);
        written += 1;
    }
    if written > 0 {
        debug!(tenants = written, seconds = started.elapsed().as_secs_f64(), "checkpoint");
    }
    raise_floor(shared, log, floor);
    true
}

/// Everything below `floor` is in checkpoints: a restart reads the log from there on.
fn raise_floor(shared: &Shared, log: &LogReader, floor: u64) {
    match shared.store.set_floor(floor) {
        Ok(()) => retire(shared, log, floor),
        Err(cause) => warn!(%cause, "the next restart reads more of the log than it needs"),
    }
}

/// Removes log segments that are below `floor` and older than the raw retention. Queued messages in them move to SQL
/// first, so a slow session never pins a segment.
fn retire(shared: &Shared, log: &LogReader, floor: u64) {
    let keep_us = i64::try_from(shared.settings.raw_retention.as_micros()).unwrap_or(i64::MAX);
    let oldest_us = clock::now_us().saturating_sub(keep_us);
    // A segment is old when the next one already begins with an old record.
    let starts: Vec<_> = log.segments().into_iter().map(|segment| segment.start).collect();
    let is_old = |next: &Position| next.0 <= floor && first_record_us(log, *next).is_some_and(|at| at < oldest_us);
    let Some(limit) = starts.into_iter().skip(1).take_while(is_old).last() else { return };
    for slot in shared.tenants.all() {
        if let Err(cause) = move_queued(shared, log, &slot, limit) {
            error!(tenant = %slot.id, cause, "queued messages could not be moved; the log keeps its segments");
            return;
        }
    }
    shared.retire_below(limit);
}

fn first_record_us(log: &LogReader, from: Position) -> Option<i64> {
    let frames = log.scan(from).take(16).filter_map(Result::ok);
    frames.into_iter().find_map(|frame| Record::decode(frame.payload()).ok()?.at_us())
}

fn move_queued(shared: &Shared, log: &LogReader, slot: &Arc<Slot>, limit: Position) -> Result<(), String> {
    let positions = slot.state().queued_below(limit.0);
    let mut messages = Vec::new();
    for position in &positions {
        match log.read(Position(*position)) {
            Ok(frame) => messages.push((*position, frame.into_payload())),
            // It was moved before.
            Err(ReadError::Removed) => {}
            // Its segment may not go as long as another try may read it.
            Err(ReadError::Medium(cause)) => return Err(cause.to_string()),
            Err(cause) => {
                warn!(tenant = %slot.id, position, %cause, "a queued message is lost with a damaged part of the log");
            }
        }
    }
    shared.store.put_messages(slot.id.as_str(), &messages).map_err(|error| error.to_string())?;
    let still_needed = positions.into_iter().collect();
    shared.store.retain_messages(slot.id.as_str(), &still_needed).map_err(|error| error.to_string())
}

/// Folds small and late chunks, and drops rejects and refusals beyond their bounds.
fn tidy(shared: &Shared) {
    for slot in shared.tenants.all() {
        let started = Instant::now();
        while started.elapsed() < MERGE_TIME {
            match shared.store.merge(slot.id.as_str(), MERGE_BUDGET) {
                Ok(0) => break,
                Ok(_) => {}
                Err(cause) => {
                    warn!(tenant = %slot.id, %cause, "chunks could not be merged");
                    break;
                }
            }
        }
    }
    if let Err(cause) = shared.store.prune(clock::now_us(), &shared.settings.prune) {
        warn!(%cause, "old rejects could not be dropped");
    }
}
