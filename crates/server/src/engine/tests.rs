//! The engine over storage that fails: what is answered, what is told, and what is there afterwards.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use identity::TenantId;
use log::{CrashingStorage, Storage};
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

    /// Waits until the keeper has made the spare segment: the next sync is then a commit's.
    fn settle(&self) {
        let started = std::time::Instant::now();
        let mut syncs = 0;
        while self.storage.list().unwrap().len() < 2 || self.storage.syncs() != syncs {
            assert!(started.elapsed() < PATIENCE, "there is no spare segment");
            syncs = self.storage.syncs();
            std::thread::sleep(Duration::from_millis(100));
        }
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
    fixture.settle();
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

/// A judgement of an agent under a CA that is verified in the tenant.
fn onboarded(engine: &Engine, slot: &super::Slot, name: &str) -> identity::Judgement {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut params = crate::door::params("CA", 30);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::new(params, ca_key);
    let leaf = crate::door::params(name, 30).signed_by(&rcgen::KeyPair::generate().unwrap(), &issuer).unwrap();
    let code = "0123456789abcdef0123456789abcdef";
    let added = Record::AuthorityAdded {
        change: change("test"),
        authority: 1,
        name: "CA".into(),
        der: ca.der().as_ref().into(),
        code: code.into(),
    };
    let verified = Record::AuthorityVerified { change: change("test"), authority: 1, code: code.into() };
    for record in [added, verified] {
        assert_eq!(block_on(engine.execute(slot, &record)).unwrap(), Outcome::Done);
    }
    let claimed = format!("acme_{name}").parse().unwrap();
    let trust = slot.state().registry().trust(&claimed);
    let judgement = trust.judge(crate::clock::now_us(), &[leaf.der().clone()]).unwrap();
    let record = Record::AgentOnboarded { judgement: judgement.clone(), at_us: crate::clock::now_us() };
    assert_eq!(block_on(engine.execute(slot, &record)).unwrap(), Outcome::Onboarded { created: true });
    judgement
}

#[test]
fn a_slow_session_pins_no_segments_and_loses_no_message() {
    let fixture = Fixture::new();
    let settings = Settings {
        checkpoint_every: Duration::ZERO,
        raw_retention: Duration::ZERO,
        segment_bytes: 17 << 20,
        ..settings()
    };
    let engine = fixture.open(settings.clone());
    assert_eq!(block_on(create(&engine, "acme")), Some(Outcome::Done));
    let slot = engine.tenant(&tenant("acme")).unwrap();
    let judgement = onboarded(&engine, &slot, "slow");
    let session = broker::SessionKey::eu1("acme_slow");
    let connected = Record::Connected(tenant::Connected {
        face: session.face,
        client_id: "acme_slow".into(),
        judgement,
        clean_start: false,
        expiry_s: u32::MAX,
        receive_maximum: 10,
        address: "test".into(),
        at_us: crate::clock::now_us(),
    });
    block_on(engine.execute(&slot, &connected)).unwrap();
    let epoch = slot.state().broker().session(&session).unwrap().epoch.unwrap();
    let connection = tenant::Connection { face: session.face, client_id: "acme_slow".into(), epoch };
    let subscription = broker::Subscription { qos: 1, retain_as_published: false, identifier: None };
    let filters = vec![("tc/acme/acme_slow/i/#".into(), subscription)];
    block_on(engine.execute(&slot, &Record::Subscribed { connection: connection.clone(), filters })).unwrap();
    let gone = Record::Disconnected { connection, expiry_s: None, fault: None, at_us: crate::clock::now_us() };
    block_on(engine.execute(&slot, &gone)).unwrap();
    let send = |topic: &str, payload: Vec<u8>| {
        let sent =
            Record::Sent { change: change("test"), topic: topic.to_owned().into(), payload: payload.into(), qos: 1 };
        block_on(engine.execute(&slot, &sent)).unwrap()
    };
    assert_eq!(send("tc/acme/acme_slow/i/cmd_v3/c", b"wait for me".to_vec()), Outcome::Sent { sessions: 1 });
    let position = slot.state().queued_below(u64::MAX)[0];
    for _ in 0..60 {
        send("tc/acme/acme_slow/elsewhere", vec![0; 1 << 20]);
    }
    let started = std::time::Instant::now();
    while engine.log.start().0 <= position {
        assert!(started.elapsed() < PATIENCE, "the segment is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
    let kept = engine.message(&tenant("acme"), position).ok().flatten().unwrap();
    assert_eq!(kept.payload, b"wait for me");
    engine.stop();
    let engine = fixture.open(settings);
    assert_eq!(engine.message(&tenant("acme"), position).ok().flatten().unwrap().payload, b"wait for me");
    engine.stop();
}

#[test]
fn changed_limits_hold_for_what_comes_and_not_for_what_was_taken() {
    let fixture = Fixture::new();
    let wide = Settings { limits: tenant::Limits { authorities_max: 5, ..tenant::Limits::default() }, ..settings() };
    let engine = fixture.open(wide.clone());
    assert_eq!(block_on(create(&engine, "acme")), Some(Outcome::Done));
    let slot = engine.tenant(&tenant("acme")).unwrap();
    assert_eq!(slot.state().limits(), wide.limits);
    onboarded(&engine, &slot, "press");
    drop(slot);
    // Nothing is in a checkpoint when the power goes, and the new settings would have refused the authority.
    let mut fixture = fixture;
    fixture.crash();
    let narrow = Settings { limits: tenant::Limits { authorities_max: 0, ..wide.limits }, ..settings() };
    drop(engine);
    let engine = fixture.open(narrow.clone());
    let slot = engine.tenant(&tenant("acme")).unwrap();
    assert_eq!(slot.state().registry().authorities().count(), 1);
    assert!(slot.state().agent("acme_press").is_some());
    // The record with the new limits is applied before anything that is submitted now.
    block_on(engine.execute(&slot, &Record::Timeout { now_us: 1 })).unwrap();
    assert_eq!(slot.state().limits(), narrow.limits);
    engine.stop();
}
