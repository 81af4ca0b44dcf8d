//! Random work, failures and power cuts, against a plain list of what was appended.

use std::sync::Arc;

use dinrail_log::{CommitError, CrashingStorage, Log, OpenError, Options, Position};

use crate::support::{SplitMix, frames, small};

/// Seeds of a run; each is some hundred operations with a handful of crashes.
const SEEDS: u64 = 4000;

struct Appended {
    position: Position,
    tenant: String,
    payload: Vec<u8>,
}

/// The log under test, and what it must hold.
struct World {
    random: SplitMix,
    storage: CrashingStorage,
    log: Log,
    appended: Vec<Appended>,
    /// How many of them are acknowledged.
    acknowledged: usize,
    /// Nothing at or behind this may be removed.
    removed_below: Position,
    counter: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let storage = CrashingStorage::new();
        let (log, _) = Log::open(Arc::new(storage.clone()), options(seed)).unwrap();
        World {
            random: SplitMix(seed),
            storage,
            log,
            appended: Vec::new(),
            acknowledged: 0,
            removed_below: Position(0),
            counter: 0,
        }
    }

    fn append(&mut self) {
        self.counter += 1;
        let tenant = ["a", "acme", "a-tenant-with-a-longer-name", ""][self.random.below(4) as usize].to_owned();
        let bytes = match self.random.below(10) {
            0 => 0,
            1 => self.random.below(1400),
            _ => self.random.below(120),
        };
        let mut payload: Vec<u8> = (0..bytes).map(|_| self.random.next() as u8).collect();
        let counter = self.counter.to_le_bytes();
        payload.iter_mut().zip(counter).for_each(|(byte, of_counter)| *byte = of_counter);
        // Payloads full of zeros look like room that was never written.
        if self.random.once_in(4) {
            payload.iter_mut().skip(8).for_each(|byte| *byte = 0);
        }
        let position = self.log.append(&tenant, &payload).unwrap();
        self.appended.push(Appended { position, tenant, payload });
    }

    /// Says whether the log goes on.
    fn commit(&mut self) -> bool {
        match self.log.commit() {
            Ok(_) => {
                self.acknowledged = self.appended.len();
                true
            }
            Err(CommitError::Full) => {
                self.storage.set_full(false);
                true
            }
            Err(CommitError::Failed(_)) => false,
        }
    }

    fn remove(&mut self) -> bool {
        let Some(last) = self.acknowledged.checked_sub(1) else { return true };
        let limit = self.appended[self.random.below(last as u64 + 1) as usize].position;
        self.removed_below = self.removed_below.max(limit);
        self.log.remove_before(limit).is_ok()
    }

    fn work(&mut self) {
        for _ in 0..self.random.below(60) {
            let goes_on = match self.random.below(40) {
                0..25 => {
                    self.append();
                    true
                }
                25..35 => self.commit(),
                35 => self.remove(),
                36 => {
                    drop(self.log.preparer().prepare());
                    true
                }
                37 => {
                    self.storage.set_full(true);
                    true
                }
                _ => {
                    let nth = self.random.below(12) + 1;
                    if self.random.once_in(8) {
                        self.storage.fail_sync(nth);
                    } else if self.random.once_in(8) {
                        self.storage.fail_write(nth);
                    }
                    true
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Stops somehow, and opens again; opening may be cut short some times.
    fn restart(&mut self) {
        for _ in 0..4 {
            // A process that is killed leaves what it wrote in the system's memory.
            if !self.random.once_in(4) {
                let image = self.storage.crash(&mut || self.random.next());
                self.storage = CrashingStorage::from_image(&image);
            }
            self.storage.set_full(false);
            match self.random.below(4) {
                0 => self.storage.fail_write(self.random.below(4) + 1),
                1 => self.storage.fail_sync(self.random.below(4) + 1),
                _ => {}
            }
            if self.open().is_ok() {
                return;
            }
        }
        let image = self.storage.crash(&mut || self.random.next());
        self.storage = CrashingStorage::from_image(&image);
        self.open().unwrap();
    }

    fn open(&mut self) -> Result<(), OpenError> {
        let (log, recovered) = Log::open(Arc::new(self.storage.clone()), options(self.random.next()))?;
        assert_eq!(recovered.damaged, []);
        assert_eq!(recovered.end, log.reader().end());
        self.log = log;
        self.check();
        // What was read once stays.
        self.acknowledged = self.appended.len();
        Ok(())
    }

    /// What is there is a part of what was appended that lacks only what was removed, and nothing acknowledged.
    fn check(&mut self) {
        let reader = self.log.reader();
        let found = frames(&reader);
        let start = reader.start();
        assert!(start <= self.removed_below);
        let kept: Vec<_> = self.appended.iter().filter(|appended| appended.position >= start).collect();
        let removed = self.appended.len() - kept.len();
        assert!(removed + found.len() >= self.acknowledged, "acknowledged frames are lost");
        assert!(found.len() <= kept.len(), "there is more than was appended");
        for (found, appended) in found.iter().zip(&kept) {
            assert_eq!(found.position(), appended.position);
            assert_eq!(found.tenant(), appended.tenant);
            assert_eq!(found.payload(), appended.payload);
            assert_eq!(reader.read(appended.position).unwrap(), *found);
        }
        self.appended.truncate(removed + found.len());
    }
}

/// The salt of an old log is its own, whatever is asked for.
fn options(salt: u64) -> Options {
    Options { salt, ..small() }
}

#[test]
fn whatever_was_acknowledged_is_there_after_any_crash_in_order_and_once() {
    for seed in 0..SEEDS {
        let outcome = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..5 {
                world.work();
                world.restart();
            }
        });
        assert!(outcome.is_ok(), "seed {seed}");
    }
}

#[test]
fn a_log_that_was_never_written_on_keeps_no_position_twice() {
    for seed in 0..200 {
        let mut random = SplitMix(seed);
        let storage = CrashingStorage::new();
        let (mut log, _) = Log::open(Arc::new(storage.clone()), small()).unwrap();
        let mut last = Position(0);
        for _ in 0..3 {
            let position = log.append("acme", &[7; 1000]).unwrap();
            log.commit().unwrap();
            assert!(position > last);
            last = position;
        }
        // Only the last segment stays.
        log.remove_before(last).unwrap();
        let storage = CrashingStorage::from_image(&storage.crash(&mut || random.next()));
        let (mut log, _) = Log::open(Arc::new(storage), small()).unwrap();
        assert!(log.append("acme", b"next").unwrap() > last);
    }
}
