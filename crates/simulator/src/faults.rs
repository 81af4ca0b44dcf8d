//! What goes wrong: power cuts, processes that die, disks that fail or are full.

use log::CrashingStorage;

use crate::engine::Disk;
use crate::violation::Violation;
use crate::world::World;

#[derive(Clone, Copy)]
enum Fault {
    /// The power goes at once.
    PowerCut,
    /// The power goes in the middle of something, soon.
    PowerCutSoon,
    /// The process dies; what the system has in memory stays.
    Death,
    FailedSync,
    FailedWrite,
    FullDisk,
    FullStore,
    /// The store's disk and the log's disk have room again.
    Room,
}

const FAULTS: [(u64, Fault); 8] = [
    (3, Fault::PowerCut),
    (6, Fault::PowerCutSoon),
    (2, Fault::Death),
    (2, Fault::FailedSync),
    (1, Fault::FailedWrite),
    (2, Fault::FullDisk),
    (2, Fault::FullStore),
    (6, Fault::Room),
];

impl World {
    /// Lets something go wrong now and then, and brings the server up again.
    pub(crate) fn tempt_fate(&mut self) -> Result<(), Violation> {
        if self.random.one_in(self.fault_every) {
            self.strike()?;
        }
        if !self.power.is_on() {
            return self.lose_power();
        }
        match &self.engine {
            Some(engine) if engine.disk == Disk::Failed && self.random.one_in(5) => {
                if self.random.coin() {
                    self.stop()
                } else {
                    self.power.cut();
                    self.lose_power()
                }
            }
            None if self.random.one_in(3) => self.start(),
            _ => Ok(()),
        }
    }

    fn strike(&mut self) -> Result<(), Violation> {
        match self.random.weighted(&FAULTS) {
            Fault::PowerCut => self.power.cut(),
            Fault::PowerCutSoon => self.power.cut_after(self.random.below(25)),
            Fault::Death => {
                self.report.deaths += 1;
                return self.stop();
            }
            Fault::FailedSync => self.disk.fail_sync(1 + self.random.below(4)),
            Fault::FailedWrite => self.disk.fail_write(1 + self.random.below(4)),
            Fault::FullDisk => {
                self.disk.fill_after_writes(self.random.below(4));
                // More often than not both are on one disk.
                self.store.set_full(self.random.coin());
            }
            Fault::FullStore => self.store.set_full(true),
            Fault::Room => self.make_room(),
        }
        Ok(())
    }

    fn make_room(&mut self) {
        self.disk.set_full(false);
        self.store.set_full(false);
    }

    fn lose_power(&mut self) -> Result<(), Violation> {
        self.report.power_cuts += 1;
        self.stop()?;
        self.replace_disk();
        Ok(())
    }

    /// The disk as the power cut has left it.
    fn replace_disk(&mut self) {
        let random = &mut self.random;
        let image = self.disk.crash(&mut || random.next());
        self.disk = CrashingStorage::from_image(&image);
        self.power.restore();
    }

    fn start(&mut self) -> Result<(), Violation> {
        self.store.reopen();
        if self.random.one_in(4) {
            self.power.cut_after(self.random.below(12));
        }
        self.open()?;
        if self.engine.is_none() {
            // A full disk is the only reason that does not go away by itself.
            self.make_room();
        }
        Ok(())
    }

    /// Everything works from here on, and the server is there.
    pub(crate) fn end_faults(&mut self) -> Result<(), Violation> {
        self.disk.fail_sync(u64::MAX);
        self.disk.fail_write(u64::MAX);
        self.disk.fill_after_writes(u64::MAX - 1);
        self.make_room();
        if !self.power.is_on() {
            self.lose_power()?;
        }
        self.power.restore();
        if self.engine.as_ref().is_none_or(|engine| engine.disk == Disk::Failed) {
            self.stop()?;
            self.store.reopen();
            self.open()?;
        }
        Ok(())
    }
}
