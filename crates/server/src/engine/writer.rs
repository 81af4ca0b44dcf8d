//! The writer: the one thread that changes state. It takes what waits, appends it to the log, waits for one
//! fsync, applies it, and answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use identity::TenantId;
use log::{AppendError, CommitError, Log, Position};
use tenant::{Outcome, Record, Refused, Tenant};
use tracing::{error, info, warn};

use super::Shared;
use super::health::Disk;
use super::keeper::{OUTBOX_MAX, SEALED_SAMPLES_MAX};
use super::queue::{Entry, Turn};
use super::reply::{Answer, Mail, Reply, Tag};
use super::tenants::Slot;

/// How long the writer sleeps when nothing comes; bounds how late it sees that the server stops.
const PATIENCE: Duration = Duration::from_millis(500);

/// The loop of the writer's thread; it ends when the queue is closed and drained, or the log has failed.
pub(crate) fn run(mut log: Log, shared: &Shared) {
    while let Some(batch) = shared.queue.take(PATIENCE) {
        if let Some(limit) = shared.take_retire_limit()
            && let Err(cause) = log.remove_before(limit)
        {
            warn!(%cause, "old log segments could not be removed");
        }
        if batch.is_empty() {
            continue;
        }
        let started = Instant::now();
        let Some(batch) = append(&mut log, batch, shared) else {
            return fail(shared, "a record could not be appended");
        };
        let end = match commit(&mut log, shared) {
            Ok(end) => end,
            Err(reason) => return fail(shared, &reason),
        };
        let heavy: Vec<_> = batch.into_iter().filter_map(|turn| apply(shared, turn)).collect();
        shared.applied_through.store(end.0, Ordering::Release);
        shared.metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
        shared.bell.ring();
        wait_for_keeper(shared, &heavy);
    }
}

/// A turn whose records have their positions.
struct Appended {
    tenant: TenantId,
    entries: Vec<(u64, Entry)>,
}

fn append(log: &mut Log, batch: Vec<Turn>, shared: &Shared) -> Option<Vec<Appended>> {
    let mut appended = Vec::with_capacity(batch.len());
    for turn in batch {
        let mut entries = Vec::with_capacity(turn.entries.len());
        for entry in turn.entries {
            match log.append(turn.tenant.as_str(), &entry.bytes) {
                Ok(position) => entries.push((position.0, entry)),
                Err(AppendError::TooLarge { bytes, limit }) => {
                    error!(tenant = %turn.tenant, bytes, limit, "a record above the frame limit was refused");
                    let refused = Refused::Quota("the bytes of one record", limit as usize);
                    let Some(slot) = shared.tenants.get(&turn.tenant) else { continue };
                    answer(&slot, entry.reply, Answer { position: 0, outcome: Outcome::Refused(refused) });
                }
                Err(_) => return None,
            }
        }
        appended.push(Appended { tenant: turn.tenant, entries });
    }
    Some(appended)
}

/// Makes the batch durable and gives the log's end; waits as long as the disk is full.
fn commit(log: &mut Log, shared: &Shared) -> Result<Position, String> {
    let started = Instant::now();
    let end = loop {
        match log.commit() {
            Ok(end) => break end,
            Err(CommitError::Full) => {
                if shared.health.set_disk(Disk::Full) {
                    error!("the disk is full: nothing is read or acknowledged until there is room");
                }
                if shared.queue.is_closed() {
                    return Err("the disk was full when the server stopped".to_owned());
                }
                std::thread::sleep(shared.settings.full_disk_retry);
            }
            Err(CommitError::Failed(cause)) => return Err(cause.to_string()),
        }
    };
    if shared.health.set_disk(Disk::Writable) {
        info!("the disk has room again");
    }
    shared.metrics.fsync_seconds.observe(started.elapsed().as_secs_f64());
    Ok(end)
}

/// After a failed write or fsync nobody knows what the disk holds: nothing is acknowledged until a restart.
fn fail(shared: &Shared, reason: &str) {
    error!(reason, "the log has failed; nothing is acknowledged until dinrail is restarted");
    shared.health.set_disk(Disk::Failed);
    shared.queue.close();
    // Dropping the entries tells the tasks that wait for them; connections are told by the health they watch.
    while shared.queue.take(Duration::ZERO).is_some() {}
}

/// Applies one tenant's records under one lock, then answers them. Gives the tenant if too much of it waits for SQL.
fn apply(shared: &Shared, turn: Appended) -> Option<Arc<Slot>> {
    // The lane that brought the records belongs to a slot.
    let slot = shared.tenants.get(&turn.tenant)?;
    let mut applied = Vec::with_capacity(turn.entries.len());
    let is_heavy = {
        let mut state = slot.state();
        for (position, entry) in turn.entries {
            // This process encoded the record itself, moments ago.
            let record = Record::decode(&entry.bytes).expect("what encode makes, decode reads");
            let mut effects = Vec::new();
            let outcome = state.apply(position, &record, &mut effects);
            applied.push((entry.reply, Answer { position, outcome }, effects));
        }
        waits_for_too_much(&state)
    };
    for (reply, answered, effects) in applied {
        shared.metrics.count(&slot.id, &answered.outcome);
        // A take-over closes the older connection before the newer one is the live one.
        effects.into_iter().for_each(|effect| slot.bring(effect));
        answer(&slot, reply, answered);
    }
    is_heavy.then_some(slot)
}

fn answer(slot: &Slot, reply: Reply, answer: Answer) {
    match reply {
        Reply::Nobody => {}
        Reply::Connection(mailbox, tag) => mailbox.put(Mail::Answer(tag, answer)),
        Reply::Connect(mailbox, session) => {
            if matches!(answer.outcome, Outcome::Connected { .. }) {
                slot.set_live(session, answer.position, mailbox.clone());
            }
            mailbox.put(Mail::Answer(Tag::Connect, answer));
        }
        // The task may have gone away; what it asked for is done all the same.
        Reply::Task(task) => drop(task.send(answer)),
    }
}

/// Waits for the keeper while too much of some tenants waits for SQL: it is in memory. Nothing is read meanwhile.
fn wait_for_keeper(shared: &Shared, heavy: &[Arc<Slot>]) {
    while !shared.queue.is_closed() && heavy.iter().any(|slot| waits_for_too_much(&slot.state())) {
        shared.bell.ring();
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn waits_for_too_much(tenant: &Tenant) -> bool {
    tenant.outbox_len() > OUTBOX_MAX || tenant.sealed_samples() > 2 * SEALED_SAMPLES_MAX
}
