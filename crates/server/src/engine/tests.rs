//! The engine over storage that fails: what is answered, what is told, and what is there afterwards.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use identity::TenantId;
use log::CrashingStorage;
use store::SqliteStore;
use tempfile::TempDir;
use tenant::{Outcome, Record};

use super::{Disk, Engine, Settings, change};
use crate::metrics::Metrics;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a test waits for what must not come.
const NOTHING_COMES: Duration = Duration::from_millis(300);

struct Fixture {
    storage: Arc<CrashingStorage>,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Fixture {
        Fixture { storage: Arc::new(CrashingStorage::new()), folder: tempfile::tempdir().unwrap() }
    }

    fn open(&self, settings: Settings) -> Engine {
        let store = SqliteStore::open(&self.folder.path().join("dinrail.db")).unwrap();
        Engine::assemble(self.storage.clone(), Arc::new(store), settings, Arc::new(Metrics::default())).unwrap()
    }

    /// What a power cut leaves of the log.
    fn crash(&mut self) {
        let mut state = 7_u64;
        let image = self.storage.crash(&mut || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state
        });
        self.storage = Arc::new(CrashingStorage::from_image(&image));
    }
}

fn settings() -> Settings {
    Settings { full_disk_retry: Duration::from_millis(20), segment_bytes: 32 << 20, ..Settings::default() }
}

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn create(engine: &Engine, name: &str) -> Option<Outcome> {
    tokio::time::timeout(PATIENCE, engine.create_tenant(tenant(name), "test")).await.unwrap().ok()
}

#[test]
fn what_was_answered_is_there_after_a_power_cut() {
    let mut fixture = Fixture::new();
    let engine = fixture.open(settings());
    assert_eq!(block_on(create(&engine, "acme")), Some(Outcome::Done));
    fixture.crash();
    drop(engine);
    let engine = fixture.open(settings());
    assert!(engine.tenant(&tenant("acme")).is_some_and(|slot| slot.state().created_us().is_some()));
    engine.stop();
}

#[test]
fn a_failed_sync_latches_until_a_restart() {
    let mut fixture = Fixture::new();
    let engine = fixture.open(settings());
    assert_eq!(block_on(create(&engine, "acme")), Some(Outcome::Done));
    fixture.storage.fail_sync(1);
    assert_eq!(block_on(create(&engine, "lost")), None, "nothing is answered");
    assert_eq!(engine.health().disk(), Disk::Failed);
    assert!(engine.health().troubles()[0].contains("restart"));
    assert_eq!(block_on(create(&engine, "later")), None, "though the next sync would go through");
    engine.stop();
    fixture.crash();
    let engine = fixture.open(settings());
    assert_eq!(engine.health().disk(), Disk::Writable);
    assert!(engine.tenant(&tenant("acme")).is_some_and(|slot| slot.state().created_us().is_some()));
    assert_eq!(block_on(create(&engine, "later")), Some(Outcome::Done));
    engine.stop();
}

#[test]
fn a_full_disk_delays_and_loses_nothing() {
    let fixture = Fixture::new();
    let engine = fixture.open(settings());
    block_on(async {
        assert_eq!(create(&engine, "acme").await, Some(Outcome::Done));
        fixture.storage.set_full(true);
        let waiting = engine.create_tenant(tenant("waits"), "test");
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(NOTHING_COMES, &mut waiting).await.is_err(), "no answer while the disk is full");
        assert_eq!(engine.health().disk(), Disk::Full);
        fixture.storage.set_full(false);
        assert_eq!(tokio::time::timeout(PATIENCE, waiting).await.unwrap().ok(), Some(Outcome::Done));
        assert_eq!(engine.health().disk(), Disk::Writable);
    });
    engine.stop();
}

#[test]
fn a_server_with_a_full_disk_can_be_stopped() {
    let fixture = Fixture::new();
    let engine = fixture.open(settings());
    assert_eq!(block_on(create(&engine, "acme")), Some(Outcome::Done));
    fixture.storage.set_full(true);
    let slot = engine.tenant(&tenant("acme")).unwrap();
    let bytes = Record::Timeout { now_us: 1 }.encode();
    slot.lane.push(super::Entry { bytes, reply: super::Reply::Nobody }).unwrap();
    engine.stop();
}

#[test]
fn a_tenant_without_a_checkpoint_survives_the_checkpoints_of_the_others() {
    let mut fixture = Fixture::new();
    // The first engine writes a checkpoint whenever it looks, the second one none before it is cut off.
    let engine = fixture.open(Settings { checkpoint_every: Duration::ZERO, ..settings() });
    assert_eq!(block_on(create(&engine, "early")), Some(Outcome::Done));
    engine.stop();
    let engine = fixture.open(settings());
    assert_eq!(block_on(create(&engine, "late")), Some(Outcome::Done));
    fixture.crash();
    drop(engine);
    let engine = fixture.open(settings());
    for name in ["early", "late"] {
        assert!(engine.tenant(&tenant(name)).is_some_and(|slot| slot.state().created_us().is_some()), "{name}");
    }
    engine.stop();
}

#[test]
fn a_tenant_that_has_nothing_yet_is_in_the_checkpoint() {
    let fixture = Fixture::new();
    let engine = fixture.open(settings());
    assert_eq!(block_on(create(&engine, "empty")), Some(Outcome::Done));
    engine.stop();
    let images = engine.store().restore().unwrap();
    assert_eq!((images[0].tenant.as_str(), images[0].parts.len()), ("empty", 1));
}

#[test]
fn the_floor_rises_with_the_checkpoints_so_that_a_restart_reads_little() {
    let fixture = Fixture::new();
    let engine = fixture.open(Settings { checkpoint_every: Duration::ZERO, ..settings() });
    assert_eq!(block_on(create(&engine, "acme")), Some(Outcome::Done));
    let slot = engine.tenant(&tenant("acme")).unwrap();
    for now_us in 0..100 {
        block_on(engine.execute(&slot, &Record::Timeout { now_us })).unwrap();
    }
    engine.stop();
    assert_eq!(engine.store().floor().unwrap(), engine.log.end().0);
}

#[test]
fn a_change_that_was_answered_can_be_queried() {
    let fixture = Fixture::new();
    let engine = fixture.open(settings());
    assert_eq!(block_on(create(&engine, "acme")), Some(Outcome::Done));
    let slot = engine.tenant(&tenant("acme")).unwrap();
    let revoked = Record::AgentRevoked { change: change("test"), agent: "acme_nobody".into() };
    assert!(matches!(block_on(engine.execute(&slot, &revoked)), Ok(Outcome::Refused(_))));
    let audit = engine.store().audit("acme", 10).unwrap();
    assert_eq!(audit.len(), 1, "the creation, and no refused change: {audit:?}");
    engine.stop();
}
