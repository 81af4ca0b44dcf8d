//! Segments in memory that know what a power cut would leave.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::memory::{MemoryStorage, copy_in, copy_out};
use crate::storage::{SegmentFile, Storage};

/// Bytes that a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// Segments in memory that know what a power cut would leave, and fail when told to. Clones share the files.
#[derive(Clone, Default)]
pub struct CrashingStorage {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Default)]
struct Disk {
    /// Contents by number; a file that was removed keeps its own.
    contents: Vec<Content>,
    names: BTreeMap<u64, usize>,
    durable_names: BTreeMap<u64, usize>,
    /// What happened to names since the folder was synced.
    changes: Vec<Change>,
    /// The same, of a sync that has failed: no later one makes it durable.
    lost_changes: Vec<Change>,
    failing_sync: Countdown,
    failing_write: Countdown,
    filling: Countdown,
    syncs: u64,
    is_full: bool,
    holds_ballast: bool,
}

#[derive(Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Writes that the next sync makes durable.
    pending: Vec<Write>,
    /// Since the first sync that failed: its writes, which no later sync makes durable, and which may be there all the
    /// same; and the durable writes after them.
    doubtful: Vec<(Fate, Write)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Durable,
    Unknown,
}

struct Write {
    offset: u64,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Made(u64, usize),
    Removed(u64),
}

impl Change {
    fn start(self) -> u64 {
        match self {
            Change::Made(start, _) | Change::Removed(start) => start,
        }
    }
}

/// Fails once, when it has come to its end.
#[derive(Debug, Default)]
struct Countdown(Option<u64>);

impl Countdown {
    fn strikes(&mut self) -> bool {
        match self.0 {
            None => false,
            Some(0 | 1) => {
                self.0 = None;
                true
            }
            Some(left) => {
                self.0 = Some(left - 1);
                false
            }
        }
    }
}

impl CrashingStorage {
    /// An empty folder.
    pub fn new() -> CrashingStorage {
        CrashingStorage::default()
    }

    /// A folder that begins with what a crash has left, all of it durable.
    pub fn from_image(image: &MemoryStorage) -> CrashingStorage {
        let storage = CrashingStorage::new();
        let mut disk = storage.disk();
        for start in image.list().unwrap_or_default() {
            let content = image.content(start).unwrap_or_default();
            let number = disk.contents.len();
            disk.contents.push(Content { seen: content.clone(), durable: content, ..Content::default() });
            disk.names.insert(start, number);
        }
        disk.durable_names = disk.names.clone();
        drop(disk);
        storage
    }

    /// What is there after a power cut at this moment. What was synced is; every other write, and every other change
    /// of the folder, may be there or not, a write also in parts. `random` decides.
    pub fn crash(&self, random: &mut dyn FnMut() -> u64) -> MemoryStorage {
        let disk = self.disk();
        let mut names = disk.durable_names.clone();
        let mut cut_short = BTreeMap::new();
        for change in disk.lost_changes.iter().chain(&disk.changes) {
            match *change {
                _ if random().is_multiple_of(2) => {}
                Change::Removed(start) => drop(names.remove(&start)),
                Change::Made(start, number) => {
                    names.insert(start, number);
                    // The power may have gone while the file was being made.
                    let bytes = disk.contents[number].seen.len() as u64;
                    let left = if random().is_multiple_of(2) { bytes } else { random() % (bytes + 1) };
                    cut_short.insert(number, left as usize);
                }
            }
        }
        let image = MemoryStorage::new();
        for (start, number) in names {
            let mut content = disk.contents[number].crash(random);
            content.truncate(cut_short.get(&number).copied().unwrap_or(usize::MAX));
            image.put(start, content);
        }
        image
    }

    /// The `nth` sync from now, of a file or of the folder, fails; 1 is the next one.
    pub fn fail_sync(&self, nth: u64) {
        self.disk().failing_sync = Countdown(Some(nth));
    }

    /// The `nth` write from now fails after half of its bytes; 1 is the next one.
    pub fn fail_write(&self, nth: u64) {
        self.disk().failing_write = Countdown(Some(nth));
    }

    /// From now on there is no room, or there is again.
    pub fn set_full(&self, is_full: bool) {
        self.disk().is_full = is_full;
    }

    /// After `writes` more writes there is no room, until told otherwise.
    pub fn fill_after_writes(&self, writes: u64) {
        self.disk().filling = Countdown(Some(writes + 1));
    }

    /// Syncs so far.
    pub fn syncs(&self) -> u64 {
        self.disk().syncs
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("no panic while the disk is locked")
    }

    fn file(&self, number: usize) -> Arc<dyn SegmentFile> {
        Arc::new(CrashingFile { storage: self.clone(), number })
    }
}

impl fmt::Debug for CrashingStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrashingStorage").finish_non_exhaustive()
    }
}

impl Disk {
    fn sync_fails(&mut self) -> io::Result<()> {
        self.syncs += 1;
        if self.failing_sync.strikes() { Err(io::Error::other("the sync was told to fail")) } else { Ok(()) }
    }

    /// What came of earlier changes of the same name no longer counts.
    fn make_durable(&mut self, change: Change) {
        self.lost_changes.retain(|lost| lost.start() != change.start());
        match change {
            Change::Made(start, number) => drop(self.durable_names.insert(start, number)),
            Change::Removed(start) => drop(self.durable_names.remove(&start)),
        }
    }

    fn write_fails(&mut self) -> io::Result<()> {
        self.is_full |= self.filling.strikes();
        if self.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.failing_write.strikes() { Err(io::Error::other("the write was told to fail")) } else { Ok(()) }
    }
}

impl Content {
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        copy_in(&mut self.seen, offset, bytes);
        self.pending.push(Write { offset, bytes: bytes.to_vec() });
    }

    fn sync(&mut self) {
        for write in std::mem::take(&mut self.pending) {
            copy_in(&mut self.durable, write.offset, &write.bytes);
            if !self.doubtful.is_empty() {
                self.doubtful.push((Fate::Durable, write));
            }
        }
    }

    fn sync_failed(&mut self) {
        self.doubtful.extend(self.pending.drain(..).map(|write| (Fate::Unknown, write)));
    }

    fn crash(&self, random: &mut dyn FnMut() -> u64) -> Vec<u8> {
        let mut content = self.durable.clone();
        let pending = self.pending.iter().map(|write| (Fate::Unknown, write));
        for (fate, write) in self.doubtful.iter().map(|(fate, write)| (*fate, write)).chain(pending) {
            match if fate == Fate::Durable { 1 } else { random() % 3 } {
                0 => {}
                1 => copy_in(&mut content, write.offset, &write.bytes),
                _ => write.tear(&mut content, random),
            }
        }
        content
    }
}

impl Write {
    /// Writes some of the sectors.
    fn tear(&self, content: &mut Vec<u8>, random: &mut dyn FnMut() -> u64) {
        let mut from = 0;
        while from < self.bytes.len() {
            let at = self.offset + from as u64;
            let to = self.bytes.len().min(from + (SECTOR_BYTES - at % SECTOR_BYTES) as usize);
            if random().is_multiple_of(2) {
                copy_in(content, at, &self.bytes[from..to]);
            }
            from = to;
        }
    }
}

impl Storage for CrashingStorage {
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.disk().names.keys().copied().collect())
    }

    fn create(&self, start: u64, bytes: u64) -> io::Result<Arc<dyn SegmentFile>> {
        let mut disk = self.disk();
        disk.write_fails()?;
        disk.sync_fails()?;
        let (number, zeros) = (disk.contents.len(), vec![0; bytes as usize]);
        disk.contents.push(Content { seen: zeros.clone(), durable: zeros, ..Content::default() });
        disk.names.insert(start, number);
        disk.changes.push(Change::Made(start, number));
        drop(disk);
        Ok(self.file(number))
    }

    fn open(&self, start: u64) -> io::Result<Arc<dyn SegmentFile>> {
        let number = self.disk().names.get(&start).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(number))
    }

    fn remove(&self, start: u64) -> io::Result<()> {
        let mut disk = self.disk();
        disk.names.remove(&start).ok_or(io::ErrorKind::NotFound)?;
        disk.changes.push(Change::Removed(start));
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut disk = self.disk();
        let outcome = disk.sync_fails();
        for change in std::mem::take(&mut disk.changes) {
            match outcome {
                Ok(()) => disk.make_durable(change),
                Err(_) => disk.lost_changes.push(change),
            }
        }
        outcome
    }

    fn hold_ballast(&self, bytes: u64) -> io::Result<()> {
        let mut disk = self.disk();
        if bytes > 0 && !disk.holds_ballast {
            disk.write_fails()?;
        }
        disk.holds_ballast = bytes > 0;
        Ok(())
    }

    fn release_ballast(&self) -> io::Result<()> {
        self.disk().holds_ballast = false;
        Ok(())
    }
}

#[derive(Debug)]
struct CrashingFile {
    storage: CrashingStorage,
    number: usize,
}

impl SegmentFile for CrashingFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.storage.disk().contents[self.number].seen.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        Ok(copy_out(&self.storage.disk().contents[self.number].seen, offset, into))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.storage.disk();
        let outcome = disk.write_fails();
        let written = if outcome.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        disk.contents[self.number].write(offset, written);
        outcome
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.storage.disk();
        let outcome = disk.sync_fails();
        let content = &mut disk.contents[self.number];
        match &outcome {
            Ok(()) => content.sync(),
            Err(_) => content.sync_failed(),
        }
        outcome
    }
}
