//! Start: the store's checkpoints, then the log from there on.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use identity::TenantId;
use log::{Log, Options, Position, Storage};
use tenant::{Record, Tenant};

use super::keeper::Keeper;
use super::writer::Writer;
use super::{Disk, Engine, Reply, Settings, Slot};
use crate::keeping::{Image, PoweredStore};

/// Largest frame: the longest message that the agents send is half of it.
const FRAME_BYTES_MAX: u32 = 15 << 10;

impl Engine {
    /// Opens or makes the data, and applies what the checkpoints lack.
    ///
    /// # Errors
    /// The disk or the store refuses.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        store: Rc<PoweredStore>,
        settings: Settings,
        now_us: i64,
    ) -> Result<Engine, OpenError> {
        let options = Options {
            segment_bytes: settings.segment_bytes,
            frame_bytes_max: FRAME_BYTES_MAX,
            ballast_bytes: 1,
            salt: 0x5EED,
        };
        let (log, recovered) = Log::open(storage, options).map_err(|cause| OpenError(cause.to_string()))?;
        let mut engine = Engine {
            reader: log.reader(),
            preparer: log.preparer(),
            log,
            store,
            slots: BTreeMap::new(),
            writer: Writer::Idle,
            keeper: Keeper::Idle,
            disk: Disk::Writable,
            applied_through: recovered.end.0,
            retire_below: None,
            committed: Vec::new(),
            outcomes: Vec::new(),
            mail: Vec::new(),
            waiting: Vec::new(),
            damage: recovered.damaged,
            unreadable: Vec::new(),
            settings,
        };
        engine.restore()?;
        engine.replay()?;
        let everybody: Vec<_> = engine.slots.keys().cloned().collect();
        for tenant in everybody {
            engine.submit(&tenant, &Record::Restarted { at_us: now_us }, Reply::Nobody);
        }
        Ok(engine)
    }

    fn restore(&mut self) -> Result<(), OpenError> {
        for image in self.store.read(|store| store.restore()).map_err(|cause| OpenError(cause.to_string()))? {
            let Image { tenant, position, projected, parts } = image;
            let id: TenantId = tenant.parse().map_err(|_| OpenError(format!("{tenant:?} is no tenant id")))?;
            let tenant = Tenant::restore(id.clone(), self.settings.limits, position, projected, parts);
            self.slots.insert(id, Slot::new(tenant.map_err(|cause| OpenError(cause.to_string()))?));
        }
        Ok(())
    }

    fn replay(&mut self) -> Result<(), OpenError> {
        let floor = self.store.read(|store| store.floor()).map_err(|cause| OpenError(cause.to_string()))?;
        let from = Position(floor).max(self.reader.start());
        let mut effects = Vec::new();
        for frame in self.reader.scan(from) {
            let frame = match frame {
                Ok(frame) => frame,
                Err(damage) => {
                    self.damage.push(damage);
                    continue;
                }
            };
            let Ok(id) = frame.tenant().parse::<TenantId>() else { continue };
            let limits = self.settings.limits;
            let slot = self.slots.entry(id.clone()).or_insert_with(|| Slot::new(Tenant::new(id, limits)));
            if frame.position().0 < slot.tenant.applied() {
                continue;
            }
            match Record::decode(frame.payload()) {
                Ok(record) => {
                    slot.tenant.apply(frame.position().0, &record, &mut effects);
                    effects.clear();
                }
                Err(cause) => self.unreadable.push(format!("the record at {}: {cause}", frame.position())),
            }
        }
        Ok(())
    }
}

/// The data cannot be opened now.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct OpenError(pub(crate) String);
