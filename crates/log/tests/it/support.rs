//! Small logs and what is in them.

use std::sync::Arc;

use dinrail_log::{CrashingStorage, Frame, Log, LogReader, MemoryStorage, Options, Position, Recovered, Storage};

/// Segments of 4 KiB: a few frames each.
pub(crate) fn small() -> Options {
    Options { segment_bytes: 4096, frame_bytes_max: 1500, ballast_bytes: 0, salt: 0x5EED_0F5A_17E5_0001 }
}

pub(crate) fn open(storage: &(impl Storage + Clone + 'static)) -> (Log, Recovered) {
    Log::open(Arc::new(storage.clone()), small()).unwrap()
}

/// Appends payloads for a tenant and commits them as one batch.
pub(crate) fn commit(log: &mut Log, payloads: &[&[u8]]) -> Vec<Position> {
    let positions = payloads.iter().map(|payload| log.append("acme", payload).unwrap()).collect();
    log.commit().unwrap();
    positions
}

/// All frames; none may be damaged.
pub(crate) fn frames(reader: &LogReader) -> Vec<Frame> {
    reader.scan(Position(0)).map(Result::unwrap).collect()
}

/// All payloads; none may be damaged.
pub(crate) fn payloads(reader: &LogReader) -> Vec<Vec<u8>> {
    frames(reader).into_iter().map(Frame::into_payload).collect()
}

/// Payloads that can be read, and how often damage was told.
pub(crate) fn readable(reader: &LogReader) -> (Vec<Vec<u8>>, usize) {
    let (good, bad): (Vec<_>, Vec<_>) = reader.scan(Position(0)).partition(Result::is_ok);
    (good.into_iter().map(|frame| frame.unwrap().into_payload()).collect(), bad.len())
}

/// The folder as a copy of its own.
pub(crate) fn copy(storage: &MemoryStorage) -> MemoryStorage {
    let copy = MemoryStorage::new();
    for start in storage.list().unwrap() {
        copy.put(start, storage.content(start).unwrap());
    }
    copy
}

/// The folder with a file changed.
pub(crate) fn changed(storage: &MemoryStorage, start: u64, change: impl FnOnce(&mut Vec<u8>)) -> MemoryStorage {
    let copy = copy(storage);
    let mut content = copy.content(start).unwrap();
    change(&mut content);
    copy.put(start, content);
    copy
}

/// What is there after a power cut that keeps only what was synced.
pub(crate) fn synced_only(storage: &CrashingStorage) -> MemoryStorage {
    storage.crash(&mut || 0)
}

/// A small generator of numbers, for seeds that can be repeated.
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}
