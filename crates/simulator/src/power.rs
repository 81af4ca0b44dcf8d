//! Electricity: it goes away between, or in the middle of, any two operations of a disk.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use log::{CrashingStorage, SegmentFile, Storage};

use crate::random::Random;

/// What log and store draw from. Clones are the same supply.
#[derive(Clone, Debug)]
pub(crate) struct Power(Arc<Mutex<Supply>>);

#[derive(Debug)]
struct Supply {
    is_on: bool,
    /// Operations until the cut, if one is planned.
    left: Option<u64>,
    random: Random,
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draw {
    /// It is done.
    Done,
    /// It is done, and nobody hears of it.
    DoneInVain,
    /// It is not done.
    NotDone,
}

impl Power {
    pub(crate) fn new(random: Random) -> Power {
        Power(Arc::new(Mutex::new(Supply { is_on: true, left: None, random })))
    }

    /// The operation after so many more is the last one, done or not.
    pub(crate) fn cut_after(&self, operations: u64) {
        self.supply().left = Some(operations);
    }

    pub(crate) fn cut(&self) {
        self.supply().is_on = false;
    }

    /// It is back, and no cut is planned.
    pub(crate) fn restore(&self) {
        let mut supply = self.supply();
        (supply.is_on, supply.left) = (true, None);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.supply().is_on
    }

    /// An operation that changes something.
    pub(crate) fn draw(&self) -> Draw {
        let mut supply = self.supply();
        if !supply.is_on {
            return Draw::NotDone;
        }
        match supply.left {
            None => Draw::Done,
            Some(0) => {
                supply.is_on = false;
                if supply.random.coin() { Draw::DoneInVain } else { Draw::NotDone }
            }
            Some(left) => {
                supply.left = Some(left - 1);
                Draw::Done
            }
        }
    }

    fn write<T>(&self, operation: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.draw() {
            Draw::Done => operation(),
            Draw::DoneInVain => {
                drop(operation());
                Err(gone())
            }
            Draw::NotDone => Err(gone()),
        }
    }

    fn read<T>(&self, operation: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.is_on() { operation() } else { Err(gone()) }
    }

    fn supply(&self) -> MutexGuard<'_, Supply> {
        self.0.lock().expect("one thread, which does not panic here")
    }
}

fn gone() -> io::Error {
    io::Error::other("the power is gone")
}

/// A disk that needs power.
#[derive(Debug)]
pub(crate) struct PoweredStorage {
    pub(crate) disk: CrashingStorage,
    pub(crate) power: Power,
}

#[derive(Debug)]
struct PoweredFile {
    file: Arc<dyn SegmentFile>,
    power: Power,
}

impl PoweredStorage {
    fn powered(&self, file: Arc<dyn SegmentFile>) -> Arc<dyn SegmentFile> {
        Arc::new(PoweredFile { file, power: self.power.clone() })
    }
}

impl Storage for PoweredStorage {
    fn list(&self) -> io::Result<Vec<u64>> {
        self.power.read(|| self.disk.list())
    }

    fn create(&self, start: u64, bytes: u64) -> io::Result<Arc<dyn SegmentFile>> {
        self.power.write(|| self.disk.create(start, bytes)).map(|file| self.powered(file))
    }

    fn open(&self, start: u64) -> io::Result<Arc<dyn SegmentFile>> {
        self.power.read(|| self.disk.open(start)).map(|file| self.powered(file))
    }

    fn remove(&self, start: u64) -> io::Result<()> {
        self.power.write(|| self.disk.remove(start))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.power.write(|| self.disk.sync_folder())
    }

    fn hold_ballast(&self, bytes: u64) -> io::Result<()> {
        self.power.write(|| self.disk.hold_ballast(bytes))
    }

    fn release_ballast(&self) -> io::Result<()> {
        self.power.write(|| self.disk.release_ballast())
    }
}

impl SegmentFile for PoweredFile {
    fn bytes(&self) -> io::Result<u64> {
        self.power.read(|| self.file.bytes())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.power.read(|| self.file.read_at(offset, into))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.power.write(|| self.file.write_at(offset, bytes))
    }

    fn sync(&self) -> io::Result<()> {
        self.power.write(|| self.file.sync())
    }
}
