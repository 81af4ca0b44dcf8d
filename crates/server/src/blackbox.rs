//! Keeps every refused handshake and CONNECT, so that someone can be told why a machine does not connect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use store::{Refusal, Store};
use tracing::warn;

/// Refusals that wait for SQL; those beyond are counted and lost, for a flood of strangers must cost nothing more.
const WAITING_MAX: usize = 1000;

/// Refusals written in one transaction.
const BATCH_MAX: usize = 200;

/// The way in.
#[derive(Clone, Debug)]
pub(crate) struct BlackBox {
    sender: SyncSender<Refusal>,
    lost: Arc<AtomicU64>,
}

impl BlackBox {
    /// Starts the thread that writes. It ends when the last handle is gone.
    pub(crate) fn start(store: Arc<dyn Store>) -> BlackBox {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let spawned = std::thread::Builder::new().name("blackbox".into()).spawn({
            let lost = lost.clone();
            move || write(&receiver, &*store, &lost)
        });
        spawned.expect("the system gives a new process a few threads");
        BlackBox { sender, lost }
    }

    /// Keeps a refusal.
    pub(crate) fn record(&self, refusal: Refusal) {
        if self.sender.try_send(refusal).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write(receiver: &Receiver<Refusal>, store: &dyn Store, lost: &AtomicU64) {
    while let Ok(first) = receiver.recv() {
        // A moment, so that a burst is one transaction.
        std::thread::sleep(Duration::from_millis(20));
        let mut batch = vec![first];
        batch.extend(receiver.try_iter().take(BATCH_MAX - 1));
        if let Err(cause) = store.record_refusals(&batch) {
            warn!(%cause, count = batch.len(), "refusals could not be kept");
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            warn!(lost, "refusals came faster than they could be kept");
        }
    }
}
