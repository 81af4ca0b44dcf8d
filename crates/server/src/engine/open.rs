//! Start: the store's checkpoints, then the log from there on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use identity::TenantId;
use log::{FileStorage, Log, Position, Storage};
use store::{SqliteStore, Store};
use tenant::{Record, Tenant};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::keeper::Bell;
use super::queue::Queue;
use super::tenants::Tenants;
use super::{Engine, Entry, Health, Reply, Settings, Shared, keeper, writer};
use crate::clock;
use crate::metrics::Metrics;

impl Engine {
    /// Opens or makes the data below `folder`, applies what the checkpoints lack, and starts the threads.
    ///
    /// # Errors
    /// A folder in use by another dinrail, a newer version's data, or a disk that cannot be read.
    pub(crate) fn open(folder: &Path, settings: Settings, metrics: Arc<Metrics>) -> Result<Engine, OpenError> {
        let storage = FileStorage::open(&folder.join("log")).map_err(|cause| OpenError::Log(cause.to_string()))?;
        let store =
            SqliteStore::open(&folder.join("dinrail.db")).map_err(|cause| OpenError::Store(cause.to_string()))?;
        Engine::assemble(Arc::new(storage), Arc::new(store), settings, metrics)
    }

    /// The same over any storage and store.
    pub(super) fn assemble(
        storage: Arc<dyn Storage>,
        store: Arc<dyn Store>,
        settings: Settings,
        metrics: Arc<Metrics>,
    ) -> Result<Engine, OpenError> {
        let options =
            log::Options { segment_bytes: settings.segment_bytes, salt: rand::random(), ..log::Options::default() };
        let (log, recovered) = Log::open(storage, options).map_err(|cause| OpenError::Log(cause.to_string()))?;
        for damage in &recovered.damaged {
            error!(%damage, "a part of the log cannot be read: it is skipped, and kept on the disk");
        }
        if let Some(cut) = recovered.cut {
            info!(
                position = cut.position.0,
                bytes = cut.bytes,
                "the log ended in a commit that was under way; nothing of it was acknowledged"
            );
        }
        let tenants = restore(&log, &*store)?;

        let reader = log.reader();
        let preparer = log.preparer();
        let shared = Arc::new(Shared {
            settings,
            tenants: Tenants::default(),
            queue: Queue::default(),
            store,
            bell: Bell::default(),
            health: Health::default(),
            metrics,
            writer_ended: false.into(),
            keeper_ended: CancellationToken::new(),
            applied_through: recovered.end.0.into(),
            retire_below: None.into(),
        });
        for tenant in tenants.into_values() {
            let (at_us, limits) = (clock::now_us(), shared.settings.limits);
            let has_other_limits = tenant.limits() != limits;
            let slot = shared.tenants.add(tenant, &shared.queue);
            let changed = has_other_limits.then_some(Record::LimitsSet { limits, at_us });
            for record in [Record::Restarted { at_us }].into_iter().chain(changed) {
                let entry = Entry { bytes: record.encode(), reply: Reply::Nobody };
                slot.lane.push(entry).map_err(|_| OpenError::Log("its queue is full".into()))?;
            }
        }
        let threads = vec![
            spawn("writer", {
                let shared = shared.clone();
                move || {
                    writer::run(log, &shared);
                    shared.writer_ended.store(true, Ordering::Release);
                    shared.bell.ring();
                }
            }),
            spawn("keeper", {
                let (shared, reader) = (shared.clone(), reader.clone());
                move || {
                    keeper::run(&shared, &reader, &preparer);
                    shared.keeper_ended.cancel();
                }
            }),
        ];
        Ok(Engine { shared, log: reader, threads: threads.into() })
    }
}

/// The tenants as of the end of the log.
fn restore(log: &Log, store: &dyn Store) -> Result<BTreeMap<TenantId, Tenant>, OpenError> {
    let mut tenants = BTreeMap::new();
    for image in store.restore().map_err(|cause| OpenError::Store(cause.to_string()))? {
        let id: TenantId =
            image.tenant.parse().map_err(|_| OpenError::Store(format!("{:?} is no tenant id", image.tenant)))?;
        let tenant =
            Tenant::restore(id.clone(), tenant::Limits::default(), image.position, image.projected, image.parts);
        tenants.insert(id, tenant.map_err(|cause| OpenError::Store(cause.to_string()))?);
    }
    let reader = log.reader();
    let floor = store.floor().map_err(|cause| OpenError::Store(cause.to_string()))?;
    let from = Position(floor).max(reader.start());
    let (mut applied, mut unreadable) = (0_u64, 0_u64);
    let mut effects = Vec::new();
    for frame in reader.scan(from) {
        let frame = match frame {
            Ok(frame) => frame,
            Err(damage) => {
                error!(%damage, "a part of the log cannot be read: its records are lost, the others are applied");
                continue;
            }
        };
        let Ok(id) = frame.tenant().parse::<TenantId>() else { continue };
        let tenant = tenants.entry(id.clone()).or_insert_with(|| Tenant::new(id, tenant::Limits::default()));
        if frame.position().0 < tenant.applied() {
            continue;
        }
        match Record::decode(frame.payload()) {
            Ok(record) => {
                tenant.apply(frame.position().0, &record, &mut effects);
                effects.clear();
                applied += 1;
            }
            Err(cause) => {
                warn!(position = frame.position().0, %cause, "a record of the log cannot be read and is skipped");
                unreadable += 1;
            }
        }
    }
    info!(tenants = tenants.len(), applied, unreadable, "recovered");
    Ok(tenants)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).expect("the system gives a new process a few threads")
}

/// Why the data could not be opened; each says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The log.
    #[error("the log cannot be opened: {0}")]
    Log(String),
    /// The database.
    #[error("the database cannot be opened: {0}")]
    Store(String),
}
